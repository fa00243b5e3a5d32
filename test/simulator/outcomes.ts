// What comes of losses of power and of disks that fail: which copy a state is recovered from, what processes read,
// who ends for its disk. It sees records, disks and ends of processes, counts, and judges nothing.

import type { Reading } from '../../lockserver/journal/reading.ts'
import { isChange } from '../../viewservice/durability.ts'
import type { ViewRecord } from '../../viewservice/record.ts'
import type { Cluster, LockServerParty } from '../fixtures/cluster.ts'

export const outcomes = [
  'recovery: of a server',
  'recovered: what the primary had',
  'recovered: what the backup had',
  'recovered: by one that lived',
  'recovered: again, before its ack',
  'recovered: beside one that stood still',
  'recovered: a session goes on',
  'recovered: a waiter is served',
  'read: a whole journal',
  'read: a torn end',
  'read: damage that does no harm',
  'read: a spoilt journal',
  'read: nothing, on a new disk',
  'ended: by its disk',
  'changed: to disk',
  'changed: to memory',
  'changed: not at all, its primary died',
  'low: a backup is replaced',
  'low: a primary is relieved',
] as const
export type Outcome = (typeof outcomes)[number]

export class Outcomes {
  readonly #cluster: Cluster
  readonly #note: (outcome: Outcome, thing: string) => void

  constructor(cluster: Cluster, note: (outcome: Outcome, thing: string) => void) {
    this.#cluster = cluster
    this.#note = note
    const { exited } = cluster.watcher
    cluster.watcher.exited = (party, status, reason) => {
      if (party.kind === 'lockserver' && party.diskFailure !== null) note('ended: by its disk', party.name)
      exited?.(party, status, reason)
    }
  }

  /** A process of this machine has read its disk, for the first time or again. */
  read(name: string, reading: Reading, isNew: boolean): void {
    if (reading.is === 'spoilt') return this.#note('read: a spoilt journal', name)
    if (reading.is === 'empty') return isNew ? undefined : this.#note('read: nothing, on a new disk', name)
    if (reading.is !== 'whole') return
    this.#note('read: a whole journal', name)
    if (reading.torn !== null) this.#note('read: a torn end', name)
    if (reading.damage.length > 0) this.#note('read: damage that does no harm', name)
  }

  recorded(before: ViewRecord | undefined, { view, acked }: ViewRecord): void {
    if (before === undefined) return
    const { address } = view.primary
    if (isChange(view) && acked && !before.acked) this.#note(`changed: to ${view.durability}`, address)
    if (before.view.number === view.number || isChange(view)) return
    if (isChange(before.view) && !before.acked) this.#note('changed: not at all, its primary died', address)
    const choice = view.start?.choice ?? null
    if (choice === null) return this.#isRelieved(before, view)
    const last = choice.since.at(-1)
    this.#note('recovery: of a server', address)
    if (last?.from === choice.primary.id) this.#note('recovered: what the primary had', address)
    if (last?.from === choice.backup?.id) this.#note('recovered: what the backup had', address)
    if (last?.from === view.primary.id) this.#note('recovered: by one that lived', address)
    if (choice.since.length > 1) this.#note('recovered: again, before its ack', address)
    const stands = [choice.primary, choice.backup].some(server => this.#at(server?.id)?.frozen)
    if (stands) this.#note('recovered: beside one that stood still', address)
  }

  #isRelieved({ view: { primary, backup } }: ViewRecord, next: ViewRecord['view']): void {
    const isLow = (id: string | undefined) => {
      const server = this.#at(id)
      return server !== undefined && this.#cluster.options.journalDiskOf?.(server.name).room === 'low'
    }
    if (next.primary.id === primary.id && next.backup !== null && isLow(backup?.id))
      this.#note('low: a backup is replaced', backup?.address ?? '')
    if (next.primary.id === backup?.id && isLow(primary.id))
      this.#note('low: a primary is relieved', primary.address)
  }

  /** A primary says this to a client. */
  told({ core }: LockServerParty, client: string, kind: string): void {
    if (core.role !== 'primary' || core.view?.start?.choice == null) return
    if (kind === 'resumed') this.#note('recovered: a session goes on', client)
    if (kind === 'granted') this.#note('recovered: a waiter is served', client)
  }

  #at(id: string | undefined): LockServerParty | undefined {
    return this.#cluster.servers.find(server => server.alive && server.id === id)
  }
}
