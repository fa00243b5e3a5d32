// The entry `holdfast/cron`: jobs of schedulers that run on several machines. A fire time runs once (C5): the key is the planned time,
// which all machines agree on, and not what some clock shows when it fires. Keeps no schedule, reads no clock, and
// needs no scheduler; what can't be known, such as a run that was planned for no time, is refused.

import { claimToRunOnce, type OnceOptions } from './claim-options.ts'
import type { LockClient } from './client.ts'
import { checkKeys, shown } from './known-options.ts'
import type { Lock } from './lock.ts'
import type { OnceCallback, OnceOutcome } from './once.ts'
import { checkFlag, checkName } from './options.ts'

export interface CoordinatorOptions {
  /** Before the name of the job, in the name of its lock; default `cron/`. */
  readonly prefix?: string | undefined
  /** Whether a fire time may run while the one before still does; default true. With false it waits for that. */
  readonly overlap?: boolean | undefined
  /** In ms: for so long a fire time waits for the cluster, or for the run before; then it is skipped. Default 10000. */
  readonly timeout?: number | undefined
  /** In ms after the end of a run: for so long nobody else runs its fire time. Default two hours; at most 366 days. */
  readonly keep?: number | undefined
  /** In ms: a run that takes longer no longer counts as running. */
  readonly holdAtMost?: number | undefined
  readonly note?: string | undefined
}

/** What node-cron 4 takes as its `RunCoordinator`. */
export interface Coordinator {
  /** Whether this process is the one that runs this fire time. `key`: the job's name, `:`, and the time as ISO 8601. */
  shouldRun(key: string, ttlMs: number): Promise<boolean>
  /** The run is over, well or not. Rejects if its lock was lost while it ran. */
  onComplete(key: string): Promise<void>
  /** The lock of a run that goes on here: for its signal, its token, its note. */
  lockOf(job: string, at: Date): Lock | undefined
}

const optionNames: readonly string[] = ['prefix', 'overlap', 'timeout', 'keep', 'holdAtMost', 'note']
const prefixDefault = 'cron/'
/** A clock may be wrong by an hour, and a job that fires each second has 7,200 keys then, of 10,000 that there may be. */
const keepMsDefault = 7_200_000
const timeoutMsDefault = 10_000
/** More at a time than ever run. */
const anyNumber = { of: 1_000_000 }

/**
 * Runs `fn` once for this fire time of the job, however many machines call it and however their clocks differ; as
 * `locks.once` with the name of the job and the time as the key. `at`: the time that was planned, of whole seconds.
 */
export async function runOnceAt<T>(
  locks: LockClient,
  job: string,
  at: Date,
  options: OnceOptions,
  fn: OnceCallback<T>,
): Promise<OnceOutcome<Awaited<T>>> {
  return await locks.once(job, keyOf(job, at), options, fn)
}

/** For node-cron: `cron.setRunCoordinator(cronCoordinator(locks))`, or the option `runCoordinator` of a task. */
export function cronCoordinator(locks: LockClient, options: CoordinatorOptions = {}): Coordinator {
  if (typeof locks?.once !== 'function')
    throw new TypeError(`cronCoordinator takes the client whose locks it uses, not ${shown(locks)}`)
  checkKeys('cronCoordinator', options, optionNames)
  // Now, not at the first fire time.
  checkFlag('overlap', options.overlap)
  checkPrefix(options.prefix)
  claimToRunOnce('a time', claimBy(options, Number.NEGATIVE_INFINITY))
  return new LockCoordinator(locks, options)
}

interface Run {
  readonly lock: Lock
  readonly finish: () => void
  readonly ended: Promise<unknown>
}

class LockCoordinator implements Coordinator {
  readonly #locks: LockClient
  readonly #options: CoordinatorOptions
  readonly #runs = new Map<string, Run>()

  constructor(locks: LockClient, options: CoordinatorOptions) {
    this.#locks = locks
    this.#options = options
  }

  async shouldRun(key: string, ttlMs: number): Promise<boolean> {
    const { job, at } = plannedBy(key)
    const { prefix = prefixDefault } = this.#options
    return await new Promise<boolean>((resolve, reject) => {
      const ended = runOnceAt(this.#locks, `${prefix}${job}`, at, claimBy(this.#options, ttlMs), lock => {
        return new Promise<void>(finish => {
          this.#runs.set(key, { lock, finish, ended })
          resolve(true)
        })
      })
      // Once the run has begun these change nothing: `onComplete` has what came of it.
      ended.then(({ ran }) => resolve(ran), reject)
    })
  }

  async onComplete(key: string): Promise<void> {
    const run = this.#runs.get(key)
    if (run === undefined) return
    this.#runs.delete(key)
    run.finish()
    await run.ended
  }

  lockOf(job: string, at: Date): Lock | undefined {
    return this.#runs.get(`${job}:${keyOf(job, at)}`)?.lock
  }
}

function claimBy(options: CoordinatorOptions, ttlMs: number): OnceOptions {
  const { overlap = true, timeout = timeoutMsDefault, keep = keepMsDefault, holdAtMost, note } = options
  return {
    timeout,
    keep: ttlMs > keep ? Math.ceil(ttlMs) : keep,
    ...(overlap && { permits: anyNumber }),
    ...(holdAtMost !== undefined && { holdAtMost }),
    ...(note !== undefined && { note }),
  }
}

/** It begins the name of each lock, and no name can begin with what no name may have. */
function checkPrefix(prefix: unknown): void {
  if (prefix === undefined || prefix === '') return
  if (typeof prefix !== 'string') throw new TypeError(`prefix must be a string, not ${shown(prefix)}`)
  checkName(`${prefix}x`)
}

/** The name of a job may have colons itself. */
function plannedBy(key: string): { readonly job: string; readonly at: Date } {
  const [, job = '', time = ''] =
    /^(.+):((?:\d{4}|[+-]\d{6})-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)$/s.exec(key) ?? []
  if (job === '')
    throw new TypeError(
      `the key ${JSON.stringify(key)} names no job with a fire time, such as "report:2026-11-30T03:00:00.000Z": \
whether it has run can't be known`,
    )
  return { job, at: new Date(time) }
}

function keyOf(job: string, at: Date): string {
  if (!(at instanceof Date) || Number.isNaN(at.getTime()))
    throw new TypeError(
      `the fire time of ${JSON.stringify(job)} must be a Date, the one that was planned, not ${shown(at)}`,
    )
  if (at.getTime() % 1_000 !== 0)
    throw new TypeError(
      `the fire time of ${JSON.stringify(job)} must be the one that was planned, of whole seconds: ${at.toISOString()} \
is what some clock shows, and another machine's shows something else`,
    )
  return at.toISOString()
}
