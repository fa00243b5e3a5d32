// What `run` and `hold` share: a session, and one lock acquired in it in time.

import { hostname } from 'node:os'
import { connect, type Lock, type LockClient, LockError } from '../client/index.ts'
import { clientNameLengthMax, ttlMsMax } from '../wire/limits.ts'
import { nameProblem } from '../wire/name.ts'
import { byDefault, duration, flag, json, reaching, ttl, type Values, viewDefault } from './arguments.ts'
import type { Reach } from './ask.ts'
import { Failure, notAcquired, UsageError } from './failure.ts'

/** How long a command looks for a primary before it gives up. */
const connectWithinMs = 5_000

export const holdingOptions = {
  shared: flag('hold it together with other shared holders'),
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

/** Waits for the lock; `signal` gives up. Exit code 75 if the lock isn't available in time. */
export async function take(
  command: string,
  name: string,
  values: Holding,
  signal: AbortSignal,
): Promise<Held> {
  const { wait, shared } = values
  if (values.ttl !== undefined && values.ttl > ttlMsMax)
    throw new UsageError(`--ttl must be at most ${ttlMsMax / 60_000}m`)
  const client = await openSession(command, values, values.ttl)
  const options = { mode: shared ? 'shared' : 'exclusive', signal } as const
  try {
    const lock =
      wait === 0
        ? await client.tryAcquire(name, { ...options, timeout: connectWithinMs })
        : await client.acquire(name, { ...options, timeout: wait })
    if (lock === null) throw new Failure(`lock ${JSON.stringify(name)} is not free`, notAcquired)
    return { client, lock }
  } catch (error) {
    await client.close()
    throw error instanceof LockError ? new Failure(`not acquired: ${error.message}`, notAcquired) : error
  }
}

function connectFailure(error: unknown): unknown {
  if (!(error instanceof LockError)) return error
  if (error.code === 'TTL_OUT_OF_RANGE') return new UsageError(`--ttl: ${error.message}`)
  if (error.code !== 'TIMEOUT') return new Failure(error.message)
  const right =
    "see 'holdfast status'; start a cluster with 'holdfast cluster', or give --view (HOLDFAST_VIEW) the right URL"
  return new Failure(`${error.message}; ${right}`)
}
