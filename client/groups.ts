// The groups of servers that a client has to do with (G3): which group a name lives in, a session in each group once
// it is first needed there, and what one of them learns of views and the map, handed on to the others. Knows no calls.

import type { SlotMap, View } from '../wire/messages.ts'
import type { ClientRuntime } from '../wire/net/runtime.ts'
import { groupOf } from '../wire/slots.ts'
import { type CallNumbers, ClientGroup, type GroupOwner } from './group.ts'
import type { Connecting } from './options.ts'
import type { Pending } from './pending.ts'
import type { Reports } from './reports.ts'

/** Names that live in one group. */
export interface Part {
  readonly group: ClientGroup
  readonly names: readonly string[]
}

/** While a slot moves no group serves it (G8); then its calls ask again after about this time. */
const againAfterMs = 100

export class ClientGroups implements GroupOwner {
  readonly #options: Connecting
  readonly #runtime: ClientRuntime
  readonly #reports: Reports
  readonly #calls: CallNumbers
  readonly #opened = new Map<number, ClientGroup>()
  readonly #views = new Map<number, View>()
  #map: SlotMap | null = null
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
    return Array.from({ length: this.#map?.groups ?? 1 }, (_, group) => this.#get(group))
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
    return [...this.#views.values()].sort((a, b) => a.group - b.group)
  }

  viewOf(group: number): View | null {
    return this.#views.get(group) ?? null
  }

  get cluster(): string | null {
    return this.first.cluster
  }

  learnView(view: View, from: number): boolean {
    const known = this.#views.get(view.group)
    if (known !== undefined && known.number >= view.number) return false
    this.#views.set(view.group, view)
    if (from !== view.group) this.#opened.get(view.group)?.tell(view)
    return true
  }

  learnMap(map: SlotMap): void {
    if (map.number <= (this.#map?.number ?? 0)) return
    this.#map = map
    const [start] = map.starts
    this.#only = map.starts.length === 1 && start !== undefined ? this.#get(start[1]) : null
  }

  /** G2: the group that was asked does not serve this name, or not yet. */
  askAgain(pending: Pending, name: string): void {
    const ask = () => {
      const group = this.of(name)
      group.take(group.session(), pending)
    }
    this.#runtime.after(againAfterMs * (0.5 + this.#runtime.chance()), ask)
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
    for (const group of this.opened()) group.finish(this.#emptied)
  }

  /** G3: of each session. */
  async close(): Promise<void> {
    await Promise.all(this.opened().map(group => group.close()))
  }
}
