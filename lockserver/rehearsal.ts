// A rehearsal: three made-up servers go through what a real one may have to do later. The first is primary, the
// second copies its state, is its backup, takes over when it dies, and the third joins; meanwhile a made-up client
// asks. Frames are encoded and read as on a wire, and none leaves the process. Its use: V8 compiles only what has
// run, so that a backup which is promoted in the midst of work would do all of it for the first time.

import { decode, encode } from '../wire/codec.ts'
import { deadPings, drainMs, pingIntervalMs, stateLimits, ttlMsDefault } from '../wire/limits.ts'
import type { ClientRequest, Message, Role, Server, View, Welcome } from '../wire/messages.ts'
import { wireVersion } from '../wire/version.ts'
import { ServerCore, type ServerInput } from './core.ts'
import { Counts } from './counts.ts'
import type { ServerEffect } from './outbox.ts'

/** Locks that the client takes at once. */
const locksAtOnce = 64
const idOf = (digit: string) => digit.repeat(32)
const session = idOf('e')
const cluster = idOf('f')
const pingLimitMs = pingIntervalMs * deadPings

interface Player {
  readonly server: Server
  readonly core: ServerCore
  /** Its own number of its connection to the view server. */
  view: number
}

/** The connection of a primary to its backup, as each end numbers it. */
interface Wire {
  readonly from: Player
  readonly dialled: number
  readonly to: Player
  readonly accepted: number
}

export class Rehearsal {
  /** Pairs of acquire and release that were answered. */
  pairs = 0
  readonly #players = ['a', 'b', 'c'].map(newPlayer)
  #wire: Wire | null = null
  #toBackup: Message[] = []
  #toPrimary: Message[] = []
  #toClient: Message[] = []
  /** Whom the client speaks to, and where. */
  #primary = this.#players[0] as Player
  #connection = 0
  #connections = 0
  #number = 0
  #heard = 0
  #elapsedMs = 0

  /** For tests. */
  get roles(): Role[] {
    return this.#players.map(({ core }) => core.role)
  }

  /** All of it, with so many rounds of pairs before the first primary dies. */
  play(rounds: number): void {
    const [first, second, third] = this.#players as [Player, Player, Player]
    for (const player of this.#players) this.#meetViewServer(player)
    this.#enter({ number: 1, primary: first, backup: null })
    this.#admit(first)
    this.#ask([
      ['open', session, 1, ttlMsDefault, 'rehearsal'],
      ['renew', 1],
    ])
    this.#enter({ number: 2, primary: first, backup: second })
    for (let round = 0; round < rounds; round++) this.#pair()
    const unheard = this.#acquires()
    this.#ask(unheard)
    this.#wire = null
    this.#hear(second, second.view, ['question', 2])
    this.#enter({ number: 3, primary: second, backup: null })
    this.#admit(second)
    const [from, to] = [this.#number - locksAtOnce + 1, this.#number]
    this.#release(this.#ask([['resume', session, 2, this.#number + 1, [from, to]], ...unheard]))
    this.#enter({ number: 4, primary: second, backup: third })
    this.#pair()
  }

  // ---- the client

  #admit(primary: Player): void {
    this.#primary = primary
    this.#connection = ++this.#connections
    const from = { kind: 'client', name: 'rehearsal' } as const
    this.#step(primary, { is: 'accepted', connection: this.#connection, cluster, from })
  }

  #pair(): void {
    this.#release(this.#ask(this.#acquires()))
  }

  #acquires(): ClientRequest[] {
    return Array.from({ length: locksAtOnce }, (_, i) => {
      return ['acquire', ++this.#number, [`rehearsal/${i}`], 'exclusive', 'wait']
    })
  }

  #release(answers: readonly Message[]): void {
    const tokens = answers.flatMap(answer => (answer[0] === 'granted' ? (answer[2] as number[]) : []))
    const acknowledge: ClientRequest = ['acknowledge', [this.#heard + 1, this.#number], []]
    this.#heard = this.#number
    const releases = tokens.map((token): ClientRequest => ['release', ++this.#number, token])
    const released = this.#ask([acknowledge, ...releases]).filter(answer => answer[0] === 'released')
    this.pairs += released.length
  }

  /** In one frame; what the primary answers once its backup has heard of it. */
  #ask(requests: ClientRequest[]): Message[] {
    this.#toClient = []
    const messages = decode(encode(requests), 'clientToServer')
    this.#step(this.#primary, { is: 'messages', connection: this.#connection, messages })
    this.#settle()
    encode(this.#toClient)
    return this.#toClient
  }

  // ---- views

  #meetViewServer(player: Player): void {
    this.#step(player, { is: 'tick' })
    const welcome: Welcome = {
      wire: wireVersion,
      cluster,
      kind: 'viewserver',
      id: null,
      role: null,
      view: null,
      pingLimitMs,
      whole: 0,
      sequence: 0,
    }
    this.#hear(player, player.view, ['welcome', welcome])
  }

  /** All hear of it, and the new backup copies. */
  #enter({ number, primary, backup }: { number: number; primary: Player; backup: Player | null }): void {
    const start = number === 1 ? { tokenFloor: 0, pauseMs: 0 } : null
    const view: View = { number, primary: primary.server, backup: backup?.server ?? null, start }
    for (const player of new Set([primary, ...(backup === null ? [] : [backup])]))
      this.#hear(player, player.view, ['view', view])
    this.#settle()
  }

  // ---- frames

  #hear(player: Player, connection: number, message: Message): void {
    this.#step(player, { is: 'messages', connection, messages: [message] })
  }

  /** Until nobody has anything more to say. */
  #settle(): void {
    do {
      for (const player of this.#players) this.#step(player, { is: 'turn-end' })
      const [toBackup, toPrimary, wire] = [this.#toBackup, this.#toPrimary, this.#wire]
      this.#toBackup = []
      this.#toPrimary = []
      if (wire === null) return
      if (toBackup.length > 0) {
        const messages = decode(encode(toBackup), 'primaryToBackup')
        this.#step(wire.to, { is: 'messages', connection: wire.accepted, messages })
      }
      if (toPrimary.length > 0) {
        const messages = decode(encode(toPrimary), 'backupToPrimary')
        this.#step(wire.from, { is: 'messages', connection: wire.dialled, messages })
      }
    } while (this.#toBackup.length + this.#toPrimary.length > 0)
  }

  #step(player: Player, input: ServerInput): void {
    for (const effect of player.core.step(input, this.#now())) this.#perform(player, effect)
  }

  #perform(player: Player, effect: ServerEffect): void {
    if (effect.do === 'dial') this.#dial(player, effect)
    else if (effect.do === 'continue') this.#step(player, { is: 'continue' })
    else if (effect.do !== 'send') return
    else if (player === this.#wire?.from && effect.connection === this.#wire.dialled)
      this.#toBackup.push(effect.message)
    else if (player === this.#wire?.to && effect.connection === this.#wire.accepted)
      this.#toPrimary.push(effect.message)
    else if (player === this.#primary && effect.connection === this.#connection)
      this.#toClient.push(effect.message)
  }

  #dial(player: Player, { connection, from, address }: Extract<ServerEffect, { do: 'dial' }>): void {
    if (from.kind === 'lockserver') player.view = connection
    const to = this.#players.find(({ server }) => server.address === address)
    if (from.kind !== 'primary' || to === undefined) return
    this.#wire = { from: player, dialled: connection, to, accepted: ++this.#connections }
    this.#step(to, { is: 'accepted', connection: this.#wire.accepted, cluster, from })
  }

  /** Made up, and slow, so that no lease runs out; of the size of real ones, as tokens are: V8 learns that, too. */
  #now(): { monotonic: number; wall: number } {
    this.#elapsedMs += 0.000_1
    return { monotonic: this.#elapsedMs, wall: 1_800_000_000_000 + this.#elapsedMs }
  }
}

function newPlayer(digit: string): Player {
  const server = { id: idOf(digit), address: `ws://${digit}:1` }
  const core = new ServerCore({
    ...server,
    viewServers: ['ws://view:1'],
    pingIntervalMs,
    deadPings,
    drainMs,
    limits: stateLimits,
    pid: 1,
    host: 'made-up',
    cluster,
    counts: new Counts(),
  })
  return { server, core, view: 0 }
}
