// Counts the connections that a server has refused or closed, by error code: hostile or broken input is
// seen here first (F13). Plain numbers; it closes nothing itself.

import { type ErrorCode, errors } from '../errors.ts'

export class Refusals {
  readonly byCode = Object.fromEntries(
    Object.entries(errors).flatMap(([code, { close }]) => (close === null ? [] : [[code, 0]])),
  ) as Partial<Record<ErrorCode, number>>

  count(code: ErrorCode): void {
    if (this.byCode[code] !== undefined) this.byCode[code]++
  }

  /** A reason that begins with its code; others are the peer's own doing, and no refusal. */
  countReason(reason: string): void {
    const code = /^[A-Z_]+(?=: )/.exec(reason)?.[0]
    if (code !== undefined) this.count(code as ErrorCode)
  }
}

/** All of them together, as samples of a metric. */
export function samplesOf(refusals: readonly Refusals[]): { labels: { code: string }; value: number }[] {
  return Object.keys(new Refusals().byCode).map(code => ({
    labels: { code },
    value: refusals.reduce((sum, { byCode }) => sum + (byCode[code as ErrorCode] ?? 0), 0),
  }))
}
