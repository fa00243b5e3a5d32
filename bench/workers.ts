// Runs one load: starts the client processes, lets them warm up, counts for a while, and adds up what they
// and the CPU clocks of the servers report.

import { type ChildProcess, fork } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { cpuUsOf } from './cpu.ts'
import { Latencies } from './histogram.ts'
import type { Job, Order, Report } from './job.ts'
import { numberIn } from './proc.ts'
import type { Service } from './target.ts'

const workerFile = fileURLToPath(new URL('worker.js', import.meta.url))

export interface Load {
  readonly keys: Job['keys']
  readonly prefixes?: Job['prefixes']
  readonly workers: number
  /** Of all workers together. */
  readonly outstanding: number
  /** As `Job.pairsPerSecond`, of all workers together. */
  readonly pairsPerSecond?: number
  /** How long it counts; the warm-up takes as long, because code that runs for the first time is slow. */
  readonly countMs: number
}

export interface Outcome {
  readonly pairsPerSecond: number
  readonly latencies: Latencies
  /** CPU microseconds for each pair, by role: of all processes of that role together. */
  readonly cpuUsPerPair: ByRole
  /** Likewise, how often they write to a connection. */
  readonly writesPerPair: ByRole
  /** Grants of each loop, as parts of an equal share. */
  readonly shares: readonly number[]
  /** With a hot key: from the call of a release to the next grant, as its caller sees it. */
  readonly handOffs: Latencies
}

type Done = Extract<Report, { is: 'done' }>

export async function runLoad(service: Omit<Service, keyof AsyncDisposable>, load: Load): Promise<Outcome> {
  const workers = Array.from({ length: load.workers }, () => new Worker())
  try {
    await Promise.all(workers.map((each, worker) => each.run(jobOf(service, load, worker))))
    await pause(load.countMs)
    const clients = workers.map(({ pid }) => ({ role: 'client', pid }))
    const cpuUs = meter(service.processes, cpuUsOf)
    const writes = meter([...service.processes, ...clients], writesOf)
    for (const worker of workers) worker.tell({ do: 'count' })
    await pause(load.countMs)
    const used = { cpuUs: cpuUs(), writes: writes() }
    return outcomeOf(await Promise.all(workers.map(worker => worker.stop())), used)
  } finally {
    for (const worker of workers) worker.end()
  }
}

function jobOf({ target, address }: Pick<Service, 'target' | 'address'>, load: Load, worker: number): Job {
  const { keys, workers, outstanding, prefixes, pairsPerSecond } = load
  return {
    target,
    address,
    keys,
    worker,
    outstanding: outstanding / workers,
    ...(prefixes !== undefined && { prefixes }),
    ...(pairsPerSecond !== undefined && { pairsPerSecond: pairsPerSecond / workers }),
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

type ByRole = Readonly<Record<string, number>>

/** What the processes of each role have used together from now on. */
function meter(processes: Service['processes'], read: (pid: number) => number): () => ByRole {
  const before = processes.map(({ pid }) => read(pid))
  return () => {
    const used: Record<string, number> = {}
    for (const [i, { role, pid }] of processes.entries())
      used[role] = (used[role] ?? 0) + read(pid) - (before[i] as number)
    return used
  }
}

/** Calls that write, so far: each sends what a turn of the event loop has for one connection. NaN where it can't be read. */
function writesOf(pid: number): number {
  try {
    return numberIn(pid, 'io', 'syscw')
  } catch {
    return Number.NaN
  }
}

function outcomeOf(
  done: readonly Done[],
  used: { readonly cpuUs: ByRole; readonly writes: ByRole },
): Outcome {
  const pairs = done.reduce((sum, each) => sum + each.pairs, 0)
  const latencies = new Latencies()
  for (const each of done) latencies.add(new Latencies(each.latencies))
  const client = done.reduce((sum, each) => sum + each.cpuUs, 0)
  const perPair = (byRole: ByRole) =>
    Object.fromEntries(Object.entries(byRole).map(([role, sum]) => [role, sum / pairs]))
  const shares = done.flatMap(each => each.shares)
  return {
    pairsPerSecond: done.reduce((sum, each) => sum + each.pairs / each.seconds, 0),
    latencies,
    cpuUsPerPair: perPair({ client, ...used.cpuUs }),
    writesPerPair: perPair(used.writes),
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

  get pid(): number {
    return this.#child.pid ?? 0
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
