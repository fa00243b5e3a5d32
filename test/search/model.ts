// What may happen next in a small cluster, and what comes of it: deliveries, cuts, deaths, starts, ticks,
// calls and the passing of time, each faulty one a limited number of times. A state never changes; it
// holds numbers only, and two equal ones have the same key.

import { Checks } from './checks.ts'
import {
  accepted,
  type Connection,
  Connections,
  channelOf,
  cut,
  dialled,
  hungUp,
  isOver,
  other,
  type Side,
  towards,
  withFrame,
  withoutFirst,
} from './connections.ts'
import { type Input, Parties, type Setting, type Step } from './parties.ts'
import type { Cores } from './plain.ts'

export interface State {
  readonly clock: number
  readonly history: number
  /** How often each limited kind of event has happened; see `limits`. */
  readonly used: readonly number[]
  /** By slot. */
  readonly locals: readonly number[]
  /** Ascending. */
  readonly connections: readonly number[]
}

/** A process by its name: VS, S1, S2 …, C1, C2 …, operator. */
export type Name = string

/** How often what may happen that need not; a tick of each server is counted for itself. */
export interface Freedom {
  readonly kills?: { readonly of: readonly Name[]; readonly times: number }
  /** Lock servers that are not there, or are dead, start. */
  readonly starts?: number
  /** Between these two, whoever dialled. */
  readonly cuts?: { readonly between: readonly (readonly [Name, Name])[]; readonly times: number }
  readonly ticks?: Readonly<Record<Name, number>>
  /** Time passes in steps of so many ms, or to the next moment at which a client has something to do. */
  readonly passes?: { readonly ms: number | 'wake'; readonly times: number }
  readonly viewServerKills?: number
  /** Clients that may make their first call; all of them unless told otherwise. */
  readonly callers?: readonly Name[]
}

export type Happening =
  | { readonly do: 'deliver' | 'close'; readonly connection: number; readonly to: Side }
  | { readonly do: 'cut'; readonly connection: number }
  | { readonly do: 'pass'; readonly ms: number }
  | {
      readonly do: 'tick' | 'kill' | 'kill after the write' | 'start' | 'call' | 'wake' | 'saved' | 'turn-end'
      readonly slot: number
    }

export interface Next {
  readonly state: State
  /** What is wrong with it, or undefined. */
  readonly problem: string | undefined
}

/** The places of `used`; ticks come behind, by slot. */
const limits = ['kills', 'starts', 'cuts', 'passes', 'viewServerKills'] as const
type Limit = (typeof limits)[number]
const sides: readonly Side[] = ['dialler', 'acceptor']

interface Draft {
  clock: number
  history: number
  readonly used: number[]
  readonly locals: number[]
  readonly connections: number[]
  problem: string | undefined
}

export class Model {
  readonly parties: Parties
  readonly connections = new Connections()
  readonly checks: Checks
  freedom: Freedom = {}

  constructor(cores: Cores, setting: Setting) {
    this.parties = new Parties(cores, setting)
    this.checks = new Checks(this.parties)
  }

  /** Nobody has started yet. */
  blank(): State {
    const slots = Array.from({ length: this.parties.slots }, (_, slot) => slot)
    return {
      clock: 0,
      history: this.checks.blank,
      used: [...limits.map(() => 0), ...slots.map(() => 0)],
      locals: slots.map(slot => this.parties.blank(slot)),
      connections: [],
    }
  }

  /** Before the search proper: nothing counts yet. */
  fresh(state: State): State {
    return { ...state, used: state.used.map(() => 0) }
  }

  key(state: State): string {
    return `${state.clock}|${state.history}|${state.used}|${state.locals}|${state.connections}`
  }

  // ---- what may happen

  happenings(state: State): Happening[] {
    const found: Happening[] = []
    for (const [index, number] of state.connections.entries())
      this.#onConnection(state, index, this.connections.get(number), found)
    for (let slot = 0; slot < state.locals.length; slot++) this.#inProcess(state, slot, found)
    this.#passing(state, found)
    return found
  }

  #onConnection(state: State, index: number, connection: Connection, found: Happening[]): void {
    for (const side of sides) {
      const { frames, ending } = towards(connection, side)
      if (!connection[side].open) continue
      if (frames.length > 0) found.push({ do: 'deliver', connection: index, to: side })
      if (ending === 'breaks' || (ending === 'closes' && frames.length === 0))
        found.push({ do: 'close', connection: index, to: side })
    }
    if (this.#mayCut(state, connection)) found.push({ do: 'cut', connection: index })
  }

  #mayCut(state: State, { dialler, acceptor, toAcceptor, toDialler }: Connection): boolean {
    const { cuts } = this.freedom
    if (cuts === undefined || this.#used(state, 'cuts') >= cuts.times) return false
    if (!dialler.open || !acceptor.open || toAcceptor.ending !== 'open' || toDialler.ending !== 'open')
      return false
    const [one, two] = [this.parties.name(dialler.slot), this.parties.name(acceptor.slot)]
    return cuts.between.some(([a, b]) => (a === one && b === two) || (a === two && b === one))
  }

  #inProcess(state: State, slot: number, found: Happening[]): void {
    const local = this.parties.local(state.locals[slot] as number)
    const { kills, starts = 0, ticks = {}, viewServerKills = 0 } = this.freedom
    switch (local.place) {
      case 'operator':
        if (!local.asked) found.push({ do: 'call', slot })
        return
      case 'client':
        if (this.#mayCall(state, slot)) found.push({ do: 'call', slot })
        if (local.core.wakeAt !== null && local.core.wakeAt <= state.clock) found.push({ do: 'wake', slot })
        return
      case 'lockserver':
        if (local.core === null) {
          if (this.#used(state, 'starts') < starts) found.push({ do: 'start', slot })
          return
        }
        if (local.inTurn) found.push({ do: 'turn-end', slot })
        if (kills?.of.includes(this.parties.name(slot)) && this.#used(state, 'kills') < kills.times)
          found.push({ do: 'kill', slot })
        break
      case 'viewserver':
        if (local.core === null) {
          found.push({ do: 'start', slot })
          return
        }
        if (local.saving !== null) found.push({ do: 'saved', slot })
        if (this.#used(state, 'viewServerKills') < viewServerKills) {
          found.push({ do: 'kill', slot })
          if (local.saving !== null) found.push({ do: 'kill after the write', slot })
        }
    }
    if ((state.used[limits.length + slot] as number) < (ticks[this.parties.name(slot)] ?? 0))
      found.push({ do: 'tick', slot })
  }

  #mayCall(state: State, slot: number): boolean {
    const local = this.parties.local(state.locals[slot] as number)
    if (local.place !== 'client') return false
    const { callers } = this.freedom
    if (callers !== undefined && !callers.includes(this.parties.name(slot))) return false
    const op = this.parties.program(slot)[local.next]
    return op !== undefined && (op.anytime === true || (local.next === 0 && local.asked.size === 0))
  }

  #passing(state: State, found: Happening[]): void {
    const { passes } = this.freedom
    if (passes === undefined || this.#used(state, 'passes') >= passes.times) return
    if (passes.ms !== 'wake') {
      found.push({ do: 'pass', ms: passes.ms })
      return
    }
    const next = this.#nextWake(state)
    if (next !== undefined) found.push({ do: 'pass', ms: next - state.clock })
  }

  #nextWake(state: State): number | undefined {
    let next: number | undefined
    for (const number of state.locals) {
      const local = this.parties.local(number)
      if (local.place !== 'client') continue
      const { wakeAt } = local.core
      if (wakeAt !== null && wakeAt > state.clock) next = Math.min(next ?? wakeAt, wakeAt)
    }
    return next
  }

  #used(state: State, limit: Limit): number {
    return state.used[limits.indexOf(limit)] as number
  }

  // ---- what comes of it

  next(state: State, happening: Happening): Next {
    const draft: Draft = {
      clock: state.clock,
      history: state.history,
      used: [...state.used],
      locals: [...state.locals],
      connections: [...state.connections],
      problem: undefined,
    }
    this.#happen(draft, happening)
    this.#deliverIdle(draft)
    const after: State = {
      clock: draft.clock,
      history: draft.history,
      used: draft.used,
      locals: draft.locals,
      connections: draft.connections
        .filter(number => !isOver(this.connections.get(number)))
        .sort((a, b) => a - b),
    }
    return { state: after, problem: draft.problem ?? this.checks.inspect(after) }
  }

  #happen(draft: Draft, happening: Happening): void {
    switch (happening.do) {
      case 'deliver':
        return this.#deliver(draft, happening.connection, happening.to)
      case 'close':
        return this.#tellClosed(draft, happening.connection, happening.to, false)
      case 'cut':
        this.#count(draft, 'cuts')
        return this.#replace(draft, happening.connection, cut)
      case 'pass':
        this.#count(draft, 'passes')
        draft.clock += happening.ms
        return
      default:
        return this.#inside(draft, happening.do, happening.slot)
    }
  }

  #inside(draft: Draft, what: Extract<Happening, { slot: number }>['do'], slot: number): void {
    const isView = slot === 0
    if (what === 'tick') draft.used[limits.length + slot] = (draft.used[limits.length + slot] as number) + 1
    if (what === 'start' && !isView) this.#count(draft, 'starts')
    if (what === 'kill' || what === 'kill after the write') {
      this.#count(draft, isView ? 'viewServerKills' : 'kills')
      this.#die(draft, slot)
    }
    this.#step(draft, slot, { is: what })
  }

  #count(draft: Draft, limit: Limit): void {
    const place = limits.indexOf(limit)
    draft.used[place] = (draft.used[place] as number) + 1
  }

  /** What it sent may still arrive, all or some of it. */
  #die(draft: Draft, slot: number): void {
    for (const index of draft.connections.keys()) {
      for (const side of sides) {
        const end = this.#at(draft, index)[side]
        if (end.slot === slot && end.open && end.number !== 0)
          this.#replace(draft, index, c => hungUp(c, side, 'breaks'))
      }
    }
  }

  #deliver(draft: Draft, index: number, side: Side): void {
    const connection = this.#at(draft, index)
    const frame = towards(connection, side).frames[0] as number
    const { slot, number } = connection[side]
    if (number === 0) return this.#accept(draft, index, frame)
    this.#replace(draft, index, c => withoutFirst(c, side))
    this.#step(draft, slot, {
      is: 'messages',
      connection: number,
      frame,
      channel: channelOf(connection, side),
    })
  }

  /** A dial arrives: at a living process, or nobody listens. */
  #accept(draft: Draft, index: number, frame: number): void {
    const { slot } = this.#at(draft, index).acceptor
    const local = this.parties.local(draft.locals[slot] as number)
    if ((local.place !== 'viewserver' && local.place !== 'lockserver') || local.core === null) {
      this.#replace(draft, index, c => hungUp(c, 'acceptor', 'closes'))
      if (this.#at(draft, index).dialler.open) this.#tellClosed(draft, index, 'dialler', true)
      return
    }
    const number = local.accepted + 1
    this.#replace(draft, index, c => withoutFirst(accepted(c, number), 'acceptor'))
    this.#step(draft, slot, { is: 'accepted', connection: number, frame })
  }

  #tellClosed(draft: Draft, index: number, side: Side, refused: boolean): void {
    const { slot, number } = this.#at(draft, index)[side]
    this.#replace(draft, index, c => hungUp(c, side, 'closes'))
    // One that was cut before its hello came is not known there.
    if (number !== 0) this.#step(draft, slot, { is: 'closed', connection: number, refused })
  }

  #step(draft: Draft, slot: number, input: Input): void {
    const step = this.parties.step(draft.locals[slot] as number, input, draft.clock)
    this.#take(draft, slot, step)
  }

  #take(draft: Draft, slot: number, step: Step): void {
    draft.locals[slot] = step.local
    for (const output of step.outputs) {
      switch (output.do) {
        case 'send': {
          const found = this.#find(draft, slot, output.connection)
          if (found !== undefined)
            this.#replace(draft, found.index, c => withFrame(c, other(found.side), output.frame))
          break
        }
        case 'close': {
          const found = this.#find(draft, slot, output.connection)
          if (found !== undefined) this.#replace(draft, found.index, c => hungUp(c, found.side, 'closes'))
          break
        }
        case 'dial':
          draft.connections.push(
            this.connections.numberOf(dialled(slot, output.connection, output.to, output.kind, output.frame)),
          )
          break
        case 'close all':
          this.#closeAll(draft, slot, output.frame)
      }
    }
    for (const seen of step.seen) {
      const { history, problem } = this.checks.fold(draft.history, seen, draft)
      draft.history = history
      draft.problem ??= problem
    }
  }

  #closeAll(draft: Draft, slot: number, frame: number | null): void {
    for (const index of draft.connections.keys()) {
      for (const side of sides) {
        const end = this.#at(draft, index)[side]
        if (end.slot !== slot || !end.open || end.number === 0) continue
        if (side === 'acceptor' && frame !== null)
          this.#replace(draft, index, c => withFrame(c, 'dialler', frame))
        this.#replace(draft, index, c => hungUp(c, side, 'closes'))
      }
    }
  }

  #find(draft: Draft, slot: number, number: number): { index: number; side: Side } | undefined {
    for (const index of draft.connections.keys()) {
      const connection = this.#at(draft, index)
      for (const side of sides) {
        const end = connection[side]
        if (end.slot === slot && end.number === number && end.open) return { index, side }
      }
    }
    return undefined
  }

  #at(draft: Draft, index: number): Connection {
    return this.connections.get(draft.connections[index] as number)
  }

  #replace(draft: Draft, index: number, change: (connection: Connection) => Connection): void {
    draft.connections[index] = this.connections.numberOf(change(this.#at(draft, index)))
  }

  // ---- fewer states

  /**
   * What changes nothing where it arrives, and is answered by nothing, arrives at once: nobody could
   * tell whether it came now or later, but for counters of silence.
   */
  #deliverIdle(draft: Draft): void {
    for (let index = 0; index < draft.connections.length; index++) {
      for (const side of sides) while (this.#deliversIdle(draft, index, side));
    }
  }

  #deliversIdle(draft: Draft, index: number, side: Side): boolean {
    const connection = this.#at(draft, index)
    const { slot, number, open } = connection[side]
    const { frames, ending } = towards(connection, side)
    if (!open || number === 0 || (frames.length === 0 && ending === 'open')) return false
    const local = draft.locals[slot] as number
    const [frame] = frames
    const input: Input =
      frame === undefined
        ? { is: 'closed', connection: number, refused: false }
        : { is: 'messages', connection: number, frame, channel: channelOf(connection, side) }
    const step = this.parties.step(local, input, draft.clock)
    if (step.local !== local || step.outputs.length > 0 || step.seen.length > 0) return false
    this.#replace(draft, index, c =>
      frame === undefined ? hungUp(c, side, 'closes') : withoutFirst(c, side),
    )
    return frame !== undefined
  }
}
