// The errors that a user of the client meets. What a code means stands in wire/errors.ts.

import { type ErrorCode, errors } from '../wire/errors.ts'
import type { Mode } from '../wire/messages.ts'
import { oneClass } from './one-class.ts'

/** Who has a lock: for how long, in ms, and how many more waited for it first. */
export interface LockHolder {
  readonly name: string
  readonly mode: Mode
  readonly token: number
  /** Null, as its name: the lock is kept for some time, for no client (`holdAtLeast`). */
  readonly clientId: string | null
  /** As given to `connect`. */
  readonly clientName: string | null
  readonly heldMs: number
  readonly note: string | null
  readonly ahead: number
}

/** What else is known of a call that failed or a lock that is lost. */
export interface LockErrorDetails extends ErrorOptions {
  readonly locks?: readonly string[]
  readonly waitedMs?: number
  readonly holder?: LockHolder
}

/** A call that failed, or why a lock is lost. */
export class LockError extends Error {
  static {
    oneClass(LockError, 'LockError')
  }

  /** What happened; the README lists the codes. A newer server may send others. */
  readonly code: ErrorCode | (string & {})
  /** True: the call surely had no effect. False: it may have had. */
  readonly definite: boolean
  /** The locks that it is about; empty when it is about none. */
  readonly locks: readonly string[]
  /** How long the call had waited, in ms; undefined when it was no wait. */
  readonly waitedMs: number | undefined
  /** Of a `TIMEOUT`: who had the lock then, if the servers could say so in time. */
  readonly holder: LockHolder | undefined

  constructor(
    code: ErrorCode | (string & {}),
    definite: boolean,
    message: string,
    details: LockErrorDetails = {},
  ) {
    super(message, details)
    this.locks = details.locks ?? []
    this.waitedMs = details.waitedMs
    this.holder = details.holder
    this.name = 'LockError'
    this.code = code
    this.definite = definite
  }

  /** For logs in JSON, which would leave the message and the cause out. */
  toJSON(): LockErrorData {
    const { name, code, message, definite, locks, waitedMs, holder, cause } = this
    return {
      ...{ name, code, message, definite, locks },
      ...(waitedMs !== undefined && { waitedMs }),
      ...(holder !== undefined && { holder }),
      ...(cause !== undefined && { cause: dataOf(cause) }),
    }
  }
}

/** What of an error goes into JSON; its stack does not. */
export interface LockErrorData {
  readonly name: string
  readonly code: string
  readonly message: string
  readonly definite: boolean
  readonly locks: readonly string[]
  readonly waitedMs?: number
  readonly holder?: LockHolder
  readonly cause?: unknown
}

/** An error of another kind would be `{}`. */
function dataOf(cause: unknown): unknown {
  if (!(cause instanceof Error) || 'toJSON' in cause) return cause
  const { name, message } = cause
  return {
    ...{ name, message },
    ...('code' in cause && { code: cause.code }),
    ...('address' in cause && { address: cause.address }),
    ...(cause instanceof AggregateError && { errors: cause.errors.map(dataOf) }),
  }
}

/** What a code means in one line. */
export function meaningOf(code: ErrorCode): string {
  return errors[code].meaning
}
