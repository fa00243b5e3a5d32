// How much a cluster has to do, for display: the primary tells the view server, which tells who asks. What can't
// be had is left out; no command fails for it.

import { askPage } from '../wire/serving/peer-page.ts'
import { grouped } from './output.ts'
import { dialTls } from './tls.ts'

export interface Load {
  readonly held: number
  readonly waiting: number
  readonly sessions: number
}

const withinMs = 1_000

/** Null if it can't be had soon. */
export async function loadOf(url: string, secret: string | undefined): Promise<Load | null> {
  try {
    const answer = await askPage(url, '/stats', { secret: secret ?? null, withinMs, tls: dialTls() })
    if (answer.status !== 200) return null
    const { held, waiting, sessions } = (JSON.parse(answer.body.toString()) as { vitals: Load }).vitals
    return { held, waiting, sessions }
  } catch {
    return null
  }
}

export function loadText({ held, waiting, sessions }: Load): string {
  const clients = sessions === 1 ? '1 client' : `${grouped(sessions)} clients`
  return `${grouped(held)} held, ${grouped(waiting)} waiting, ${clients}`
}
