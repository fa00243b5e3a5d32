// Judges view servers that share a store, from outside (E1 to E5, F17 to F19): what is told is saved; only one that
// has the mark writes, and it takes no mark of one that lives; no term begins with an old record, or ends without a
// cause; one that can't confirm its mark sends its lock servers away; a halt has its reason; and after a death
// another takes over in time. It counts what it has seen. It steps nothing.

import type { ViewRecord } from '../../viewservice/record.ts'
import type { Message, Status, View, Welcome } from '../../wire/messages.ts'
import { type Cluster, HandParty, type ViewServerParty } from '../fixtures/cluster.ts'
import type { Machine } from '../fixtures/machine.ts'
import type { Party, Wire } from '../fixtures/network.ts'
import type { Random } from '../fixtures/random.ts'
import type { SharedStore, Standing } from '../fixtures/shared-store.ts'
import type { SeatFaults } from './faults/seats.ts'
import type { Shape } from './plan.ts'
import type { Referee } from './referee.ts'
import type { SeatKind, SeatShape } from './seating.ts'
import type { Trace } from './trace.ts'
import type { Verdict } from './verdict.ts'

const never = Number.POSITIVE_INFINITY
/** How often a halted one reads the store again (viewservice/seat.ts), and some time for what follows. */
const haltedMs = 1_000 + 1_500
/** How old what a standby knows of marks may be, and its answer. */
const standbyMs = 1_000
/** A lifetime of a folder's mark: its owner has answered nothing for so long. */
const silentMs = 2_000

export class Seats {
  /** How often what came to be. */
  readonly seen = new Map<string, number>()
  readonly #cluster: Cluster
  readonly #store: SharedStore
  readonly #shape: SeatShape
  readonly #verdict: Verdict
  readonly #referee: Referee
  #faults: SeatFaults | null = null
  readonly #trace: Trace
  readonly #pingMs: number
  /** What a connection takes, at most. */
  readonly #slackMs: number
  /** Who wrote a record, and when it was decided, by nonce. */
  readonly #writers = new Map<string, Machine>()
  readonly #decided = new Map<string, Referee['decidesNow']>()
  /** What is saved of each view. */
  readonly #views = new Map<number, { readonly text: string; acked: boolean }>()
  /** When the confirmation that each last heard of was asked for, by name; and its mark's number. */
  readonly #confirmed = new Map<string, number>()
  /** Whose mark was taken while it lived. */
  readonly #deposed = new Set<string>()
  /** Who has reached itself: name and process. */
  readonly #reached = new Set<string>()
  /** When each heard from each process last: both by name and process. */
  readonly #heard = new Map<string, number>()
  /** When each was welcomed by each process. */
  readonly #welcomed = new Map<string, number>()
  readonly #termAt = new Map<string, number>()
  /** The record that the store held when each took its mark. */
  readonly #recordAtMark = new Map<string, number>()
  /** The last record that each has written, or found when its term began. */
  readonly #ownRecord = new Map<string, number>()
  readonly #haltedSince = new Map<string, number>()
  /** Since when no view server decides, and since when a mark stands whose process is dead. */
  #idleSince: number | null = null
  #deadSince: number | null = null
  /** When there was none the last time. */
  #idleAt = Number.NEGATIVE_INFINITY
  readonly #putBackIn = new Set<string>()
  #askers = 0

  constructor(cluster: Cluster, shape: Shape, verdict: Verdict, referee: Referee, trace: Trace) {
    const { store, network } = cluster
    if (store === null || shape.seats === null) throw new Error('view servers share no store')
    this.#cluster = cluster
    this.#store = store
    this.#shape = shape.seats
    this.#verdict = verdict
    this.#referee = referee
    this.#trace = trace
    this.#pingMs = shape.pingMs
    const { typicalMs, rarePart, worstMs } = shape.delay
    this.#slackMs = 8 * (rarePart > 0 ? worstMs : typicalMs * 1.2) + 12 * shape.seats.storeMs
    referee.decisionOf = ({ nonce }) => this.#decided.get(nonce)
    referee.explains = reason => this.explains(reason)
    store.watcher = {
      asked: (by, _, record) => this.#writes(by, record),
      saved: (by, record) => this.#saved(by, record),
      marked: (standing, instead) => this.#marked(standing, instead),
      putBack: () => this.#isPutBack(),
      told: (by, asked, what, askedAt) => this.#told(by, asked, what, askedAt),
    }
    const { watcher } = cluster
    cluster.watcher = {
      ...watcher,
      term: (party, begins) => (begins ? this.#begins(party) : this.#ends(party)),
    }
    const { onArrival } = network
    network.onArrival = (from, to, messages, wire) => {
      onArrival?.(from, to, messages, wire)
      if (from.kind === 'viewserver' && to.kind === 'viewserver') this.#hears(from, to, messages)
    }
  }

  /** The bad day begins. */
  follow(faults: SeatFaults): void {
    const { network } = this.#cluster
    this.#faults = faults
    faults.onAsk = dice => this.#ask(dice)
    const { onFrame } = network
    network.onFrame = (from, to, messages, wire) => {
      if (from.kind === 'viewserver') this.#says(from, messages)
      return onFrame?.(from, to, messages, wire) ?? 'pass'
    }
  }

  perform(kind: SeatKind, salt: number): void {
    this.#see(`fault: ${kind}`)
    this.#faults?.perform(kind, salt)
  }

  // ---- what is written, and what is told (E1, E2)

  #writes(by: Machine, record: ViewRecord | null): void {
    if (record === null) return
    const { nonce } = record
    if (!(by as ViewServerParty).core.isActive)
      this.#blame('E3 a standby decides', `${by.name} saves record ${record.record}, and is not active`)
    if (nonce === '') this.#blame('E2 no nonce', `${by.name} saves record ${record.record} without one`)
    if (this.#decided.has(nonce)) this.#see('save: again')
    else this.#decided.set(nonce, this.#referee.decidesNow)
  }

  #saved(by: Machine, record: ViewRecord): void {
    if (this.#store.isPutBack)
      this.#blame('F19 older store', `${by.name} saves record ${record.record} though it knew a later one`)
    if (this.#writers.has(record.nonce))
      this.#blame('E2 saved twice', `record ${record.record} of ${by.name} is saved twice`)
    this.#writers.set(record.nonce, by)
    // What an earlier term has decided is as another's by now.
    if ((this.#decided.get(record.nonce)?.at ?? 0) >= (this.#termAt.get(by.name) ?? 0))
      this.#ownRecord.set(by.name, record.record)
    this.#isSaved(record)
    if (!(by as ViewServerParty).core.isActive) this.#see('save: done after its writer gave up')
  }

  #isSaved({ view, acked }: ViewRecord): void {
    const text = textOf(view)
    const known = this.#views.get(view.number)
    if (known === undefined) this.#views.set(view.number, { text, acked })
    else if (known.text !== text) this.#blame('V1 view made twice', `view ${view.number} is not what it was`)
    else known.acked ||= acked
  }

  /** V6: no peer learns what is not saved. */
  #says(from: Party, messages: readonly Message[]): void {
    for (const message of messages) {
      if (message[0] === 'welcome') this.#tells(from, (message[1] as Welcome).view, false)
      else if (message[0] === 'view') this.#tells(from, message[1] as View, message[2] === true)
      else if (message[0] === 'pong') this.#tells(from, message[1] as View | null, message[2] === true)
      else if (message[0] === 'status' && message.length === 3) {
        const { view, acked } = message[2] as Status
        this.#tells(from, view, acked)
      }
    }
  }

  #tells({ name }: Party, view: View | null, acked: boolean): void {
    if (view === null) return
    const known = this.#views.get(view.number)
    if (known === undefined || known.text !== textOf(view))
      this.#blame('V6 told too early', `${name} tells of view ${view.number}, which was never saved`)
    else if (acked && !known.acked)
      this.#blame('V6 told too early', `${name} tells that view ${view.number} is acked, which is not saved`)
  }

  /** However short that is: each that lives may read it. */
  #isPutBack(): void {
    for (const party of this.#cluster.viewServers) this.#putBackIn.add(lifeOf(party))
  }

  /** E2, E4: why a standby can't have done what an operator asked for, if what it says is so. */
  explains(reason: string): boolean {
    if (/this view server knew/.test(reason))
      return this.#cluster.viewServers.some(party => this.#putBackIn.has(lifeOf(party)))
    return /^no view server is active yet/.test(reason) && this.#now - this.#idleAt < standbyMs
  }

  // ---- marks (E3)

  #marked(standing: Standing, instead: Standing | null): void {
    const { mark, owner } = standing
    const taker = `${owner.name}/${standing.life}`
    this.#recordAtMark.set(owner.name, this.#store.newest?.record ?? 0)
    if (this.#store.kind === 'etcd' && !this.#reached.has(taker))
      this.#blame('E3 not reached', `${owner.name} sets its mark, and has not reached itself`)
    if (instead === null) return this.#see('mark: taken, none stood')
    if (instead.owner === owner && instead.life === standing.life)
      return this.#see('mark: its own taken anew')
    const lives = instead.owner.alive && instead.owner.life === instead.life
    if (!lives) return this.#see('mark: taken from a dead one')
    if (this.#deposed.has(taker))
      this.#blame(
        'E3 taken back',
        `${owner.name} takes the mark back from ${instead.owner.name}, which lives`,
      )
    const link = `${taker} ${instead.owner.name}/${instead.life}`
    const silentFor = this.#now - Math.max(this.#heard.get(link) ?? 0, instead.setAt)
    if (this.#store.kind === 'folder' && silentFor >= silentMs * 0.97)
      return this.#see('mark: taken from a silent one')
    if ((this.#welcomed.get(link) ?? -1) >= instead.setAt)
      return this.#see('mark: taken from one that refuses')
    const text = `${owner.name} takes mark ${mark.number} from ${instead.owner.name}, which lives`
    this.#blame('E3 taken from the living', text)
  }

  #told(by: Machine, asked: string, what: string, askedAt: number): void {
    this.#see(`${asked}: ${what}`)
    if (asked === 'take mark' && what === 'answer') this.#deposed.delete(lifeOf(by))
    if ((asked === 'take mark' || asked === 'confirm mark') && what === 'answer')
      this.#confirmed.set(by.name, askedAt)
    if (asked !== 'confirm mark' || what !== 'taken') return
    this.#see('mark: lost to another')
    this.#deposed.add(lifeOf(by))
  }

  #hears(from: Party, to: Party, messages: readonly Message[]): void {
    const [one, other] = [to as ViewServerParty, from as ViewServerParty]
    const link = `${lifeOf(one)} ${lifeOf(other)}`
    this.#heard.set(link, this.#now)
    if (!messages.some(([kind]) => kind === 'welcome')) return
    this.#welcomed.set(link, this.#now)
    if (one === other) this.#reached.add(lifeOf(one))
  }

  // ---- terms (E2, E4)

  #begins(party: ViewServerParty): void {
    const { name, core } = party
    this.#see('term: begins')
    this.#trace.tell(() => `${name} is active`)
    this.#termAt.set(name, this.#now)
    if (this.#isAnotherActive(party)) this.#see('term: two believe that they are active')
    this.#ownRecord.set(name, core.record?.record ?? 0)
    const [known, least] = [core.record?.record ?? 0, this.#recordAtMark.get(name) ?? 0]
    if (known < least && !this.#store.isPutBack)
      this.#blame('E2 old record', `${name} begins with record ${known}; the store held ${least} before`)
    this.#referee.viewServerDied()
    this.#referee.touch(party, this.#now)
    this.#referee.viewServerIsBack(this.#idleSince ?? this.#now)
  }

  #ends(party: ViewServerParty): void {
    const { name } = party
    this.#trace.tell(() => `${name} is a standby`)
    const cause = this.#causeOf(party)
    this.#see(`term: ends, ${cause}`)
    if (cause === null) this.#blame('E2 given up for nothing', `${name} gives up, and has lost nothing`)
    // It may have learned at the same moment that another is active, and tells its lock servers so.
    if (cause === 'its mark lapsed' && !this.#isAnotherActive(party)) this.#sendsAway(party)
  }

  #isAnotherActive(party: ViewServerParty): boolean {
    return this.#cluster.viewServers.some(each => each !== party && each.alive && each.core.isActive)
  }

  #causeOf(party: ViewServerParty): string | null {
    if (this.#deposed.has(lifeOf(party))) return 'its mark is lost'
    const confirmed = this.#confirmed.get(party.name) ?? never
    if (this.#now - confirmed >= this.#shape.lifetimeMs * 0.98) return 'its mark lapsed'
    if (this.#store.isPutBack || this.#putBackIn.has(lifeOf(party))) return 'the store was put back'
    const { newest } = this.#store
    const othersWrote = (newest?.record ?? 0) > (this.#ownRecord.get(party.name) ?? 0)
    return othersWrote ? 'another has written' : null
  }

  /** E5 */
  #sendsAway(party: ViewServerParty): void {
    const { network, servers } = this.#cluster
    const uses = ({ ends }: Wire) => ends.some(end => end.party === party && end.hasSaid)
    const wires = servers.flatMap(server => network.between(party, server)).filter(uses)
    network.after(5, () => {
      const kept = wires.filter(({ ends }) => ends.some(end => end.party === party && end.open))
      if (kept.length > 0 && party.alive && !party.frozen && !party.core.isActive)
        this.#blame('E5 lock servers kept', `the mark of ${party.name} has lapsed, and it keeps them`)
    })
  }

  // ---- now and then

  judge(): void {
    const { viewServers } = this.#cluster
    for (const party of viewServers) this.#look(party)
    const decides = viewServers.some(party => this.#decides(party))
    this.#idleSince = decides ? null : (this.#idleSince ?? this.#now)
    if (!decides) this.#idleAt = this.#now
    this.#takesOver()
    this.#takesOverSoon()
  }

  #look(party: ViewServerParty): void {
    const { name, core } = party
    const runs = party.alive && !party.frozen
    party.decidesSince = this.#decides(party)
      ? Math.max(this.#termAt.get(name) ?? 0, this.#quietSince(party))
      : never
    if (runs && core.isActive) this.#confirms(party)
    this.#judgeHalt(party, runs ? core.status(party.now()).halted : null)
  }

  #quietSince(party: ViewServerParty): number {
    return Math.max(this.#faults?.trouble.quietSince(party) ?? 0, this.#store.isPutBack ? never : 0)
  }

  #decides(party: ViewServerParty): boolean {
    const { standing } = this.#store
    return party.alive && !party.frozen && party.core.isActive && standing?.owner === party
  }

  /** E3: by its own clock, from when it asked. */
  #confirms(party: ViewServerParty): void {
    const confirmed = Math.max(this.#confirmed.get(party.name) ?? 0, this.#termAt.get(party.name) ?? 0)
    const until = Math.max(confirmed + this.#shape.lifetimeMs * 1.02, party.runsSince) + 3 * this.#pingMs
    if (this.#now > until)
      this.#blame('E3 no mark', `${party.name} decides, and could not confirm its mark since ${confirmed}`)
  }

  /** V6, F19 */
  #judgeHalt(party: ViewServerParty, halted: string | null): void {
    const { name } = party
    if (halted !== null && /this view server knew/.test(halted)) {
      this.#see('halted: the store holds less')
      if (!this.#putBackIn.has(lifeOf(party))) this.#blame('E2 halted for nothing', `${name}: ${halted}`)
    }
    const byFuture = halted !== null && /another view server decides too/.test(halted)
    if (byFuture) this.#see('halted: a lock server knows a later view')
    const since = byFuture ? (this.#haltedSince.get(name) ?? this.#now) : null
    if (since === null) return void this.#haltedSince.delete(name)
    this.#haltedSince.set(name, since)
    const ms = this.#now - Math.max(since, this.#quietSince(party), party.runsSince)
    if (ms > haltedMs + this.#slackMs)
      this.#blame('B4 stays halted', `${name} for ${Math.floor(ms)} ms: ${halted}`)
  }

  /** F17: within two lifetimes, whatever has happened to the one that was active. */
  #takesOver(): void {
    if (this.#idleSince === null) return
    const since = Math.max(this.#idleSince, this.#candidateSince(this.#cluster.viewServers))
    const { lifetimeMs, lateMs } = this.#shape
    const folder = this.#store.kind === 'folder' ? silentMs : 0
    const limit = 2 * lifetimeMs + lateMs + folder + 10 * this.#pingMs + this.#slackMs
    if (this.#now - since > limit)
      this.#blame('F17 no takeover', `no view server is active for ${Math.floor(this.#now - since)} ms`)
  }

  /** F17: at once, where the address of the one that was active refuses, and that one was met there. */
  #takesOverSoon(): void {
    const { standing } = this.#store
    const dead = standing !== null && (standing.owner.life !== standing.life || !standing.owner.alive)
    if (!dead) this.#deadSince = null
    else this.#deadSince ??= this.#now
    if (this.#deadSince === null || standing === null) return
    const met = this.#cluster.viewServers.filter(party => this.#hasMet(party, standing))
    const since = Math.max(this.#deadSince, this.#candidateSince(met))
    const limit = 5 * this.#pingMs + this.#slackMs
    if (this.#now - since <= limit) return
    const text = `${standing.owner.name} is dead for ${Math.floor(this.#now - since)} ms, and its mark stands`
    this.#blame('F17 slow takeover', text)
  }

  #hasMet(party: ViewServerParty, { owner, life, setAt }: Standing): boolean {
    const welcomed = this.#welcomed.get(`${lifeOf(party)} ${owner.name}/${life}`) ?? -1
    const quiet = this.#cluster.network.quietSince(party, owner)
    return (
      party !== owner && welcomed >= setAt && this.#now - quiet > 500 && !this.#deposed.has(lifeOf(party))
    )
  }

  /** Since when one of these could take over; infinite: none can. */
  #candidateSince(parties: readonly ViewServerParty[]): number {
    return Math.min(
      never,
      ...parties.map(party =>
        party.alive && !party.frozen && !this.#putBackIn.has(lifeOf(party))
          ? Math.max(party.runsSince, this.#quietSince(party), this.#cluster.network.quietSince(party, party))
          : never,
      ),
    )
  }

  // ---- operators

  /** E5: a standby answers as the active one, if it reaches that one. */
  #ask(dice: Random): void {
    const { viewServers, viewServer, network, view } = this.#cluster
    const standby = viewServers.find(party => party !== viewServer && party.alive && !party.frozen)
    const well = () =>
      this.#isCalm(viewServer) && standby !== undefined && this.#isLinked(standby, viewServer)
    if (standby === undefined || !well()) return
    const operator = new HandParty(this.#cluster, `asker ${++this.#askers}`)
    this.#trace.tell(() => `${operator.name} asks ${standby.name}, a standby`)
    const [number, began] = [dice.below(1_000), this.#now]
    operator.dial(standby.address).say(['status', number])
    network.after(100 + this.#slackMs, () => {
      const told = operator.heard.find(([kind]) => kind === 'status')
      operator.kill()
      const still = well() && this.#quietBetween(standby, viewServer) < began - 1_000
      if (!still || this.#cluster.viewServer !== viewServer || told === undefined) return
      const { view: seen } = told[2] as Status
      this.#see('operator: a standby answers')
      if (told[1] !== number || (seen?.number ?? 0) < (view?.number ?? 0))
        this.#blame('E5 status', `${standby.name} tells of view ${seen?.number} as answer ${told[1]}`)
    })
  }

  #isCalm(party: ViewServerParty): boolean {
    return this.#decides(party) && this.#now - party.decidesSince > 1_000
  }

  #isLinked(one: ViewServerParty, other: ViewServerParty): boolean {
    return this.#now - this.#quietBetween(one, other) > 1_000 && this.#now - this.#quietSince(one) > 1_000
  }

  #quietBetween(one: ViewServerParty, other: ViewServerParty): number {
    return Math.max(this.#cluster.network.quietSince(one, other), one.runsSince, other.runsSince)
  }

  // ---- the end

  /** What is not yet as it is when all is mended: one decides, and all follow the record; null: nothing. */
  unsettled(): string | null {
    const living = this.#cluster.viewServers.filter(({ alive }) => alive)
    const active = living.filter(({ core }) => core.isActive)
    if (active.length !== 1 || !active.every(party => this.#decides(party)))
      return `${active.length} view servers are active`
    const newest = this.#store.newest?.record
    const behind = living.find(
      party => party.core.record?.record !== newest && !this.#putBackIn.has(lifeOf(party)),
    )
    return behind === undefined ? null : `${behind.name} knows record ${behind.core.record?.record} only`
  }

  get #now(): number {
    return this.#cluster.network.time
  }

  #see(what: string): void {
    this.seen.set(what, (this.seen.get(what) ?? 0) + 1)
  }

  #blame(check: string, text: string): void {
    this.#verdict.blame(check, text)
  }
}

/** D5: of a recovery that was acked, a later choice keeps the servers only. */
function textOf({ group, number, primary, backup, durability }: View): string {
  return JSON.stringify([group, number, primary, backup, durability])
}

/** One process of a view server. */
function lifeOf({ name, life }: Machine): string {
  return `${name}/${life}`
}
