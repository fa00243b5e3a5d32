// What every call of this package checks of its options: that they are an object, and that it has each of them. A wrong
// name is most often a misspelt one, which would be ignored silently; the error says which one was meant.

import { meantBy } from '../wire/spelling.ts'

/** Names that belong elsewhere, or that other libraries use. */
const elsewhere: Readonly<Record<string, string>> = {
  ttl: "the ttl is the client's: connect(urls, { ttl })",
  lease: "the lease is the client's: connect(urls, { ttl })",
  ifAvailable: 'tryAcquire(name) answers at once, with null if the lock is not free',
  wait: 'timeout says for how long to wait',
  maxWait: 'timeout says for how long to wait',
  maxHold: 'holdAtMost says for how long the lock may be held',
  shared: "mode: 'shared' asks for it",
  exclusive: "mode: 'exclusive' is what it is without a mode",
}

export function checkKeys(call: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw optionsProblem(call, options)
  for (const key of Object.keys(options)) if (!known.includes(key)) throw unknown(call, key, known)
}

export function optionsProblem(call: string, options: unknown): TypeError {
  return new TypeError(`the options of ${call} must be an object, not ${shown(options)}`)
}

/** Only what was probably meant to be one of these: other members are none of its business. */
export function checkSpelling(call: string, options: object, known: readonly string[]): void {
  for (const key of Object.keys(options))
    if (!known.includes(key) && (helpFor(key, known) !== null || meantBy(key, known) !== null))
      throw unknown(call, key, known)
}

function unknown(call: string, key: string, known: readonly string[]): TypeError {
  const help = helpFor(key, known)
  const meant = meantBy(key, known)
  const why = help === null ? '' : `: ${help}`
  const list = meant === null ? `it has ${known.join(', ')}` : `did you mean ${meant}?`
  return new TypeError(`${call} has no option ${shown(key)}${why}; ${list}`)
}

/** Only where a lock is asked for. */
function helpFor(key: string, known: readonly string[]): string | null {
  return known.includes('holdAtMost') && Object.hasOwn(elsewhere, key) ? (elsewhere[key] ?? null) : null
}

export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 80))
  if (Array.isArray(value)) return value.length === 0 ? 'an empty array' : `[${String(value).slice(0, 80)}]`
  try {
    return String(value).slice(0, 80)
  } catch {
    return 'an object without a prototype'
  }
}
