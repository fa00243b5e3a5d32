// Two or three view servers that ship, a store and some lock servers: all that may happen between a save, its answer,
// deaths, and the end of a mark (E1 to E4). What is asked of the store is done, and answered, each by a happening of
// its own; all else arrives at once. A happening changes the world; whoever searches copies it first.

import { foundingOf } from '../../../viewservice/founding.ts'
import { type StoredRecord, type ViewHears, viewedIn } from '../../../viewservice/record.ts'
import type { SeatCore, SeatEffect, SeatInput } from '../../../viewservice/seat.ts'
import type { ActiveMark, Stored } from '../../../viewservice/stores/store.ts'
import { saidOn } from '../../../wire/effects.ts'
import type { Message, View, Welcome } from '../../../wire/messages.ts'
import { idOf } from '../ids.ts'
import { frozen } from '../plain.ts'
import { helloOf, type KnownServer, newServers, pingOf } from './servers.ts'

export type Happening =
  | { readonly do: 'tick' | 'kill' | 'start'; readonly seat: number }
  /** The store does what was asked; its answer arrives; its answer is lost. */
  | { readonly do: 'land' | 'tell' | 'lose'; readonly ask: number }
  | { readonly do: 'kill server'; readonly server: number }
  | { readonly do: 'end mark' }

/** How often what may happen that need not. */
export interface Freedom {
  readonly ticks: readonly number[]
  readonly kills?: number
  readonly starts?: number
  readonly losses?: number
  readonly serverKills?: number
  readonly markEnds?: number
}

type StoreAct = Exclude<SeatEffect, { do: 'send' | 'close' | 'dial' | 'note' }>

/** What was asked of the store. */
interface Ask {
  readonly seat: number
  readonly life: number
  readonly act: StoreAct
  answer: SeatInput | null
  /** Its asker has heard that no answer comes. */
  lost: boolean
}

interface Seat {
  /** Of its process. */
  id: string
  life: number
  core: SeatCore | null
  accepted: number
  now: number
  inputs: SeatInput[]
  /** By its own number of a connection: the lock server, or the other seat and its number there. */
  readonly ends: Map<number, { readonly server: number } | { readonly seat: number; readonly number: number }>
}

const lifetimeMs = 400
const pingMs = 100

export class World {
  readonly seats: Seat[]
  readonly servers: KnownServer[]
  readonly asks: Ask[] = []
  /** What was saved: the text of each view, and whether it was acked; the nonces of all records. */
  readonly saved = new Map<number, string>()
  readonly acked = new Set<number>()
  readonly nonces = new Set<string>()
  readonly used = { kills: 0, starts: 0, losses: 0, serverKills: 0, markEnds: 0 }
  readonly ticks: number[]
  /** E6: its cluster was begun before. */
  record: Stored | null = {
    record: foundingOf({ cluster: idOf('cluster', 0, 1), nobodyHasRun: true }),
    version: '0',
  }
  mark: ActiveMark | null = null
  problem: string | undefined
  #versions = 0

  constructor(seats: number, servers: number) {
    this.servers = newServers(servers)
    this.ticks = Array.from({ length: seats }, () => 0)
    this.seats = this.ticks.map((_, i) => ({
      ...{ id: idOf('server', 9 - i, 1), life: 0, core: null, accepted: 0, now: 1_000 },
      ...{ inputs: [], ends: new Map() },
    }))
  }

  start(index: number, Core: typeof SeatCore): void {
    const seat = this.#seat(index)
    seat.life += 1
    const { id } = Object.assign(seat, { id: idOf('server', 9 - index, seat.life) })
    const options = {
      ...{ id, address: addressOf(index), stored: this.record, silenceCounts: false, isLocal: true },
      ...{ pingIntervalMs: pingMs, deadPings: 2, founding: null, noRecord: 'none' },
      ...{ recoveryPatienceMs: 10_000, pid: 1, host: 'h' },
    }
    seat.core = new Core(frozen(options))
    for (const [number, server] of this.servers.entries()) if (server.alive) this.#connect(index, number)
    this.#give(index, { is: 'begin' })
  }

  // ---- what may happen

  happenings({
    ticks,
    kills = 0,
    starts = 0,
    losses = 0,
    serverKills = 0,
    markEnds = 0,
  }: Freedom): Happening[] {
    const { used } = this
    const found: Happening[] = []
    for (const [ask, asked] of this.asks.entries()) {
      const { answer, act } = asked
      const atOnce = act.do === 'read mark' || act.do === 'confirm mark'
      const hears = this.#hears(asked)
      if (answer === null && !atOnce) found.push({ do: 'land', ask })
      if (hears && (answer !== null || atOnce)) found.push({ do: 'tell', ask })
      if (hears && used.losses < losses) found.push({ do: 'lose', ask })
    }
    for (const [seat, { core }] of this.seats.entries()) {
      if (core === null) {
        if (used.starts < starts) found.push({ do: 'start', seat })
        continue
      }
      if ((this.ticks[seat] ?? 0) < (ticks[seat] ?? 0)) found.push({ do: 'tick', seat })
      if (used.kills < kills) found.push({ do: 'kill', seat })
    }
    if (used.serverKills < serverKills)
      for (const [server, { alive }] of this.servers.entries())
        if (alive) found.push({ do: 'kill server', server })
    if (used.markEnds < markEnds && this.mark !== null) found.push({ do: 'end mark' })
    return found
  }

  make(happening: Happening, Core: typeof SeatCore): void {
    switch (happening.do) {
      case 'tick':
        this.ticks[happening.seat] = (this.ticks[happening.seat] ?? 0) + 1
        return this.tick(happening.seat)
      case 'kill':
        this.used.kills += 1
        return this.#kill(happening.seat)
      case 'start':
        this.used.starts += 1
        return this.start(happening.seat, Core)
      case 'land':
        return this.land(happening.ask)
      case 'tell':
        return this.tell(happening.ask)
      case 'lose':
        this.used.losses += 1
        return this.#lose(happening.ask)
      case 'kill server':
        this.used.serverKills += 1
        return this.#killServer(happening.server)
      case 'end mark':
        this.used.markEnds += 1
        this.mark = null
        return
    }
  }

  tick(index: number): void {
    const seat = this.#seat(index)
    seat.now += pingMs
    this.#reconnect(index)
    for (const [number, end] of seat.ends) {
      const server = 'server' in end ? this.servers[end.server] : undefined
      if (server?.alive) this.#say(index, number, ['ping', pingOf(server, this.servers)])
    }
    this.#give(index, { is: 'tick' })
  }

  /** Lock servers that were sent away come back. */
  #reconnect(index: number): void {
    const ends = [...this.#seat(index).ends.values()]
    for (const [number, { alive }] of this.servers.entries())
      if (alive && !ends.some(end => 'server' in end && end.server === number)) this.#connect(index, number)
  }

  // ---- the store

  land(index: number): void {
    const ask = this.asks[index]
    if (ask === undefined) return
    ask.answer = this.#done(ask)
    if (!this.#hears(ask)) this.asks.splice(index, 1)
  }

  tell(index: number): void {
    const [ask] = this.asks.splice(index, 1)
    if (ask !== undefined) ask.answer ??= this.#done(ask)
    if (ask?.answer && this.#hears(ask)) this.#give(ask.seat, ask.answer)
  }

  /** Of what may be asked twice it is only known that the store is away. */
  #lose(index: number): void {
    const ask = this.asks[index]
    if (ask === undefined) return
    ask.lost = true
    if (ask.answer !== null) this.asks.splice(index, 1)
    const { act, seat } = ask
    const text = 'no answer'
    if (act.do === 'load') this.#give(seat, { is: 'not loaded', text })
    else if (act.do === 'write') this.#give(seat, { is: 'not written', trouble: 'unknown', text })
    else if (act.do === 'take mark') this.#give(seat, { is: 'mark failed', trouble: 'unknown', text })
    else if (act.do !== 'give up mark') this.#give(seat, { is: 'mark failed', trouble: 'away', text })
  }

  #hears({ lost, seat, life, act }: Ask): boolean {
    return (
      !lost && act.do !== 'give up mark' && this.#seat(seat).life === life && this.#seat(seat).core !== null
    )
  }

  #done({ act, seat }: Ask): SeatInput {
    const taken = { is: 'mark failed', trouble: 'taken', text: '' } as const
    switch (act.do) {
      case 'load':
        return { is: 'loaded', stored: this.record }
      case 'write':
        return this.#write(act.record, act.expected)
      case 'read mark':
        return { is: 'mark read', mark: this.mark }
      case 'take mark':
        return this.mark?.version === act.instead?.version ? this.#setMark(seat, act.owner) : taken
      case 'confirm mark':
        return this.mark?.version === act.mark.version ? { is: 'mark confirmed' } : taken
      case 'give up mark':
        if (this.mark?.version === act.mark.version) this.mark = null
        return taken
    }
  }

  #write(given: StoredRecord, expected: Stored | null): SeatInput {
    if (this.record?.version !== expected?.version) return { is: 'not written', trouble: 'taken', text: '' }
    const record = viewedIn(given)
    if (record === null) throw new Error('E6: a cluster was begun twice')
    if (this.nonces.has(record.nonce)) this.problem ??= `E2: record ${record.record} is saved twice`
    if (record.record !== (this.record?.record.record ?? 0) + 1)
      this.problem ??= `V6: record ${record.record} follows ${this.record?.record.record ?? 0}`
    this.nonces.add(record.nonce)
    const { view, acked } = record
    const text = JSON.stringify(view)
    if ((this.saved.get(view.number) ?? text) !== text)
      this.problem ??= `V1: view ${view.number} is made twice`
    this.saved.set(view.number, text)
    if (acked) this.acked.add(view.number)
    this.record = frozen({ record, version: `${++this.#versions}` })
    return { is: 'written', stored: this.record }
  }

  #setMark(index: number, owner: { readonly id: string; readonly address: string }): SeatInput {
    const other = this.seats.findIndex(({ core, id }) => core !== null && id === this.mark?.id)
    if (other >= 0 && other !== index)
      this.problem ??= `E3: the mark is taken from ${addressOf(other)}, which lives`
    const number = ++this.#versions
    this.mark = frozen({ ...owner, number, lifetimeMs, version: `${number}` })
    return { is: 'mark taken', mark: this.mark }
  }

  // ---- who dies

  #kill(index: number): void {
    const seat = this.#seat(index)
    const ends = [...seat.ends]
    seat.core = null
    seat.inputs = []
    seat.ends.clear()
    for (const [, end] of ends) if ('seat' in end) this.#closed(end.seat, end.number)
    this.#forgetAsks()
  }

  /** What the dead asked may still be done, but no process hears the answer. */
  #forgetAsks(): void {
    for (let i = this.asks.length - 1; i >= 0; i--) {
      const ask = this.asks[i]
      if (ask !== undefined && ask.answer !== null && !this.#hears(ask)) this.asks.splice(i, 1)
    }
  }

  #killServer(index: number): void {
    const server = this.servers[index]
    if (server === undefined) return
    server.alive = false
    for (const [i, { ends }] of this.seats.entries())
      for (const [number, end] of [...ends])
        if ('server' in end && end.server === index) this.#closed(i, number)
  }

  #closed(index: number, connection: number): void {
    this.#seat(index).ends.delete(connection)
    this.#give(index, { is: 'closed', connection, refused: false })
  }

  // ---- what is said

  #connect(index: number, number: number): void {
    const seat = this.#seat(index)
    const server = this.servers[number]
    if (server === undefined) return
    const connection = ++seat.accepted
    seat.ends.set(connection, { server: number })
    const cluster = server.view === null ? null : idOf('cluster', 0, 1)
    this.#give(index, {
      is: 'accepted',
      connection,
      cluster,
      from: helloOf(server),
      owner: null,
      principal: null,
      remote: '',
    })
  }

  #say(index: number, connection: number, message: Message): void {
    const messages = saidOn<ViewHears>([message])
    this.#give(index, { is: 'messages', connection, messages })
  }

  #give(index: number, input: SeatInput): void {
    const seat = this.#seat(index)
    if (seat.core === null) return
    seat.inputs.push(input)
    if (seat.inputs.length > 1) return
    for (let next = seat.inputs[0]; next !== undefined && seat.core !== null; next = seat.inputs[0]) {
      const now = { monotonic: seat.now }
      const effects = [...seat.core.step(next, now), ...seat.core.step({ is: 'turn-end' }, now)]
      for (const effect of effects) this.#perform(index, effect)
      seat.inputs.shift()
    }
  }

  #perform(index: number, effect: SeatEffect): void {
    const seat = this.#seat(index)
    switch (effect.do) {
      case 'note':
        return
      case 'send':
        return this.#hear(index, effect.connection, effect.message)
      case 'close': {
        const end = seat.ends.get(effect.connection)
        seat.ends.delete(effect.connection)
        if (end !== undefined && 'seat' in end) this.#closed(end.seat, end.number)
        return
      }
      case 'dial':
        return this.#dial(index, effect.connection, effect.address)
      default:
        if (effect.do === 'write' && !seat.core?.isActive)
          this.problem ??= `E3: ${addressOf(index)} saves, and is not active`
        this.asks.push({ seat: index, life: seat.life, act: frozen(effect), answer: null, lost: false })
    }
  }

  #dial(index: number, connection: number, address: string): void {
    const server = this.servers.find(each => each.address === address)
    const other = this.seats.findIndex((_, i) => addressOf(i) === address)
    if (server?.alive) {
      // A probe: it is told who is there, and the connection ends.
      this.#say(index, connection, ['welcome', { kind: 'lockserver', id: server.id }] as unknown as Message)
    } else if (other < 0 || this.#seat(other).core === null)
      this.#give(index, { is: 'closed', connection, refused: true })
    else {
      const number = ++this.#seat(other).accepted
      this.#seat(index).ends.set(connection, { seat: other, number })
      this.#seat(other).ends.set(number, { seat: index, number: connection })
      const from = { kind: 'client', name: 'a standby view server' } as const
      this.#give(other, {
        is: 'accepted',
        connection: number,
        cluster: null,
        from,
        owner: null,
        principal: null,
        remote: '',
      })
    }
  }

  /** What a view server says: to a lock server, which believes it, or to another view server. */
  #hear(index: number, connection: number, message: Message): void {
    const end = this.#seat(index).ends.get(connection)
    const [kind, first, second] = message
    const isView = kind === 'view' || kind === 'pong' || kind === 'welcome'
    const view = kind === 'welcome' ? (first as Welcome).view : (first as View | null)
    if (isView && view !== null) this.#told(index, view, kind !== 'welcome' && second === true)
    if (end === undefined) return
    if ('seat' in end) return this.#say(end.seat, end.number, message)
    const server = this.servers[end.server]
    if (!server?.alive) return
    if (isView && view !== null && view.number > (server.view?.number ?? 0)) server.view = view
    if (kind !== 'question') return
    const { view: number, role, inSync } = pingOf(server, this.servers)
    this.#say(index, connection, ['answer', first as number, { group: 0, view: number, role, inSync }])
  }

  /** V6 */
  #told(index: number, view: View, acked: boolean): void {
    const isSaved =
      this.saved.get(view.number) === JSON.stringify(view) && (!acked || this.acked.has(view.number))
    if (!isSaved) this.problem ??= `V6: ${addressOf(index)} tells of view ${view.number}, which is not saved`
  }

  #seat(index: number): Seat {
    const seat = this.seats[index]
    if (seat === undefined) throw new Error(`there is no seat ${index}`)
    return seat
  }
}

export function addressOf(seat: number): string {
  return `ws://V${seat + 1}`
}
