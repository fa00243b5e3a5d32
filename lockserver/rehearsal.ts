// A rehearsal: three simulated servers run through a failover. The first is primary, the second copies its
// state, is its backup and takes over when it dies, and the third joins; in the meantime a client asks. The
// servers run the real code, on a runtime in memory: none of their frames leaves the process. Its use: V8
// compiles only what has run. Without it a backup promoted under load would do all of it for the first time.

import { decode, encode } from '../wire/codec.ts'
import { deadPings, drainMs, pingIntervalMs, stateLimits, ttlMsDefault } from '../wire/limits.ts'
import type { HelloFrom, MessageOf, Role, Server, View, Welcome } from '../wire/messages.ts'
import type { Connection, ConnectionHandlers } from '../wire/net/connection.ts'
import { helloOf } from '../wire/net/dial.ts'
import { acceptSocket } from '../wire/net/hello.ts'
import { MemoryRuntime } from '../wire/net/memory-runtime.ts'
import type { Socket } from '../wire/net/socket.ts'
import { unfolded } from '../wire/runs.ts'
import { silent } from '../wire/serving/log.ts'
import { wireVersion } from '../wire/version.ts'
import { ServerCounts } from './counts.ts'
import { RunningLockServer } from './running.ts'

/** Locks that the client takes at once. */
const locksAtOnce = 64
const session = 'e'.repeat(32)
const key = 'd'.repeat(32)
const cluster = 'f'.repeat(32)
const viewServer = 'ws://view:1'

type Request = MessageOf<'clientToServer'>
type Answer = MessageOf<'serverToClient'>

interface Player {
  readonly address: string
  readonly running: RunningLockServer
  /** Its connection to the view server. */
  toView: Connection | undefined
}

export class Rehearsal {
  /** Pairs of acquire and release that were answered. */
  pairs = 0
  readonly #runtime = new MemoryRuntime(new Map())
  readonly #players: readonly Player[]
  /** The client's connection. */
  #socket: Socket | undefined
  #answers: Answer[] = []
  #number = 0
  #heard = 0
  /** Whether it speaks in runs: both ways are to be compiled. */
  #inRuns = true

  constructor() {
    this.#runtime.listen(viewServer, socket => {
      const handlers = { accepted: this.#welcome.bind(this), turnedAway() {} }
      acceptSocket(socket, { secret: null, role: 'viewserver' }, handlers, 'memory', this.#runtime)
    })
    this.#players = ['a', 'b', 'c'].map(letter => newPlayer(this.#runtime, `ws://${letter}:1`))
  }

  /** For tests. */
  get roles(): Role[] {
    return this.#players.map(({ running }) => running.core.role)
  }

  /** The whole rehearsal, with this many rounds of pairs before the first primary dies. */
  play(rounds: number): void {
    const [first, second, third] = this.#players as [Player, Player, Player]
    for (const { running } of this.#players) running.start()
    this.#runtime.run()
    this.#enter(1, first, null)
    this.#admit(first)
    this.#ask([
      ['open', session, key, 1, ttlMsDefault, 'rehearsal', null, null, ''],
      ['renew', 1],
    ])
    this.#enter(2, first, second)
    for (let round = 0; round < rounds; round++) {
      this.#inRuns = round % 2 === 0
      this.#pair()
    }
    const unheard = this.#acquires()
    this.#ask(unheard)
    first.running.kill()
    this.#tell(second, ['question', 2])
    this.#enter(3, second, null)
    this.#admit(second)
    const [from, to] = [this.#number - locksAtOnce + 1, this.#number]
    this.#release(this.#ask([['resume', session, key, 2, this.#number + 1, [from, to]], ...unheard]))
    this.#enter(4, second, third)
    this.#pair()
  }

  // ---- the client

  #admit({ address }: Player): void {
    const hello = helloOf(cluster, null, { kind: 'client', name: 'rehearsal' })
    const socket = this.#runtime.openSocket(address)
    socket.hear({
      opened: () => socket.send(encode([hello])),
      received: text =>
        void this.#answers.push(...unfolded<'serverToClient'>(decode(text, 'serverToClient'))),
      receivedBinary() {},
      closed() {},
    })
    this.#socket = socket
    this.#runtime.run()
  }

  #pair(): void {
    this.#release(this.#ask(this.#acquires()))
  }

  #acquires(): Request[] {
    return Array.from({ length: locksAtOnce }, (_, i) => {
      return ['acquire', ++this.#number, [`rehearsal/${i}`], 'exclusive', 'wait', null]
    })
  }

  #release(answers: readonly Answer[]): void {
    const tokens = answers.flatMap(answer => (answer[0] === 'granted' ? answer[2] : []))
    const acknowledge: Request = ['acknowledge', [this.#heard + 1, this.#number], []]
    this.#heard = this.#number
    const releases = tokens.map((token): Request => ['release', ++this.#number, token])
    const released = this.#ask([acknowledge, ...releases]).filter(answer => answer[0] === 'released')
    this.pairs += released.length
  }

  /** Sends these in one frame; the primary answers once its backup has them. */
  #ask(requests: readonly Request[]): Answer[] {
    this.#answers = []
    this.#socket?.send(this.#inRuns ? encode(requests) : JSON.stringify(requests))
    this.#runtime.run()
    return this.#answers
  }

  // ---- the view server

  #welcome(connection: Connection, _: string | null, from: HelloFrom): ConnectionHandlers {
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
      pingLimitMs: pingIntervalMs * deadPings,
      whole: 0,
      sequence: 0,
      mark: 0,
    }
    connection.send(['welcome', welcome])
    if (from.kind === 'lockserver') this.#playerAt(from.address).toView = connection
    return { messages() {}, closed() {} }
  }

  #playerAt(address: string): Player {
    return this.#players.find(player => player.address === address) as Player
  }

  /** The servers in the view learn of it, and the new backup copies. */
  #enter(number: number, primary: Player, backup: Player | null): void {
    const start = number === 1 ? { tokenFloor: 0, pauseMs: 0, choice: null } : null
    const named = backup === null ? null : serverOf(backup)
    const view: View = {
      ...{ group: 0, number, primary: serverOf(primary), backup: named },
      ...{ durability: 'memory', start },
    }
    primary.toView?.send(['view', view, false])
    backup?.toView?.send(['view', view, false])
    this.#runtime.run()
  }

  #tell({ toView }: Player, message: MessageOf<'viewToServer'>): void {
    toView?.send(message)
    this.#runtime.run()
  }
}

function serverOf({ address, running }: Player): Server {
  return { id: running.core.id, address }
}

function newPlayer(runtime: MemoryRuntime, address: string): Player {
  const options = {
    address,
    viewServers: [viewServer],
    pingIntervalMs,
    deadPings,
    drainMs,
    limits: stateLimits,
    secret: null,
    log: silent,
    pid: 1,
    host: 'simulated',
    counts: new ServerCounts(),
  }
  const running = new RunningLockServer(options, runtime, { ended() {} })
  runtime.listen(address, socket =>
    acceptSocket(socket, { secret: null, role: 'lockserver' }, running, 'memory', runtime),
  )
  return { address, running, toView: undefined }
}
