// A cluster of real processes for the suite of TLS: one view server at a fixed port, lock servers at ports of their own, each
// with the environment that a story gives it, and started again with another.

import { join } from 'node:path'
import { statusOf } from '../../cli/ask.ts'
import type { Status } from '../../wire/messages.ts'
import { begin } from '../fixtures/begun.ts'
import { Running } from '../fixtures/command.ts'
import { until } from '../fixtures/deadline.ts'
import { freePort } from '../fixtures/server-processes.ts'

/** What ends with the test. */
interface Stage {
  teardown(end: () => void | Promise<void>): void
}

type Environment = Readonly<Record<string, string>>

const quick = { HOLDFAST_PING_INTERVAL_MS: '100', HOLDFAST_DEAD_PINGS: '10' }

export class Members {
  readonly port: number
  readonly #t: Stage
  readonly #folder: string
  readonly #secret: Environment
  viewServer: Running | undefined
  readonly lockServers = new Map<string, { running: Running; url: string; port: number }>()

  static async prepare(t: Stage, folder: string, secret?: string): Promise<Members> {
    return new Members(t, folder, await freePort(), secret === undefined ? {} : { HOLDFAST_SECRET: secret })
  }

  private constructor(t: Stage, folder: string, port: number, secret: Environment) {
    this.#t = t
    this.#folder = folder
    this.port = port
    this.#secret = secret
  }

  async startViewServer(environment: Environment): Promise<void> {
    const data = join(this.#folder, 'record')
    await begin(data)
    const args = ['viewserver', `--listen=127.0.0.1:${this.port}`, `--data=${data}`]
    this.viewServer = new Running(this.#t, args, { ...quick, ...this.#secret, ...environment })
    await this.viewServer.listening()
  }

  /** `view`: the addresses of the view server. */
  async startLockServer(name: string, view: string, environment: Environment): Promise<void> {
    const port = this.lockServers.get(name)?.port ?? (await freePort())
    const args = ['lockserver', `--listen=127.0.0.1:${port}`, `--view=${view}`]
    const running = new Running(this.#t, args, { ...quick, ...this.#secret, ...environment })
    this.lockServers.set(name, { running, port, url: await running.listening() })
  }

  /** Resolves with the status once all that run count and a death is survived. */
  async healthy(view: string): Promise<Status> {
    let last: Status | undefined
    await until('the cluster is healthy', async () => {
      last = await this.statusNow(view).catch(() => undefined)
      return last !== undefined && last.survives > 0 && this.#allCount(last)
    })
    return last as Status
  }

  statusNow(view: string): Promise<Status> {
    return statusOf({ view: view.split(','), secret: this.#secret.HOLDFAST_SECRET })
  }

  /** Its name, and the process. */
  primaryOf({ view }: Status): [string, Running] {
    for (const [name, { url, running }] of this.lockServers)
      if (url === view?.primary.address) return [name, running]
    throw new Error(`no process is the primary at ${view?.primary.address}`)
  }

  #allCount({ servers }: Status): boolean {
    const alive = servers.filter(({ alive }) => alive).map(({ address }) => address)
    return [...this.lockServers.values()].every(({ url }) => alive.includes(url))
  }
}
