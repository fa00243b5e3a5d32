// F15, from outside: which machines hold a copy of the state that counts, as far as the newest record, the deaths and
// what befell the disks tell. From that follows whether the state is lost by the rules. It decides nothing.

import type { GroupRecord } from '../../viewservice/record.ts'
import type { Choice, Server, View } from '../../wire/messages.ts'
import type { Cluster } from '../fixtures/cluster.ts'

export class LeftCopies {
  readonly #cluster: Cluster
  readonly #knows: (view: View) => boolean
  /** Ids whose state no disk has any more; and those whose state is wrong, so that it need not be readable. */
  readonly #gone = new Map<string, number>()
  readonly #doubtful = new Set<string>()
  /** Ids whose disk is in another machine, by its name, and since when. */
  readonly #moved = new Map<string, { readonly to: string; readonly at: number }>()

  /** `knows`: V4, the backup of this view has said that it knows that it is in sync. */
  constructor(cluster: Cluster, knows: (view: View) => boolean) {
    this.#cluster = cluster
    this.#knows = knows
  }

  /** What this machine had on its disk is gone, or can't be read any more. */
  burns(name: string): void {
    for (const id of this.#idsAt(name)) this.#gone.set(id, this.#now)
  }

  /** Each of these machines gets the disk of the other one. */
  exchange(one: string, other: string): void {
    const [ofOne, ofOther] = [this.#idsAt(one), this.#idsAt(other)]
    for (const id of ofOne) this.#moved.set(id, { to: other, at: this.#now })
    for (const id of ofOther) this.#moved.set(id, { to: one, at: this.#now })
  }

  /** Where the disk is that has what this id wrote; or was, then. */
  machineOf(server: Server, at = this.#now): string {
    const moved = this.#moved.get(server.id)
    return moved !== undefined && moved.at <= at ? moved.to : nameOf(server)
  }

  get #now(): number {
    return this.#cluster.network.time
  }

  #idsAt(name: string): string[] {
    return this.#cluster.inEach(() => this.#idsOf(name)).flat()
  }

  /** R4: what it has in memory, and may have written, is wrong. */
  doubts(name: string): void {
    for (const id of this.#idsAt(name)) this.#doubtful.add(id)
  }

  #idsOf(name: string): string[] {
    const { servers, part: record } = this.#cluster
    const own = servers.filter(server => this.machineOf(server) === name).map(({ id }) => id)
    if (record === null) return own
    const { primary, backup } = record.view
    const named = [...this.counting(record), primary, backup].filter(server => server !== null)
    return [...own, ...named.filter(server => this.machineOf(server) === name).map(({ id }) => id)]
  }

  /** V4: this server has a whole copy of a new view, and it is synced. */
  isWhole(id: string): void {
    this.#gone.delete(id)
    this.#doubtful.delete(id)
  }

  /** D4: whose state counts, wherever it is now. */
  counting(record: GroupRecord): Server[] {
    const { view, acked } = record
    const choice = view.start?.choice ?? null
    if (choice === null || acked) return this.#ofView(view, acked)
    return [...this.#ofView(choiceView(view.group, choice), choice.acked), ...choice.since]
  }

  #ofView(view: View, acked: boolean): Server[] {
    const { primary, backup } = view
    if (backup === null) return [primary]
    return acked || this.#knows(view) || this.#isTold(view, backup) ? [primary, backup] : [primary]
  }

  /** V4, D2: it is on its disk that it was told in sync, though it has said so to no server yet. */
  #isTold({ number }: View, server: Server): boolean {
    const { id } = server
    const written = this.#cluster.options.journalDiskOf?.(this.machineOf(server)).written ?? []
    return written.some(({ imprint }) => imprint?.id === id && imprint.view === number && imprint.told)
  }

  /** D11: what was in force before a change that is not acked; null: there is no view. */
  isOnDisk(record: GroupRecord | null): boolean {
    if (record === null) return this.#cluster.isDurable
    const { view, acked } = record
    const choice = view.start?.choice ?? null
    return (choice === null || acked ? view : choice).durability === 'disk'
  }

  /** In the group that is looked at. */
  get onDisk(): boolean {
    return this.isOnDisk(this.#cluster.part)
  }

  isGone({ id }: Server, at = this.#now): boolean {
    const since = this.#gone.get(id)
    return since !== undefined && since <= at
  }

  /** D4: whether a state that counts was at this machine when its recovery was decided. */
  wasAt(name: string, record: GroupRecord, at: number): boolean {
    return this.counting(record).some(
      server => this.machineOf(server, at) === name && !this.isGone(server, at),
    )
  }

  /** No copy of it need be readable. */
  mayBeGone(server: Server, record: GroupRecord): boolean {
    if (!this.isOnDisk(record)) return true
    return this.#doubtful.has(server.id) || this.isGone(server) || this.#neverBegan(server, record)
  }

  /** D4: before the imprint of view 1 or of a reset's view is synced, nothing was shown and nothing counts. */
  #neverBegan(server: Server, record: GroupRecord): boolean {
    const { id } = server
    const { options, servers } = this.#cluster
    if (!isYoung(record)) return false
    if (servers.some(server => server.alive && server.id === id)) return false
    const written = options.journalDiskOf?.(this.machineOf(server)).written ?? []
    return !written.some(({ number, imprint }) => number === 0 && imprint?.id === id)
  }

  /** The machines that have such a copy. */
  get machines(): Set<string> {
    const { part } = this.#cluster
    return part === null ? new Set() : this.ofRecord(part)
  }

  /** `hears`: in a machine that is none of the record's it is found only if its server says so. */
  ofRecord(record: GroupRecord, hears: (name: string) => boolean = () => true): Set<string> {
    const isFound = (server: Server) => {
      const name = this.machineOf(server)
      return name === nameOf(server) || hears(name)
    }
    const left = this.counting(record).filter(server => !this.mayBeGone(server, record) && isFound(server))
    return new Set(left.map(server => this.machineOf(server)))
  }

  /** D4: nothing of the state was shown, and it may be on no disk. */
  get isYoung(): boolean {
    const { part } = this.#cluster
    return part === null || isYoung(part)
  }

  /** It has the only one. */
  needs(name: string): boolean {
    return this.#cluster
      .inEach(() => this.machines)
      .some(({ size }, group, all) => {
        return size === 1 && all[group]?.has(name)
      })
  }

  /** Nothing is on its way that would change whose state counts. */
  get settled(): boolean {
    const { viewServer } = this.#cluster
    return viewServer.acked && !viewServer.saving && viewServer.view?.backup !== null
  }

  /** Whether the state outlives the loss of this machine's disk (F15). */
  mayBurn(name: string): boolean {
    return this.#cluster.inEach(() => this.#mayBurnHere(name)).every(may => may)
  }

  /** It takes nothing from the group that is looked at, or not all. */
  #mayBurnHere(name: string): boolean {
    const { machines } = this
    if (this.#cluster.groups > 1 && this.settled && !machines.has(name)) return true
    if (!this.settled) return false
    machines.delete(name)
    return machines.size > 0
  }
}

export function nameOf({ address }: Server): string {
  return address.replace('ws://', '')
}

function choiceView(group: number, { number, primary, backup, durability }: Choice): View {
  return { group, number, primary, backup, durability, start: null }
}

/** View 1's state or a reset's, and no ack says that it is on a disk. */
function isYoung({ view: { start }, acked }: GroupRecord): boolean {
  if (start === null || acked) return false
  return start.choice === null || (start.choice.start !== null && !start.choice.acked)
}
