// How much a cluster has to do, for display: the primaries tell the view server, which tells callers. What can't be asked is
// left out; no command fails for it.

import { askPage } from '../wire/serving/peer-page.ts'
import { showDuration } from './duration.ts'
import { grouped, rateText } from './output.ts'
import { dialTls } from './tls.ts'

/** Of all groups together. */
export interface Load {
  readonly held: number
  readonly waiting: number
  readonly longestWaitMs: number
  readonly sessions: number
  /** Of the last few seconds; null: the view server has not measured them yet. */
  readonly operationsPerS: number | null
}

interface Stats {
  readonly vitals: { readonly held: number; readonly waiting: number; readonly sessions: number }
  readonly longestWaitMs: number
}

interface Hour {
  readonly groups: readonly { readonly perSecond: readonly (number | null)[] }[]
}

const withinMs = 1_000

/** Null if no answer comes soon. */
export async function loadOf(url: string, secret: string | undefined): Promise<Load | null> {
  try {
    const hour = ask<Hour>(url, '/hour', secret).catch(() => null)
    const { vitals, longestWaitMs } = await ask<Stats>(url, '/stats', secret)
    const { held, waiting, sessions } = vitals
    const longest = waiting === 0 ? 0 : longestWaitMs
    return { held, waiting, sessions, longestWaitMs: longest, operationsPerS: rateIn(await hour) }
  } catch {
    return null
  }
}

async function ask<T>(url: string, path: string, secret: string | undefined): Promise<T> {
  const answer = await askPage(url, path, { secret: secret ?? null, withinMs, tls: dialTls() })
  if (answer.status !== 200) throw new Error(`HTTP ${answer.status}`)
  return JSON.parse(answer.body.toString()) as T
}

function rateIn(hour: Hour | null): number | null {
  const last = hour?.groups.map(({ perSecond }) => perSecond.at(-1)) ?? []
  if (last.length === 0 || last.some(rate => rate == null)) return null
  return last.reduce<number>((sum, rate) => sum + (rate ?? 0), 0)
}

/** `1,204 held, 3 waiting (the longest for 2 m 5 s), 23 clients, 1,500 operations/s`. */
export function loadText({ held, waiting, longestWaitMs, sessions, operationsPerS }: Load): string {
  const clients = sessions === 1 ? '1 client' : `${grouped(sessions)} clients`
  const longest =
    waiting === 0 || longestWaitMs === 0 ? '' : ` (the longest for ${showDuration(longestWaitMs)})`
  const rate = operationsPerS === null ? '' : `, ${rateText(operationsPerS)}`
  return `${grouped(held)} held, ${grouped(waiting)} waiting${longest}, ${clients}${rate}`
}
