// Judges what becomes of servers as several groups take them (G1): none is in two groups, one without a part goes where
// it is needed most, and a primary gets its backup from another host if one is there. It knows records and hosts, and
// what the referee says of servers; it steps nothing.

import { partOf, type ViewRecord } from '../../viewservice/record.ts'
import type { View } from '../../wire/messages.ts'
import type { Cluster } from '../fixtures/cluster.ts'
import type { Blamed } from './checker.ts'

/** A server that has been idle and undisturbed for this long may surely be chosen. */
const idleMs = 500
/** A primary that has reached its backup for this long has no reason to ask for another one. */
const linkedMs = 1_500

export class SpareJudge {
  readonly #cluster: Cluster
  readonly #verdict: Blamed
  /** Since when this server is idle, lives, is heard and undisturbed; Infinity: it is not. */
  readonly #freeSince: (id: string) => number
  /** Nothing befell this server for a while, and it is heard. */
  readonly #isWell: (id: string) => boolean
  /** Whatever befell it, it is heard, and there is no reason to replace it. */
  readonly #isSound: (id: string) => boolean

  constructor(
    cluster: Cluster,
    verdict: Blamed,
    freeSince: (id: string) => number,
    isWell: (id: string) => boolean,
    isSound: (id: string) => boolean,
  ) {
    this.#isSound = isSound
    this.#cluster = cluster
    this.#verdict = verdict
    this.#freeSince = freeSince
    this.#isWell = isWell
  }

  /** How many spares other groups may need just now, or wait for. */
  needyBeside(group: number): number {
    const others = this.#cluster.groupNumbers.filter(other => other !== group)
    const views = others.map(other => partOf(this.#cluster.viewServer.record, other)?.view)
    return views.reduce((sum, view) => sum + this.#needs(view, this.#mayNeed(view)), 0)
  }

  /** The same, of those that have a reason which can be seen now, whatever befell them before. */
  #needyAtMost(group: number): number {
    const { groupNumbers, viewServer, network } = this.#cluster
    const record = viewServer.record
    const others = groupNumbers.filter(other => other !== group && other < (record?.groupsWanted ?? 0))
    const mayNeed = (view: View | undefined) => {
      if (view === undefined || view.backup === null) return true
      if (![view.primary, view.backup].every(({ id }) => this.#isSound(id))) return true
      const [one, two] = [this.#cluster.serverOf(view.primary.id), this.#cluster.serverOf(view.backup.id)]
      return network.time - network.quietSince(one, two) < linkedMs
    }
    const views = others.map(other => partOf(record, other)?.view)
    return views.reduce((sum, view) => sum + this.#needs(view, mayNeed(view)), 0)
  }

  /** G8: a group that is to begin needs two. */
  #needs(view: View | undefined, mayNeed: boolean): number {
    return view === undefined && this.#moves ? 2 : mayNeed ? 1 : 0
  }

  get #moves(): boolean {
    return this.#cluster.options.moves === true
  }

  #mayNeed(view: View | undefined): boolean {
    if (view === undefined || view.backup === null) return true
    return ![view.primary, view.backup].every(({ id }) => this.#isWell(id))
  }

  saved(before: ViewRecord | null, record: ViewRecord): void {
    if (!this.#cluster.hasSeveral) return
    this.#inOneGroup(record)
    for (const group of this.#cluster.groupNumbers) {
      const [old, view] = [partOf(before, group)?.view, partOf(record, group)?.view]
      if (view?.backup && view.number !== old?.number && view.backup.id !== old?.backup?.id)
        this.#onOtherHost(view, view.backup)
    }
    this.#neediestFirst(before, record)
  }

  #inOneGroup(record: ViewRecord): void {
    const groups = new Map<string, number>()
    for (const group of this.#cluster.groupNumbers) {
      const { primary, backup } = partOf(record, group)?.view ?? {}
      for (const server of [primary, backup]) {
        if (!server) continue
        const other = groups.get(server.id)
        if (other !== undefined)
          this.#blame('G1 in two groups', `server ${server.id} is in groups ${other} and ${group}`)
        groups.set(server.id, group)
      }
    }
  }

  #onOtherHost({ group, number, primary }: View, backup: View['primary']): void {
    const host = this.#hostOf(primary.id)
    if (host === null || this.#hostOf(backup.id) !== host) return
    const elsewhere = this.#cluster.servers.filter(({ id }) => {
      const free = this.#cluster.network.time - this.#freeSince(id) > idleMs * this.#cluster.slowness
      return free && this.#cluster.groupOf(id) === null && this.#hostOf(id) !== host
    })
    if (elsewhere.length > (this.#moves ? this.#needyAtMost(group) : this.needyBeside(group)))
      this.#blame(
        'G1 one host',
        `view ${number} of group ${group} has both on ${host}, and ${elsewhere[0]?.name} is idle elsewhere`,
      )
  }

  #hostOf(id: string): string | null {
    const name = this.#cluster.servers.find(server => server.id === id)?.name
    return name === undefined ? null : (this.#cluster.options.hostOf?.(name) ?? 'simulated')
  }

  /** A group that has no view comes before one that only lacks a backup. */
  #neediestFirst(before: ViewRecord | null, record: ViewRecord): void {
    const parts = this.#cluster.groupNumbers.map(
      group => [partOf(before, group), partOf(record, group)] as const,
    )
    // G8: others have ended, or are not wanted yet.
    const wanted = before === null ? [] : parts.slice(0, before.groupsWanted)
    if (before === null || !wanted.some(([, now]) => now === null)) return
    for (const [old, now] of parts) {
      const backup = now?.view.backup
      if (old && backup && backup.id !== old.view.backup?.id && backup.id !== old.view.primary.id)
        this.#blame(
          'G1 neediest first',
          `view ${now.view.number} of group ${now.view.group} gets a backup, and a group has no view`,
        )
    }
  }

  #blame(check: string, text: string): void {
    this.#verdict.blame(check, text)
  }
}
