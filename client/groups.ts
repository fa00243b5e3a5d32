// The groups of servers that a client has to do with (G3): which group a name lives in, a session in each group once
// it is first needed there, and what one of them learns of views and the map, handed on to the others. As slots move (G8),
// calls and watches follow the map. Decides nothing about locks.

import type { SlotMap, View } from '../wire/messages.ts'
import type { ClientRuntime } from '../wire/net/runtime.ts'
import { endOf, groupOf, slotOf, slotsIn } from '../wire/slots.ts'
import { meaningOf } from './errors.ts'
import { type CallNumbers, ClientGroup, type GroupOwner } from './group.ts'
import type { Connecting } from './options.ts'
import { movingText, Pauses } from './pauses.ts'
import type { Pending } from './pending.ts'
import type { Reports } from './reports.ts'
import { watchSignal } from './signals.ts'
import { WatchParts } from './watch-parts.ts'

/** Names that live in one group. */
export interface Part {
  readonly group: ClientGroup
  readonly names: readonly string[]
}

export class ClientGroups implements GroupOwner {
  readonly #options: Connecting
  readonly #runtime: ClientRuntime
  readonly #reports: Reports
  readonly #calls: CallNumbers
  readonly key: string
  readonly #opened = new Map<number, ClientGroup>()
  readonly #views = new Map<number, View>()
  readonly #pauses: Pauses
  /** They follow the map. */
  readonly #watches = new Set<WatchParts>()
  #map: SlotMap | null = null
  /** Groups that have slots, or get some, in their order. */
  #inMap: readonly number[] = [0]
  #isClosed = false
  /** `connect` opens a session here; it is the one that watches for views. */
  readonly first: ClientGroup
  /** The group of all names; null: the map says which. */
  #only: ClientGroup | null
  #emptied: (() => void) | null = null

  constructor(options: Connecting, runtime: ClientRuntime, reports: Reports, calls: CallNumbers) {
    this.#options = options
    this.#runtime = runtime
    this.#reports = reports
    this.#calls = calls
    this.key = runtime.newKey()
    this.#pauses = new Pauses(runtime)
    this.first = this.#get(0)
    this.#only = this.first
  }

  // ---- which

  /** G2 */
  of(name: string): ClientGroup {
    return this.#only ?? this.#get(this.#map === null ? 0 : groupOf(this.#map, name))
  }

  /** In the order of the groups (G4). */
  partsOf(names: readonly string[]): Part[] {
    if (this.#only !== null) return [{ group: this.#only, names }]
    const parts = new Map<ClientGroup, string[]>()
    for (const name of names) {
      const group = this.of(name)
      const part = parts.get(group)
      if (part === undefined) parts.set(group, [name])
      else part.push(name)
    }
    const inOrder = [...parts].sort(([a], [b]) => a.number - b.number)
    return inOrder.map(([group, names]) => ({ group, names }))
  }

  /** Of the cluster, in their order. */
  all(): ClientGroup[] {
    return this.#inMap.map(group => this.#get(group))
  }

  /** Where this lock may be held and waited for: also the group that its slot moves to (G8). */
  having(name: string): ClientGroup[] {
    return this.#map === null ? [this.first] : placesOf(this.#map, name).map(group => this.#get(group))
  }

  /** Those that were needed until now, in their order. */
  opened(): ClientGroup[] {
    return [...this.#opened.values()].sort((a, b) => a.number - b.number)
  }

  #get(number: number): ClientGroup {
    const known = this.#opened.get(number)
    if (known !== undefined) return known
    const group = new ClientGroup(number, this.#options, this.#runtime, this.#reports, this.#calls, this)
    this.#opened.set(number, group)
    if (this.#emptied !== null) group.finish(this.#emptied)
    return group
  }

  // ---- what is known

  get views(): View[] {
    const all = [...this.#views.values()].sort((a, b) => a.group - b.group)
    return this.#map === null ? all : all.filter(({ group }) => this.#inMap.includes(group))
  }

  viewOf(group: number): View | null {
    return this.#views.get(group) ?? null
  }

  get cluster(): string | null {
    return this.first.cluster
  }

  /** True: it is news, of a group that there is; of one that is to come the map makes it news (G8). */
  learnView(view: View, from: number): boolean {
    const known = this.#views.get(view.group)?.number ?? 0
    const last = this.#map === null ? 0 : endOf(this.#map, view.group)
    if (view.number <= Math.max(known, last)) return false
    this.#views.set(view.group, view)
    if (from !== view.group) this.#opened.get(view.group)?.tell(view)
    return this.#isShown(view.group)
  }

  #isShown(group: number): boolean {
    return this.#map === null || this.#inMap.includes(group)
  }

  learnMap(map: SlotMap): void {
    if (map.number <= (this.#map?.number ?? 0) || this.#isClosed) return
    for (const { group, number } of this.#views.values())
      if (number <= endOf(map, group)) this.#views.delete(group)
    const untold = [...this.#views.values()].filter(({ group }) => !this.#isShown(group))
    this.#map = map
    this.#inMap = groupsIn(map)
    const [start] = map.starts
    this.#only = map.starts.length === 1 && start !== undefined ? this.#get(start[1]) : null
    for (const group of this.opened()) if (!this.#inMap.includes(group.number)) this.#leave(group)
    for (const view of untold) if (this.#isShown(view.group)) this.#reports.emit('view', view)
    for (const watch of this.#watches) watch.follow()
    this.#pauses.endAll()
  }

  /** G8: it may come again, with another session of ours, and views that go on from its last one. */
  #leave(group: ClientGroup): void {
    this.#opened.delete(group.number)
    this.#views.delete(group.number)
    group.leave()
  }

  /** G2, G8: at once if the newest map names another group; else the slot is between two of them, and that takes a moment. */
  askAgain(pending: Pending, name: string, refusedBy: ClientGroup): void {
    const ask = () => {
      const group = this.of(name)
      group.take(group.session(), pending)
    }
    if (this.#isClosed) return pending.fail('CLOSED', true, meaningOf('CLOSED'))
    if (this.of(name) !== refusedBy) {
      pending.refusals = 0
      return ask()
    }
    const closed = () => pending.fail('CLOSED', true, meaningOf('CLOSED'))
    const pause = this.#pauses.begin(pending.refusals++, ask, closed)
    pending.askedOf(() => {
      pause.end()
      pending.fail('TIMEOUT', true, movingText)
    })
  }

  /** For several names: until their slots may have arrived, `stop` is aborted, or the client is closed; for so many ms at most. */
  pause(tries: number, ms: number, stop: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      const done = () => {
        pause.end()
        this.#runtime.cancel(timer)
        unwatch()
        resolve()
      }
      const timer = Number.isFinite(ms) ? this.#runtime.after(ms, done) : undefined
      const unwatch = watchSignal(stop, done)
      const pause = this.#pauses.begin(tries, done, done)
      if (stop.aborted || this.#isClosed) done()
    })
  }

  // ---- watches

  /** `groups`: those that it is about, by the newest map. */
  newWatch(prefix: string, groups: () => readonly ClientGroup[], ended: () => void): WatchParts {
    const parts: WatchParts = new WatchParts(prefix, groups, () => {
      this.#watches.delete(parts)
      ended()
    })
    this.#watches.add(parts)
    return parts
  }

  // ---- the end

  get holds(): boolean {
    return this.opened().some(({ holds }) => holds)
  }

  /** Calls that wait fail in all of them; `emptied` is called when nothing is held in any. */
  finish(emptied: () => void): void {
    this.#emptied = () => {
      if (!this.holds) emptied()
    }
    this.#pauses.close()
    for (const group of this.opened()) group.finish(this.#emptied)
  }

  /** G3: of each session. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#pauses.close()
    await Promise.all(this.opened().map(group => group.close()))
  }
}

/** Those that have slots, or get some. */
function groupsIn({ starts, moves }: SlotMap): number[] {
  const all = [0, ...starts.map(([, group]) => group), ...moves.map(({ to }) => to)]
  return [...new Set(all)].sort((a, b) => a - b)
}

/** The group that has the slot of this name, and the one that it moves to. */
function placesOf(map: SlotMap, name: string): number[] {
  const slot = slotOf(name)
  const coming = map.moves.filter(({ slots }) => slotsIn(slots).includes(slot)).map(({ to }) => to)
  return [...new Set([groupOf(map, name), ...coming])]
}
