// What runs once (C5): what `once` resolves with, and how its function runs under the lock. Which client runs it is
// decided by the servers. A function that throws frees its key; one whose lock is lost in another way does not.

import type { Claim } from '../wire/claim.ts'
import type { DoneRecord } from '../wire/messages.ts'
import { checkOnceKey, claimToRunOnce, type OnceOptions } from './claim-options.ts'
import { checkKeys } from './known-options.ts'
import { Lock } from './lock.ts'
import { checkLimits, checkName, type Limits } from './options.ts'
import { showCallers } from './own-frames.ts'
import { reasonOf } from './signals.ts'

export type { OnceOptions } from './claim-options.ts'

export type OnceCallback<T> = (lock: Lock) => T

/** Who runs a key, or ran it last. */
export interface RunBefore {
  readonly token: number
  readonly clientId: string
  /** As given to `connect`. */
  readonly clientName: string
  /** When it began, in ms since 1970 by the primary's clock; for people. */
  readonly grantedAt: number
  /** When it ended; null while it runs. */
  readonly endedAt: number | null
}

/** Whether the function ran here, and what it returned; or who ran the key before. */
export type OnceOutcome<T> =
  | { readonly ran: true; readonly value: T }
  | { readonly ran: false; readonly before: RunBefore }

export function checkOnce(name: unknown, key: string, options: OnceOptions, fn: unknown): Claim {
  checkName(name)
  const claim = claimToRunOnce(key, options)
  if (typeof fn !== 'function')
    throw new TypeError('once takes a name, a key, options, and a function to run')
  return claim
}

/** What `forgetOnce` resolves with. */
export interface ForgetOnceOutcome {
  /** False: the key runs now, or there is none. */
  readonly forgotten: boolean
  readonly before: RunBefore | null
}

export function checkForgetOnce(name: unknown, key: unknown, options: Limits): void {
  checkName(name)
  checkOnceKey(key)
  checkKeys('forgetOnce', options, ['signal', 'timeout'])
  checkLimits(options)
}

/** `taken`: the lock, or whose work it was before. */
export async function runOnce<T>(
  taken: Lock | DoneRecord,
  signal: AbortSignal | undefined,
  fn: OnceCallback<T>,
): Promise<OnceOutcome<Awaited<T>>> {
  if (!(taken instanceof Lock)) return { ran: false, before: taken }
  const lock = taken
  if (signal?.aborted) {
    // Nothing was done.
    void lock.fail()
    throw reasonOf(signal)
  }
  const lost = whenLost(lock)
  try {
    return { ran: true, value: await Promise.race([lost.promise, finish(lock, fn)]) }
  } catch (error) {
    if (error === lock.signal.reason) showCallers(error, runOnce)
    throw error
  } finally {
    lost.forget()
  }
}

/** Runs it to its end, also when nobody waits for that any more. */
async function finish<T>(lock: Lock, fn: OnceCallback<T>): Promise<Awaited<T>> {
  lock.signal.throwIfAborted()
  let value: Awaited<T>
  try {
    value = await fn(lock)
  } catch (error) {
    await lock.fail()
    throw error
  }
  // Looks at the clock: after a stall it may be lost, and nobody was told yet (F12).
  const { aborted, reason } = lock.signal
  await lock.release()
  if (aborted) throw reason
  return value
}

/** Rejects at once, however long the function still runs. */
function whenLost(lock: Lock): { readonly promise: Promise<never>; forget(): void } {
  const { signal } = lock
  let onLost = () => {}
  const promise = new Promise<never>((_, reject) => {
    onLost = () => reject(signal.reason)
    if (signal.aborted) onLost()
    else signal.addEventListener('abort', onLost)
  })
  return { promise, forget: () => signal.removeEventListener('abort', onLost) }
}
