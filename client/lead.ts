// C7: leading. A leader is the client that holds the exclusive lock of that name; nothing else makes one. This
// campaigns, runs the callback of each term, and campaigns again after a loss. It decides nothing about the lock, and runs
// no second callback beside one that does not heed its signal.

import { LockError } from './errors.ts'
import { checkKeys } from './known-options.ts'
import type { Lock } from './lock.ts'
import { checkName } from './options.ts'
import { reasonOf, throwIfAborted, watchSignal } from './signals.ts'

export interface LeadOptions {
  /** For people, and for whoever follows: shown with the leader, such as where it is reached; up to 256 bytes. */
  note?: string | undefined
  /** Ends it: the campaign at once, a term by its callback's signal. Then `lead` rejects with the signal's reason. */
  signal?: AbortSignal | undefined
  /** In ms, as of `acquire`: the shortest term, whatever becomes of the leader. */
  holdAtLeast?: number | undefined
  /** In ms, as of `acquire`: the longest term; then it campaigns again, behind all that wait. */
  holdAtMost?: number | undefined
}

/** One term of this client as the leader. */
export interface Lead {
  readonly name: string
  /** The fencing token of this term: the next term's is larger, whoever leads. */
  readonly token: number
  /** Aborted when this term is over: with the `LockError` of the loss, or with the reason of the `signal` of `lead`. */
  readonly signal: AbortSignal
  /** What makes it the leader. To release it ends the term, and `lead` with it. */
  readonly lock: Lock
}

export type LeadCallback<T> = (lead: Lead) => T

/** What leading needs of its client. */
interface Campaign {
  /** Waits for the lock, with the signal's help. */
  acquire(options: LeadOptions): Promise<Lock>
  /** As many parts of the work as like may listen to the signal of a term. */
  manyListeners(signal: AbortSignal): void
}

export function checkLead(name: unknown, options: unknown, fn: unknown): void {
  checkName(name)
  checkKeys('lead', options, ['note', 'signal', 'holdAtLeast', 'holdAtMost'])
  if (typeof fn !== 'function')
    throw new TypeError('lead takes a name, options, and a function to run as the leader')
}

export async function runLead<T>(
  campaign: Campaign,
  options: LeadOptions,
  fn: LeadCallback<T>,
): Promise<Awaited<T>> {
  for (;;) {
    const lock = await wonBy(campaign, options)
    const done = lock && (await serve(campaign, lock, options.signal, fn))
    if (done) return done.value
  }
}

/** Null: the session was lost, and the next campaign is in a new one. */
async function wonBy(campaign: Campaign, options: LeadOptions): Promise<Lock | null> {
  try {
    return await campaign.acquire(options)
  } catch (error) {
    if (error instanceof LockError && error.code === 'SESSION_LOST') return null
    throw error
  }
}

/** One term. What the callback returned while it led; null: the lock was lost. */
async function serve<T>(
  campaign: Campaign,
  lock: Lock,
  signal: AbortSignal | undefined,
  fn: LeadCallback<T>,
): Promise<{ readonly value: Awaited<T> } | null> {
  const term = new Term(lock, signal)
  campaign.manyListeners(term.lead.signal)
  try {
    // It may be lost or given up since it was granted.
    const value = term.isOver ? null : { value: await fn(term.lead) }
    // A look at the clock: after a stall it may be over, and nobody was told yet (F12).
    if (!term.isOver) return value
  } catch (error) {
    if (!term.ended(error)) throw error
  } finally {
    term.forget()
    await lock.release()
  }
  throwIfAborted(signal)
  if (lock.signal.reason?.code === 'CLOSED') throw lock.signal.reason
  return null
}

class Term {
  readonly lead: Lead
  readonly #controller = new AbortController()
  readonly #watched: readonly (() => void)[]
  readonly #lock: Lock

  constructor(lock: Lock, given: AbortSignal | undefined) {
    const { signal } = this.#controller
    const sources = given === undefined ? [lock.signal] : [given, lock.signal]
    this.#lock = lock
    this.lead = { name: lock.name, token: lock.token, signal, lock }
    const end = (source: AbortSignal) => this.#controller.abort(reasonOf(source))
    this.#watched = sources.map(source => watchSignal(source, () => end(source)))
    for (const source of sources) if (source.aborted) end(source)
  }

  get isOver(): boolean {
    return this.#lock.signal.aborted || this.#controller.signal.aborted
  }

  /** Whether the callback threw because its term is over: the reason itself, what carries it, or an AbortError. */
  ended(error: unknown): boolean {
    const { reason } = this.#controller.signal
    if (!this.isOver) return false
    if (error === reason) return true
    if (!(error instanceof Error)) return false
    return error.cause === reason || error.name === 'AbortError'
  }

  forget(): void {
    for (const unwatch of this.#watched) unwatch()
  }
}
