// The errors that a user of the client meets. What a code means stands in wire/errors.ts.

import { type ErrorCode, errors } from '../wire/errors.ts'

/** A call that failed, or why a lock is lost. */
export class LockError extends Error {
  /** What happened; the README lists the codes. A newer server may send others. */
  readonly code: ErrorCode | (string & {})
  /** True: the call surely had no effect. False: it may have had. */
  readonly definite: boolean

  constructor(code: ErrorCode | (string & {}), definite: boolean, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'LockError'
    this.code = code
    this.definite = definite
  }
}

/** What a code means in one line. */
export function meaningOf(code: string): string {
  return Object.hasOwn(errors, code) ? errors[code as ErrorCode].meaning : code
}
