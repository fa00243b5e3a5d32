// node dist/test/bench/fan-out.js [DIST]: what a primary's own work costs when many are told the same (B7): events to
// 200 watchers of one prefix, and answers to 100 clients that ask for the same 1,000 locks. Without a network: what
// sockets and clients do with the text is not in it. Given another dist folder it measures that build.

import { pathToFileURL } from 'node:url'
import { type Build, load } from '../../bench/parts.ts'
import type { MemoryRuntime } from '../../wire/net/memory-runtime.ts'
import { wireVersion } from '../../wire/version.ts'
import { openOf } from '../fixtures/said.ts'

const [watchers, events, askers, locks] = [200, 1_000, 100, 1_000]
const [viewServer, here] = ['ws://view:1', 'ws://a:1']
const cluster = 'c'.repeat(32)

class World {
  ms = 0
  characters = 0
  readonly #build: Build
  readonly #network = new Map()
  readonly #view: MemoryRuntime
  readonly #primary: MemoryRuntime
  readonly #clients: MemoryRuntime

  constructor(build: Build) {
    this.#build = build
    this.#view = new build.MemoryRuntime(this.#network)
    this.#clients = new build.MemoryRuntime(this.#network)
    this.#primary = new build.MemoryRuntime(this.#network)
    let tell = (_id: string) => {}
    this.#accept(this.#view, viewServer, 'viewserver', connection => {
      const welcome = { wire: wireVersion, cluster, kind: 'viewserver', id: null, role: null, view: null }
      connection.send([
        'welcome',
        { ...welcome, acked: false, others: [], map: null, pingLimitMs: 500, whole: 0, sequence: 0, mark: 0 },
      ])
      const start = { tokenFloor: 0, pauseMs: 0 }
      tell = id =>
        void connection.send([
          'view',
          { group: 0, number: 1, primary: { id, address: here }, backup: null, start },
        ])
    })
    const server = this.#server()
    this.settle()
    tell(server.core.id)
    this.settle()
  }

  #accept(
    runtime: MemoryRuntime,
    address: string,
    role: 'viewserver' | 'lockserver',
    on: (connection: { send(message: readonly [string, ...unknown[]]): unknown }) => void,
  ): void {
    const accepted: Parameters<Build['acceptSocket']>[2]['accepted'] = connection => {
      on(connection)
      return { messages() {}, closed() {} }
    }
    runtime.listen(address, socket =>
      this.#build.acceptSocket(
        socket,
        { secret: null, role },
        { accepted, turnedAway() {} },
        'memory',
        runtime,
      ),
    )
  }

  #server() {
    const options = {
      address: here,
      viewServers: [viewServer],
      pingIntervalMs: 100,
      deadPings: 5,
      drainMs: 1_000,
      limits: this.#build.stateLimits,
      secret: null,
      log: this.#build.silent,
      pid: 1,
      host: 'here',
    }
    const runtime = this.#primary
    const server = new this.#build.RunningLockServer(options, runtime, { ended() {} })
    runtime.listen(here, socket =>
      this.#build.acceptSocket(socket, { secret: null, role: 'lockserver' }, server, '127.0.0.1', runtime),
    )
    server.start()
    return server
  }

  settle(): void {
    for (let more = true; more; ) {
      more = this.#clients.run()
      const began = performance.now()
      more = this.#primary.run() || more
      this.ms += performance.now() - began
      more = this.#view.run() || more
    }
  }

  /** A client that reads nothing of what it gets. */
  client(): (...messages: readonly (readonly [string, ...unknown[]])[]) => void {
    const socket = this.#clients.openSocket(here)
    const say = (...messages: readonly unknown[]) => socket.send(JSON.stringify(messages))
    socket.hear({
      opened: () => say(['hello', wireVersion, cluster, null, { kind: 'client', name: 'bench' }]),
      received: text => {
        this.characters += text.length
      },
      receivedBinary() {},
      closed(code, reason) {
        throw new Error(`closed: ${code} ${reason}`)
      },
    })
    this.settle()
    return say
  }

  take(): number {
    const { ms } = this
    this.ms = 0
    return ms
  }
}

function opened(world: World, number: number) {
  const say = world.client()
  say(openOf(number.toString(16).padStart(32, '0'), 1, 10_000, 'bench'))
  world.settle()
  return say
}

/** Ms for all events, in frames of so many pairs of a wait-free acquire and its forced end. */
function tellEvents(build: Build, pairs: number): number {
  const world = new World(build)
  const all = Array.from({ length: watchers }, () => world.client())
  for (const say of all) say(['watch', 1, 'bench/'])
  const worker = opened(world, 1)
  let request = 1
  world.settle()
  world.take()
  for (let told = 0; told < events; told += 2 * pairs) {
    const frame: (readonly [string, ...unknown[]])[] = []
    for (let i = 0; i < pairs; i++) {
      frame.push(['acquire', request++, [`bench/orders/${i}`], 'exclusive', 'wait', null])
      frame.push(['force-release', request++, `bench/orders/${i}`, null])
    }
    worker(['acknowledge', [1, request], []], ...frame)
    world.settle()
  }
  return world.take()
}

/** Ms for all answers. */
function answerAll(build: Build): number {
  const world = new World(build)
  const holder = opened(world, 1)
  for (let i = 1; i <= locks; i++) holder(['acquire', i, [`bench/orders/${i}`], 'exclusive', 'wait', null])
  world.settle()
  const all = Array.from({ length: askers }, () => world.client())
  world.take()
  for (const say of all) say(['query', 1, 'bench/', true])
  world.settle()
  return world.take()
}

const own = new URL('../..', import.meta.url).href.replace(/\/$/, '')
const build = await load(process.argv[2] === undefined ? own : pathToFileURL(process.argv[2]).href)
const least = (run: () => number) => Math.min(...Array.from({ length: 7 }, run))
const rows = {
  [`${events} events one by one to ${watchers} watchers`]: least(() => tellEvents(build, 1)),
  [`${events} events in frames of 50 to ${watchers} watchers`]: least(() => tellEvents(build, 25)),
  [`${locks} locks to ${askers} askers`]: least(() => answerAll(build)),
}
for (const [what, ms] of Object.entries(rows)) console.log(`${ms.toFixed(1).padStart(8)} ms  ${what}`)
