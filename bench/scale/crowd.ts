// Clients in processes of their own, as many as are wanted.

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Crowding, CrowdReport, Wanted } from './crowd-process.ts'

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

  /** Resolves when there are so many of them, of both. */
  async grow({ sessions, locks }: Wanted): Promise<void> {
    const parts = this.#processes.length
    const part = (all: number, i: number) => Math.floor((all + i) / parts)
    await Promise.all(
      this.#processes.map(async (child, i) => {
        const answer = Promise.race([once(child, 'message'), once(child, 'exit')])
        child.send({ sessions: part(sessions, i), locks: part(locks, i) } satisfies Wanted)
        const [report] = (await answer) as [CrowdReport | number | null]
        if (report === null || typeof report === 'number') throw new Error(`a crowd ended with ${report}`)
        if ('failed' in report) throw new Error(report.failed)
      }),
    )
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
