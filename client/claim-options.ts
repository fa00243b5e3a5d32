// What a caller may ask of a lock: which options go together, as types for the compiler, and as checks that name a
// wrong mixture and say what would be right. It makes the claim that travels (wire/claim.ts), and contacts no server.

import { type Claim, claimOf, noTerms, noteProblem } from '../wire/claim.ts'
import { holdMsMax, onceKeepMsMax, onceKeyBytesMax, permitsMax } from '../wire/limits.ts'
import type { Manner, Permits as TermPermits, Terms } from '../wire/messages.ts'
import { fitsBytes } from '../wire/name.ts'
import { checkKeys, optionsProblem, shown } from './known-options.ts'
import { checkFlag, checkLimits, checkMode, type Limits } from './options.ts'

/** What a lock can be asked for in. */
export type Mode = 'exclusive' | 'shared'
/** What it is held in: with `permits` it is neither of the two. */
export type HeldMode = Mode | 'permits'

/** `take` of `of`: holders fit beside one another as long as they take no more than `of` in all. */
export interface Permits {
  /** From 1 to 1000000; all who hold the lock or wait for it say the same. */
  readonly of: number
  /** From 1 to `of`; default 1. */
  readonly take?: number | undefined
}

/** What goes with every claim. */
export interface HoldOptions extends Limits {
  /** In ms: the lock is not free before so much time has passed since its grant, whatever becomes of its holder. */
  holdAtLeast?: number | undefined
  /** In ms: for so long it may be held. The signal aborts a little sooner (`HELD_TOO_LONG`), then the servers free it. */
  holdAtMost?: number | undefined
  /** For people, shown wherever the hold is or its wait; up to 256 bytes. */
  note?: string | undefined
}

/** A steal of exactly this hold: if another token holds the lock, nothing is done (`NOT_THIS_TOKEN`). */
export interface ExactSteal {
  readonly token: number
}

interface InMode {
  /** Default `exclusive`. */
  mode?: Mode | undefined
  permits?: undefined
}

interface OfPermits {
  /** Hold it beside others, up to a number. They are a mode of their own. */
  permits: Permits
  mode?: undefined
}

interface Stealing<S> {
  /** Take the lock away from its holders, who learn that they lost it. */
  steal?: S | undefined
}

interface Shared {
  mode: 'shared'
  permits?: undefined
  steal?: false | undefined
}

interface Exclusive<S> extends Stealing<S> {
  mode?: 'exclusive' | undefined
  permits?: undefined
}

export type AcquireOptions = HoldOptions &
  (Shared | Exclusive<boolean | ExactSteal> | (OfPermits & Stealing<boolean | ExactSteal>))

/** A token is of a single lock, so no steal names one. */
export type AcquireAllOptions = HoldOptions & (Shared | Exclusive<boolean> | (OfPermits & Stealing<boolean>))

export type TryAcquireOptions = HoldOptions & (InMode | OfPermits)

/** `LockOptions` of the Web Locks specification, and what is added. */
export type RequestOptions = HoldOptions &
  (InMode | OfPermits) &
  Stealing<boolean | ExactSteal> & {
    /** Call back with null if the lock is not free, instead of waiting. */
    ifAvailable?: boolean | undefined
  }

export interface OnceOptions extends HoldOptions {
  /** In ms after the end of its hold: for so long nobody else runs this key. Default a day; at most 366 days. */
  keep?: number | undefined
  /** Not one after the other, but up to a number at a time. */
  permits?: Permits | undefined
}

export interface ForceReleaseOptions extends Limits {
  /** Only the hold with this token: if another one holds the lock, nothing is done. */
  token?: number | undefined
}

const holdKeys = ['holdAtLeast', 'holdAtMost', 'note', 'permits', 'signal', 'timeout'] as const
/** What `once` keeps a key for. */
const keepMsDefault = 86_400_000

type Asked = HoldOptions & {
  readonly mode?: unknown
  readonly permits?: unknown
  readonly steal?: unknown
}

/** Of `acquire`, and with `several` of `acquireAll`. */
export function claimToAcquire(options: Asked, several = false): Claim {
  const call = several ? 'acquireAll' : 'acquire'
  checkKeys(call, options, ['mode', 'steal', ...holdKeys])
  checkMode(options.mode)
  const victim = victimOf(options.steal)
  if (victim === null) checkFlag('steal', options.steal)
  if (options.steal && options.mode === 'shared')
    throw new TypeError('steal takes the lock in exclusive mode only, not shared')
  if (several && victim !== null)
    throw new TypeError(
      'steal: { token } goes with a single name: use acquire for it, or steal: true for all',
    )
  checkLimits(options)
  return claimWith(options, options.steal ? 'steal' : 'wait', victim)
}

export function claimToTry(options: TryAcquireOptions): Claim {
  checkKeys('tryAcquire', options, ['mode', ...holdKeys])
  checkMode(options.mode)
  checkLimits(options)
  return claimWith(options, 'ifAvailable', null)
}

/** C5 */
export function claimToRunOnce(key: string, options: OnceOptions): Claim {
  if (Object(options) !== options) throw optionsProblem('once', options)
  if ('steal' in options)
    throw new TypeError("steal does not go with once: what it runs might run beside its victim's work")
  if ('mode' in options)
    throw new TypeError('mode does not go with once, which holds the lock alone, or with permits')
  checkKeys('once', options, ['keep', ...holdKeys])
  checkLimits(options)
  const { keep = keepMsDefault } = options
  checkMs('keep', keep, 0, onceKeepMsMax)
  checkOnceKey(key)
  return claimWith(options, 'wait', null, { key, keepMs: keep })
}

export function checkForceRelease(options: ForceReleaseOptions): void {
  checkKeys('forceRelease', options, ['token', 'signal', 'timeout'])
  if (options.token !== undefined) checkToken('token', options.token)
  checkLimits(options)
}

/** The note as it travels. */
export function checkNote(note: unknown): string | null {
  if (note === null) return null
  if (typeof note !== 'string') throw new TypeError(`note must be a string, not ${shown(note)}`)
  const problem = note.isWellFormed() ? noteProblem(note) : 'must not contain lone surrogates'
  if (problem !== undefined) throw new TypeError(`note ${problem}`)
  return note
}

/** The token of an exact steal (C8), checked; null: it is not one. */
export function victimOf(steal: unknown): number | null {
  if (typeof steal !== 'object' || steal === null) return null
  // A misspelt one would take the lock from whoever has it.
  const keys = Object.keys(steal)
  if (keys.length !== 1 || keys[0] !== 'token')
    throw new TypeError(`steal must be true, false or { token }, not { ${keys.join(', ').slice(0, 80)} }`)
  const { token } = steal as ExactSteal
  checkToken('steal.token', token)
  return token
}

/** Mode, steal and limits are checked; a plain claim is one of the few that there are. */
export function claimWith(
  options: Asked,
  manner: Manner,
  victim: number | null,
  once: Terms['once'] = null,
): Claim {
  const { mode, holdAtLeast, holdAtMost } = options
  const asked = mode === 'shared' ? 'shared' : 'exclusive'
  // Most options are a mode and a limit: for those nothing is made.
  if (isPlain(options) && victim === null && once === null) return claimOf(asked, manner)
  const permits = checkPermits(options.permits, mode)
  if (holdAtLeast !== undefined) checkMs('holdAtLeast', holdAtLeast, 1, holdMsMax)
  if (holdAtMost !== undefined) checkMs('holdAtMost', holdAtMost, 1, holdMsMax)
  const note = options.note === undefined ? null : checkNote(options.note)
  return claimOf(permits === null ? asked : 'permits', manner, {
    ...noTerms,
    permits,
    holdAtLeastMs: holdAtLeast ?? null,
    holdAtMostMs: holdAtMost ?? null,
    note,
    once,
    victim,
  })
}

function isPlain({ permits, holdAtLeast, holdAtMost, note }: Asked): boolean {
  return permits === undefined && holdAtLeast === undefined && holdAtMost === undefined && note === undefined
}

/** C1 */
function checkPermits(given: unknown, mode: unknown): TermPermits | null {
  if (given === undefined) return null
  if (mode !== undefined)
    throw new TypeError(
      `permits and mode do not go together: a lock is held ${shown(mode)}, or with permits; leave one of them out`,
    )
  if (typeof given !== 'object' || given === null)
    throw new TypeError(`permits must be { of, take }, not ${shown(given)}`)
  checkKeys('permits', given, ['of', 'take'])
  const { of, take = 1 } = given as Permits
  checkWhole('permits.of', of, 1, permitsMax)
  checkWhole('permits.take', take, 1, permitsMax)
  if (take > of)
    throw new TypeError(`permits.take must be at most permits.of: nobody can have ${take} of ${of}`)
  return { of, take }
}

export function checkOnceKey(key: unknown): void {
  if (typeof key !== 'string' || key === '' || !key.isWellFormed() || !fitsBytes(key, onceKeyBytesMax))
    throw new TypeError(
      `the key of once must be a well-formed string of 1 to ${onceKeyBytesMax} bytes, such as the planned time, not ${shown(key)}`,
    )
}

function checkToken(what: string, token: unknown): void {
  checkWhole(what, token, 1, Number.MAX_SAFE_INTEGER)
}

function checkMs(what: string, ms: unknown, min: number, max: number): void {
  if (!isWhole(ms, min, max))
    throw new TypeError(`${what} must be a whole number of ms from ${min} to ${max}, not ${shown(ms)}`)
}

function checkWhole(what: string, value: unknown, min: number, max: number): void {
  if (!isWhole(value, min, max))
    throw new TypeError(`${what} must be a whole number from ${min} to ${max}, not ${shown(value)}`)
}

function isWhole(value: unknown, min: number, max: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
}
