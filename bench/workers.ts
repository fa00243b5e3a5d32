// Runs one load: starts the client processes, lets them warm up, counts for a while, and adds up what they
// and the CPU clocks of the servers report.

import { type ChildProcess, fork } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { cpuUsOf } from './cpu.ts'
import { Latencies } from './histogram.ts'
import type { Job, Order, Report } from './job.ts'
import type { Service } from './target.ts'

const workerFile = fileURLToPath(new URL('worker.js', import.meta.url))

export interface Load {
  readonly keys: Job['keys']
  readonly workers: number
  /** Of all workers together. */
  readonly outstanding: number
  /** How long it counts; the warm-up takes as long, because code that runs for the first time is slow. */
  readonly countMs: number
}

export interface Outcome {
  readonly pairsPerSecond: number
  readonly latencies: Latencies
  /** CPU microseconds for each pair, by role; `client` is all client processes together. */
  readonly cpuUsPerPair: Readonly<Record<string, number>>
  /** Grants of each loop, as parts of an equal share. */
  readonly shares: readonly number[]
  /** With a hot key: from the call of a release to the next grant, as its caller sees it. */
  readonly handOffs: Latencies
}

type Done = Extract<Report, { is: 'done' }>

export async function runLoad(service: Omit<Service, keyof AsyncDisposable>, load: Load): Promise<Outcome> {
  const workers = Array.from({ length: load.workers }, () => new Worker())
  try {
    const { target, address } = service
    const outstanding = load.outstanding / load.workers
    await Promise.all(
      workers.map((each, worker) => each.run({ target, address, outstanding, keys: load.keys, worker })),
    )
    await pause(load.countMs)
    const before = service.processes.map(({ pid }) => cpuUsOf(pid))
    for (const worker of workers) worker.tell({ do: 'count' })
    await pause(load.countMs)
    const cpuUs = service.processes.map(({ pid }, i) => cpuUsOf(pid) - (before[i] as number))
    const done = await Promise.all(workers.map(worker => worker.stop()))
    return outcomeOf(service, done, cpuUs)
  } finally {
    for (const worker of workers) worker.end()
  }
}

/** One client process under load until it is disposed of; nothing is counted. */
export async function startLoad(job: Job): Promise<AsyncDisposable> {
  const worker = new Worker()
  await worker.run(job)
  return {
    [Symbol.asyncDispose]: async () => {
      try {
        await worker.stop()
      } finally {
        worker.end()
      }
    },
  }
}

function outcomeOf(
  service: Pick<Service, 'processes'>,
  done: readonly Done[],
  serverCpuUs: readonly number[],
): Outcome {
  const pairs = done.reduce((sum, each) => sum + each.pairs, 0)
  const latencies = new Latencies()
  for (const each of done) latencies.add(new Latencies(each.latencies))
  const cpuUs: [string, number][] = [['client', done.reduce((sum, each) => sum + each.cpuUs, 0)]]
  for (const [i, { role }] of service.processes.entries()) cpuUs.push([role, serverCpuUs[i] as number])
  const shares = done.flatMap(each => each.shares)
  return {
    pairsPerSecond: done.reduce((sum, each) => sum + each.pairs / each.seconds, 0),
    latencies,
    cpuUsPerPair: Object.fromEntries(cpuUs.map(([role, us]) => [role, us / pairs])),
    shares: shares.map(share => (share * shares.length) / pairs),
    handOffs: handOffsOf(done.map(each => each.holds)),
  }
}

/** The holds of one lock do not overlap, so their order in time is the order in which it went round. */
function handOffsOf(holds: readonly Float64Array[]): Latencies {
  const all: [granted: number, released: number][] = []
  for (const each of holds)
    for (let i = 0; i + 1 < each.length; i += 2) all.push([each[i] as number, each[i + 1] as number])
  all.sort((a, b) => a[0] - b[0])
  const histogram = new Latencies()
  for (let i = 1; i < all.length; i++)
    histogram.record((all[i] as [number, number])[0] - (all[i - 1] as [number, number])[1])
  return histogram
}

/**
 * A client process of any service. Node gives V8 four threads on any machine; here it gets only as many as there
 * are cores. Otherwise the threads that collect a client's garbage take the cores from the servers.
 */
class Worker {
  readonly #child: ChildProcess
  #hear: (report: Report) => void = () => {}

  constructor() {
    this.#child = fork(workerFile, [], {
      serialization: 'advanced',
      execArgv: ['--v8-pool-size=0', ...moreArguments()],
    })
    this.#child.on('message', report => this.#hear(report as Report))
    this.#child.on('exit', status => this.#hear({ is: 'failed', text: `a worker ended with ${status}` }))
  }

  tell(order: Order): void {
    this.#child.send(order)
  }

  async run(job: Job): Promise<void> {
    await this.#ask({ do: 'run', job })
  }

  async stop(): Promise<Done> {
    return (await this.#ask({ do: 'stop' })) as Done
  }

  end(): void {
    this.#child.kill('SIGKILL')
  }

  #ask(order: Order): Promise<Report> {
    return new Promise((resolve, reject) => {
      this.#hear = report => (report.is === 'failed' ? reject(new Error(report.text)) : resolve(report))
      this.tell(order)
    })
  }
}

/** To profile it: HOLDFAST_BENCH_WORKER="--cpu-prof --cpu-prof-dir=DIR". */
function moreArguments(): string[] {
  return (process.env.HOLDFAST_BENCH_WORKER ?? '').split(' ').filter(argument => argument !== '')
}
