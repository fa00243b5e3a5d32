// What the view server decides for one group (G1): which view it has, whether that is acked, and what becomes of
// its state when that is lost. It knows the table of servers and no client's connection: core.ts brings it what
// was heard, saves what it decides (V6), and tells its peers.

import type { Durability, Ping, RecoveryStatus, Server, SlotsLeft, View } from '../wire/messages.ts'
import { causeOf } from './cause.ts'
import type { Changing } from './changing.ts'
import { changeOf } from './counts.ts'
import type { Readiness } from './durability.ts'
import type { Loss } from './history.ts'
import type { ViewOutbox } from './outbox.ts'
import type { Probes } from './probes.ts'
import { type Answer, Question } from './question.ts'
import type { GroupRecord } from './record.ts'
import { Recoveries, type RecoveryOptions, type RecoveryOwner } from './recoveries.ts'
import { choiceOf, isRecovery, namedIn, recoveryView, toldToAll } from './recovery.ts'
import type { Resets } from './reset.ts'
import type { KnownServer, Servers } from './servers.ts'
import type { Spares } from './spares.ts'
import { lossOf } from './status.ts'
import { type Circumstances, firstView, nextView, stepProblem } from './view.ts'

/** Who tells peers of a group's view. */
export interface GroupOwner {
  tellAll(group: ViewGroup): void
  tell(group: ViewGroup, server: KnownServer): void
  /** E6: how this group's first view begins; null: it may not be made yet, or the group is not wanted (G8). */
  beginning(group: number): Beginning | null
  /** G8: there is to be such a group. */
  isWanted(group: number): boolean
  /** A group other than this one has this server. */
  isElsewhere(id: string, group: number): boolean
}

/** What a group's first view is made with. */
export interface Beginning {
  readonly cluster: string
  readonly durability: Durability
  readonly pauseMs: number
  readonly longestTtlMs: number
  /** G8: the last view of this group, if it ended before; 0: it is new. */
  readonly last: number
  readonly tokenFloor: number
}

/** What all groups have in common. */
export interface Shared {
  readonly out: ViewOutbox
  readonly servers: Servers
  readonly probes: Probes
  readonly resets: Resets
  readonly changing: Changing
  readonly options: RecoveryOptions
  readonly owner: GroupOwner
}

/** What a peer may know of a group's view. */
export interface Told {
  readonly view: View | null
  readonly acked: boolean
}

/** L2: the record may lag behind the highest token by 2^31; half of it leaves room for a slow save. */
const tokenLagMax = 2 ** 30
/** Tokens begin with the microseconds of the wall clock, which come to this in the year 2112. */
const tokensInTime = 2 ** 52

export class ViewGroup implements RecoveryOwner {
  readonly number: number
  readonly #shared: Shared
  readonly #out: ViewOutbox
  readonly #servers: Servers
  readonly #question: Question
  readonly #recoveries: Recoveries
  /** Durable; null: the group has no view yet. */
  #record: GroupRecord | null
  #highestToken: number
  #lossNoted = false
  /** The monotonic time of this step. */
  #now = 0

  constructor(number: number, shared: Shared, record: GroupRecord | null) {
    this.number = number
    this.#shared = shared
    this.#out = shared.out
    this.#servers = shared.servers
    this.#question = new Question(shared.out)
    this.#recoveries = new Recoveries(this, shared.servers, shared.probes, shared.options)
    this.#record = record
    this.#highestToken = record?.highestToken ?? 0
  }

  // ---- what may be read from outside

  get record(): GroupRecord | null {
    return this.#record
  }

  get viewNumber(): number {
    return this.#record?.view.number ?? 0
  }

  /** D5: an unacked recovery view is told to its primary alone; null: to a client. */
  toldTo(id: string | null): Told {
    if (this.#record === null) return { view: null, acked: false }
    return this.isPrimary(id) ? this.#record : toldToAll(this.#record)
  }

  /** All servers that the record names, the choice's (D4) included. */
  get named(): Server[] {
    return this.#record === null ? [] : namedIn(this.#record)
  }

  /** As primary or backup of the view. */
  isNamed(id: string): boolean {
    return this.isPrimary(id) || this.#record?.view.backup?.id === id
  }

  isPrimary(id: string | null): boolean {
    return this.#record?.view.primary.id === id
  }

  isElsewhere(id: string): boolean {
    return this.#shared.owner.isElsewhere(id, this.number)
  }

  /** G1, D4: idle servers that no other group may have: while its primary is not heard, its state may be only there. */
  sources(now: number): readonly string[] {
    const record = this.#record
    if (record === null || this.#servers.isHeard(this.#servers.named(record.view.primary.id), now)) return []
    return this.#recoveries.sources(record)
  }

  /** G8: what its primary says, in this view, that its state has left. */
  get left(): SlotsLeft | null {
    if (this.#record === null) return null
    const { primary, number } = this.#record.view
    const ping = this.#pingOf(primary.id)
    return ping?.role === 'primary' && ping.view === number ? ping.left : null
  }

  get primaryDead(): boolean {
    return this.#record !== null && this.#isDead(this.#record.view.primary.id)
  }

  get recovery(): RecoveryStatus | null {
    return this.#record === null ? null : this.#recoveries.status(this.#record, this.#question)
  }

  // ---- what was heard

  /** V3: a primary that is heard before the answer is alive again. */
  pinged(server: KnownServer, now: number): void {
    const { id, ping } = server
    if (!this.isPrimary(id) || ping === null) return
    if (!ping.leaving && !ping.low) this.#question.withdraw()
    if (ping.group === this.number) this.#out.counts?.history.entered(this.number, ping.view, now)
  }

  /**
   * L2: takes note of the tokens that a primary granted. Once the tokens are used up no reset is possible any
   * more, so one ping raises the token only a little beyond what time and record allow.
   */
  believe(token: number): void {
    const known = Math.max(tokensInTime, this.#record?.highestToken ?? 0)
    this.#highestToken = Math.max(this.#highestToken, Math.min(token, known + tokenLagMax))
  }

  answered(server: KnownServer, number: number, answer: Answer): void {
    if (answer.group !== this.number || !this.#question.answered(server.id, number, answer)) return
    if (!answer.inSync && this.#record?.acked)
      this.#out.note('error', 'the backup of an acked view says that it is not in sync', { peer: server.id })
  }

  /** D4: an operator's word; whether it counts, and what to say to it. */
  said(id: string): [boolean, string] {
    return this.#recoveries.said(this.#record, id)
  }

  tick(): void {
    this.#question.repeat()
    if (this.#record !== null) this.#recoveries.tick(this.#record, this.#question)
  }

  // ---- what was saved

  saved(record: GroupRecord, now: number): void {
    this.#now = now
    const before = this.#record
    this.#record = record
    // L2: a floor that came with slots (G8).
    this.#highestToken = Math.max(this.#highestToken, record.highestToken)
    this.#shared.changing.saved(record)
    if (before?.view.number !== record.view.number) this.#announce(before?.view ?? null, record.view)
    else if (record.acked && !before.acked) this.#onAcked(record.view)
  }

  #onAcked(view: View): void {
    const { primary, backup } = view
    // D5: from now on all may hear of it.
    if (isRecovery(view)) this.#shared.owner.tellAll(this)
    if (this.#out.counts !== undefined) this.#out.counts.acks++
    this.#out.counts?.history.acked(view, this.#now)
    this.#out.note('info', 'view acked', { primary: primary.address, backup: backup?.address ?? null })
  }

  #announce(before: View | null, view: View): void {
    const { primary, backup } = view
    const change = changeOf(before, view)
    if (this.#out.counts !== undefined) this.#out.counts.views[change]++
    this.#out.counts?.history.made(view, change, this.#lossOf(before, view), this.#now)
    const fields = { change, primary: primary.address, backup: backup?.address ?? null }
    this.#out.note(isRecovery(view) ? 'warn' : 'info', 'new view', fields)
    this.#lossNoted = false
    if (isRecovery(view)) this.#shared.owner.tell(this, this.#servers.named(primary.id))
    else this.#shared.owner.tellAll(this)
    this.#shared.resets.made(view)
  }

  /** When the server that the new view leaves out was last heard, and why it is left out, if this view server knows. */
  #lossOf(before: View | null, { primary, backup }: View): Loss {
    const left = [before?.primary, before?.backup].find(
      server => server && server.id !== primary.id && server.id !== backup?.id,
    )
    const server = left && this.#servers.get(left.id)
    if (!server) return { silentSince: null, cause: null }
    const cause = causeOf(server, this.#servers.isDead(server))
    return { silentSince: server.closedAt ?? server.heardAt, cause }
  }

  // ---- deciding

  /** G1: 0 is the neediest: it has no view; then: it has no living backup. Whoever is not wanted needs none (G8). */
  get need(): number {
    if (this.#record === null) return this.#shared.owner.isWanted(this.number) ? 0 : 3
    const { primary, backup } = this.#record.view
    return backup === null || [primary, backup].some(({ id }) => this.#isDead(id)) ? 1 : 2
  }

  /** What the record is to hold of it; undefined: nothing has to change. */
  next(now: number, spares: Spares): GroupRecord | undefined {
    this.#now = now
    const next = this.#record === null ? this.#first(spares) : this.#nextRecord(this.#record, spares)
    if (next !== undefined && next.view !== this.#record?.view) spares.take(next.view)
    else this.#keepSpare(spares)
    return next === undefined ? undefined : this.#withToken(next)
  }

  /** G1: one is kept for it that it can't take yet; a group whose primary is dead may not be able to for long. */
  #keepSpare(spares: Spares): void {
    const primary = this.#record?.view.primary ?? null
    if (this.need === 0 || (this.need === 1 && primary !== null && !this.#isDead(primary.id)))
      spares.keep({ group: this.number, beside: primary, unreachable: [] })
  }

  #first(spares: Spares): GroupRecord | undefined {
    const beginning = this.#shared.owner.beginning(this.number)
    const idle = beginning === null ? null : this.#best(spares, null)
    if (beginning === null || idle === null) return undefined
    const { cluster, durability, pauseMs, longestTtlMs, last, tokenFloor } = beginning
    const view = this.#checked(firstView(idle, durability, pauseMs, this.number, last, tokenFloor), last)
    return { cluster, view, acked: false, lastAcked: 0, highestToken: tokenFloor, longestTtlMs }
  }

  #best(spares: Spares, beside: Server | null, unreachable: readonly string[] = []): Server | null {
    return spares.best({ group: this.number, beside, unreachable })
  }

  /** What the record has of it, with the highest token of now. */
  get current(): GroupRecord | null {
    return this.#record === null ? null : this.#withToken(this.#record)
  }

  /** L2 */
  #withToken(next: GroupRecord): GroupRecord {
    const { highestToken } = next
    this.#highestToken = Math.max(highestToken, this.#highestToken, next.view.start?.tokenFloor ?? 0)
    return { ...next, highestToken: this.#highestToken }
  }

  #nextRecord(record: GroupRecord, spares: Spares): GroupRecord | undefined {
    this.#keepQuestion(record)
    if (!record.acked && this.#ackHeard(record))
      return { ...record, acked: true, lastAcked: record.view.number }
    const { resets, changing } = this.#shared
    const lost = this.#recoveries.lost(record, this.#question)
    const view =
      resets.decided(
        record,
        this.#highestToken,
        this.#recoveries.givenUpBy(record, lost),
        this.#best(spares, null),
      ) ??
      changing.decided(record, this.#highestToken, () => this.#readiness(record)) ??
      nextView(record.view, record.acked, this.#circumstances(record, spares)) ??
      (lost === null ? undefined : recoveryView(record, this.#highestToken, lost))
    if (view !== undefined) return { ...record, view: this.#checked(view), acked: false }
    this.#noteLoss(record)
    const stale = this.#highestToken - record.highestToken > tokenLagMax // L2
    return stale ? record : undefined
  }

  /** A broken invariant ends the process: a dead view server is restarted, a wrong one loses locks. */
  #checked(view: View, last = 0): View {
    const problem = stepProblem(this.#record, view, this.#question.backupInSync, last)
    if (problem !== undefined) throw new Error(`broken invariant: ${problem}`)
    return view
  }

  /** V4: the primary says so, or its backup has learned it in this view. */
  #ackHeard({ view }: GroupRecord): boolean {
    const primary = this.#pingOf(view.primary.id)
    if (primary?.role === 'primary' && primary.acked && primary.view === view.number) return true
    if (view.backup === null) return false
    const backup = this.#pingOf(view.backup.id)
    if (backup?.role === 'backup' && backup.inSync && backup.view === view.number) return true
    return this.#question.backupInSync
  }

  /** What this server said last; null: nothing, or of another group. */
  #pingOf(id: string): Ping | null {
    const { ping } = this.#servers.named(id)
    return ping?.group === this.number ? ping : null
  }

  /** V3: asks the backup again each time that the primary is found dead, or wants to go. */
  #keepQuestion({ view }: GroupRecord): void {
    const primary = this.#primaryCondition(view)
    if (view.backup === null || primary === 'well') return this.#question.withdraw()
    this.#question.ask(view.number, primary, this.#servers.named(view.backup.id))
  }

  #circumstances({ view }: GroupRecord, spares: Spares): Circumstances {
    const unreachable = this.#unreachable(view)
    return {
      primary: this.#primaryCondition(view),
      primaryHeard: this.#servers.isHeard(this.#servers.named(view.primary.id), this.#now),
      backup: this.#backupCondition(view, unreachable),
      backupAnswered: this.#question.backupInSync,
      idle: this.#best(spares, view.backup),
      idleInReach: this.#best(spares, view.primary, unreachable),
    }
  }

  /** D11 */
  #readiness({ view }: GroupRecord): Readiness {
    const primary = this.#servers.named(view.primary.id)
    return {
      primaryHeard: this.#servers.isHeard(primary, this.#now) && this.#pingOf(primary.id)?.role === 'primary',
      primaryLow: primary.ping?.low ?? false,
      withoutJournal: this.#servers.all().filter(server => this.#servers.lives(server) && !server.journal),
    }
  }

  /** D8: a primary whose disk is nearly full wants to go, if its backup has room. */
  #primaryCondition({ primary, backup }: View): Circumstances['primary'] {
    const condition = this.#condition(primary.id)
    if (condition !== 'well' || backup === null || !this.#servers.named(primary.id).ping?.low)
      return condition
    return this.#servers.named(backup.id).ping?.low ? condition : 'leaving'
  }

  #backupCondition({ backup }: View, unreachable: readonly string[]): Circumstances['backup'] {
    if (backup === null) return 'well'
    const condition = this.#condition(backup.id)
    if (condition !== 'well') return condition
    if (unreachable.includes(backup.address)) return 'unreachable'
    return this.#servers.named(backup.id).ping?.low ? 'low' : 'well'
  }

  #isDead(id: string): boolean {
    return this.#servers.isDead(this.#servers.named(id))
  }

  #condition(id: string): Circumstances['primary'] {
    if (this.#isDead(id)) return 'dead'
    return this.#servers.named(id).ping?.leaving ? 'leaving' : 'well'
  }

  /** V7: a report counts for its reporter only, so only the primary's own. */
  #unreachable({ primary }: View): readonly string[] {
    const ping = this.#pingOf(primary.id)
    return ping?.role === 'primary' ? ping.unreachable : []
  }

  #noteLoss(record: GroupRecord): void {
    const loss = lossOf(record, this.#servers)
    if (loss !== null && !this.#lossNoted) {
      if (choiceOf(record).durability === 'memory')
        this.#out.note('error', 'the state is lost', { reason: loss })
      else this.#out.note('error', 'the state waits for its recovery', { reason: loss })
    }
    this.#lossNoted = loss !== null
  }
}
