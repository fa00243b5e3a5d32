// What `run` and `hold` share: a session, and one lock acquired in it in time.

import { hostname } from 'node:os'
import {
  connect,
  type HoldOptions,
  type Lock,
  type LockClient,
  LockError,
  type Permits,
} from '../client/index.ts'
import { clientNameLengthMax, noteBytesMax, permitsMax, ttlMsMax } from '../wire/limits.ts'
import { fitsBytes, nameProblem } from '../wire/name.ts'
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
import type { Reach } from './ask.ts'
import { Failure, notAcquired, UsageError } from './failure.ts'

/** How long a command looks for a primary before it gives up. */
const connectWithinMs = 5_000

export const holdingOptions = {
  shared: flag('hold it together with other shared holders'),
  permits: whole('N', 'hold it beside others: at most N hold it at a time', 1, permitsMax),
  'at-least': duration(
    'TIME',
    'not free sooner than this after its grant, whatever becomes of the holder',
    1,
  ),
  'at-most': duration('TIME', 'the longest that it may be held', 1),
  note: text('TEXT', 'for people: shown wherever the hold is'),
  wait: byDefault('no limit', duration('TIME', 'the longest wait for the lock; 0: only if it is free')),
  ...ttl,
  ...reaching,
  ...json,
}

export type Holding = Values<Omit<typeof holdingOptions, 'json'>>

export interface Held {
  readonly client: LockClient
  readonly lock: Lock
}

export function checkLockName(name: string | undefined): string {
  const problem = nameProblem(name)
  if (problem === undefined) return name as string
  throw new UsageError(`NAME, the name of the lock, ${problem}`)
}

/** Opens a session; fails with one clear line if that is impossible. */
export async function openSession(command: string, reach: Reach, ttlMs?: number): Promise<LockClient> {
  const { view = [viewDefault], secret } = reach
  try {
    return await connect(view, {
      timeout: connectWithinMs,
      name: `holdfast ${command}, pid ${process.pid} on ${hostname()}`.slice(0, clientNameLengthMax),
      ...(secret === undefined ? {} : { secret }),
      ...(ttlMs === undefined ? {} : { ttl: ttlMs }),
    })
  } catch (error) {
    throw connectFailure(error)
  }
}

/** Mistakes in options that are right each by itself. */
export function checkHolding({ shared, permits, note }: Holding): string[] {
  return [
    ...(shared && permits !== undefined
      ? ['--permits and --shared do not go together: --shared is for any number; leave one of them out']
      : []),
    ...(note !== undefined && !(note.isWellFormed() && fitsBytes(note, noteBytesMax))
      ? [`--note must be at most ${noteBytesMax} bytes of UTF-8`]
      : []),
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

/** A session for what is to hold a lock. */
export async function openHolding(command: string, values: Holding): Promise<LockClient> {
  if (values.ttl !== undefined && values.ttl > ttlMsMax)
    throw new UsageError(`--ttl must be at most ${ttlMsMax / 60_000}m`)
  return await openSession(command, values, values.ttl)
}

/** Waits for the lock; `signal` gives up. Exit code 75 if the lock isn't available in time. */
export async function take(
  command: string,
  name: string,
  values: Holding,
  signal: AbortSignal,
): Promise<Held> {
  const { wait, shared } = values
  const client = await openHolding(command, values)
  const terms = termsOf(values, signal)
  const permits = permitsOf(values)
  const options =
    permits === undefined
      ? { ...terms, mode: shared ? ('shared' as const) : ('exclusive' as const) }
      : { ...terms, permits }
  try {
    const lock =
      wait === 0
        ? await client.tryAcquire(name, { ...options, timeout: connectWithinMs })
        : await client.acquire(name, { ...options, timeout: wait })
    if (lock === null) throw new Failure(`lock ${JSON.stringify(name)} is not free`, notAcquired)
    return { client, lock }
  } catch (error) {
    await client.close()
    throw acquireFailure(error)
  }
}

export function acquireFailure(error: unknown): unknown {
  return error instanceof LockError ? new Failure(`not acquired: ${error.message}`, notAcquired) : error
}

function connectFailure(error: unknown): unknown {
  if (!(error instanceof LockError)) return error
  if (error.code === 'TTL_OUT_OF_RANGE') return new UsageError(`--ttl: ${error.message}`)
  if (error.code !== 'TIMEOUT') return new Failure(error.message)
  const right =
    "see 'holdfast status'; start a cluster with 'holdfast cluster', or give --view (HOLDFAST_VIEW) the right URL"
  return new Failure(`${error.message}; ${right}`)
}
