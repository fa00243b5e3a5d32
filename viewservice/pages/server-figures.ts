// Asks a lock server for its figures, as a server asks another one (A1). They are numbers alone: no name of a lock or client
// is among them. What does not answer in time, or not as expected, has none.

import type { DialTls } from '../../wire/net/tls/dial.ts'
import { askPage } from '../../wire/serving/peer-page.ts'

export interface ServerFigures {
  readonly role: string
  readonly held: number
  readonly waiting: number
  readonly sessions: number
  readonly longestWaitMs: number
  /** Since its start. */
  readonly operations: number
  readonly upMs: number
}

interface How {
  /** The first that is taken counts (A8). */
  readonly proofs: readonly (string | null)[]
  readonly tls: DialTls | undefined
}

const withinMs = 3_000

/** Null: it gives none. */
export async function figuresAt(address: string, { proofs, tls }: How): Promise<ServerFigures | null> {
  try {
    for (const secret of proofs) {
      const { status, body } = await askPage(address, '/stats', { secret, tls, withinMs })
      if (status === 200) return figuresIn(body.toString())
      if (status !== 401) return null
    }
  } catch {
    // It does not answer; the view server finds out by itself what that means.
  }
  return null
}

/** Throws if it is something else. */
export function figuresIn(text: string): ServerFigures | null {
  const { role, vitals, operations, longestWaitMs, upMs } = JSON.parse(text)
  const { held, waiting, sessions } = vitals
  const total = Object.values<unknown>(operations).reduce<number>((sum, each) => sum + Number(each), 0)
  const figures = { held, waiting, sessions, longestWaitMs, operations: total, upMs }
  const isWhole = Object.values(figures).every(each => typeof each === 'number' && each >= 0)
  return typeof role === 'string' && isWhole ? { role, ...figures } : null
}
