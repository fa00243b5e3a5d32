// The Web Locks API (w3c.github.io/web-locks) over the client: arguments are converted and checked in
// the order of the specification, and the promise settles as it says. Takes and releases no lock itself
// but through the handle it is given.

import type { Claim } from '../wire/claim.ts'
import type { ShownTerms } from '../wire/messages.ts'
import { nameProblem } from '../wire/name.ts'
import type { Runtime } from '../wire/net/runtime.ts'
import { claimWith, type HeldMode, type HoldOptions, type Mode, victimOf } from './claim-options.ts'
import { checkSpelling, shown } from './known-options.ts'
import type { Lock } from './lock.ts'
import { checkLimits, type Limits } from './options.ts'
import { rejectToCallers } from './own-frames.ts'
import type { QueryAnswer } from './session/effects.ts'
import { reasonOf, throwIfAborted } from './signals.ts'

/** Given null only with `ifAvailable`. */
export type RequestCallback<T> = (lock: Lock | null) => T

/** `LockInfo` of the specification, and what else the servers know. */
export interface HeldLock {
  readonly name: string
  readonly mode: HeldMode
  /** Null, as its name: its holder is gone, and the lock is kept for `terms.keptMs` more. */
  readonly clientId: string | null
  /** As given to `connect`. */
  readonly clientName: string | null
  /** Where its program runs, as it says itself; null where it can't be known, as in a page. */
  readonly host: string | null
  readonly pid: number | null
  readonly token: number
  /** How long it has been held, in ms. */
  readonly heldMs: number
  readonly terms: ShownTerms
}

export interface PendingLock {
  readonly name: string
  readonly mode: HeldMode
  readonly clientId: string
  readonly clientName: string
  readonly host: string | null
  readonly pid: number | null
  /** How long it has been waited for, in ms. */
  readonly waitedMs: number
  readonly terms: ShownTerms
}

/** `LockManagerSnapshot` of the specification, and how far it can be trusted. */
export interface Snapshot {
  readonly held: readonly HeldLock[]
  readonly pending: readonly PendingLock[]
  /** False: the primary could not make sure that it still is the primary. */
  readonly confirmed: boolean
  /** True: there are more than one answer holds. */
  readonly cut: boolean
  /** Groups that have not answered in time: what is in them is left out. Absent if all have. */
  readonly missing?: readonly number[]
}

/** What `query` gets from the nearest copy: for display, and for nothing that decides. */
export interface NearestSnapshot extends Snapshot {
  readonly confirmed: false
  /** How old it may be at most, in ms. It grows while the copy has no primary. */
  readonly asOfMs: number
  /** False: it may show what is on no disk yet, and would be lost if all servers lost their power now. Null: the cluster keeps nothing on disk. */
  readonly onDisk: boolean | null
}

export interface CheckedRequest<T> {
  readonly name: string
  readonly claim: Claim
  readonly limits: Limits
  readonly callback: RequestCallback<T>
}

/** Conversions first, as WebIDL has it, then the steps of `request(name, options, callback)` in their order. */
export function checkRequest<T>(given: readonly unknown[]): CheckedRequest<T> {
  if (given.length < 2) throw new TypeError(`request takes a name, perhaps options, and a callback`)
  const name = `${given[0] as string}`
  const options = given.length === 2 ? {} : given[1]
  const converted = convertOptions(options)
  const callback = given.length === 2 ? given[1] : given[2]
  if (typeof callback !== 'function')
    throw new TypeError(`the callback must be a function, not ${shown(callback)}`)
  // Ours, not the specification's: names have a length and an encoding.
  const problem = nameProblem(name)
  if (problem !== undefined) throw new TypeError(`a lock name ${problem}`)
  checkTogether(name, converted)
  if (typeof options === 'object' && options !== null) checkSpelling('request', options, memberNames)
  const { ifAvailable, steal, signal, timeout, victim } = converted
  const manner = ifAvailable ? 'ifAvailable' : steal ? 'steal' : 'wait'
  const claim = claimWith(converted, manner, victim)
  throwIfAborted(signal)
  return { name, claim, limits: { signal, timeout }, callback: callback as RequestCallback<T> }
}

const memberNames = [
  ...['ifAvailable', 'mode', 'signal', 'steal'],
  ...['timeout', 'holdAtLeast', 'holdAtMost', 'note', 'permits'],
] as const
type Member = (typeof memberNames)[number]

interface Converted extends HoldOptions {
  readonly mode: Mode | undefined
  readonly ifAvailable: boolean
  readonly steal: boolean
  /** C8 */
  readonly victim: number | null
  readonly permits: unknown
}

/** A WebIDL dictionary: null and undefined are empty, flags are converted, enums and interfaces are checked. */
function convertOptions(given: unknown): Converted {
  if (given !== undefined && given !== null && typeof given !== 'object' && typeof given !== 'function')
    throw new TypeError(`the options of request must be an object, not ${shown(given)}`)
  const members = (given ?? {}) as { readonly [K in Member]: unknown }
  // In alphabetical order, each converted before the next one is read: a getter may throw, or count.
  const ifAvailable = Boolean(members.ifAvailable)
  const mode = convertMode(members.mode)
  const signal = members.signal as AbortSignal | undefined
  checkLimits({ signal })
  const stealing = members.steal
  const steal = Boolean(stealing)
  const timeout = members.timeout as number | undefined
  checkLimits({ timeout })
  // What is added here comes last, as the members of a derived dictionary do.
  const holdAtLeast = members.holdAtLeast as number | undefined
  const holdAtMost = members.holdAtMost as number | undefined
  const note = members.note as string | undefined
  const { permits } = members
  const victim = isExact(stealing) ? victimOf(stealing) : null
  return { ifAvailable, mode, signal, steal, timeout, holdAtLeast, holdAtMost, note, permits, victim }
}

/** Any other object is true, as in the specification. */
function isExact(steal: unknown): boolean {
  return typeof steal === 'object' && steal !== null && Object.keys(steal).length > 0
}

/** An enum is converted to a string first, whatever it is. */
function convertMode(given: unknown): Mode | undefined {
  if (given === undefined) return undefined
  const mode = `${given as string}`
  if (mode === 'exclusive' || mode === 'shared') return mode
  throw new TypeError(`mode must be exclusive or shared, not ${JSON.stringify(mode)}`)
}

function checkTogether(name: string, { mode, ifAvailable, steal, signal }: Converted): void {
  if (name.startsWith('-')) throw notSupported('the name of a lock must not begin with "-"')
  if (steal && ifAvailable) throw notSupported('steal and ifAvailable do not go together')
  if (steal && mode === 'shared') throw notSupported('steal needs the mode exclusive')
  if (signal !== undefined && (steal || ifAvailable))
    throw notSupported('signal does not go together with steal or ifAvailable')
}

/**
 * Runs the callback with a lock that was just granted, or null, and releases the lock after it. Each
 * callback gets its own turn, as the specification queues a task for it: what was settled before it
 * was granted is seen before it runs.
 */
export async function runRequest<T>(
  runtime: Runtime,
  lock: Lock | null,
  signal: AbortSignal | undefined,
  callback: RequestCallback<T>,
): Promise<Awaited<T>> {
  await new Promise<void>(resolve => runtime.afterTurn(resolve))
  if (signal?.aborted) {
    void lock?.release()
    throw reasonOf(signal)
  }
  if (lock === null) return await callback(null)
  // Lost while the grant was on its way: no callback may work under it.
  if (lock.signal.aborted) throw broken(lock)
  return await new Promise<Awaited<T>>((resolve, reject) => {
    // At once, however long the callback still runs.
    const onLost = () => rejectToCallers(resolve, broken(lock))
    lock.signal.addEventListener('abort', onLost, { once: true })
    const finish = async (settle: () => void): Promise<void> => {
      // This look at the signal notices a lease that ended during a stall (F12).
      if (!lock.signal.aborted) {
        lock.signal.removeEventListener('abort', onLost)
        await lock.release()
      }
      settle()
    }
    invoke(lock, callback)
      .then(
        value => finish(() => resolve(value)),
        error => finish(() => reject(error)),
      )
      .catch(reject)
  })
}

/** A callback that throws is one whose promise rejects. */
async function invoke<T>(lock: Lock, callback: RequestCallback<T>): Promise<Awaited<T>> {
  return await callback(lock)
}

/** The wire's records as the user's snapshot. */
export function snapshotOf({ held, pending, confirmed, cut }: QueryAnswer): Snapshot {
  return { held, pending, confirmed, cut }
}

function broken(lock: Lock): DOMException {
  const error = abortError(`lock ${JSON.stringify(lock.name)} was lost or stolen`)
  Object.defineProperty(error, 'cause', { value: lock.signal.reason, configurable: true })
  return error
}

function abortError(text: string): DOMException {
  return new DOMException(text, 'AbortError')
}

function notSupported(text: string): DOMException {
  return new DOMException(text, 'NotSupportedError')
}
