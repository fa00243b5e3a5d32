// Lengths of time on the command line and in the output.

import { UsageError } from './failure.ts'

export { showDuration } from '../wire/duration.ts'

const units: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** `500ms`, `1.5s`, `2m`, `1h`, `1d`; a bare number would leave the unit to guess, so only 0 may be bare. */
export function readDuration(text: string, what: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? []
  if (text === '0') return 0
  if (number === undefined || unit === undefined)
    throw new UsageError(`${what} must be a time such as 500ms, 10s or 2m, not ${JSON.stringify(text)}`)
  return Math.round(Number(number) * (units[unit] as number))
}
