// A cluster of several groups, of real processes, whose lock servers can be held to a fixed share of a core each.

import { here, ServerProcesses } from '../../test/fixtures/server-processes.ts'
import type { SlotMap } from '../../wire/messages.ts'
import { groupOf } from '../../wire/slots.ts'
import { runningCluster } from '../cluster.ts'
import type { Service } from '../target.ts'
import { CpuShares, type Share } from './shares.ts'

/** With a small share of a core a server may be silent for longer than usual. */
const deadPings = ['--dead-pings', '30']
const healMs = 120_000

export class GroupsCluster implements AsyncDisposable {
  readonly processes: ServerProcesses
  readonly servers: number
  /** For each group the beginning of names that live in it. */
  prefixes: readonly string[] = []
  #shares: CpuShares | undefined

  static async start(groups: number, spares = 0): Promise<GroupsCluster> {
    const cluster = new GroupsCluster(groups, 2 * groups + spares)
    try {
      await cluster.#start()
      return cluster
    } catch (error) {
      await cluster[Symbol.asyncDispose]()
      throw error
    }
  }

  private constructor(groups: number, servers: number) {
    this.processes = new ServerProcesses(here, deadPings, 'memory', groups)
    this.servers = servers
  }

  async #start(): Promise<void> {
    await this.processes.start([])
    for (let i = 0; i < this.servers; i++) await this.processes.addServer()
    const { map } = await this.processes.healthy(this.servers, healMs)
    if (map === null) throw new Error('a healthy cluster has a map')
    this.prefixes = prefixesOf(map)
  }

  /** Its primaries and backups, as they are now. */
  async service(): Promise<Service> {
    return await runningCluster(this.processes.viewUrl)
  }

  /** Each lock server gets this share of a core from now on. */
  async limit(share: Share): Promise<void> {
    this.#shares ??= CpuShares.open()
    const { servers } = await this.processes.healthy(this.servers, healMs)
    for (const { pid } of servers) this.#shares.limit(pid, share)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.processes.end()
    this.#shares?.[Symbol.dispose]()
  }
}

/** G2: what stands in braces alone decides where a name lives. */
export function prefixesOf(map: SlotMap): string[] {
  const prefixes: string[] = []
  for (let tag = 0, left = map.groups; left > 0; tag++) {
    const prefix = `bench/{${tag}}/`
    const group = groupOf(map, prefix)
    if (prefixes[group] !== undefined) continue
    prefixes[group] = prefix
    left--
  }
  return prefixes
}
