// G8: from how many groups there are to how many are wanted: an operator's wish, from the question to the answer, and
// what the record is to hold next of slots and ends of groups. Which slots move is decided in moves.ts; views are no
// matter of this file.

import type { SlotMap, SlotsLeft } from '../wire/messages.ts'
import { arrivedIn, begunFrom, endedIn, isEmpty } from './moves.ts'
import type { ViewOutbox } from './outbox.ts'
import { groupsIn, partOf, type ViewRecord } from './record.ts'

interface Wish {
  /** The connection on which the operator asked, and the number of the request. */
  readonly connection: number
  readonly number: number
  readonly groups: number
}

/** What is known of a group while its view stays as it is. */
export interface GroupNow {
  /** Its view is about to change. */
  readonly changes: boolean
  /** What its primary reports in this view. */
  readonly left: SlotsLeft | null
  readonly primaryDead: boolean
}

/** What becomes of slots and groups. */
export interface Regrouped {
  readonly map: SlotMap
  readonly groupsWanted: number
  /** Groups that are no more. */
  readonly ended: readonly number[]
}

export class Moving {
  readonly #out: ViewOutbox
  #wish: Wish | null = null
  /** In this map all is where it is to be, for so many groups. */
  #settled: SlotMap | null = null
  #settledFor = 0

  constructor(out: ViewOutbox) {
    this.#out = out
  }

  ask(wish: Wish, impossible: string | null): void {
    const problem = impossible ?? (this.#wish === null ? null : 'another change is under way')
    if (problem === null) this.#wish = wish
    else this.#out.send(wish.connection, ['groups-refused', wish.number, problem])
  }

  /** The operator who asked is gone; what is being saved goes through. */
  drop(connection: number): void {
    if (this.#wish?.connection === connection) this.#wish = null
  }

  fail(problem: string): void {
    const wish = this.#wish
    this.#wish = null
    if (wish !== null) this.#out.send(wish.connection, ['groups-refused', wish.number, problem])
  }

  /** What the record is to hold; undefined: what it holds. `now`: of each group. */
  decided(record: ViewRecord, now: readonly GroupNow[]): Regrouped | undefined {
    const groupsWanted = this.#wish?.groups ?? record.groupsWanted
    const left = (group: number) => (now[group]?.changes ? null : (now[group]?.left ?? null))
    let map = arrivedIn(record.map, left) ?? record.map
    const ended: number[] = []
    for (const group of endable(record, map, groupsWanted, now)) {
      map = endedIn(map, group, partOf(record, group)?.view.number ?? 0)
      ended.push(group)
    }
    if (waitOf(record, map, groupsWanted) === null) map = this.#begun(map, groupsWanted)
    if (map === record.map && groupsWanted === record.groupsWanted) {
      if (this.#wish !== null) this.saved(record)
      return undefined
    }
    return { map, groupsWanted, ended }
  }

  #begun(map: SlotMap, wanted: number): SlotMap {
    if (this.#settled === map && this.#settledFor === wanted) return map
    const begun = begunFrom(map, wanted)
    this.#settled = begun ?? map
    this.#settledFor = wanted
    return begun ?? map
  }

  saved(record: ViewRecord): void {
    const wish = this.#wish
    if (wish === null || record.groupsWanted !== wish.groups) return
    this.#wish = null
    this.#out.send(wish.connection, ['groups-done', wish.number, record.map])
  }
}

/** Groups with a view, but without slots, that are not wanted, or whose empty state is lost. */
function endable(record: ViewRecord, map: SlotMap, wanted: number, now: readonly GroupNow[]): number[] {
  const groups = Array.from({ length: groupsIn(record) - 1 }, (_, i) => i + 1)
  return groups.filter(group => {
    const { changes = true, primaryDead = false } = now[group] ?? {}
    if (changes || partOf(record, group) === null || !isEmpty(map, group)) return false
    return group >= wanted || primaryDead
  })
}

/** Why no slot can begin to move yet; null: nothing is in the way. */
export function waitOf(record: ViewRecord, map: SlotMap, wanted: number): string | null {
  for (let group = 0; group < wanted; group++) {
    if (!isEmpty(map, group)) continue
    const part = partOf(record, group)
    if (part === null) return `group ${group} has no view yet: it needs idle lock servers`
    if (part.view.backup === null || !part.acked)
      return `group ${group} has no backup in sync yet: it needs two lock servers before it gets a slot`
  }
  return null
}

/** Why there can't be so many groups now; null: they can. `idle`: how many lock servers may be chosen. */
export function whyNoGroups(
  record: ViewRecord,
  wanted: number,
  idle: number,
  lost: string | null,
): string | null {
  // F14: the lost group's reset needs a server that is idle.
  if (lost !== null && wanted > record.groupsWanted)
    return `no group begins while the state of one is lost: ${lost}`
  const groups = Array.from({ length: wanted }, (_, group) => group)
  const lacking = groups.reduce((sum, group) => {
    const part = partOf(record, group)
    return isEmpty(record.map, group) ? sum + (part === null ? 2 : part.view.backup === null ? 1 : 0) : sum
  }, 0)
  if (lacking <= idle) return null
  return `each new group needs two idle lock servers, a primary and a backup: that makes ${lacking} for ${wanted} groups, and there ${idle === 1 ? 'is' : 'are'} ${idle}; start ${lacking - idle} more and ask again`
}
