// A whole cluster in one process, on free ports of this machine, for tests of programs that use locks: it
// starts and kills real servers over real sockets. It makes none of a cluster's decisions, and it keeps the
// process alive until it is closed.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runtime } from '#runtime'
import { type LockServer, startLockServer } from '../lockserver/index.ts'
import { initCluster, startViewServer, type ViewServer } from '../viewservice/index.ts'
import { ttlMsMax } from '../wire/limits.ts'
import type { Status, View } from '../wire/messages.ts'
import { knownOnly, wholeNumber } from '../wire/options.ts'
import { slotsIn } from '../wire/slots.ts'
import { type CheckedOptions, checkOptions, groupsInOneProcess, type TestClusterOptions } from './options.ts'
import { wantGroups } from './want-groups.ts'

export type { TestClusterOptions } from './options.ts'

/**
 * Servers that are killed end as their processes would under `kill -9`: connections are cut in the
 * middle, no peer gets a goodbye, the port refuses. A frozen server is impossible in one process.
 */
export interface TestCluster extends AsyncDisposable {
  /** For `connect`, such as `ws://127.0.0.1:34567`; it never changes. */
  readonly url: string
  /** View, servers and how many deaths the service survives, as the view server knows them (or last knew them). */
  status(): Status
  /** Resolves with the view once the service survives a death: its backup is in sync. Rejects after `withinMs`. */
  ready(): Promise<View>
  /**
   * Kills the primary and resolves with its URL, once the service survives that; with `force` at once.
   * Rejects after `withinMs`, when no backup can take over: `addServer` helps.
   */
  killPrimary(options?: KillOptions): Promise<string>
  /** Kills the backup and resolves with its URL. */
  killBackup(options?: KillOptions): Promise<string>
  /** Starts another lock server and resolves with its URL once it listens. */
  addServer(): Promise<string>
  /**
   * There are to be this many groups, 1 to 15: starts the lock servers that more groups need, and resolves once every slot is
   * where it is to be and each group survives a death. A slot moves only while nothing in it is held or waited for: rejects after
   * `withinMs` if programs keep some.
   */
  setGroups(groups: number): Promise<void>
  /** Kills the view server: locks are still granted, but no new view is made. */
  killViewServer(): Promise<void>
  /** Starts it again at the same URL, with its record. */
  restartViewServer(): Promise<void>
  /** Ends all servers; nothing is left behind. Close clients before, or they wait for their leases. */
  close(): Promise<void>
}

export interface KillOptions {
  /** Kills it even if the state is lost with it. */
  readonly force?: boolean
  /** Of which group; default 0. */
  readonly group?: number
}

/** Resolves when the cluster is ready to be used, and survives the death of its primary if it has more than one lock server. */
export async function startCluster(options: TestClusterOptions = {}): Promise<TestCluster> {
  const checked = checkOptions(options)
  const data = await mkdtemp(join(tmpdir(), 'holdfast-testing-'))
  const cluster = new RunningCluster(checked, data)
  try {
    await cluster.start()
    return cluster
  } catch (error) {
    await cluster.close()
    throw error
  }
}

/** How often a condition is checked. */
const lookMs = 2

class RunningCluster implements TestCluster {
  readonly #options: CheckedOptions
  readonly #data: string
  readonly #servers = new Set<LockServer>()
  #viewServer: ViewServer | undefined
  #closed: Promise<void> | undefined
  url = ''

  constructor(options: CheckedOptions, data: string) {
    this.#options = options
    this.#data = data
  }

  async start(): Promise<void> {
    const { groups, servers } = this.#options
    await initCluster({ data: this.#data, groups, nobodyHasRun: true, ttlMaxMs: ttlMsMax })
    await this.#startViewServer(0)
    await Promise.all(Array.from({ length: servers }, () => this.addServer()))
    await this.#until(
      status => (servers < 2 * groups ? status.groups.every(({ acked }) => acked) : status.survives > 0),
      'the cluster is not ready',
    )
  }

  status(): Status {
    return this.#view().status()
  }

  async ready(): Promise<View> {
    await this.#until(status => status.survives > 0, 'the service does not survive a death')
    return this.status().view as View
  }

  async killPrimary(options: KillOptions = {}): Promise<string> {
    return await this.#kill(options, view => view.primary.address)
  }

  async killBackup(options: KillOptions = {}): Promise<string> {
    return await this.#kill(options, view => view.backup?.address)
  }

  async addServer(): Promise<string> {
    const { withinMs: _, servers: __, groups: ___, ...options } = this.#options
    const server = await startLockServer({ ...options, view: this.url, drainMs: 0 })
    this.#servers.add(server)
    void server.ended.then(() => this.#servers.delete(server))
    return server.address
  }

  async setGroups(groups: number): Promise<void> {
    wholeNumber('groups', groups, 1, 1, groupsInOneProcess)
    while (this.#servers.size < 2 * groups) await this.addServer()
    const { secret, withinMs } = this.#options
    const areKnown = ({ servers }: Status) => servers.filter(({ alive }) => alive).length >= 2 * groups
    await this.#until(areKnown, `there are not enough lock servers for ${groups} groups`)
    await wantGroups(runtime, { url: this.url, secret: secret ?? null, groups, withinMs })
    const isThere = ({ map, groups: all, survives }: Status) =>
      map?.groups === groups && map.moves.length === 0 && all.length === groups && survives > 0
    await this.#until(isThere, `there are not ${groups} groups`, status => movesIn(status))
  }

  async killViewServer(): Promise<void> {
    await this.#view().kill()
  }

  async restartViewServer(): Promise<void> {
    await this.killViewServer()
    await this.#startViewServer(Number(new URL(this.url).port))
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #startViewServer(port: number): Promise<void> {
    const { withinMs: _, servers: __, groups: ___, ...options } = this.#options
    this.#viewServer = await startViewServer({ ...options, port, data: this.#data })
    this.url = this.#viewServer.address
  }

  async #kill(options: KillOptions, which: (view: View) => string | undefined): Promise<string> {
    knownOnly(options, ['force', 'group'])
    const { force = false, group = 0 } = options
    if (!force) await this.ready()
    const view = this.status().groups[group]?.view ?? null
    const address = view === null ? undefined : which(view)
    const server = [...this.#servers].find(server => server.address === address)
    if (server === undefined) throw new Error('there is no such server to kill')
    await server.kill()
    return server.address
  }

  async #until(
    condition: (status: Status) => boolean,
    trouble: string,
    why: (status: Status) => string | null = () => null,
  ): Promise<void> {
    const { withinMs } = this.#options
    const end = runtime.monotonic() + withinMs
    while (!condition(this.status())) {
      if (this.#closed !== undefined) throw new Error('the cluster was closed')
      if (runtime.monotonic() > end) {
        const reason = why(this.status())
        throw new Error(
          reason === null ? this.#explain(trouble) : `${trouble} after ${withinMs} ms: ${reason}`,
        )
      }
      await new Promise<void>(resolve => runtime.after(lookMs, resolve))
    }
  }

  #explain(trouble: string): string {
    const { view, halted, servers } = this.status()
    const living = servers.filter(server => server.alive).length
    const why =
      halted ?? `view ${view?.number ?? 0} has ${view?.backup ? 'a backup that is not in sync' : 'no backup'}`
    return `${trouble} after ${this.#options.withinMs} ms: ${why}; lock servers alive: ${living}. A backup needs a second one: addServer()`
  }

  #view(): ViewServer {
    if (this.#viewServer === undefined) throw new Error('the cluster was never started')
    return this.#viewServer
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#servers].map(server => server.close()))
    await this.#viewServer?.close()
    await rm(this.#data, { recursive: true, force: true })
  }
}

/** What keeps slots where they are; null: none is under way. */
function movesIn({ map, groupsWait }: Status): string | null {
  const slots = map?.moves.flatMap(move => slotsIn(move.slots)).length ?? 0
  if (slots > 0) return `${slots} slots wait until nothing in them is held, waited for, kept or remembered`
  return groupsWait
}
