// What comes of one happening: a copy of the state in which it has happened, with all that follows at once.

import type { Checks } from './checks.ts'
import {
  type Connection,
  isOver,
  other,
  type SearchedConnections,
  type Side,
  sides,
  towards,
} from './connections.ts'
import type { Parties } from './parties.ts'
import type { Input, Step } from './processes/process.ts'

export interface State {
  readonly clock: number
  readonly history: number
  /** How often each limited kind of happening has happened; see `limits`. */
  readonly used: readonly number[]
  /** By slot. */
  readonly locals: readonly number[]
  /** In the order of `SearchedConnections.inOrder`. */
  readonly connections: readonly number[]
}

/** The places of `used`; ticks come behind, by slot. */
export const limits = [
  'kills',
  'starts',
  'cuts',
  'passes',
  'viewServerKills',
  'outages',
  'burns',
  'rots',
] as const
export type Limit = (typeof limits)[number]

export type Happening =
  | { readonly do: 'deliver' | 'close'; readonly connection: number; readonly to: Side }
  | { readonly do: 'cut'; readonly connection: number }
  | { readonly do: 'pass'; readonly ms: number }
  /** All machines but one lose their power at once; one disk may burn, or have rot in its last write. */
  | {
      readonly do: 'outage'
      readonly keeps: Kept
      readonly spares: number | null
      readonly burns: number | null
      readonly rots: number | null
    }
  | { readonly do: SlotHappening; readonly slot: number }

/** By slot: how many of the writes that were not synced are on its disk; the others keep none. */
export type Kept = readonly (readonly [slot: number, writes: number])[]

type SlotHappening =
  | 'tick'
  | 'kill'
  | 'kill after the write'
  | 'start'
  | 'call'
  | 'wake'
  | 'saved'
  | 'synced'
  | 'turn-end'
  | 'reads'

/** What a transition needs to know of its world. */
export interface World {
  readonly parties: Parties
  readonly connections: SearchedConnections
  readonly checks: Checks
}

export class Transition {
  problem: string | undefined
  readonly #world: World
  readonly #before: State
  #clock: number
  #history: number
  #used: readonly number[]
  readonly #locals: number[]
  readonly #connections: number[]

  constructor(world: World, state: State) {
    this.#world = world
    this.#before = state
    this.#clock = state.clock
    this.#history = state.history
    this.#used = state.used
    this.#locals = [...state.locals]
    this.#connections = [...state.connections]
  }

  /** The state after it. */
  make(happening: Happening): State {
    this.#happen(happening)
    this.#deliverIdle()
    const { connections } = this.#world
    return {
      clock: this.#clock,
      history: this.#history,
      used: this.#used,
      locals: this.#locals,
      connections: connections.inOrder(this.#connections.filter(number => !isOver(connections.get(number)))),
    }
  }

  #happen(happening: Happening): void {
    switch (happening.do) {
      case 'deliver':
        return this.#deliver(happening.connection, happening.to)
      case 'close':
        return this.#tellClosed(happening.connection, happening.to, false)
      case 'cut':
        this.#count('cuts')
        this.#connections[happening.connection] = this.#world.connections.cut(
          this.#number(happening.connection),
        )
        return
      case 'pass':
        this.#count('passes')
        this.#clock += happening.ms
        return
      case 'outage':
        return this.#outage(happening)
      default:
        return this.#inside(happening.do, happening.slot)
    }
  }

  #outage({ keeps, spares, burns, rots }: Extract<Happening, { do: 'outage' }>): void {
    this.#count('outages')
    if (burns !== null) this.#count('burns')
    if (rots !== null) this.#count('rots')
    for (let slot = 0; slot < this.#locals.length; slot++) {
      const local = this.#world.parties.local(this.#locals[slot] as number)
      if ((local.place !== 'viewserver' && local.place !== 'lockserver') || local.core === null) continue
      if (slot === spares) continue
      this.#die(slot)
      const [, writes = 0] = keeps.find(([kept]) => kept === slot) ?? []
      this.#step(slot, slot === 0 ? { is: 'kill' } : { is: 'no power', writes })
    }
    if (rots !== null) this.#step(rots, { is: 'rot' })
    if (burns !== null) this.#step(burns, { is: 'burn' })
  }

  #inside(what: SlotHappening, slot: number): void {
    const isView = slot === 0
    if (what === 'tick') this.#countPlace(limits.length + slot)
    if (what === 'start' && !isView) this.#count('starts')
    if (what === 'kill' || what === 'kill after the write') {
      this.#count(isView ? 'viewServerKills' : 'kills')
      this.#die(slot)
    }
    this.#step(slot, { is: what })
  }

  #count(limit: Limit): void {
    this.#countPlace(limits.indexOf(limit))
  }

  #countPlace(place: number): void {
    const used = [...this.#used]
    used[place] = (used[place] as number) + 1
    this.#used = used
  }

  /** What it sent may still arrive, all or some of it. */
  #die(slot: number): void {
    for (const [index, side] of this.#endsOf(slot)) {
      this.#connections[index] = this.#world.connections.broken(this.#number(index), side)
    }
  }

  #deliver(index: number, side: Side): void {
    const connection = this.#at(index)
    if (connection[side].number === 0) return this.#accept(index, connection)
    const step = this.#arrival(this.#number(index), connection, side)
    this.#connections[index] = this.#world.connections.withoutFirst(this.#number(index), side)
    this.#take(connection[side].slot, step)
  }

  /** A dial arrives: at a living process, or where nothing listens. */
  #accept(index: number, { acceptor, dialler, toAcceptor }: Connection): void {
    const { connections, parties } = this.#world
    const local = parties.local(this.#locals[acceptor.slot] as number)
    if ((local.place !== 'viewserver' && local.place !== 'lockserver') || local.core === null) {
      this.#connections[index] = connections.closed(this.#number(index), 'acceptor')
      if (dialler.open) this.#tellClosed(index, 'dialler', true)
      return
    }
    const number = local.accepted + 1
    this.#connections[index] = connections.accepted(this.#number(index), number)
    this.#step(acceptor.slot, { is: 'accepted', connection: number, frame: toAcceptor.frames[0] as number })
  }

  #tellClosed(index: number, side: Side, refused: boolean): void {
    const { slot, number } = this.#at(index)[side]
    this.#connections[index] = this.#world.connections.closed(this.#number(index), side)
    // One that was cut before its hello came is not known there.
    if (number !== 0) this.#step(slot, { is: 'closed', connection: number, refused })
  }

  #step(slot: number, input: Input): void {
    this.#take(slot, this.#world.parties.step(this.#locals[slot] as number, input, this.#clock))
  }

  /** What the next frame towards this side, or the close behind the last one, does there. */
  #arrival(number: number, connection: Connection, side: Side): Step {
    const { parties } = this.#world
    return parties.arrival(
      this.#locals[connection[side].slot] as number,
      number,
      connection,
      side,
      this.#clock,
    )
  }

  #take(slot: number, step: Step): void {
    const { connections, checks } = this.#world
    this.#locals[slot] = step.local
    for (const output of step.outputs) {
      switch (output.do) {
        case 'send':
          this.#send(slot, output.connection, output.frame)
          break
        case 'close':
          this.#close(slot, output.connection)
          break
        case 'dial':
          this.#connections.push(
            connections.dialled(slot, output.connection, output.to, output.kind, output.frame),
          )
          break
        case 'close all':
          this.#closeAll(slot, output.frame)
      }
    }
    for (const seen of step.seen) {
      const { history, problem } = checks.fold(this.#history, seen)
      this.#history = history
      this.problem ??= problem
    }
  }

  #send(slot: number, connection: number, frame: number): void {
    for (const [index, side] of this.#endsOf(slot, connection)) {
      this.#connections[index] = this.#world.connections.withFrame(this.#number(index), other(side), frame)
    }
  }

  #close(slot: number, connection: number): void {
    for (const [index, side] of this.#endsOf(slot, connection)) {
      this.#connections[index] = this.#world.connections.closed(this.#number(index), side)
    }
  }

  /** The accepting side says why first. */
  #closeAll(slot: number, frame: number | null): void {
    const { connections } = this.#world
    for (const [index, side] of this.#endsOf(slot)) {
      const told =
        side === 'acceptor' && frame !== null
          ? connections.withFrame(this.#number(index), 'dialler', frame)
          : this.#number(index)
      this.#connections[index] = connections.closed(told, side)
    }
  }

  /** Open ends of a process: the one that it knows by this number, or all. */
  #endsOf(slot: number, number?: number): [number, Side][] {
    const ends: [number, Side][] = []
    for (let index = 0; index < this.#connections.length; index++) {
      const connection = this.#at(index)
      for (const side of sides) {
        const end = connection[side]
        if (end.slot !== slot || !end.open || end.number === 0) continue
        if (number === undefined || end.number === number) ends.push([index, side])
      }
    }
    return ends
  }

  #number(index: number): number {
    return this.#connections[index] as number
  }

  #at(index: number): Connection {
    return this.#world.connections.get(this.#number(index))
  }

  // ---- fewer states

  /**
   * What changes nothing where it arrives, and is answered by nothing, arrives at once: no party could
   * tell whether it came now or later, but for counters of silence.
   */
  #deliverIdle(): void {
    for (let index = 0; index < this.#connections.length; index++) {
      if (!this.#mayBeIdle(index)) continue
      for (const side of sides) while (this.#deliversIdle(index, side));
    }
  }

  /** What was not idle before is not idle now, unless something has changed where it goes. */
  #mayBeIdle(index: number): boolean {
    const { clock, connections, locals } = this.#before
    if (this.#clock !== clock || this.#connections[index] !== connections[index]) return true
    const { dialler, acceptor } = this.#at(index)
    return (
      this.#locals[dialler.slot] !== locals[dialler.slot] ||
      this.#locals[acceptor.slot] !== locals[acceptor.slot]
    )
  }

  #deliversIdle(index: number, side: Side): boolean {
    const number = this.#number(index)
    const connection = this.#at(index)
    const end = connection[side]
    const { frames, ending } = towards(connection, side)
    if (!end.open || end.number === 0 || (frames.length === 0 && ending === 'open')) return false
    const step = this.#arrival(number, connection, side)
    if (step.local !== this.#locals[end.slot] || step.outputs.length > 0 || step.seen.length > 0) return false
    const { connections } = this.#world
    this.#connections[index] =
      frames.length === 0 ? connections.closed(number, side) : connections.withoutFirst(number, side)
    return frames.length > 0
  }
}
