// A cluster of real processes whose memory can be read: one view server, three lock servers.

import { Scrape } from '../../test/fixtures/scrape.ts'
import { freePort, here, ServerProcesses } from '../../test/fixtures/server-processes.ts'
import type { Status } from '../../wire/messages.ts'
import { type Memory, memoryOf } from './heap.ts'

/** Collecting a large heap stops a server for longer than the default ping limit. */
const deadPings = 30
const healMs = 120_000

export interface Member {
  readonly address: string
  readonly pid: number
}

export class MeasuredCluster implements AsyncDisposable {
  readonly processes = new ServerProcesses(here, ['--dead-pings', String(deadPings)])
  readonly #inspectors = new Map<string, number>()

  static async start(): Promise<MeasuredCluster> {
    const cluster = new MeasuredCluster()
    try {
      await cluster.processes.start([])
      for (let i = 0; i < 3; i++) await cluster.#add()
      await cluster.processes.healthy(3)
      return cluster
    } catch (error) {
      await cluster.processes.end()
      throw error
    }
  }

  get viewUrl(): string {
    return this.processes.viewUrl
  }

  async #add(): Promise<void> {
    const port = await freePort()
    const within = ['env', `NODE_OPTIONS=--inspect=127.0.0.1:${port}`]
    this.#inspectors.set(await this.processes.addServer({ ...here, within }), port)
  }

  /** Waits until the cluster is healthy, and returns the role of each server. */
  async roles(): Promise<{ primary: Member; backup: Member; idle: Member }> {
    const { servers } = await this.processes.healthy(3, healMs)
    const at = (role: string): Member => {
      const server = servers.find(server => server.alive && server.role === role)
      if (server === undefined) throw new Error(`nobody is ${role}`)
      return server
    }
    return { primary: at('primary'), backup: at('backup'), idle: at('idle') }
  }

  memoryOf({ address, pid }: Member): Promise<Memory> {
    return memoryOf(pid, this.#inspectors.get(address) ?? 0)
  }

  metricsOf({ address }: Member): Promise<Scrape> {
    return Scrape.of(address)
  }

  /** Waits until the view with this backup is acked. */
  inSync(backup: Member): Promise<Status> {
    const is = ({ acked, view }: Status) => acked && view?.backup?.address === backup.address
    return this.processes.until(is, 'in sync', healMs)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.processes.end()
  }
}
