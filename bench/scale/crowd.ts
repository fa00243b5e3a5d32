// Clients in child processes, as many as a benchmark needs.

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Crowding, CrowdReport, Standing, Wanted } from './crowd-process.ts'

const file = fileURLToPath(new URL('crowd-process.js', import.meta.url))
/** A million handles need some memory. */
const heapMib = 12_288

export class Crowd implements AsyncDisposable {
  readonly #processes: ChildProcess[]

  constructor(address: string, ttlMs: number, processes = 1) {
    this.#processes = Array.from({ length: processes }, (_, i) => {
      const crowding: Crowding = { address, ttlMs, prefix: `scale/${i}/` }
      return fork(file, [JSON.stringify(crowding)], { execArgv: [`--max-old-space-size=${heapMib}`] })
    })
  }

  /** Resolves when there are this many locks and sessions, with no session lost. */
  async grow(wanted: Wanted): Promise<void> {
    const { lost } = await this.standing(wanted)
    if (lost > 0) throw new Error(`${lost} sessions were lost`)
  }

  /** The sum over all processes, once there are this many. */
  async standing({ sessions, locks }: Wanted): Promise<Standing> {
    const parts = this.#processes.length
    const part = (all: number, i: number) => Math.floor((all + i) / parts)
    const all = await Promise.all(
      this.#processes.map(async (child, i) => {
        const answered = new AbortController()
        const { signal } = answered
        const answer = Promise.race([once(child, 'message', { signal }), once(child, 'exit', { signal })])
        child.send({ sessions: part(sessions, i), locks: part(locks, i) } satisfies Wanted)
        const [report] = (await answer) as [CrowdReport | number | null]
        answered.abort()
        if (report === null || typeof report === 'number') throw new Error(`a crowd ended with ${report}`)
        if ('failed' in report) throw new Error(report.failed)
        return report
      }),
    )
    const sum = (field: keyof Standing) => all.reduce((total, standing) => total + standing[field], 0)
    const last = (field: keyof Standing) => Math.max(...all.map(standing => standing[field]))
    return {
      sessions: sum('sessions'),
      locks: sum('locks'),
      lost: sum('lost'),
      over: sum('over'),
      lastHolderAt: last('lastHolderAt'),
      lastOtherAt: last('lastOtherAt'),
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.#processes.map(async child => {
        if (child.exitCode !== null || child.signalCode !== null) return
        const gone = once(child, 'exit')
        child.kill('SIGKILL')
        await gone
      }),
    )
  }
}
