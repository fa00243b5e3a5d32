// Counts the connections that a server has refused or closed, by error code: hostile or broken input shows
// here first (F13). Only numbers; nothing is closed here.

import { type ErrorCode, errors } from '../errors.ts'

export class Refusals {
  readonly byCode = Object.fromEntries(
    Object.entries(errors).flatMap(([code, { close }]) => (close === null ? [] : [[code, 0]])),
  ) as Partial<Record<ErrorCode, number>>

  count(code: ErrorCode): void {
    if (this.byCode[code] !== undefined) this.byCode[code]++
  }

  /** Counts a reason that begins with a code; other reasons are the peer's own, and no refusal. */
  countReason(reason: string): void {
    const code = /^[A-Z_]+(?=: )/.exec(reason)?.[0]
    if (code !== undefined) this.count(code as ErrorCode)
  }
}

const codes = Object.keys(new Refusals().byCode) as ErrorCode[]

/** All refusals together, as samples of a metric. */
export function samplesOf(refusals: readonly Refusals[]): { labels: { code: string }; value: number }[] {
  return codes.map(code => ({
    labels: { code },
    value: refusals.reduce((sum, { byCode }) => sum + (byCode[code] as number), 0),
  }))
}
