// One client process under load: keeps its number of acquire and release pairs outstanding, and counts
// between the messages `count` and `stop`. Started by workers.ts with an IPC channel.

import { setTimeout as pause } from 'node:timers/promises'
import { Latencies } from './histogram.ts'
import type { Job, Order, Report } from './job.ts'
import type { Connect, Target } from './target.ts'

/** Each loop cycles through this many keys that no other loop uses. */
const keysPerLoop = 8
/** The offset from `performance.now` to the clock that all processes of the machine share. */
const clockOffsetMs = Number(process.hrtime.bigint()) / 1e6 - performance.now()

class Load {
  readonly #job: Job
  readonly #target: Target
  readonly #loops: Promise<void>[] = []
  #counting = false
  #stopped = false
  #began = 0
  #cpuAtBegin = process.cpuUsage()
  readonly #latencies = new Latencies()
  readonly #shares: number[]
  readonly #holds: number[] = []

  constructor(job: Job, target: Target) {
    this.#job = job
    this.#target = target
    this.#shares = Array(job.outstanding).fill(0)
    for (let loop = 0; loop < job.outstanding; loop++) this.#loops.push(this.#loop(loop))
  }

  count(): void {
    this.#counting = true
    this.#began = performance.now()
    this.#cpuAtBegin = process.cpuUsage()
  }

  async stop(): Promise<Report> {
    const seconds = (performance.now() - this.#began) / 1_000
    const { user, system } = process.cpuUsage(this.#cpuAtBegin)
    this.#counting = false
    this.#stopped = true
    await Promise.all(this.#loops)
    await this.#target.close()
    return {
      is: 'done',
      seconds,
      pairs: this.#shares.reduce((sum, share) => sum + share, 0),
      latencies: this.#latencies.counts,
      cpuUs: user + system,
      shares: this.#shares,
      holds: Float64Array.from(this.#holds),
    }
  }

  async #loop(loop: number): Promise<void> {
    const hot = this.#job.keys === 'hot'
    const keys = hot ? [`${this.#prefixOf(0)}hot`] : this.#keysOf(loop)
    const paced = this.#paceOf(loop)
    for (let round = 0; !this.#stopped; round++) {
      await paced?.(round)
      const asked = performance.now()
      const held = await this.#target.acquire(keys[round % keys.length] as string)
      const granted = performance.now()
      if (this.#counting) {
        this.#latencies.record(granted - asked)
        if (hot) this.#holds.push(granted + clockOffsetMs, performance.now() + clockOffsetMs)
      }
      await this.#target.release(held)
      if (this.#counting) this.#shares[loop] = (this.#shares[loop] as number) + 1
    }
  }

  /** Each round has its scheduled time; a late round does not wait. */
  #paceOf(loop: number): ((round: number) => Promise<void>) | undefined {
    const { outstanding, pairsPerSecond } = this.#job
    if (pairsPerSecond === undefined) return undefined
    const periodMs = (outstanding * 1_000) / pairsPerSecond
    const first = performance.now() + (loop * periodMs) / outstanding
    return async round => {
      const early = first + round * periodMs - performance.now()
      if (early >= 1) await pause(early)
    }
  }

  #keysOf(loop: number): string[] {
    const mine = `${this.#prefixOf(loop)}${this.#job.worker}/${loop}/`
    return Array.from({ length: keysPerLoop }, (_, key) => `${mine}${key}`)
  }

  #prefixOf(loop: number): string {
    const { prefixes = ['bench/'] } = this.#job
    return prefixes[loop % prefixes.length] as string
  }
}

let load: Load | undefined

async function obey(order: Order): Promise<void> {
  switch (order.do) {
    case 'run': {
      const { connect } = (await import(`./${order.job.target}`)) as { connect: Connect }
      load = new Load(order.job, await connect(order.job.address))
      return report({ is: 'running' })
    }
    case 'count':
      return load?.count()
    case 'stop':
      if (load !== undefined) await report(await load.stop())
      process.disconnect()
  }
}

/** Settles when it is written: a process that disconnects before that loses the rest of a long message. */
function report(report: Report): Promise<void> {
  return new Promise((resolve, reject) =>
    process.send?.(report, (error: Error | null) => (error === null ? resolve() : reject(error))),
  )
}

process.on('message', (order: Order) => {
  obey(order).catch(async error => {
    await report({ is: 'failed', text: String(error) })
    process.exit(1)
  })
})
process.on('disconnect', () => process.exit())
