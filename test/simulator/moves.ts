// Judges slots that move (G8), from the record, the operations of those whom it names as primaries, and what clients
// know: no slot is served by a group that does not have it, what is in use stays, tokens never fall, a slot that is free
// moves within some time, and in the end all is where the operator wanted it. It counts by itself what is in use, and
// steps nothing.

import type { Operation, State } from '../../lockserver/state/state.ts'
import { isEmpty } from '../../viewservice/moves.ts'
import { mapIn, partOf, type ViewRecord } from '../../viewservice/record.ts'
import type { Message, SlotMap, SlotMove } from '../../wire/messages.ts'
import { entriesOf, isRun } from '../../wire/runs.ts'
import { floorOf, groupOfSlot, slotOf, slotsIn, slotsMax } from '../../wire/slots.ts'
import type { Cluster, LockServerParty } from '../fixtures/cluster.ts'
import type { Blamed, Checker } from './checker.ts'
import type { MoveFaults, Wish } from './faults/moves.ts'
import type { Progress } from './progress.ts'

/** What came of changes of the number of groups, as the report has it. */
export const moveOutcomes = [
  'more groups are wanted',
  'fewer groups are wanted',
  'other groups are wanted while slots are under way',
  'an operator is refused',
  'slots are left',
  'a slot is left later than others of its move',
  'slots arrive',
  'slots are opened',
  'a group begins',
  'a group ends',
  'a group begins again',
  'a group with a slot under way has another primary',
  'a group with a slot under way is reset or recovered',
  'a call is refused for its group',
  'a slot under way waits for what is in it',
  'the view server begins while slots are under way',
] as const
export type MoveOutcome = (typeof moveOutcomes)[number]

const never = Number.POSITIVE_INFINITY
/** A save that takes longer than so many looks keeps the view server from deciding. */
const savingLooksMax = 10

export class MovesJudge {
  readonly #cluster: Cluster
  readonly #checker: Checker
  readonly #verdict: Blamed
  /** Names that were asked for, by their slots. */
  readonly #slots = new Map<number, Set<string>>()
  readonly #progress: () => readonly Progress[]
  readonly seen = new Map<MoveOutcome, number>()
  /** What is asked for, and has no answer. */
  readonly #wishes = new Set<Wish>()
  /** All that was ever asked for, and what there was at first. */
  readonly #asked = new Set<number>()
  /** Since when each slot is where it is, or under way as it is. */
  readonly #changedAt = new Map<number, number>()
  /** When each slot was last seen in use, and each group in a pause. */
  readonly #usedAt = new Map<number, number>()
  readonly #pausedAt = new Map<number, number>()
  readonly #had = new Set<number>()
  #savingLooks = 0
  #savingUntil = 0
  #runsSince = 0
  #inUse: ReadonlySet<number> = new Set()
  #wasOpen: ReadonlySet<number> = new Set()

  constructor(cluster: Cluster, checker: Checker, verdict: Blamed, progress: () => readonly Progress[]) {
    this.#cluster = cluster
    this.#checker = checker
    this.#verdict = verdict
    this.#progress = progress
    this.#asked.add(cluster.groups)
  }

  follow(faults: MoveFaults): void {
    faults.onWish = wish => {
      this.#wishes.add(wish)
      this.#asked.add(wish.groups)
    }
    faults.onAnswer = (wish, answer) => this.#answered(wish, answer)
  }

  #note(what: MoveOutcome): void {
    this.seen.set(what, (this.seen.get(what) ?? 0) + 1)
  }

  #answered(wish: Wish, answer: Message | null): void {
    this.#wishes.delete(wish)
    if (answer === null) return
    const [kind, , what] = answer
    if (kind === 'groups-refused') return this.#note('an operator is refused')
    const { disk } = this.#cluster.viewServer
    const newest = what as SlotMap
    const done = disk.some(
      ({ groupsWanted, map }) => groupsWanted === wish.groups && map.number === newest.number,
    )
    if (!done) this.#blame('G8 wish', `${wish.groups} groups are said to be wanted, and no record says so`)
  }

  /** G8: since when all of these names are in one group, and not under way; Infinity: one is. */
  settledSince(names: readonly string[]): number {
    const { map } = this
    const slots = names.map(slotOf)
    const moving = map.moves.some(move => slotsIn(move.slots).some(slot => slots.includes(slot)))
    return moving ? never : Math.max(0, ...slots.map(slot => this.#changedAt.get(slot) ?? 0))
  }

  get map(): SlotMap {
    return mapIn(this.#cluster.viewServer.record ?? this.#cluster.founding)
  }

  // ---- operations of primaries

  /** Its group's newest view names it. */
  #isNewest({ id, core }: LockServerParty): boolean {
    const { record } = this.#cluster.viewServer
    return core.role === 'primary' && partOf(record, core.view?.group ?? 0)?.view.primary.id === id
  }

  before(server: LockServerParty, state: State, operation: Operation): void {
    if (!this.#isNewest(server)) return
    const group = server.core.view?.group ?? 0
    if (operation[0] === 'leave-slots') this.#inUse = inUseIn(state)
    if (operation[0] === 'leave-slots' || operation[0] === 'open-slots')
      this.#wasOpen = new Set(slotsIn(operation[2]).filter(slot => state.slots.isOpen(slot)))
    for (const single of isRun(operation) ? entriesOf([operation]) : [operation])
      if (single[0] === 'acquire') this.#acquires(server, state, group, single[3])
  }

  /** G2, G8: no name is served where the record does not have it. */
  #acquires({ name: server }: LockServerParty, state: State, group: number, names: readonly string[]): void {
    for (const name of names)
      this.#slots.set(slotOf(name), (this.#slots.get(slotOf(name)) ?? new Set()).add(name))
    const other = names.find(
      name => state.slots.serves(name) && groupOfSlot(this.map, slotOf(name)) !== group,
    )
    if (other !== undefined)
      this.#blame('G8 two groups', `${server} of group ${group} serves ${other}, which another group has`)
    if (names.some(name => !state.slots.serves(name))) this.#note('a call is refused for its group')
  }

  after(server: LockServerParty, state: State, operation: Operation): void {
    if (!this.#isNewest(server)) return
    if (operation[0] === 'leave-slots') this.#left(server, state, operation)
    if (operation[0] === 'open-slots') this.#opened(server, state, operation)
  }

  #left(
    server: LockServerParty,
    state: State,
    [, number, slots]: Extract<Operation, { 0: 'leave-slots' }>,
  ): void {
    const left = slotsIn(slots).filter(slot => this.#wasOpen.has(slot) && !state.slots.isOpen(slot))
    if (left.length === 0) return
    this.#note('slots are left')
    if (this.map.moves.some(move => move.number === number && left.length < slotsIn(move.slots).length))
      this.#note('a slot is left later than others of its move')
    const used = left.find(slot => this.#inUse.has(slot))
    if (used !== undefined)
      this.#blame(
        'G8 left in use',
        `${server.name} leaves slot ${used} (${this.#textOf(used)}), which is in use`,
      )
    if (state.table.paused) this.#blame('G8 left in a pause', `${server.name} leaves slots in a pause`)
  }

  #opened(server: LockServerParty, state: State, [, , slots]: Extract<Operation, { 0: 'open-slots' }>): void {
    const group = server.core.view?.group ?? 0
    const opened = slotsIn(slots).filter(slot => !this.#wasOpen.has(slot) && state.slots.isOpen(slot))
    if (opened.length === 0) return
    this.#note('slots are opened')
    const other = opened.find(slot => groupOfSlot(this.map, slot) !== group)
    if (other !== undefined)
      this.#blame(
        'G8 opened too early',
        `${server.name} of group ${group} opens slot ${other} of another one`,
      )
    this.#aboveAll(`the tokens of ${server.name}`, state.table.lastToken, opened)
  }

  /** L2: what any client was told of a lock in these slots is not above it. */
  #aboveAll(what: string, token: number, slots: readonly number[]): void {
    for (const slot of slots)
      for (const name of this.#slots.get(slot) ?? []) {
        const highest = this.#checker.highestOf(name)
        if (highest > token) this.#blame('G8 floor', `${what} go on at ${token}, and ${name} had ${highest}`)
      }
  }

  // ---- what is saved

  saved(before: ViewRecord | null, record: ViewRecord): void {
    const from = before?.map ?? mapIn(this.#cluster.founding)
    const wanted = before?.groupsWanted ?? this.#cluster.founding.groups
    this.#wanted(wanted, record)
    this.#groupsIn(before, record)
    if (from.number === record.map.number) {
      if (JSON.stringify(from) !== JSON.stringify(record.map))
        this.#blame('G8 map', `map ${from.number} is not what it was`)
      return
    }
    if (record.map.number < from.number)
      this.#blame('G8 map', `map ${record.map.number} follows ${from.number}`)
    this.#mapped(before, from, record)
  }

  #wanted(before: number, { groupsWanted, map }: ViewRecord): void {
    if (groupsWanted === before) return
    this.#note(groupsWanted > before ? 'more groups are wanted' : 'fewer groups are wanted')
    if (map.moves.length > 0) this.#note('other groups are wanted while slots are under way')
    if (!this.#asked.has(groupsWanted))
      this.#blame('G8 wish', `${groupsWanted} groups are wanted, and nobody asked for them`)
  }

  #groupsIn(before: ViewRecord | null, record: ViewRecord): void {
    for (const group of this.#cluster.groupNumbers) {
      const [old, now] = [partOf(before, group), partOf(record, group)]
      const moves = record.map.moves.some(({ from, to }) => from === group || to === group)
      if (old === null && now !== null && before !== null) {
        this.#note(this.#had.has(group) ? 'a group begins again' : 'a group begins')
        this.#floors(now.view.start?.tokenFloor ?? 0, group)
      } else if (old !== null && now === null) this.#ended(group, record)
      else if (old !== null && now !== null && moves && old.view.number !== now.view.number) {
        if (now.view.start !== null) this.#note('a group with a slot under way is reset or recovered')
        else if (old.view.primary.id !== now.view.primary.id)
          this.#note('a group with a slot under way has another primary')
      }
      if (now !== null) this.#had.add(group)
    }
  }

  /** L2: a group that begins again goes on above all that it ever granted. */
  #floors(floor: number, group: number): void {
    const last = this.#lastOf.get(group) ?? 0
    if (last > 0 && floor <= last)
      this.#blame('L2 token floor', `group ${group} begins again at ${floor}, and had ${last}`)
  }
  /** The largest token that each group has told a client. */
  readonly #lastOf = new Map<number, number>()

  /** A server says this to a client. */
  told({ core: { view } }: LockServerParty, messages: readonly Message[]): void {
    for (const [kind, , tokens] of messages)
      if (kind === 'granted' && view !== null)
        this.#lastOf.set(view.group, Math.max(this.#lastOf.get(view.group) ?? 0, ...(tokens as number[])))
  }

  #ended(group: number, { map }: ViewRecord): void {
    this.#note('a group ends')
    if (
      map.starts.some(([, of]) => of === group) ||
      map.moves.some(({ from, to }) => from === group || to === group)
    )
      this.#blame('G8 ended', `group ${group} ends, and has slots`)
  }

  #mapped(before: ViewRecord | null, from: SlotMap, record: ViewRecord): void {
    const { map } = record
    const [ways, next] = [waysIn(from), waysIn(map)]
    const arrived = new Map<SlotMove, number[]>()
    for (let slot = 0; slot < slotsMax; slot++) {
      const [was, is] = [groupOfSlot(from, slot), groupOfSlot(map, slot)]
      const [way, then] = [ways.get(slot), next.get(slot)]
      const same = way?.number === then?.number && way?.to === then?.to
      if (was !== is || !same) this.#changedAt.set(slot, this.#now)
      if (was === is && (way === undefined || same)) continue
      if (way === undefined || was === is || is !== way.to)
        return this.#blame(
          'G8 moved',
          `slot ${slot} of group ${was} is group ${is}'s, and was not under way to it`,
        )
      arrived.set(way, [...(arrived.get(way) ?? []), slot])
    }
    for (const [move, slots] of arrived) this.#arrived(before, move, slots, record)
    for (const { number, to } of map.moves)
      if (number === map.number && isEmpty(from, to)) this.#isReady(before, to)
  }

  /** A group gets no slot before its view is acked with a backup. */
  #isReady(before: ViewRecord | null, group: number): void {
    const part = partOf(before, group)
    if (part === null || !part.acked || part.view.backup === null)
      this.#blame('G8 too early', `slots begin to move to group ${group}, which has no backup in sync`)
  }

  #arrived(
    before: ViewRecord | null,
    { number, from, to }: SlotMove,
    slots: readonly number[],
    record: ViewRecord,
  ): void {
    this.#note('slots arrive')
    const { map } = record
    const part = partOf(before, from)
    const names = [part?.view.primary.id, part?.acked ? part.view.backup?.id : undefined]
    for (const { id, name, alive, core } of this.#cluster.servers) {
      if (!alive || !names.includes(id) || core.state === null || core.view?.number !== part?.view.number)
        continue
      const kept = slots.find(slot => core.state?.slots.isOpen(slot))
      if (kept !== undefined)
        this.#blame('G8 not left', `slot ${kept} of move ${number} is group ${to}'s, and ${name} serves it`)
    }
    const floor = floorOf(map, to)
    this.#aboveAll(`the slots of group ${to}`, floor, slots)
    const told = to === 0 ? record.highestToken : (record.others[to - 1]?.highestToken ?? 0)
    if (told < floor)
      this.#blame('G8 floor', `the record has ${told} of group ${to}, and the floor is ${floor}`)
  }

  // ---- while it goes on

  /** To be called often. */
  look(): void {
    const { viewServer, groupNumbers } = this.#cluster
    this.#savingLooks =
      viewServer.saving || !viewServer.alive || viewServer.frozen ? this.#savingLooks + 1 : 0
    if (this.#savingLooks > savingLooksMax) this.#savingUntil = this.#now
    if (this.#runsSince !== viewServer.runsSince && this.map.moves.length > 0)
      this.#note('the view server begins while slots are under way')
    this.#runsSince = viewServer.runsSince
    const open = new Map<number, number>()
    for (const group of groupNumbers) {
      const state = this.#primaryOf(group)
      if (state === null) continue
      this.#lookAt(group, state, open)
    }
    for (const move of this.map.moves) this.#judgeMove(move)
    for (const wish of this.#wishes) this.#judgeWish(wish)
  }

  /** An operator hears whether it may be, while nothing keeps the view server from saving. */
  #judgeWish({ operator, groups, at }: Wish): void {
    const { viewServer, network } = this.#cluster
    if (!viewServer.alive || viewServer.frozen) return
    const since = Math.max(
      at,
      viewServer.runsSince,
      this.#savingUntil,
      network.quietSince(operator, viewServer),
    )
    if (this.#now - since > (this.#progress()[0]?.patienceMs ?? never))
      this.#blame('G8 liveness', `an operator wants ${groups} groups, and hears nothing`)
  }

  #lookAt(group: number, state: State, open: Map<number, number>): void {
    const used = inUseIn(state)
    const { map } = this
    if (state.table.paused) this.#pausedAt.set(group, this.#now)
    for (const slot of used) this.#usedAt.set(slot, this.#now)
    for (const [slot, names] of this.#slots) {
      if (used.has(slot) && groupOfSlot(map, slot) !== group)
        this.#blame(
          'G8 two groups',
          `${[...names]} are held or waited for in group ${group}, and are another one's`,
        )
      if (!state.slots.isOpen(slot)) continue
      const other = open.get(slot)
      if (other !== undefined)
        this.#blame('G8 two groups', `groups ${other} and ${group} both serve ${[...names]}`)
      open.set(slot, group)
    }
  }

  #primaryOf(group: number): State | null {
    const id = partOf(this.#cluster.viewServer.record, group)?.view.primary.id
    const server = this.#cluster.servers.find(
      each => each.alive && each.id === id && each.core.role === 'primary',
    )
    return server?.core.state ?? null
  }

  /** A slot that is free moves, while nothing keeps those from it who decide. */
  #judgeMove({ from, slots }: SlotMove): void {
    const progress = this.#progress()[from]
    if (progress === undefined) return
    const well = Math.max(progress.reportsSince(), this.#savingUntil, this.#pausedAt.get(from) ?? 0)
    for (const slot of slotsIn(slots)) {
      const used = this.#usedAt.get(slot) ?? 0
      if (used === this.#now) this.#note('a slot under way waits for what is in it')
      const since = Math.max(well, used, this.#changedAt.get(slot) ?? 0)
      if (this.#now - since <= progress.patienceMs) continue
      const text = `slot ${slot} (${this.#textOf(slot)}) of group ${from} is free for ${Math.floor(this.#now - since)} ms, and does not move`
      return this.#blame('G8 liveness', text)
    }
  }

  // ---- the end

  /** What is not as the operator wanted it; null: all is. */
  unsettled(): string | null {
    const { record } = this.#cluster.viewServer
    if (record === null) return 'there is no record'
    const { map, groupsWanted } = record
    const living = this.#cluster.servers.filter(({ alive }) => alive).length
    if (living < 2 * groupsWanted && !this.#cluster.hasSpare) return this.#servedOnce(map)
    if (map.moves.length > 0 || map.groups !== groupsWanted)
      return `${groupsWanted} groups are wanted, and the map is ${JSON.stringify(map)}`
    for (const group of this.#cluster.groupNumbers) {
      const part = partOf(record, group)
      if ((part !== null) !== group < groupsWanted)
        return `group ${group} has ${part === null ? 'no' : 'a'} view`
      if (part !== null && (!part.acked || part.view.backup === null))
        return `group ${group} has no backup in sync`
    }
    return this.#servedOnce(map) ?? this.#leftOver()
  }

  /** Each slot is served by the group that has it, and by no other. */
  #servedOnce(map: SlotMap): string | null {
    const states = this.#cluster.groupNumbers.map(group => this.#primaryOf(group))
    for (let slot = 0; slot < slotsMax; slot++)
      for (const [group, state] of states.entries())
        if (state !== null && state.slots.isOpen(slot) !== (groupOfSlot(map, slot) === group))
          return `slot ${slot} is group ${groupOfSlot(map, slot)}'s, and group ${group} does ${state.slots.isOpen(slot) ? '' : 'not '}serve it`
    return null
  }

  /** Servers of groups that have ended are spares again. */
  #leftOver(): string | null {
    const server = this.#cluster.servers.find(
      ({ id, alive, core }) =>
        alive && this.#cluster.groupOf(id) === null && (core.role !== 'idle' || core.state !== null),
    )
    return server === undefined ? null : `${server.name} has a part in no group, and is ${server.core.role}`
  }

  #textOf(slot: number): string {
    return [...(this.#slots.get(slot) ?? ['no name'])].join()
  }

  get #now(): number {
    return this.#cluster.network.time
  }

  #blame(check: string, text: string): void {
    this.#verdict.blame(check, text)
  }
}

/** Which move each slot is in that is under way. */
function waysIn(map: SlotMap): ReadonlyMap<number, SlotMove> {
  return new Map(map.moves.flatMap(move => slotsIn(move.slots).map(slot => [slot, move] as const)))
}

/** Slots in which anything is held, waited for, kept or remembered, counted anew. */
function inUseIn({ table }: State): ReadonlySet<number> {
  const slots = new Set<number>()
  const { locks } = table
  for (const lock of locks.values()) {
    slots.add(slotOf(lock.name))
    for (const { names, tokens } of lock.queue)
      for (const name of names.slice(tokens.length)) slots.add(slotOf(name))
  }
  for (const { name } of table.onces.each()) slots.add(slotOf(name))
  return slots
}
