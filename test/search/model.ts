// What may happen next in a small cluster, and what comes of it: deliveries, cuts, deaths, starts, ticks,
// calls and the passing of time, each faulty one a limited number of times. A state never changes; it
// holds numbers only, and two equal ones have the same key.

import { Checks } from './checks.ts'
import { type Connection, SearchedConnections, sides, towards } from './connections.ts'
import { Parties } from './parties.ts'
import type { Cores } from './plain.ts'
import type { Setting } from './setting.ts'
import { type Happening, type Kept, type Limit, limits, type State, Transition } from './transition.ts'

/** A process by its name: VS, S1, S2 …, C1, C2 …, operator. */
export type Name = string

/** How often what may happen that need not; a tick of each server is counted for itself. */
export interface Freedom {
  readonly kills?: { readonly of: readonly Name[]; readonly times: number }
  /** Lock servers that are not there, or are dead, start. */
  readonly starts?: number
  /** Between these two, whichever of them dialled. */
  readonly cuts?: { readonly between: readonly (readonly [Name, Name])[]; readonly times: number }
  readonly ticks?: Readonly<Record<Name, number>>
  /** Time passes in steps of this many ms, or to the next moment at which a client has something to do. */
  readonly passes?: { readonly ms: number | 'wake'; readonly times: number }
  readonly viewServerKills?: number
  /** The power of all machines fails. */
  readonly outages?: number
  /** With the power of all, the disk of one of two that are in an acked view may be gone. */
  readonly burns?: number
  /** With the power of all, the last write that a disk has may be unreadable: it passes for a torn end (D7). */
  readonly rots?: number
  /** One of these may keep its power when all others lose it. */
  readonly spares?: readonly Name[]
  /** Lock servers read the new access file, each when it does (A3). */
  readonly reads?: true
  /** Clients that may make their first call; all of them unless told otherwise. */
  readonly callers?: readonly Name[]
}

export interface Next {
  readonly state: State
  /** What is wrong with it, or undefined. */
  readonly problem: string | undefined
}

export class Model {
  readonly parties: Parties
  readonly connections = new SearchedConnections()
  readonly checks: Checks
  freedom: Freedom = {}

  constructor(cores: Cores, setting: Setting) {
    this.parties = new Parties(cores, setting)
    this.checks = new Checks(this.parties)
  }

  /** No party has started yet. */
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

  // ---- what may happen

  happenings(state: State): Happening[] {
    const found: Happening[] = []
    for (const [index, number] of state.connections.entries())
      this.#onConnection(state, index, this.connections.get(number), found)
    for (let slot = 0; slot < state.locals.length; slot++) this.#inProcess(state, slot, found)
    this.#passing(state, found)
    this.#outages(state, found)
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
        if (local.disk.unsynced.length > 0) found.push({ do: 'synced', slot })
        if (this.freedom.reads && !local.access.isRead) found.push({ do: 'reads', slot })
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
    if (next !== undefined) found.push({ do: 'pass', ms: Math.ceil(next - state.clock) })
  }

  /** Each disk keeps the first so many of the writes that were not synced: all, none, or torn in between. */
  #outages(state: State, found: Happening[]): void {
    const { outages = 0 } = this.freedom
    if (this.#used(state, 'outages') >= outages) return
    for (const spares of this.#spared(state))
      for (const keeps of this.#kept(state, spares)) {
        const plain = { do: 'outage', keeps, spares, burns: null, rots: null } as const
        found.push(plain)
        for (const burns of this.#burning(state)) if (burns !== spares) found.push({ ...plain, burns })
        for (const rots of this.#rotting(state)) if (rots !== spares) found.push({ ...plain, rots })
      }
  }

  #spared(state: State): readonly (number | null)[] {
    const slots = (this.freedom.spares ?? []).map(name => this.parties.slotOf(name))
    const lives = (slot: number) => {
      const local = this.parties.local(state.locals[slot] as number)
      return 'core' in local && local.core !== null
    }
    return [null, ...slots.filter(lives)]
  }

  /** By slot, how many writes are kept, in all combinations; none where a disk is not named. */
  #kept(state: State, spares: number | null): readonly Kept[] {
    let kept: readonly Kept[] = [[]]
    for (let slot = 1; slot <= this.parties.setting.servers; slot++) {
      const local = this.parties.local(state.locals[slot] as number)
      if (slot === spares || local.place !== 'lockserver' || local.core === null) continue
      const more = local.disk.unsynced.map((_, i) => i + 1)
      kept = [...kept, ...more.flatMap(writes => kept.map(keeps => [...keeps, [slot, writes] as const]))]
    }
    return kept
  }

  /** The other copy is read, too, before one of them is chosen: the patience of such a search is long. */
  #rotting(state: State): readonly number[] {
    if (this.#used(state, 'rots') >= (this.freedom.rots ?? 0)) return []
    return this.#copies(state)
  }

  /** F15: one of the two copies is enough. */
  #burning(state: State): readonly number[] {
    if (this.#used(state, 'burns') >= (this.freedom.burns ?? 0)) return []
    return this.#copies(state)
  }

  #copies(state: State): readonly number[] {
    const { view, acked } = this.checks.histories.get(state.history)
    if (!acked || view === null || view.backup === null) return []
    return [this.parties.slotAt(view.primary.address), this.parties.slotAt(view.backup.address)]
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
    const transition = new Transition(this, state)
    const after = transition.make(happening)
    return { state: after, problem: transition.problem ?? this.checks.inspect(after) }
  }
}
