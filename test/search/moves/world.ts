// Two groups of servers, the view record and two slots that move between the groups (G8): all orders of what may happen,
// with deaths, resets, promotions, a view server that forgets what it was told, and maps and reports that come late. What
// is decided about slots is decided by the code that ships: the state, leaving, levelling and moves. Views are made by
// hand, as V1 to V7 allow. A happening changes the world; whoever searches copies it first.

import type { levelling } from '../../../lockserver/levelling.ts'
import type { leavings, leftOf, movesFrom } from '../../../lockserver/slot-moves.ts'
import type { Operation, State } from '../../../lockserver/state/state.ts'
import type { arrivedIn, begunFrom } from '../../../viewservice/moves.ts'
import { stateLimits } from '../../../wire/limits.ts'
import type { SlotMap, SlotsLeft } from '../../../wire/messages.ts'
import { opening } from '../../fixtures/said.ts'
import { frozen } from '../plain.ts'

/** What ships, loaded with two slots. */
export interface Parts {
  readonly State: typeof State
  readonly leavings: typeof leavings
  readonly leftOf: typeof leftOf
  readonly movesFrom: typeof movesFrom
  readonly levelling: typeof levelling
  readonly begunFrom: typeof begunFrom
  readonly arrivedIn: typeof arrivedIn
  readonly slotOf: (name: string) => number
}

export type Happening =
  | { readonly do: 'want'; readonly groups: number }
  | { readonly do: 'tell' | 'tick' | 'report' | 'kill'; readonly server: number }
  | { readonly do: 'tell late'; readonly server: number; readonly map: number }
  | { readonly do: 'applies' | 'promote' | 'depose' | 'drop' | 'reset' | 'unpause'; readonly group: number }
  | { readonly do: 'hear'; readonly report: number }
  | { readonly do: 'acquire' | 'release'; readonly group: number; readonly slot: number }
  | { readonly do: 'save' | 'forget' }

/** How often what may happen that need not. */
export interface Freedom {
  readonly kills: number
  /** The primary lives, and the view server believes that it is dead. */
  readonly deposes: number
  readonly forgets: number
  readonly lateMaps: number
  readonly acquires: number
  /** What the operator wants, one wish after the other. */
  readonly wishes: readonly number[]
}

interface Server {
  readonly number: number
  readonly group: number
  alive: boolean
  /** The newest view that it knows. */
  view: View
  role: 'primary' | 'backup' | 'idle'
  state: State | null
  map: SlotMap
  /** R1: of a primary: operations that its backup has not applied. */
  unapplied: Operation[]
  /** R1: what waits for the backup; then it is shown. */
  held: { readonly behind: number; readonly what: Shown }[]
  /** What its pings say. */
  left: SlotsLeft | null
}

type Shown =
  | { readonly is: 'left'; readonly left: SlotsLeft }
  | { readonly is: 'granted'; readonly slot: number; readonly token: number }

interface View {
  readonly number: number
  readonly primary: number
  readonly backup: number | null
}

/** What a ping said, on its way or heard. */
interface Report {
  readonly server: number
  readonly group: number
  readonly view: number
  readonly left: SlotsLeft
}

/** A client believes that it holds what is in this slot. */
interface Belief {
  readonly slot: number
  readonly token: number
  readonly group: number
}

const groups = [0, 1]
const slots = [0, 1]
/** Larger than the leap of a reset here, so that a floor matters. */
const firstToken = [1_000_000, 1_000]
const leap = 100

export class SlotWorld {
  readonly servers: Server[] = []
  readonly views: View[]
  readonly maps: SlotMap[]
  readonly highest = [...firstToken]
  /** By group, what the view server was told last. */
  readonly heard: (Report | null)[] = [null, null]
  readonly flight: Report[] = []
  readonly beliefs: Belief[] = []
  /** By slot, the largest token that a client was shown. */
  readonly shown = [0, 0]
  readonly used = { kills: 0, deposes: 0, forgets: 0, lateMaps: 0, acquires: 0, wishes: 0 }
  wanted = 1
  problem: string | undefined
  readonly names: readonly string[]

  constructor(parts: Parts, first: SlotMap) {
    this.names = frozen(slots.map(slot => nameIn(slot, parts)))
    this.maps = [frozen(first)]
    this.views = groups.map(group => frozen({ number: 1, primary: 2 * group, backup: 2 * group + 1 }))
    for (const group of groups)
      for (const role of ['primary', 'backup'] as const)
        this.#add(group, role, parts, firstToken[group] ?? 0, 0)
    for (const group of groups) {
      const primary = this.#at(2 * group)
      this.#level(primary, parts)
      while (primary.unapplied.length > 0) this.#applies(primary)
    }
  }

  get map(): SlotMap {
    return this.maps.at(-1) as SlotMap
  }

  /** A server with a state of its own, as it begins. */
  #add(group: number, role: Server['role'], { State }: Parts, token: number, pauseMs: number): Server {
    const state = new State()
    const server: Server = {
      ...{
        number: this.servers.length,
        group,
        alive: true,
        view: this.#view(group),
        role,
        state,
        map: this.map,
      },
      ...{ unapplied: [], held: [], left: null },
    }
    state.apply(['start', token, pauseMs, stateLimits])
    state.apply(opening('a'.repeat(32), 10_000, 'a', null))
    this.servers.push(server)
    return server
  }

  // ---- what may happen

  happenings(freedom: Freedom, parts: Parts): Happening[] {
    const { used } = this
    const found: Happening[] = []
    const wish = freedom.wishes[used.wishes]
    if (wish !== undefined) found.push({ do: 'want', groups: wish })
    if (this.#next(parts) !== undefined) found.push({ do: 'save' })
    if (used.forgets < freedom.forgets && this.heard.some(report => report !== null))
      found.push({ do: 'forget' })
    for (const [report] of this.flight.entries()) found.push({ do: 'hear', report })
    for (const server of this.servers) {
      if (!server.alive) continue
      const { number } = server
      if (server.map !== this.map || this.#view(server.group) !== server.view)
        found.push({ do: 'tell', server: number })
      if (server.role === 'primary' && this.#mayTick(server, parts))
        found.push({ do: 'tick', server: number })
      if (server.left !== null && !this.#isReported(server, server.left))
        found.push({ do: 'report', server: number })
      if (used.kills < freedom.kills) found.push({ do: 'kill', server: number })
      if (used.lateMaps < freedom.lateMaps)
        for (const [map] of this.maps.entries())
          if (map < this.maps.length - 1) found.push({ do: 'tell late', server: number, map })
    }
    for (const group of groups) found.push(...this.#ofGroup(group, freedom))
    return found
  }

  #ofGroup(group: number, freedom: Freedom): Happening[] {
    const found: Happening[] = []
    const primary = this.primaryOf(group)
    const view = this.#view(group)
    const [first, backup] = [this.#at(view.primary), view.backup === null ? null : this.#at(view.backup)]
    if (primary !== null && primary.unapplied.length > 0 && backup?.alive)
      found.push({ do: 'applies', group })
    if (!first.alive && backup?.alive) found.push({ do: 'promote', group })
    else if (!first.alive) found.push({ do: 'reset', group })
    else if (backup?.alive && this.used.deposes < freedom.deposes) found.push({ do: 'depose', group })
    if (first.alive && backup !== null && !backup.alive) found.push({ do: 'drop', group })
    if (primary?.state?.table.paused) found.push({ do: 'unpause', group })
    for (const slot of slots) {
      if (this.#holds(group, slot)) found.push({ do: 'release', group, slot })
      else if (primary?.state?.slots.isOpen(slot) && this.used.acquires < freedom.acquires)
        found.push({ do: 'acquire', group, slot })
    }
    return found
  }

  make(happening: Happening, parts: Parts): void {
    switch (happening.do) {
      case 'want':
        this.used.wishes++
        this.wanted = happening.groups
        break
      case 'save':
        this.#save(parts)
        break
      case 'forget':
        this.used.forgets++
        this.heard.fill(null)
        break
      case 'hear':
        this.#hear(happening.report)
        break
      case 'tell':
        this.#tell(this.#at(happening.server), this.map, parts)
        break
      case 'tell late':
        this.used.lateMaps++
        this.#learn(this.#at(happening.server), this.maps[happening.map] as SlotMap, parts)
        break
      case 'tick':
        this.#tick(this.#at(happening.server), parts)
        break
      case 'report':
        this.#report(this.#at(happening.server))
        break
      case 'kill':
        this.used.kills++
        this.#kill(this.#at(happening.server))
        break
      case 'applies':
        this.#applies(this.primaryOf(happening.group) as Server)
        break
      default:
        this.#inGroup(happening, parts)
    }
    this.#check()
  }

  #inGroup(happening: Extract<Happening, { group: number }>, parts: Parts): void {
    const { group } = happening
    switch (happening.do) {
      case 'depose':
        this.used.deposes++
        return this.#makeView(group, this.#view(group).backup as number, null)
      case 'promote':
        return this.#makeView(group, this.#view(group).backup as number, null)
      case 'drop':
        return this.#makeView(group, this.#view(group).primary, null)
      case 'reset': {
        const floor = (this.highest[group] ?? 0) + leap
        this.highest[group] = floor
        this.#makeView(group, this.servers.length, null)
        return this.#level(this.#add(group, 'primary', parts, floor, 10_000), parts)
      }
      case 'unpause':
        // No client believes in what the state of before had granted.
        this.#drop(belief => belief.group === group)
        return this.#propose(this.primaryOf(group) as Server, ['unpause'])
      case 'acquire':
        this.used.acquires++
        return this.#acquire(this.primaryOf(group) as Server, happening.slot)
      case 'release':
        return this.#release(this.primaryOf(group) as Server, happening.slot)
    }
  }

  // ---- the view server

  /** The map that the next save would bring. */
  #next({ arrivedIn, begunFrom }: Parts): SlotMap | undefined {
    const left = (group: number) => {
      const report = this.heard[group] ?? null
      const { primary, number } = this.#view(group)
      return report?.server === primary && report.view === number ? report.left : null
    }
    return arrivedIn(this.map, left) ?? begunFrom(this.map, this.wanted)
  }

  #save(parts: Parts): void {
    const map = this.#next(parts)
    if (map === undefined) return
    this.maps.push(frozen(map))
    for (const [group, floor] of map.floors) this.highest[group] = Math.max(this.highest[group] ?? 0, floor)
  }

  #hear(index: number): void {
    const [report] = this.flight.splice(index, 1)
    if (report !== undefined) this.heard[report.group] = report
  }

  #makeView(group: number, primary: number, backup: number | null): void {
    this.views[group] = frozen({ number: this.#view(group).number + 1, primary, backup })
  }

  // ---- a server

  #tell(server: Server, map: SlotMap, parts: Parts): void {
    const view = this.#view(server.group)
    this.#learn(server, map, parts)
    if (view.number <= server.view.number) return
    server.view = view
    if (view.primary !== server.number) {
      server.role = 'idle'
      server.state = null
      server.left = null
      server.held = []
      return
    }
    server.role = 'primary'
    // R1: alone, it shows what has waited.
    server.unapplied = []
    for (const { what } of server.held.splice(0)) this.#showNow(server, what)
    this.#level(server, parts)
  }

  #learn(server: Server, map: SlotMap, parts: Parts): void {
    if (map.number <= server.map.number) return
    server.map = map
    if (server.role === 'primary') this.#level(server, parts)
  }

  #level(server: Server, { levelling, leftOf }: Parts): void {
    if (server.state === null) return
    for (const operation of levelling(server.state.slots, server.map, server.group))
      this.#propose(server, operation)
    server.left = null
    const left = leftOf(server.state, server.map, server.group)
    if (left !== null) this.#show(server, { is: 'left', left: frozen(left) })
  }

  #mayTick(server: Server, { leavings, movesFrom }: Parts): boolean {
    return server.state !== null && leavings(server.state, movesFrom(server.map, server.group)).length > 0
  }

  #tick(server: Server, parts: Parts): void {
    if (server.state === null) return
    for (const operation of parts.leavings(server.state, parts.movesFrom(server.map, server.group)))
      this.#propose(server, operation)
    this.#level(server, parts)
  }

  #propose(server: Server, operation: Operation): void {
    server.state?.apply(operation)
    drain(server)
    if (server.view.backup !== null) server.unapplied.push(frozen(operation))
  }

  #show(server: Server, what: Shown): void {
    if (server.unapplied.length === 0) this.#showNow(server, what)
    else server.held.push({ behind: server.unapplied.length, what })
  }

  #applies(server: Server): void {
    const operation = server.unapplied.shift()
    if (server.view.backup === null || operation === undefined) return
    const backup = this.#at(server.view.backup)
    backup.state?.apply(operation)
    drain(backup)
    server.held = server.held.map(({ behind, what }) => ({ behind: behind - 1, what }))
    const done = server.held.filter(({ behind }) => behind <= 0)
    server.held = server.held.filter(({ behind }) => behind > 0)
    for (const { what } of done) this.#showNow(server, what)
  }

  #showNow(server: Server, what: Shown): void {
    if (what.is === 'left') server.left = what.left
    else this.#believe(server, what.slot, what.token)
  }

  #report(server: Server): void {
    const { number, group, view, left } = server
    if (left !== null) this.flight.push(frozen({ server: number, group, view: view.number, left }))
  }

  #isReported({ number, view }: Server, left: SlotsLeft): boolean {
    const same = (report: Report | null) =>
      report?.server === number &&
      report.view === view.number &&
      JSON.stringify(report.left) === JSON.stringify(left)
    return this.flight.some(same) || this.heard.some(same)
  }

  #kill(server: Server): void {
    server.alive = false
    server.state = null
    server.left = null
    server.held = []
    server.unapplied = []
  }

  // ---- clients

  #acquire(server: Server, slot: number): void {
    const { state } = server
    const session = [...(state?.sessions.values() ?? [])][0]
    if (state === null || session === undefined) return
    const name = this.names[slot] as string
    this.#propose(server, [
      'acquire',
      session.ordinal,
      session.nextRequest,
      [name],
      'exclusive',
      'ifAvailable',
      null,
    ])
    const holder = state.table.locks.get(name)?.holder
    if (holder) this.#show(server, { is: 'granted', slot, token: holder.token })
  }

  /** Its client has let go before the servers know. */
  #release(server: Server, slot: number): void {
    const session = [...(server.state?.sessions.values() ?? [])][0]
    const token = server.state?.table.locks.get(this.names[slot] as string)?.holder?.token
    if (session === undefined || token === undefined) return
    this.#drop(belief => belief.slot === slot && belief.token === token)
    this.#propose(server, ['release', session.ordinal, session.nextRequest, token])
  }

  #holds(group: number, slot: number): boolean {
    const held = this.primaryOf(group)?.state?.table.locks.get(this.names[slot] as string)?.holder
    return held !== undefined && held !== null
  }

  #believe({ group, state }: Server, slot: number, token: number): void {
    // What was released meanwhile is granted and given back.
    if (state?.table.locks.get(this.names[slot] as string)?.holder?.token !== token) return
    const rival = this.beliefs.find(belief => belief.slot === slot)
    if (rival !== undefined)
      this.problem ??= `L1: two clients believe in slot ${slot}, of the groups ${rival.group} and ${group}`
    if (token <= (this.shown[slot] ?? 0))
      this.problem ??= `L2: in slot ${slot} token ${token} comes behind ${this.shown[slot]}`
    this.shown[slot] = Math.max(this.shown[slot] ?? 0, token)
    this.beliefs.push(frozen({ slot, token, group }))
  }

  #drop(which: (belief: Belief) => boolean): void {
    const kept = this.beliefs.filter(belief => !which(belief))
    this.beliefs.splice(0, this.beliefs.length, ...kept)
  }

  // ---- what must hold

  /** Who may answer for this group. */
  primaryOf(group: number): Server | null {
    const view = this.#view(group)
    const server = this.#at(view.primary)
    return server.alive && server.view === view && server.role === 'primary' ? server : null
  }

  serving(slot: number): number[] {
    return groups.filter(group => this.primaryOf(group)?.state?.slots.isOpen(slot))
  }

  #check(): void {
    for (const slot of slots)
      if (this.serving(slot).length > 1) this.problem ??= `G8: slot ${slot} is served by two groups`
  }

  #view(group: number): View {
    return this.views[group] as View
  }

  #at(number: number): Server {
    return this.servers[number] as Server
  }
}

function drain({ state }: Server): void {
  while (state?.facts.take() !== undefined);
}

function nameIn(slot: number, { slotOf }: Parts): string {
  for (let i = 0; ; i++) if (slotOf(`n${i}`) === slot) return `n${i}`
}
