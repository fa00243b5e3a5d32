// What `run` and `hold` share: a session, and one lock acquired in it, both in time. Limits of the wait hold for the
// session, too, so that a cluster that can't be reached takes no longer than one whose lock is held.

import { hostname } from 'node:os'
import {
  connect,
  type HoldOptions,
  type Lock,
  type LockClient,
  LockError,
  type Permits,
} from '../client/index.ts'
import { noteProblem } from '../wire/claim.ts'
import { readClock } from '../wire/clock.ts'
import type { ErrorCode } from '../wire/errors.ts'
import { clientNameLengthMax, permitsMax, ttlMsMax } from '../wire/limits.ts'
import { nameProblem } from '../wire/name.ts'
import {
  byDefault,
  duration,
  flag,
  json,
  reaching,
  text,
  ttl,
  type Values,
  viewDefault,
  whole,
} from './arguments.ts'
import { isLocal, type Reach } from './ask.ts'
import { showDuration } from './duration.ts'
import { Failure, inOptions, notAcquired, UsageError } from './failure.ts'
import { quoted } from './output.ts'
import { tlsOptions } from './tls.ts'
import type { Told } from './waiting.ts'

/** How long a command looks for a primary before it gives up. */
const connectWithinMs = 5_000
/** A short wait is for the lock: the way to the cluster, and then the lock, get at least as long, or that wait. */
const leastMs = 1_000
/** How long a command that has failed tries to end its session in order. */
const closeWithinMs = 1_000

export const holdingOptions = {
  shared: flag('hold it together with other shared holders'),
  permits: whole('N', 'hold it together with others: at most N at a time', 1, permitsMax),
  'at-least': duration(
    'TIME',
    'not free sooner than this after its grant, whatever becomes of the holder',
    1,
  ),
  'at-most': duration('TIME', 'the longest that it may be held', 1),
  note: text('TEXT', 'for display only: why it is held, shown wherever the hold is'),
  wait: byDefault(
    'no limit',
    duration('TIME', 'the longest wait for the lock, with the connection; 0: only if it is free'),
  ),
  name: text('TEXT', 'for display only: who holds it, shown wherever the hold is'),
  quiet: flag('on a terminal: do not say for whom it waits'),
  ...ttl,
  ...reaching,
  ...json,
}

export type Holding = Values<Omit<typeof holdingOptions, 'json'>>

export interface Held {
  readonly client: LockClient
  readonly lock: Lock
}

/** What bounds the wait for a lock, and tells of it. */
export interface Wait {
  /** Gives up. */
  readonly signal: AbortSignal
  readonly told: Told
  /** The longest that all of it may take; undefined: no limit but `--wait`. */
  readonly withinMs: number | undefined
}

export function checkLockName(name: string | undefined): string {
  const problem = nameProblem(name)
  if (problem === undefined) return name as string
  throw new UsageError(`NAME, the name of the lock, ${problem}`)
}

export interface SessionOptions {
  readonly ttl?: number | undefined
  /** In place of what it is called by itself. */
  readonly name?: string | undefined
  readonly withinMs?: number
  readonly signal?: AbortSignal
}

/** Opens a session; fails with one clear line if that is impossible. `command`: what runs, in a few words. */
export async function openSession(
  command: string,
  reach: Reach,
  { ttl, name, withinMs = connectWithinMs, signal }: SessionOptions = {},
): Promise<LockClient> {
  const { view = [viewDefault], secret, 'access-token': token } = reach
  try {
    return await connect(view, {
      timeout: Math.min(withinMs, connectWithinMs),
      name: name ?? `holdfast ${command}, pid ${process.pid} on ${hostname()}`.slice(0, clientNameLengthMax),
      signal,
      ...(token === undefined ? { secret } : { token }),
      tls: tlsOptions(),
      ttl,
    })
  } catch (error) {
    throw connectFailure(error, view)
  }
}

/** Mistakes in options that are right each by itself. */
export function checkHolding({ shared, permits, note, name }: Holding): string[] {
  const problem = note === undefined ? undefined : noteProblem(note)
  return [
    ...(name !== undefined && !(name.isWellFormed() && name.length <= clientNameLengthMax)
      ? [`--name must have at most ${clientNameLengthMax} characters`]
      : []),
    ...(shared && permits !== undefined
      ? ['--permits and --shared do not go together: --shared is for any number; leave one of them out']
      : []),
    ...(problem === undefined ? [] : [`--note ${problem}`]),
  ]
}

/** What is asked of the lock beside its mode. */
export function termsOf(values: Holding, signal: AbortSignal): HoldOptions {
  const { note, 'at-least': holdAtLeast, 'at-most': holdAtMost } = values
  return { note, holdAtLeast, holdAtMost, signal }
}

export function permitsOf({ permits }: Holding): Permits | undefined {
  return permits === undefined ? undefined : { of: permits }
}

/** A session for what is to hold a lock, and how long it may be waited for from then on. */
export async function openHolding(
  command: string,
  values: Holding,
  { signal, told, withinMs }: Wait,
): Promise<{ client: LockClient; waitMs: number | undefined }> {
  if (values.ttl !== undefined && values.ttl > ttlMsMax)
    throw new UsageError(`--ttl must be at most ${ttlMsMax / 60_000}m`)
  const begun = readClock().monotonic
  const limitMs = Math.min(values.wait || Number.POSITIVE_INFINITY, withinMs ?? Number.POSITIVE_INFINITY)
  const { ttl, name } = values
  const client = await openSession(command, values, {
    ttl,
    name,
    withinMs: Math.max(limitMs, leastMs),
    signal,
  })
  told.meets(client)
  const leftMs = Math.ceil(Math.max(Math.min(limitMs, leastMs), begun + limitMs - readClock().monotonic))
  return { client, waitMs: leftMs === Number.POSITIVE_INFINITY ? undefined : leftMs }
}

/** Waits for the lock. Exit code 75 if the lock isn't available in time. */
export async function take(command: string, name: string, values: Holding, wait: Wait): Promise<Held> {
  const { client, waitMs } = await openHolding(command, values, wait)
  const terms = termsOf(values, wait.signal)
  const permits = permitsOf(values)
  const options =
    permits === undefined
      ? { ...terms, mode: values.shared ? ('shared' as const) : ('exclusive' as const) }
      : { ...terms, permits }
  try {
    const lock =
      values.wait === 0
        ? await client.tryAcquire(name, {
            ...options,
            timeout: Math.min(waitMs ?? connectWithinMs, connectWithinMs),
          })
        : await client.acquire(name, { ...options, timeout: waitMs })
    if (lock === null) throw new Failure(`lock ${quoted(name)} is not free`, notAcquired)
    return { client, lock }
  } catch (error) {
    await endSoon(client)
    throw acquireFailure(error, name, values, wait)
  } finally {
    wait.told.over()
  }
}

/** Lets the queue go on at once, if the servers answer; else their lease ends it. */
export async function endSoon(client: LockClient): Promise<void> {
  const { promise, timer } = after(closeWithinMs)
  await Promise.race([client.close(), promise])
  clearTimeout(timer)
}

function after(ms: number): { promise: Promise<void>; timer: NodeJS.Timeout | undefined } {
  let timer: NodeJS.Timeout | undefined
  const promise = new Promise<void>(resolve => {
    timer = setTimeout(resolve, ms)
  })
  return { promise, timer }
}

/** To wait and ask again does not help. */
const never: ReadonlySet<string> = new Set<ErrorCode>(['AT_LEAST_OUT_OF_RANGE', 'NOT_ALLOWED'])

export function acquireFailure(error: unknown, name: string, { wait }: Holding, { withinMs }: Wait): unknown {
  if (!(error instanceof LockError)) return error
  if (never.has(error.code)) return new Failure(inOptions(error.message))
  if (error.code !== 'TIMEOUT') return new Failure(`not acquired: ${error.message}`, notAcquired)
  const limitMs = Math.min(wait || Number.POSITIVE_INFINITY, withinMs ?? Number.POSITIVE_INFINITY)
  const within = limitMs === Number.POSITIVE_INFINITY ? 'in time' : `within ${showDuration(limitMs)}`
  return new Failure(`did not get lock ${quoted(name)} ${within}: ${inTheWay(error)}`, notAcquired)
}

function inTheWay({ holder }: LockError): string {
  if (holder === undefined) return 'it did not come free, or the primary did not answer'
  const since = showDuration(holder.heldMs)
  const by =
    holder.clientName === null
      ? `it is kept for no client, ${since} after its grant`
      : `${quoted(holder.clientName)} has held it for ${since}`
  return holder.ahead === 0 ? by : `${by}, and ${holder.ahead} waited before this one`
}

function connectFailure(error: unknown, urls: readonly string[]): unknown {
  if (!(error instanceof LockError)) return error
  if (error.code === 'TTL_OUT_OF_RANGE') return new UsageError(`--ttl: ${error.message}`)
  if (error.code !== 'TIMEOUT') return new Failure(error.message)
  const { message } = error
  // One that answers is a server of a cluster that has no primary just now.
  if (message.includes(' answers as ')) return new Failure(`${message}; see 'holdfast status'`)
  const start = urls.every(isLocal) ? "start a cluster with 'holdfast cluster', or " : ''
  return new Failure(`${message}; see 'holdfast status'; ${start}give --view (HOLDFAST_VIEW) the right URL`)
}
