// A whole service on one etcd: view servers and lock servers as processes, and a client under way all the time,
// which notes when each grant came. A token that does not grow is a violation.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { connect, type LockClient } from '../../client/index.ts'
import { initCluster } from '../../viewservice/index.ts'
import { until } from '../fixtures/deadline.ts'
import { freePort } from '../fixtures/server-processes.ts'

const command = fileURLToPath(new URL('../../cli/main.js', import.meta.url))

export class Process {
  readonly url: string
  readonly #args: readonly string[]
  #child: ChildProcess | undefined

  constructor(port: number, kind: string, args: readonly string[]) {
    this.url = `ws://127.0.0.1:${port}`
    this.#args = [command, kind, '--listen', `127.0.0.1:${port}`, '--log-level', 'error', ...args]
  }

  start(): void {
    this.#child = spawn(process.execPath, this.#args, { stdio: 'ignore' })
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name)
  }

  freeze(): void {
    this.signal('SIGSTOP')
  }

  thaw(): void {
    this.signal('SIGCONT')
  }

  async kill(): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }

  /** Whether it has the active mark, as its metrics say. */
  isActive(): Promise<boolean> {
    return this.#says(/^holdfast_active 1$/m)
  }

  /** V4: whether its view may lose its primary. */
  isAcked(): Promise<boolean> {
    return this.#says(/^holdfast_view_acked(\{.*\})? 1$/m)
  }

  async #says(what: RegExp): Promise<boolean> {
    try {
      const response = await fetch(`${this.url.replace('ws', 'http')}/metrics`, {
        signal: AbortSignal.timeout(1_000),
      })
      return what.test(await response.text())
    } catch {
      return false
    }
  }
}

export class RecordService implements AsyncDisposable {
  readonly viewServers: Process[] = []
  readonly lockServers: Process[] = []
  /** When each grant came, by the monotonic clock. */
  readonly grants: number[] = []
  readonly violations: string[] = []
  #client: LockClient | undefined
  #over = false
  #work: Promise<void> = Promise.resolve()

  static async start(record: string, viewServers: number, lockServers: number): Promise<RecordService> {
    const service = new RecordService()
    await initCluster({ record, nobodyHasRun: true })
    const more = ['--record', record]
    for (let i = 0; i < viewServers; i++)
      service.viewServers.push(new Process(await freePort(), 'viewserver', more))
    const view = service.viewServers.map(({ url }) => url).join(',')
    for (let i = 0; i < lockServers; i++)
      service.lockServers.push(new Process(await freePort(), 'lockserver', ['--view', view]))
    for (const each of [...service.viewServers, ...service.lockServers]) each.start()
    const client = await connect(service.urls, { name: 'under way', ttl: 30_000 })
    service.#client = client
    await service.isWhole()
    service.#work = service.#lock(client)
    return service
  }

  get urls(): string[] {
    return [...this.viewServers, ...this.lockServers].map(({ url }) => url)
  }

  /** A view with a backup in sync is in force, and one view server is active. */
  async isWhole(): Promise<void> {
    const whole = async () =>
      this.#client?.view?.backup != null && ((await (await this.active())?.isAcked()) ?? false)
    await until('there is a backup in sync, and an active view server', whole, 60_000)
  }

  /** A frozen one is not waited for while another one says that it is. */
  async active(): Promise<Process | undefined> {
    const asked = this.viewServers.map(async each => {
      if (!(await each.isActive())) throw new Error('it is not')
      return each
    })
    return await Promise.any(asked).catch(() => undefined)
  }

  /** One that was frozen has learned that it is active no more. */
  async oneIsActive(): Promise<void> {
    await until('one is active', async () => {
      const all = await Promise.all(this.viewServers.map(each => each.isActive()))
      return all.filter(Boolean).length === 1
    })
  }

  primary(): Process | undefined {
    return this.lockServers.find(({ url }) => url === this.#client?.view?.primary.address)
  }

  backup(): Process | undefined {
    return this.lockServers.find(({ url }) => url === this.#client?.view?.backup?.address)
  }

  async grantedSince(when: number, withinMs = 60_000): Promise<number> {
    const found = () => this.grants.find(at => at > when)
    return await until('a lock is granted', found, withinMs)
  }

  /** Of 100 grants since then 99 came within so many ms after the one before. */
  p99(since: number): number {
    const times = this.grants.filter(at => at > since)
    const between = times.slice(1).map((at, i) => at - (times[i] as number))
    return between.sort((a, b) => a - b)[Math.floor(between.length * 0.99)] ?? Number.NaN
  }

  /** The longest time without a grant since then. */
  longestGap(since: number): number {
    const times = [since, ...this.grants.filter(at => at > since)]
    return Math.max(...times.slice(1).map((at, i) => at - (times[i] ?? at)))
  }

  async #lock(client: LockClient): Promise<void> {
    let last = 0
    while (!this.#over) {
      try {
        const lock = await client.acquire('under/way')
        if (lock.token <= last) this.violations.push(`token ${lock.token} after ${last}`)
        last = lock.token
        this.grants.push(performance.now())
        await lock.release()
      } catch (error) {
        if (!this.#over) this.violations.push(String(error))
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over = true
    // First, since without servers a close waits for as long as its lease lasts.
    await Promise.allSettled([this.#client?.close(), this.#work])
    await Promise.all([...this.viewServers, ...this.lockServers].map(each => each.kill()))
  }
}

export function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN
}
