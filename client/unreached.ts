// The `cause` of an error: what keeps a session from its servers, an error an address with the platform's code,
// such as ENOTFOUND or DEPTH_ZERO_SELF_SIGNED_CERT.

import type { SessionDriver } from './session-driver.ts'

/** What is wrong with one address of the cluster. */
class AddressError extends Error {
  readonly code: string
  readonly address: string

  constructor(url: string, code: string, text: string) {
    super(`${url} ${text}`)
    this.name = 'AddressError'
    this.code = code
    this.address = url
  }
}

/** Codes of errors that an address may be the reason of. */
const byAddress: ReadonlySet<string> = new Set([
  'TIMEOUT',
  'EXPIRED',
  'SESSION_LOST',
  'WRONG_CLUSTER',
  'WRONG_SECRET',
  'WRONG_WIRE_VERSION',
  'WRONG_ORIGIN',
])

/** Undefined: nothing is known to be wrong with any. */
export function causeOf({ core }: SessionDriver, code: string): Error | undefined {
  if (!byAddress.has(code) || core.reached) return undefined
  const errors = core.troubles().map(({ url, code, text }) => new AddressError(url, code, text))
  return errors.length > 1 ? new AggregateError(errors, core.describe()) : errors[0]
}

/** An error has no `cause` at all where there is none. */
export function caused(cause: Error | undefined): ErrorOptions {
  return cause === undefined ? {} : { cause }
}
