// A client's session, a primary and its backup with their drivers in one process, joined by sockets in memory: no
// network, no promises, no waiting. What each part then costs hardly depends on what else the machine does.

import type { SessionDriver, Told } from '../client/session-driver.ts'
import type { ServerCounts } from '../lockserver/counts.ts'
import type { RunningLockServer } from '../lockserver/running.ts'
import { claimOf } from '../wire/claim.ts'
import type { StateLimits } from '../wire/limits.ts'
import type { Server, View, Welcome } from '../wire/messages.ts'
import type { acceptSocket } from '../wire/net/hello.ts'
import type { MemoryNetwork, MemoryRuntime } from '../wire/net/memory-runtime.ts'
import type { Logger } from '../wire/serving/log.ts'
import { wireVersion } from '../wire/version.ts'

/** A build of Holdfast: the modules that take part, imported from its dist folder. */
export interface Build {
  readonly SessionDriver: typeof SessionDriver
  readonly RunningLockServer: typeof RunningLockServer
  readonly ServerCounts: typeof ServerCounts
  readonly MemoryRuntime: typeof MemoryRuntime
  readonly acceptSocket: typeof acceptSocket
  readonly stateLimits: StateLimits
  readonly silent: Logger
}

const modules = [
  'client/session-driver.js',
  'lockserver/running.js',
  'lockserver/counts.js',
  'wire/net/memory-runtime.js',
  'wire/net/hello.js',
  'wire/limits.js',
  'wire/serving/log.js',
]

export async function load(dist: string): Promise<Build> {
  const loaded = await Promise.all(modules.map(async path => await import(`${dist}/${path}`)))
  return Object.assign({}, ...loaded)
}

export type Part = 'client' | 'primary' | 'backup'

const cluster = 'c'.repeat(32)
const claim = claimOf('exclusive', 'wait')
const viewServer = 'ws://view:1'

/** Each part has turns of its own, so that its time can be told from the others'. */
interface Machine {
  readonly address: string
  readonly runtime: MemoryRuntime
  readonly server: RunningLockServer
}

export class Parts {
  readonly us: Record<Part, number> = { client: 0, primary: 0, backup: 0 }
  readonly #build: Build
  readonly #counting: boolean
  readonly #network: MemoryNetwork = new Map()
  readonly #view: MemoryRuntime
  readonly #primary: Machine
  readonly #backup: Machine
  readonly #client: MemoryRuntime
  readonly #session: SessionDriver
  /** What the view server says, once it has been said hello to. */
  readonly #told: ((view: View) => void)[] = []
  #calls = 0
  #tokens: number[] = []
  #settled = 0

  /** `counting`: the servers count for their metrics, as real ones do. */
  constructor(build: Build, counting: boolean) {
    this.#build = build
    this.#counting = counting
    this.#view = this.#viewServer()
    this.#primary = this.#machine('ws://a:1')
    this.#backup = this.#machine('ws://b:1')
    this.#enter(1, null)
    this.#enter(2, serverOf(this.#backup))
    this.#client = new build.MemoryRuntime(this.#network)
    this.#session = this.#newSession()
    this.#session.wake()
    this.#settle()
    if (!this.#session.core.opened) throw new Error('the client has no session')
  }

  /** So many acquires at once, then their releases. */
  pairs(names: readonly string[]): void {
    this.#settled = 0
    this.#tokens = []
    this.#time('client', () => {
      for (const name of names) this.#acquire(name)
    })
    this.#settle()
    this.#time('client', () => {
      for (const token of this.#tokens) this.#session.call({ call: ++this.#calls, verb: 'release', token })
    })
    this.#settle()
    if (this.#settled !== 2 * names.length)
      throw new Error(`${this.#settled} answers came to ${2 * names.length} calls`)
  }

  #acquire(name: string): void {
    this.#session.call({ call: ++this.#calls, verb: 'acquire', names: [name], claim })
  }

  /** Until no part has anything more to say. */
  #settle(): void {
    let more = true
    while (more) {
      more = this.#time('client', () => this.#client?.run() ?? false)
      more = this.#time('primary', () => this.#primary.runtime.run()) || more
      more = this.#time('backup', () => this.#backup.runtime.run()) || more
      more = this.#view.run() || more
    }
  }

  #newSession(): SessionDriver {
    const { address } = this.#primary
    const sessionId = 'd'.repeat(32)
    const options = {
      sessionId,
      sessionKey: 'e'.repeat(32),
      addresses: [address],
      ttlMs: 10_000,
      name: 'bench',
      host: null,
      pid: null,
      cluster,
      abandoned: new Map<string, string>(),
    }
    return new this.#build.SessionDriver(this.#client, options, null, {
      told: (_, told) => this.#onTold(told),
      release: async () => {},
      note: async () => {},
    })
  }

  #onTold(told: Told): void {
    if (told.do !== 'settle') return
    this.#settled++
    if (told.result.verb === 'acquire') this.#tokens.push(told.result.tokens?.[0] as number)
  }

  #machine(address: string): Machine {
    const runtime = new this.#build.MemoryRuntime(this.#network)
    const options = {
      address,
      viewServers: [viewServer],
      pingIntervalMs: 100,
      deadPings: 5,
      drainMs: 1_000,
      limits: this.#build.stateLimits,
      secret: null,
      log: this.#build.silent,
      pid: 1,
      host: 'here',
      ...(this.#counting && { counts: new this.#build.ServerCounts() }),
    }
    const server = new this.#build.RunningLockServer(options, runtime, { ended() {} })
    runtime.listen(address, socket =>
      this.#build.acceptSocket(socket, { secret: null, role: 'lockserver' }, server, 'memory', runtime),
    )
    server.start()
    return { address, runtime, server }
  }

  /** Says welcome, and the views that it is told to say. */
  #viewServer(): MemoryRuntime {
    const runtime = new this.#build.MemoryRuntime(this.#network)
    const handlers: Parameters<typeof acceptSocket>[2] = {
      accepted: connection => {
        connection.send(['welcome', welcome])
        this.#told.push(view => connection.send(['view', view, true]))
        return { messages() {}, closed() {} }
      },
      turnedAway() {},
    }
    runtime.listen(viewServer, socket =>
      this.#build.acceptSocket(socket, { secret: null, role: 'viewserver' }, handlers, 'memory', runtime),
    )
    return runtime
  }

  #enter(number: number, backup: Server | null): void {
    this.#settle()
    const start = number === 1 ? { tokenFloor: 0, pauseMs: 0, choice: null } : null
    for (const tell of this.#told)
      tell({ group: 0, number, primary: serverOf(this.#primary), backup, durability: 'memory', start })
    this.#settle()
  }

  #time<T>(part: Part, run: () => T): T {
    const began = performance.now()
    const result = run()
    this.us[part] += (performance.now() - began) * 1_000
    return result
  }
}

function serverOf({ server, address }: Machine): Server {
  return { id: server.core.id, address }
}

const welcome: Welcome = {
  wire: wireVersion,
  cluster,
  kind: 'viewserver',
  id: null,
  role: null,
  view: null,
  acked: false,
  others: [],
  map: null,
  pingLimitMs: 500,
  whole: 0,
  sequence: 0,
  mark: 1,
}
