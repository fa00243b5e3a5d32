// In which order the disk does what the journal asks. Acts of one lane are done one after the other: those of the log
// never wait for those of snapshots and segments to come, nor these for the removal of what is old.

import type { DiskAct } from './disk.ts'

export type LaneName = 'log' | 'work' | 'tidy'

/** `T`: what becomes of an act that is done. `P`: for what it is done; all of that is forgotten together. */
interface Step<T, P> {
  readonly act: DiskAct
  readonly next: T | null
  readonly purpose: P | null
}

interface Running<T, P> extends Step<T, P> {
  readonly job: number
}

export interface Job {
  readonly do: 'disk'
  readonly job: number
  readonly act: DiskAct
}

export class Lanes<T, P> {
  readonly #waiting: Record<LaneName, Step<T, P>[]> = { log: [], work: [], tidy: [] }
  readonly #running: Record<LaneName, Running<T, P> | null> = { log: null, work: null, tidy: null }
  #job = 0

  add(lane: LaneName, act: DiskAct, next: T | null = null, purpose: P | null = null): void {
    this.#waiting[lane].push({ act, next, purpose })
  }

  /** Nothing is under way or waiting there. */
  idle(lane: LaneName): boolean {
    return this.#running[lane] === null && this.#waiting[lane].length === 0
  }

  /** What may begin now. */
  start(): Job[] {
    const jobs: Job[] = []
    for (const lane of ['log', 'work', 'tidy'] as const) {
      if (this.#running[lane] !== null) continue
      const step = this.#waiting[lane].shift()
      if (step === undefined) continue
      const job = ++this.#job
      this.#running[lane] = { ...step, job }
      jobs.push({ do: 'disk', job, act: step.act })
    }
    return jobs
  }

  /** The job has ended. */
  ended(job: number): { lane: LaneName; next: T | null; purpose: P | null } | undefined {
    for (const lane of ['log', 'work', 'tidy'] as const) {
      const running = this.#running[lane]
      if (running?.job !== job) continue
      this.#running[lane] = null
      return { lane, next: running.next, purpose: running.purpose }
    }
    return undefined
  }

  /** Nothing more is done for this purpose; what is under way goes on. Returns what will not come of it. */
  forget(purpose: P): T[] {
    const forgotten = this.#waiting.work.filter(step => step.purpose === purpose)
    this.#waiting.work = this.#waiting.work.filter(step => step.purpose !== purpose)
    return forgotten.flatMap(({ next }) => next ?? [])
  }
}
