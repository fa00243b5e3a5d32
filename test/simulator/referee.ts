// Watches the servers from outside their cores: what is on the view server's disk, what crosses the
// wires, which process dies when. So it can say whether a loss of the state was one that no service could have
// survived (F9, F14), or a bug. It decides nothing and never steps anything.

import type { Fact } from '../../lockserver/state/facts.ts'
import type { State } from '../../lockserver/state/state.ts'
import { isChange } from '../../viewservice/durability.ts'
import { type GroupRecord, partOf, type ViewRecord } from '../../viewservice/record.ts'
import type { Durability, Message, Ping, Status, View } from '../../wire/messages.ts'
import type { KnownSession } from '../fixtures/client-party.ts'
import {
  type ClientParty,
  type Cluster,
  type LockServerParty,
  ProgramParty,
  type ViewServerParty,
} from '../fixtures/cluster.ts'
import type { Party, Wire } from '../fixtures/network.ts'
import { textOf } from '../fixtures/state-story.ts'
import { Answers } from './answers.ts'
import { textOf as beliefText, type Checker } from './checker.ts'
import { Confirmations } from './confirmations.ts'
import { Copies } from './copies.ts'
import { Counters } from './counters.ts'
import { Guest } from './guests.ts'
import { LeftCopies, nameOf } from './left-copies.ts'
import type { MovesJudge } from './moves.ts'
import { listen } from './operations.ts'
import type { RightsJudge } from './rights-judge.ts'
import { SpareJudge } from './spares.ts'
import { Takeovers } from './takeovers.ts'
import type { Trace } from './trace.ts'
import type { Verdict } from './verdict.ts'
import { WatchFlow } from './watch-flow.ts'
import { Wires } from './wires.ts'

interface End {
  readonly at: number
  readonly how: 'killed' | 'left' | 'ended itself' | 'stepped down'
  readonly reason: string
}

interface Decision {
  readonly at: number
  /** V3: by the view's key, the backup that had answered the question. */
  readonly answered: ReadonlyMap<number, string>
}

/** Where pings come as often as usual; as the next three. */
const pingLimitMs = 500
/** The view server relies on a primary that it heard in its last two ticks; with some slack (V3). */
const heardWithinMs = 400
/** Faults that have been over for this long explain no new view. */
const aftermathMs = 3_000
/** A server that has been idle and undisturbed for this long may surely be chosen. */
const idleMs = 500
/** B1: no turn works longer than this. */
export const stallMs = 20
/** D11: why the durability can't be changed just now. */
const changeReasons =
  /is not acked yet|is silent|is nearly full|another change|is being changed|was lost before it was done|is a standby, and does not reach/
/** States with more locks and sessions than this are compared by their digests only. */
const comparedMax = 200

export class Referee {
  readonly #cluster: Cluster
  readonly #heardWithinMs: number
  readonly #aftermathMs: number
  readonly #idleMs: number
  readonly #verdict: Verdict
  readonly #checker: Checker
  readonly #trace: Trace
  readonly #wires: Wires
  readonly #takeovers: Takeovers
  readonly #counters: Counters
  readonly #watchFlow: WatchFlow
  readonly confirmations: Confirmations
  /** F15: where a state is that counts. */
  readonly leftCopies: LeftCopies
  readonly #spares: SpareJudge
  /** How each server id that is no more has ended. */
  readonly #ends = new Map<string, End>()
  /** V4: the backup of each view that said that it knows that it is in sync; by the view's key. */
  readonly #knows = new Map<number, string>()
  /** In which view each server was last told that it is in sync. */
  readonly #toldInSync = new Map<string, number>()
  /** V3: the views whose backup answered the question, as the view server read it in this life. */
  readonly #answered = new Map<number, string>()
  readonly #diedUnseen = new Set<string>()
  /** Ids whose copy is whole, and was not looked at yet. */
  readonly #copied = new Set<string>()
  /** When a ping of this id was last read. */
  readonly #pinged = new Map<string, number>()
  /** Since when its pings say that it is idle. */
  readonly #idleSince = new Map<string, number>()
  /** Since when clients that were alone with an old copy see others again; they find out at their next dial. */
  readonly aloneUntil = new Map<string, number>()
  /** Until when what befell a party, by name, may have consequences. */
  readonly #touched = new Map<string, number>()
  /** The network itself is bad enough to explain a new view. */
  roughNetwork = false
  /** B1: the longest that a lock server has worked without a pause. */
  longestTurnMs = 0
  #lastWrite = 0
  /** When the newest acked view of each group became so. */
  readonly #ackedAt = new Map<number, number>()
  readonly #lastViewAt = new Map<number, number>()
  readonly #firstViews = new Map<number, number>()
  #viewServerBackAt = Number.NEGATIVE_INFINITY
  /** Ids whose copy was made wrong on purpose (R4). */
  readonly corrupted = new Map<string, number>()
  /** When it was sent all of a copy. */
  readonly #wholeAt = new Map<string, number>()
  /** Those of them whose every word shows it. */
  readonly wrongDigest = new Set<string>()
  /** Those whose copy has a contradiction: they must find it themselves. */
  readonly contradicted = new Set<string>()
  /** Those to which a peer has lied in a way that may end them, or their state. */
  readonly deceived = new Set<string>()
  /** D7: what such a server has on its disk need not be readable. */
  wroteLies(name: string): boolean {
    return this.#misledNames.has(name)
  }
  readonly #misledNames = new Set<string>()
  /** Each of these machines gets the disk of the other one, with what lies have left there. */
  exchange(one: string, other: string): void {
    this.leftCopies.exchange(one, other)
    const names = this.#misledNames
    if (names.has(one) === names.has(other)) return
    const [from, to] = names.has(one) ? [one, other] : [other, one]
    names.delete(from)
    names.add(to)
  }

  /** Views whose two servers were told a lie of each other: only the next view ends what it does. */
  readonly #parted = new Set<number>()
  partsIn(group: number, view: number): void {
    this.#parted.add(keyOf(group, view))
  }

  arePartedIn(group: number, view: number): boolean {
    return this.#parted.has(keyOf(group, view))
  }

  /** Those that were asked to leave. */
  readonly leaving = new Set<string>()
  /** Those that were asked again, or stopped, and so end at once. */
  readonly hurried = new Set<string>()

  constructor(cluster: Cluster, verdict: Verdict, checker: Checker, trace: Trace) {
    this.#cluster = cluster
    this.#heardWithinMs = heardWithinMs * cluster.slowness
    this.#aftermathMs = aftermathMs * cluster.slowness
    this.#idleMs = idleMs * cluster.slowness
    this.#verdict = verdict
    this.#checker = checker
    this.#trace = trace
    const pings = pingLimitMs * cluster.slowness
    this.#takeovers = new Takeovers(verdict)
    this.#wires = new Wires(verdict, () => this.#now, pings)
    this.#counters = new Counters(verdict, cluster)
    this.#watchFlow = new WatchFlow(verdict)
    this.confirmations = new Confirmations(verdict)
    this.leftCopies = new LeftCopies(cluster, view => this.backupKnows(view))
    this.#spares = new SpareJudge(
      cluster,
      verdict,
      id => this.#freeSince(id),
      id => this.#isWell(id),
      id => this.#isSound(id),
    )
    this.#listens()
    cluster.watcher = {
      saved: record => this.#saved(record),
      steppedDown: (server, id, reason) => this.#steppedDown(server, id, reason),
      stepped: server => this.#stepped(server),
      worked: (server, ms) => this.#worked(server, ms),
      exited: (party, status, reason) => this.#exited(party, status, reason),
    }
    cluster.network.onFrame = (from, to, messages, wire) => this.sent(from, to, messages, wire)
    cluster.network.onClose = (from, _to, code, wire) => this.#wires.closes(from, code, wire)
    cluster.network.onArrival = (from, to, messages, wire) => this.#arrived(from, to, messages, wire)
  }

  /** To each operation, where it is applied first and where it is applied again. */
  #listens(): void {
    const { servers } = this.#cluster
    const copies = new Map<number, Copies>()
    const copiesOf = ({ core: { view } }: LockServerParty) => {
      const group = view?.group ?? 0
      const known = copies.get(group) ?? new Copies(this.#verdict, this.corrupted)
      copies.set(group, known)
      return known
    }
    const answers = new Answers(this.#verdict)
    let server: LockServerParty | undefined
    let first = false
    listen({
      before: (state, operation) => {
        server = servers.find(({ core }) => core.state === state)
        first = !this.unjudged && server?.core.role !== 'backup'
        if (first) answers.before(state, operation)
        if (first && server !== undefined) this.rights?.before(server, state, operation)
        if (first && server !== undefined) this.moves?.before(server, state, operation)
      },
      settles: (state, acquire, outcome) => {
        if (first) answers.settles(state, acquire, outcome)
        if (first && server !== undefined) this.rights?.settles(server, acquire, outcome)
      },
      after: (state, operation, done, from) => {
        if (first) answers.after(state, operation, done)
        if (server !== undefined) copiesOf(server).after(server, state, done, from)
        if (server !== undefined && first) this.#applied(server, done)
        if (server !== undefined && first) this.rights?.after(operation, done)
        if (server !== undefined && first) this.moves?.after(server, state, operation)
      },
    })
  }

  #applied(server: LockServerParty, done: readonly Fact[]): void {
    this.#counters.applied(server, done)
    for (const fact of done) if (fact.is === 'event') this.#watchFlow.happened(server.id, fact.event)
  }

  /** F21; null: no rules apply to any client. */
  rights: RightsJudge | null = null
  /** G8; null: there are as many groups all the time. */
  moves: MovesJudge | null = null

  /** A state is being read from a disk: its operations have happened before. */
  unjudged = false

  /** A server becomes primary whose copy has a contradiction. */
  onSpoiltPromotion: (id: string) => void = () => {}
  /** A server whose copy is wrong was promoted: the state that counted then ended with it. */
  promotedSpoilt = false
  /** Restarts what has ended by itself. */
  onExit: (party: LockServerParty | ViewServerParty) => void = () => {}

  /** A fault befalls this party, until then; it may be believed dead during that time, and a while after. */
  touch(party: Party, untilMs: number): void {
    const until = untilMs + this.#aftermathMs
    const name = party.kind === 'viewserver' ? 'VS' : party.name
    if (until > (this.#touched.get(name) ?? 0)) this.#touched.set(name, until)
  }

  /** The disk of this machine is slow or full until then. */
  diskTrouble(name: string, untilMs: number): void {
    this.#diskWellSince.set(name, Math.max(untilMs, this.#diskWellSince.get(name) ?? 0))
    this.touch(this.#cluster.server(name), untilMs)
  }

  /** Since when it is as fast as usual, or from when on. */
  diskWellSince(name: string): number {
    return this.#diskWellSince.get(name) ?? 0
  }
  readonly #diskWellSince = new Map<string, number>()

  /** The view server hears again, since then: what happened to the others before that it learns now. */
  viewServerIsBack(sinceMs: number): void {
    this.#viewServerBackAt = this.#now
    for (const [name, until] of this.#touched)
      if (until >= sinceMs) this.#touched.set(name, Math.max(until, this.#now + this.#aftermathMs))
  }

  /** The view server sleeps, and what this primary said before its death waits to be read. */
  diesUnseen(id: string): void {
    this.#diedUnseen.add(id)
  }

  /** The view server can hear nothing more of it: what it reads is the newest that there is. */
  diesHeard(): void {
    this.#diedUnseen.clear()
  }

  killed(server: LockServerParty): void {
    this.#ends.set(server.id, { at: this.#now, how: 'killed', reason: '' })
  }

  // ---- what crosses the wires

  sent(from: Party, to: Party, messages: readonly Message[], wire: Wire): 'pass' {
    this.#trace.frame(from, to, messages)
    this.#wires.sent(from, to, messages, wire, this.#ackedFor(from))
    this.#takeovers.sent(from, to, messages, wire)
    this.#followWatches(from, to, messages, wire)
    if (from.kind === 'lockserver')
      for (const message of messages) this.#saysInSync(from as LockServerParty, message)
    if (from instanceof ProgramParty && to.kind === 'lockserver') this.#opens(from, to, messages)
    return 'pass'
  }

  /** G3: a session is of the group of the servers that it is opened at. */
  #opens(program: ProgramParty, to: Party, messages: readonly Message[]): void {
    const { view } = (to as LockServerParty).core
    for (const [kind, session] of messages)
      if (kind === 'open' && view !== null) program.opens(view.group, session as string)
  }

  #followWatches(from: Party, to: Party, messages: readonly Message[], wire: Wire): void {
    if (from.kind === 'client' && to.kind === 'lockserver')
      for (const message of messages) this.#watchFlow.asked((to as LockServerParty).id, message, wire)
    if (from.kind !== 'lockserver' || to.kind !== 'client') return
    const server = from as LockServerParty
    this.#counters.sent(server, messages)
    this.moves?.told(server, messages)
    // A2: users are told a part of what happens, which the judge of rights looks at.
    if (this.rights === null)
      for (const message of messages) this.#watchFlow.answered(server.id, message, wire)
  }

  /** V4: a backup that has read so tells the view server at once, and its primary at the end of its turn. */
  #saysInSync({ id, core }: LockServerParty, message: Message): void {
    const group = core.view?.group ?? 0
    if (message[0] === 'heard') return this.#heard(id, keyOf(group, message[1] as number))
    if (message[0] !== 'ping' && message[0] !== 'answer') return
    const said = (message[0] === 'ping' ? message[1] : message[2]) as Ping
    const isTold = this.#toldInSync.get(id) === said.view
    if (said.role === 'backup' && said.inSync && isTold) this.#heard(id, keyOf(said.group, said.view))
  }

  /** What a party says was decided in the turn that ends now, so what was acked before it counts. */
  #ackedFor(from: Party): number {
    if (from.kind !== 'lockserver') return 0
    const server = from as LockServerParty
    return this.#cluster.within(server.core.view?.group ?? 0, () => {
      const { view, acked } = this.#cluster.viewServer
      if (!acked || view === null || view.backup === null) return 0
      return (this.#ackedAt.get(view.group) ?? 0) < server.turnBeganAt ? view.number : 0
    })
  }

  /** What this server has is no copy any more. */
  corrupt(id: string): void {
    this.corrupted.set(id, this.#now)
  }

  /** V4, V5: for the first time in this view: it has a whole new copy, so what was wrong with it is gone. */
  #heard(id: string, key: number): void {
    if (this.#knows.get(key) === id) return
    this.#knows.set(key, id)
    this.#copied.add(id)
    this.leftCopies.isWhole(id)
    // The same frame may have brought what corrupts it.
    if ((this.corrupted.get(id) ?? 0) < (this.#wholeAt.get(id) ?? 0)) this.corrupted.delete(id)
    this.wrongDigest.delete(id)
  }

  #arrived(from: Party, to: Party, messages: readonly Message[], wire: Wire): void {
    if (to.kind === 'lockserver') {
      this.#wires.arrived(to as LockServerParty, messages, wire)
      if (from.kind === 'client') this.#counters.arrived(to as LockServerParty, messages)
      for (const [kind, view] of messages)
        if (kind === 'in-sync') this.#toldInSync.set((to as LockServerParty).id, view as number)
        else if (kind === 'whole' || kind === 'keep') this.#wholeAt.set((to as LockServerParty).id, this.#now)
    }
    if (to.kind === 'client') this.confirmations.arrives(to.name, messages)
    const asksInOrder = to.kind === 'client' && !(to instanceof Guest)
    if (asksInOrder && messages.some(([kind, code]) => kind === 'error' && code === 'OUT_OF_ORDER'))
      this.#blame('S1 reply forgotten', `${from.name} says that ${to.name} asks out of order`)
    if (to.kind !== 'viewserver' || from.kind !== 'lockserver' || !(to as ViewServerParty).core.isActive)
      return
    const { id } = from as LockServerParty
    for (const message of messages) {
      if (message[0] === 'ping') this.#hearPing(id, message[1] as Ping)
      else if (message[0] === 'answer') {
        const { group, view, inSync } = message[2] as Ping
        if (inSync) this.#answered.set(keyOf(group, view), id)
      }
    }
  }

  #hearPing(id: string, { role, leaving }: Ping): void {
    this.#pinged.set(id, this.#now)
    // On its way for longer than the view server slept: then no party can know how old it is.
    if (this.#now > this.#viewServerBackAt) this.#diedUnseen.delete(id)
    if (role !== 'idle' || leaving) this.#idleSince.delete(id)
    else if (!this.#idleSince.has(id)) this.#idleSince.set(id, this.#now)
  }

  viewServerDied(): void {
    this.#answered.clear()
  }

  /** V6: with a record that ends before the view which all its servers know. */
  decidedMisled(): void {
    this.#blame('V6 decided misled', 'the view server decides, though its servers know a newer view')
  }

  /** D11: it is done when it is on the record of every group, and acked; or there is a reason. */
  toldOfChange([kind, , what]: Message, to: Durability): void {
    if (kind === 'durability-refused') {
      if (!changeReasons.test(String(what)) && !this.explains(String(what)))
        this.#blame('D11 refused', `a change to ${to} is refused: ${what}`)
      return
    }
    const { group, number } = what as View
    const records = this.#cluster.viewServer.disk.map(record => partOf(record, group))
    const isDone = records.some(
      part => part?.view.number === number && part.view.durability === to && part.acked,
    )
    if (!isDone) this.#blame('D11 told too early', `view ${number} is said to be of durability ${to}`)
  }

  /** Whether view servers that share a store are as this reason of a standby says. */
  explains: (reason: string) => boolean = () => false

  /** V6: once it has halted, nothing survives. */
  misled({ halted, survives }: Status): void {
    if (halted !== null && survives > 0) this.#blame('V6 status', `it is halted, and survives ${survives}`)
  }

  /** Whether this view's backup knows that it is in sync (V4). */
  backupKnows(view: View | null): boolean {
    return view !== null && view.backup !== null && this.#knows.get(keyOfView(view)) === view.backup.id
  }

  // ---- what is on the disk

  #saved(record: ViewRecord): void {
    const { disk } = this.#cluster.viewServer
    const before = disk.at(-2)
    this.#decision = this.decisionOf(record)
    this.#trace.tell(() => `VS has record ${record.record} on its disk: ${this.#recordText(record)}`)
    if (record.record !== (before?.record ?? 1) + 1)
      this.#blame('V6 record', `record ${record.record} follows ${before?.record ?? 1}`)
    this.#spares.saved(before ?? null, record)
    this.moves?.saved(before ?? null, record)
    this.#cluster.inEach(group => {
      const part = partOf(record, group)
      if (part !== null) this.#savedPart(group, partOf(before ?? null, group), part)
    })
  }

  #recordText(record: ViewRecord): string {
    const parts = this.#cluster.groupNumbers.map(group => partOf(record, group))
    const views = parts.map(part => (part === null ? 'no view' : viewText(part))).join('; ')
    return this.moves === null ? views : `${views}; ${JSON.stringify(record.map)}`
  }

  /** Of one group. */
  #savedPart(group: number, before: GroupRecord | null, part: GroupRecord): void {
    if (part.acked && !(before?.acked && before.view.number === part.view.number))
      this.#ackedAt.set(group, this.#now)
    this.#counters.saved(before, part)
    const pauseMs = part.view.start?.pauseMs ?? 0
    // The pause begins with the primary, which may learn of its view late: it is over so long after the ack at the latest.
    const first = this.#firstViews.get(group) ?? part.view.number
    this.#firstViews.set(group, first)
    if (part.view.number === first && pauseMs > 0)
      this.#checker.begins(part.acked ? this.#now : Number.POSITIVE_INFINITY, pauseMs, group)
    if (before === null) return
    if (before.view.number === part.view.number) this.#sameView(before, part)
    else this.#newView(before, part.view)
  }

  /** V4: acked is promotable. */
  #sameView(before: GroupRecord, { view, acked }: GroupRecord): void {
    if (JSON.stringify(before.view) !== JSON.stringify(view) || (before.acked && !acked))
      return this.#blame('V1 view changed', `view ${view.number} is not what it was`)
    if (acked && view.backup !== null && !this.backupKnows(view))
      this.#blame('V4 acked too early', `view ${view.number} is acked before its backup knows of it`)
  }

  #newView(before: GroupRecord, view: View): void {
    if (view.number !== before.view.number + 1)
      return this.#blame('V1 view number', `view ${view.number} follows ${before.view.number}`)
    if (view.start?.choice != null) return this.#recovers(before, view)
    if (view.start !== null) return this.#reset(before, view)
    if (this.#diedUnseen.has(view.primary.id))
      this.#blame('state lost', `view ${view.number} keeps a primary that was dead before it was decided`)
    const { primary, backup } = before.view
    if (view.primary.id === primary.id) this.#keepsPrimary(before, view)
    else if (view.primary.id !== backup?.id)
      this.#blame('V2 stranger', `a stranger is primary of view ${view.number}`)
    else this.#promotes(before, view)
    this.#caused(before, view)
    this.#lastViewAt.set(view.group, this.#now)
  }

  #promotesSpoilt(id: string): void {
    this.promotedSpoilt = true
    this.onSpoiltPromotion(id)
  }

  #promotes(before: GroupRecord, view: View): void {
    if (this.contradicted.has(view.primary.id)) this.#promotesSpoilt(view.primary.id)
    // R4, D7: its digests are not those of its operations, so that its journal can't be read.
    if (this.corrupted.has(view.primary.id)) this.promotedSpoilt = true
    this.#wires.promotes(view.primary.id)
    if (view.backup === null) this.#alone(before.view, view)
    if (!before.acked) this.#blame('V3 promoted unacked', `view ${view.number} promotes from an unacked view`)
    else if ((this.#decision?.answered ?? this.#answered).get(keyOfView(before.view)) !== view.primary.id)
      this.#blame('V3 promoted unasked', `view ${view.number} promotes a backup that has answered nothing`)
  }

  /** V7: one view, not two: a server that has been idle and well for a while comes in with the promotion. */
  #alone({ primary, backup }: View, { group, number }: View): void {
    if (this.roughNetwork || (this.#touched.get('VS') ?? -1) >= this.#now) return
    if (this.#now - this.#viewServerBackAt < this.#aftermathMs) return // those who were idle may not be back yet
    // G1: other groups may need those that there are.
    const idle = this.#cluster.servers.filter(server => {
      const { id } = server
      const named = id === primary.id || id === backup?.id || this.#cluster.groupOf(id) !== null
      return !named && this.#now - this.#freeSince(id) > this.#idleMs
    })
    if (idle.length > this.#spares.needyBeside(group))
      this.#blame('V7 two views', `view ${number} names no backup, and ${idle[0]?.name} is idle`)
  }

  /** Since when this server lives, is idle and undisturbed, and is heard; Infinity: it is not. */
  #freeSince(id: string): number {
    return this.#isWell(id) ? (this.#idleSince.get(id) ?? this.#now) : Number.POSITIVE_INFINITY
  }

  /** It lives and is heard, and nothing has befallen it for a while. */
  #isWell(id: string): boolean {
    const server = this.#cluster.servers.find(each => each.id === id)
    const pinged = this.#pinged.get(id) ?? Number.NEGATIVE_INFINITY
    if (server === undefined || !server.alive || this.#now - pinged >= this.#heardWithinMs) return false
    return (this.#touched.get(server.name) ?? -1) < this.#now
  }

  /** It lives and is heard, and is neither leaving nor wrong nor out of room. */
  #isSound(id: string): boolean {
    const server = this.#cluster.servers.find(each => each.id === id)
    const pinged = this.#pinged.get(id) ?? Number.NEGATIVE_INFINITY
    if (server === undefined || !server.alive || server.frozen || this.#now - pinged >= this.#heardWithinMs)
      return false
    if (this.corrupted.has(id) || this.deceived.has(id) || this.leaving.has(id)) return false
    return this.diskWellSince(server.name) < this.#now
  }

  /** V3: a living copy is given up only while the primary is heard, or no server has the state any more. */
  #keepsPrimary({ view: before, acked }: GroupRecord, view: View): void {
    const { primary, backup } = before
    if (backup === null || (!acked && this.#knows.get(keyOfView(before)) !== backup.id)) return
    const [end, dropped] = [this.#ends.get(primary.id), this.#ends.get(backup.id)]
    if (end === undefined || dropped !== undefined || this.corrupted.has(backup.id)) return
    const heard = this.#pinged.get(primary.id) ?? 0
    const { viewServer } = this.#cluster
    const decided = Math.min(this.#decision?.at ?? this.#lastWrite, this.#now)
    if (viewServer.frozen || decided - heard <= this.#heardWithinMs || decided <= end.at) return
    const text = `view ${view.number} gives up the last living copy; its primary is ${end.how} since ${end.at.toFixed(1)}`
    this.#blame('state lost', text)
  }

  /** F14: a reset goes through only if those who may still serve the state are gone. */
  #reset(before: GroupRecord, view: View): void {
    const {
      view: { primary, backup },
      acked,
    } = before
    this.#trace.tell(() => `an operator's reset makes view ${view.number}`)
    const left = this.#cluster.isDurable
      ? [...this.leftCopies.ofRecord(before, name => this.#hears(name))]
      : []
    if (left.length > 0) this.#blame('state lost', `a reset gives up the state on the disk of ${left}`)
    const hasChoice = before.view.start?.choice != null
    const mayServe =
      this.leftCopies.isOnDisk(before) || hasChoice
        ? this.leftCopies.counting(before)
        : acked
          ? [primary, backup]
          : [primary]
    for (const server of mayServe)
      if (server && !this.#ends.has(server.id))
        this.#blame(
          'state lost',
          `the reset of view ${view.number} ends a state that server ${server.id} has`,
        )
    this.#floorGrows(view, Math.max(this.#floors.get(view.group) ?? 0, this.#checker.highestIn(view.group)))
    this.#checker.reset(this.#now, view.start?.pauseMs ?? 0, view.start?.tokenFloor ?? 0, view.group)
    this.#lastViewAt.set(view.group, this.#now)
  }

  /** The process of the view server that decides has heard of late of the server on this machine. */
  #hears(name: string): boolean {
    const decided = this.#decision?.at ?? this.#lastWrite
    const since = Math.max(this.#cluster.viewServer.runsSince, decided - this.#heardWithinMs)
    return this.#cluster.servers.some(
      server => server.name === name && (this.#pinged.get(server.id) ?? 0) >= since,
    )
  }

  /** D4, F15: the state goes on where a copy is left, and only if no server can go on with it by itself. */
  #recovers(before: GroupRecord, view: View): void {
    const changes = isChange(view)
    this.#trace.tell(
      () => `${changes ? `a change to ${view.durability}` : 'a recovery'} makes view ${view.number}`,
    )
    const name = nameOf(view.primary)
    if (!this.leftCopies.wasAt(name, before, this.#decision?.at ?? this.#now))
      this.#blame('D4 recovered from nothing', `no state that counts is left at ${name}, which recovers`)
    if (!this.#ends.has(before.view.primary.id) && view.primary.id !== before.view.primary.id)
      this.#recoveredBeside(before.view.primary, view)
    // A recovered state goes on above its own last token, of which the record need not have heard; and so does one that changes.
    if (!changes) this.#floorGrows(view, this.#floors.get(view.group) ?? 0)
    this.#lastViewAt.set(view.group, this.#now)
  }

  /** It stands still, or is cut off: it was found dead. */
  #recoveredBeside({ id }: View['primary'], view: View): void {
    const heard = this.#pinged.get(id) ?? 0
    if ((this.#decision?.at ?? this.#lastWrite) - heard < pingLimitMs / 2)
      this.#blame('D4 recovered beside', `view ${view.number} recovers beside a primary that was just heard`)
  }

  /** L2: above all tokens, and above the floor of each reset before, whether or not any token was given since. */
  #floorGrows({ group, number, start }: View, most: number): void {
    const floor = start?.tokenFloor ?? 0
    if (floor <= most)
      this.#blame('L2 token floor', `the tokens of view ${number} begin at ${floor}, not above ${most}`)
    this.#floors.set(group, floor)
  }
  readonly #floors = new Map<number, number>()

  /** V7: something must have befallen the three, or nothing changes. */
  #caused({ view: { primary, backup }, acked }: GroupRecord, view: View): void {
    if (
      this.roughNetwork ||
      !acked ||
      backup === null ||
      this.#now - (this.#lastViewAt.get(view.group) ?? 0) < this.#aftermathMs
    )
      return
    const ids = [primary.id, backup.id]
    if (ids.some(id => this.#ends.has(id) || this.corrupted.has(id))) return
    const names = [primary, backup].map(({ address }) => address.replace('ws://', ''))
    const touched = ['VS', ...names].some(name => (this.#touched.get(name) ?? -1) >= this.#now)
    if (!touched)
      this.#blame(
        'V7 view without a cause',
        `nothing befell view ${view.number - 1}, and view ${view.number} follows`,
      )
  }

  /** F9: the view server alone was cut off and is back: it has suspected no server. */
  undisturbed(number: number): void {
    const now = this.#cluster.view?.number ?? 0
    if (now !== number && !this.roughNetwork)
      this.#blame(
        'V7 view without a cause',
        `only the view server was cut off, and view ${now} follows ${number}`,
      )
  }

  wrote(): void {
    this.#lastWrite = this.#now
  }

  /** What was known when a record was decided, where it may be written long after that. */
  decisionOf: (record: ViewRecord) => Decision | undefined = () => undefined
  #decision: Decision | undefined

  get decidesNow(): Decision {
    return { at: this.#now, answered: new Map(this.#answered) }
  }

  // ---- who ends

  #steppedDown(server: LockServerParty, id: string, reason: string): void {
    this.#trace.tell(() => `${server.name} steps down: ${reason}`)
    this.#wires.gone(server, id, 'steps down')
    if (this.#cluster.network.inUse(server) > 0)
      this.#blame('R5 connections kept', `${server.name} steps down and keeps connections`)
    const deceived = this.deceived.has(id)
    if (deceived) this.#misledNames.add(server.name)
    this.#ends.set(id, { at: this.#now, how: deceived ? 'killed' : 'stepped down', reason })
    if (!deceived && reason.startsWith('named primary'))
      this.#blame('state lost', `${server.name} was ${reason}`)
  }

  /** R2: the newest view leaves it without a backup, so that it answers what waited for one. */
  #isAlone(id: string): boolean {
    const views = this.#cluster.inEach(() => this.#cluster.viewServer.view)
    return views.some(view => view?.primary.id === id && view.backup === null)
  }

  #exited(party: LockServerParty | ViewServerParty, status: number, reason: string): void {
    this.#trace.tell(() => `${party.name} ends itself with status ${status}: ${reason}`)
    if (party.kind === 'lockserver') {
      if (!this.#isAlone(party.id)) this.#wires.gone(party, party.id, 'leaves')
      if (this.deceived.has(party.id)) this.#misledNames.add(party.name)
      const told = this.leaving.has(party.id)
      const fair = this.deceived.has(party.id) || party.diskFailure !== null
      const how = told ? 'left' : fair ? 'killed' : 'ended itself'
      this.#ends.set(party.id, { at: this.#now, how, reason })
      if (!fair && (!told || party.broken !== null))
        this.#blame('broken invariant', `${party.name} ended itself: ${party.broken ?? reason}`)
    } else this.viewServerDied()
    this.onExit(party)
  }

  /** B1 */
  #worked({ name, core }: LockServerParty, ms: number): void {
    this.longestTurnMs = Math.max(this.longestTurnMs, ms)
    if (ms <= stallMs) return
    this.#verdict.blame('B1 stall', `a turn of ${name} (${core.role}) works for ${ms.toFixed(1)} ms`)
  }

  /** S4: the primary ends a session only when its client believes in it no more. */
  #stepped(server: LockServerParty): void {
    const { core } = server
    const { state } = core
    if (state === null || core.role !== 'primary') return
    const before = this.#sessions.get(core.id) ?? 0
    const { size } = state.sessionsById
    if (size !== before) this.#sessions.set(core.id, size)
    if (size >= before || this.#checker.wasReset || !this.#serves(core.id)) return
    const group = core.view?.group ?? 0
    for (const user of this.#cluster.clients) {
      const session = user.coreIn(group)
      if (!state.sessionsById.has(session.sessionId) && this.#believesIn(user, session))
        this.#blame('S4 signal late', `${server.name} ends the session of ${user.name}, which believes in it`)
    }
  }
  /** It is the primary of its group. */
  #serves(id: string): boolean {
    return this.#cluster.inEach(() => this.#cluster.view?.primary.id).includes(id)
  }
  /** How many sessions each primary had. */
  readonly #sessions = new Map<string, number>()

  // ---- is the state lost, and had it to be?

  /** F14: no living server may go on with the state of the newest view. */
  get lost(): boolean {
    const { part } = this.#cluster
    if (part === null) return false
    if (this.leftCopies.onDisk || part.view.start?.choice != null)
      return this.leftCopies
        .counting(part)
        .every(server => this.#ends.has(server.id) && this.leftCopies.mayBeGone(server, part))
    const { primary, backup } = part.view
    if (!this.#ends.has(primary.id)) return false
    return backup === null || this.#ends.has(backup.id) || !(part.acked || this.backupKnows(part.view))
  }

  /** Whether the servers with the state really died, each of its own fault; blames otherwise. */
  explainLoss(): void {
    const { part } = this.#cluster
    if (part === null) return
    const { primary, backup } = part.view
    if (this.leftCopies.onDisk) return this.#trace.tell(() => `no copy is left: ${viewText(part)}`)
    const had = part.acked || this.backupKnows(part.view) ? [primary, backup] : [primary]
    for (const server of had) {
      const end = server && this.#ends.get(server.id)
      if (end && end.how !== 'killed' && end.how !== 'left')
        this.#blame('state lost', `server ${server.id} of view ${part.view.number} ${end.how}: ${end.reason}`)
    }
    this.#trace.tell(() => `the state is lost: ${viewText(part)}, and ${had.length} who had it are dead`)
  }

  /** All is mended. R4: the server whose copy was made wrong on purpose may not be the backup any more. */
  inspectAtEnd(): void {
    const { viewServer } = this.#cluster
    // One that ended itself has not heard that its last record is there.
    const knows = viewServer.alive && !viewServer.saving
    if (knows && !viewServer.misled && viewServer.shared === null)
      this.#counters.inspectViews(viewServer.counts)
    for (const { id, name, alive } of this.#cluster.servers)
      if (alive && this.contradicted.has(id))
        this.#blame('R4 contradiction kept', `${name} has one in its copy, and lives on`)
    for (const view of this.#cluster.inEach(() => this.#cluster.view))
      if (view?.backup && this.wrongDigest.has(view.backup.id))
        this.#blame('R4 wrong copy kept', `server ${view.backup.id} is the backup of view ${view.number}`)
  }

  // ---- the states

  /** Every living state is free of contradictions, and copies that are level are the same (R4). */
  inspect(thoroughly: boolean): void {
    const living = this.#cluster.servers.filter(server => server.alive && server.core.state !== null)
    for (const server of living) {
      if (this.contradicted.has(server.id)) continue
      const problem = thoroughly && isSmall(server) ? server.core.state?.problem() : undefined
      if (problem !== undefined) this.#blame('broken invariant', `${server.name}: ${problem}`)
      if (thoroughly) this.#counters.inspect(server)
      this.#withinLimits(server)
      if (server.core.role !== 'primary') continue
      this.#compare(server, living, thoroughly)
      const serves = this.#serves(server.id)
      if (serves && (thoroughly || isSmall(server))) this.#knowsAll(server)
    }
  }

  /** B4: what is refused beyond the limits is never there. */
  #withinLimits({ name, core: { state } }: LockServerParty): void {
    const { sessions, limits } = state as State
    if (sessions.size > limits.sessionsMax) this.#blame('B4 limit', `${name} has ${sessions.size} sessions`)
  }

  /** R1, S5: the primary has all that clients know of; what was taken is kept until its victim learns of it. */
  #knowsAll({ name, core: { state, view } }: LockServerParty): void {
    if (state === null || this.#checker.wasReset) return
    for (const user of this.#cluster.clients) {
      const own = user.coreIn(view?.group ?? 0)
      if (!this.#believesIn(user, own)) continue
      const session = state.sessionsById.get(own.sessionId)
      if (session === undefined)
        return this.#blame('R1 unknown session', `${name} does not know ${user.name}`)
      const lost = this.#checker
        .beliefsOf(own)
        .find(({ token }) => !session.holds.has(token) && !session.losses.has(token))
      if (lost !== undefined)
        this.#blame(
          'R1 unknown hold',
          `${name} knows neither of the hold nor of a loss of ${beliefText(lost)}`,
        )
    }
  }

  /** G8: a session in which nothing was held may have ended with its group, and its client not have heard so. */
  #believesIn(user: ClientParty, session: KnownSession): boolean {
    if (!this.#checker.believesInSession(user, session)) return false
    return this.moves === null || this.#checker.beliefsOf(session).length > 0
  }

  #compare(primary: LockServerParty, living: readonly LockServerParty[], thoroughly: boolean): void {
    const { group, number } = primary.core.view as View
    const backup = living.find(
      ({ core: { role, view } }) => role === 'backup' && view?.group === group && view.number === number,
    )
    const [one, other] = [primary.core.state, backup?.core.state]
    if (backup === undefined || !one || !other || one.opNumber !== other.opNumber) return
    if (this.corrupted.has(primary.id) || this.corrupted.has(backup.id)) return
    if (one.digest !== other.digest)
      this.#blame('R4 copies differ', `${primary.name} and ${backup.name} differ in their digests`)
    // A large one is looked at once for each copy.
    else if (
      ((thoroughly && isSmall(primary)) || this.#copied.delete(backup.id)) &&
      textOf(one) !== textOf(other)
    )
      this.#blame('R4 copies differ', `${primary.name} and ${backup.name}: ${textOf(one)} ${textOf(other)}`)
  }

  get #now(): number {
    return this.#cluster.network.time
  }

  #blame(check: string, text: string): void {
    this.#verdict.blame(check, text)
  }
}

function isSmall({ core: { state } }: LockServerParty): boolean {
  return state !== null && state.table.locks.size + state.sessions.size <= comparedMax
}

/** Views of several groups in one map; of the first group, the view's number. */
function keyOf(group: number, view: number): number {
  return group * 2 ** 32 + view
}

function keyOfView({ group, number }: View): number {
  return keyOf(group, number)
}

function viewText({ view: { number, primary, backup, start }, acked }: GroupRecord): string {
  const what = start === null ? '' : ', starts empty'
  return `view ${number}, primary ${primary.id}, backup ${backup?.id ?? 'none'}${acked ? ', acked' : ''}${what}`
}
