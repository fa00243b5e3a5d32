// Judges what becomes of servers as several groups take them (G1): none is in two groups, one without a part goes where
// it is needed most, and a primary gets its backup from another host if one is there. It knows records and hosts, and
// what the referee says of servers; it steps nothing.

import { partOf, type ViewRecord } from '../../viewservice/record.ts'
import type { View } from '../../wire/messages.ts'
import type { Cluster } from '../fixtures/cluster.ts'
import type { Blamed } from './checker.ts'

/** A server that has been idle and undisturbed for this long may surely be chosen. */
const idleMs = 500

export class SpareJudge {
  readonly #cluster: Cluster
  readonly #verdict: Blamed
  /** Since when this server is idle, lives, is heard and undisturbed; Infinity: it is not. */
  readonly #freeSince: (id: string) => number
  /** Nothing befell this server for a while, and it is heard. */
  readonly #isWell: (id: string) => boolean

  constructor(
    cluster: Cluster,
    verdict: Blamed,
    freeSince: (id: string) => number,
    isWell: (id: string) => boolean,
  ) {
    this.#cluster = cluster
    this.#verdict = verdict
    this.#freeSince = freeSince
    this.#isWell = isWell
  }

  /** How many other groups may need a spare just now, or wait for one. */
  needyBeside(group: number): number {
    const others = this.#cluster.groupNumbers.filter(other => other !== group)
    return others.filter(other => this.#mayNeed(partOf(this.#cluster.viewServer.record, other)?.view)).length
  }

  #mayNeed(view: View | undefined): boolean {
    if (view === undefined || view.backup === null) return true
    return ![view.primary, view.backup].every(({ id }) => this.#isWell(id))
  }

  saved(before: ViewRecord | null, record: ViewRecord): void {
    if (this.#cluster.groups === 1) return
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
    if (elsewhere.length > this.needyBeside(group))
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
    if (before === null || !parts.some(([, now]) => now === null)) return
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
