// The users of a story: programs that call everything a client can do, when the plan says so, and tell
// the checker what they called and what they learned. They know nothing of servers or faults.

import type { Watched } from '../../client/session/effects.ts'
import type { Told } from '../../client/session-driver.ts'
import type { WatchEvent } from '../../client/watch.ts'
import { noTerms } from '../../wire/claim.ts'
import type { Manner, Mode, Terms } from '../../wire/messages.ts'
import type { KnownSession } from '../fixtures/client-party.ts'
import { type ClientParty, type Cluster, type Outcome, ProgramParty } from '../fixtures/cluster.ts'
import type { ProgramOptions } from '../fixtures/program-party.ts'
import { type Random, random } from '../fixtures/random.ts'
import { Ages } from './ages.ts'
import { type Attempt, type Belief, type Checker, listIn, type Session, textOf } from './checker.ts'
import { asProgram, type Claiming, type ClaimShape, drawClaim } from './claiming.ts'
import { keptAtMost } from './claims.ts'
import type { Crowd, Planned, Shape, Verb } from './plan.ts'
import type { RightsJudge } from './rights-judge.ts'
import { tightCallsMax } from './small-limits.ts'
import type { Trace } from './trace.ts'
import type { Verdict } from './verdict.ts'
import { Watching } from './watching.ts'

/** A call that has no answer. */
export interface Open {
  readonly user: ClientParty
  readonly text: string
  /** When it was called. */
  readonly at: number
  readonly attempt: Attempt | null
  /** The locks that it is about; empty: it asks all groups, or none. */
  readonly names: readonly string[]
  /** G4: a part for each group whose locks it asks for; the first one is `attempt`. */
  readonly parts: readonly Attempt[]
  readonly then: (outcome: Outcome) => void
}

/** Of the users: programs that stand on the client as it ships. */
const programPart = 0.5
/** Of a program's calls: it begins or ends a watch first. */
const watchPart = 0.03
/** Names in one acquire of the hoarder, and how many such acquires it keeps unanswered. */
const hoardAtOnce = 64
/** Locks that many sessions share or wait for, and how many of its own one takes in one acquire. */
const crowdNames = { shared: 'crowd', queue: 'queue' } as const
const heldAtOnce = 8
/** More than a primary answers in one turn. */
const manyQueries = 14
/** A client waits this long for the servers' word after a time limit (cancelPatienceMs), and a moment. */
const patienceMs = 300
/** C3: a primary ends what is kept at one of its ticks, a moment late. */
const keptTickMs = 300
/** C8: of the last so many grants. */
const exactAmong = 20

export class Users {
  readonly users: ClientParty[] = []
  /** The n-th user of the plan now. */
  readonly #slots: ClientParty[] = []
  /** Releases what it is granted at once, and calls nothing new. */
  quiet = false
  calls = 0
  /** Hears of each answer of a query, and whether it says that it is confirmed. */
  onQueried: ((user: string, confirmed: boolean) => void) | null = null
  /** G4: a call for locks of several groups has come to its end. */
  onSeveral: ((outcome: Outcome) => void) | null = null
  /** G3: a client is closed, and the servers have said so of each of these sessions. */
  onEnded: ((user: ClientParty, sessions: readonly { group: number; id: string }[]) => void) | null = null
  /** G3: its session with this group is lost. */
  onSessionLost: ((user: ClientParty, group: number) => void) | null = null
  /** G5: a query that some group did not answer. */
  onMissing: (() => void) | null = null
  readonly #cluster: Cluster
  readonly #shape: Shape
  readonly #checker: Checker
  readonly #verdict: Verdict
  readonly #trace: Trace
  readonly #dice: Random
  /** For which locks queries ask. */
  readonly #asking: Random
  readonly #open = new Map<Outcome, Open>()
  #hoarder: ClientParty | null = null
  readonly #watches = new Map<Session, { readonly watch: number; read: number }[]>()
  #lastWatch = 0
  #lastOwn = 0
  readonly #watching: Watching<ClientParty>
  readonly #ages: Ages
  /** F21; null: no rules apply to any user. */
  readonly #rights: RightsJudge | null

  constructor(
    cluster: Cluster,
    seed: number,
    shape: Shape,
    checker: Checker,
    verdict: Verdict,
    trace: Trace,
    sameClocks: boolean,
    rights: RightsJudge | null = null,
  ) {
    this.#rights = rights
    this.#cluster = cluster
    this.#shape = shape
    this.#checker = checker
    this.#verdict = verdict
    this.#trace = trace
    this.#dice = random(seed + 2)
    this.#asking = random(seed + 10)
    this.#watching = new Watching(
      verdict,
      () => checker.grants(),
      name => checker.countOf(name),
      !checker.moves,
    )
    this.#ages = new Ages(verdict, checker, sameClocks, cluster.network.wallAtStart)
    for (let i = 0; i < shape.clients; i++) this.#slots.push(this.#add())
    if (shape.hoard > 0) this.#hoards(shape.hoard)
  }

  /** G4: locks that calls under way may have, without any handle: other groups have granted them already. */
  underWay(user: ClientParty): ReadonlySet<string> {
    const names = new Set<string>()
    for (const open of this.#open.values())
      if (open.user === user && open.parts.length > 1) for (const name of open.names) names.add(name)
    return names
  }

  /** Another program takes the place of one that was killed. */
  replace(user: ClientParty): void {
    this.#watching.gone(user)
    const slot = this.#slots.indexOf(user)
    if (slot >= 0) this.#slots[slot] = this.#add()
  }

  #add(hoards = false): ClientParty {
    const { servers, viewAddresses, decoy } = this.#cluster
    const dice = this.#dice
    const real = [...viewAddresses, ...new Set(servers.map(server => server.address))]
    const all = decoy === null ? real : [decoy.address, ...real]
    const options = {
      ttlMs: dice.pick(this.#shape.ttlMs),
      seeds: dice.chance(0.5) ? viewAddresses : all,
      chance: random(dice.below(4294967296)).next,
    }
    const name = `c${this.users.length + 1}`
    const programs = !hoards && dice.chance(programPart)
    // What stands on a session alone has only one.
    const user =
      programs || this.#cluster.hasSeveral
        ? this.#program(name, options)
        : this.#cluster.client(name, options)
    user.onTold = (told, outcome, name) => this.#heard(user, told, outcome, name)
    user.onGivingUp = outcome => this.#givesUp(outcome)
    this.users.push(user)
    return user
  }

  /** It stands on the client as it ships; the others on its sessions. */
  #program(name: string, options: Omit<ProgramOptions, 'dice'>): ProgramParty {
    const program = this.#cluster.program(name, { ...options, dice: random(this.#dice.below(4294967296)) })
    program.onAnswered = outcome => this.#answered(outcome)
    program.onTrouble = text => this.#verdict.blame('client surface', text)
    program.onClosing = () => this.#endsAll(program)
    program.onWatched = (watch, what) => {
      this.#watching.reads(watch, what, program.network.time)
      this.#watched(program, watch, what)
    }
    program.onSession = () => this.#watching.reconnects(program)
    program.onWatchEnd = watch => this.#watching.ends(watch)
    return program
  }

  /** Many locks in one session, so that the state is large. */
  #hoards(locks: number): void {
    this.#hoarder = this.#add(true)
    for (let first = 0; first < locks; first += hoardAtOnce) {
      const names = Array.from({ length: hoardAtOnce }, (_, i) => `hoard/${first + i}`)
      this.#acquire(this.#hoarder, names, 'exclusive', 'wait')
    }
  }

  /** The n-th user of the plan now. */
  at(slot: number): ClientParty {
    return this.#slots[slot % this.#slots.length] as ClientParty
  }

  holdsOf(user: ClientParty): number {
    return this.#beliefsOf(user).length
  }

  /** With all of its sessions (G3). */
  #beliefsOf(user: ClientParty): Belief[] {
    return this.sessionsOf(user).flatMap(core => this.#checker.beliefsOf(core))
  }

  /** One in each group. */
  sessionsOf(user: ClientParty): KnownSession[] {
    return this.#cluster.groupNumbers.map(group => user.coreIn(group))
  }

  #endsAll(user: ClientParty): void {
    for (const core of this.sessionsOf(user)) this.#checker.ends(core)
  }

  /** Calls that have no answer, those of dead users too. */
  get open(): Iterable<Open> {
    return this.#open.values()
  }

  /** Calls of living users that have no answer. */
  unanswered(waits = true): string[] {
    return [...this.#open.values()].flatMap(({ user, text, attempt }) =>
      !user.alive || (!waits && attempt?.manner === 'wait') ? [] : [text],
    )
  }

  /** C3: for how long waits may go on because what is given back is kept. */
  get keptMs(): number {
    let sum = 0
    for (const { attempt } of this.#open.values())
      if (attempt?.terms?.holdAtLeastMs) sum += keptAtMost(attempt) + keptTickMs
    return sum
  }

  /** From here on all that is held goes back, so that every user gets a turn. */
  windDown(): void {
    this.quiet = true
    for (const user of this.users) if (user instanceof ProgramParty) user.hurries = true
    for (const user of this.users)
      if (user.alive) for (const belief of this.#beliefsOf(user)) this.#release(user, belief)
  }

  /** Each user asks once more what is held, and takes a lock, so that watches have something to tell. */
  askAll(): void {
    for (const user of this.users) {
      if (!user.alive || user.core.over || !user.ready()) continue
      this.#query(user, true)
      this.#acquire(user, [this.#name(this.#dice)], 'exclusive', 'wait')
    }
  }

  /** What a watch has still to tell. */
  unheard(): string | null {
    return this.#watching.unheard()
  }

  // ---- one call

  perform(event: Extract<Planned, { is: 'call' }>): void {
    const user = this.#slots[event.user]
    if (user?.alive && !user.frozen) this.#call(user, event.verb, random(event.salt))
  }

  #openOf(user: ClientParty): number {
    let count = 0
    for (const open of this.#open.values()) if (open.user === user) count++
    return count
  }

  #call(user: ClientParty, verb: Verb, dice: Random): void {
    if (!user.ready()) {
      // It connects, or it closes.
      if (verb === 'end' || verb === 'abort') user.end()
      return
    }
    if (user instanceof ProgramParty && dice.chance(watchPart)) this.#watch(user, dice)
    if (this.#shape.tight && this.#openOf(user) >= tightCallsMax && verb !== 'end' && verb !== 'abort') return
    const { sharedPart } = this.#shape
    const name = this.#name(dice)
    const mode: Mode = dice.chance(sharedPart) ? 'shared' : 'exclusive'
    switch (verb) {
      case 'wait':
        return this.#acquire(user, [name], mode, 'wait')
      case 'try':
        return this.#acquire(user, [name], mode, 'ifAvailable')
      case 'steal':
        return this.#acquire(user, [name], 'exclusive', 'steal')
      case 'several':
        return this.#several(user, mode, dice)
      case 'release': {
        const held = this.#beliefsOf(user)
        return held.length > 0 ? this.#release(user, dice.pick(held)) : undefined
      }
      case 'force':
        return this.#force(user, name)
      case 'query':
        for (let left = dice.chance(0.05) ? manyQueries : 1; left > 0; left--) this.#query(user, true)
        return
      case 'peek':
        return this.#query(user, false)
      case 'watch':
        return this.#watch(user, dice)
      case 'abort':
        return this.#abort(user, dice)
      case 'end':
        return this.#end(user)
      case 'end and connect in vain':
        return this.#connectsInVain(user, dice)
      case 'finish':
        return this.#finish(user, dice)
      case 'share much':
      case 'hold much':
      case 'queue much':
        return this.#grow(user, verb, dice)
      case 'claim':
        return this.#claims(user, this.#shape.claims as ClaimShape, dice)
    }
  }

  /** B2: takes or waits for much, of one lock or of many, as far as its session has room. */
  #grow(user: ClientParty, verb: 'share much' | 'hold much' | 'queue much', dice: Random): void {
    const { atOnce, most } = this.#shape.crowd as Crowd
    const has = this.holdsOf(user) + this.#waits(user).length
    const more = Math.min(1 + dice.below(atOnce), most - has)
    const { claims } = this.#shape
    // C3: so that much is kept, and ends, at one moment.
    const terms =
      claims !== null && dice.chance(0.5) ? { ...noTerms, holdAtLeastMs: dice.pick(claims.leastMs) } : null
    if (verb === 'queue much') this.#acquire(user, [crowdNames.queue], 'exclusive', 'wait', false)
    for (let left = more; left > 0; left -= verb === 'hold much' ? heldAtOnce : 1) {
      if (verb === 'share much') this.#acquire(user, [crowdNames.shared], 'shared', 'wait', false, terms)
      else if (verb === 'queue much') this.#acquire(user, [crowdNames.queue], 'shared', 'wait', false)
      else this.#acquire(user, this.#ownNames(heldAtOnce), 'exclusive', 'wait', false, terms)
    }
  }

  #ownNames(count: number): string[] {
    return Array.from({ length: count }, () => `own/${++this.#lastOwn}`)
  }

  /** The square makes the first ones hot; where a user hoards, now and then one of those. */
  #name(dice: Random): string {
    const { names, hoard, crowd } = this.#shape
    const part = dice.next()
    if (crowd !== null && dice.chance(0.4)) return dice.pick([crowdNames.shared, crowdNames.queue])
    if (hoard > 0 && dice.chance(0.3)) return `hoard/${dice.below(hoard)}`
    return names[Math.floor(part * part * names.length)] as string
  }

  #several(user: ClientParty, mode: Mode, dice: Random): void {
    const several = this.#shape.names.filter(() => dice.chance(this.#shape.tight ? 0.8 : 0.5))
    // In a random order: the server sorts, the client sorts back.
    if (dice.chance(0.5)) several.reverse()
    const drawn = dice.pick<Manner>(['wait', 'wait', 'ifAvailable'])
    const manner = user instanceof ProgramParty && several.length > 1 ? 'wait' : drawn
    if (several.length > 0) this.#acquire(user, several, mode, manner)
  }

  /** C1 to C6. */
  #claims(user: ClientParty, shape: ClaimShape, dice: Random): void {
    const held = this.#beliefsOf(user)
    if (held.length > 0 && dice.chance(0.2)) return this.#note(user, dice.pick(held), dice)
    if (dice.chance(0.15)) return this.#exactly(user, dice)
    if (held.length > 0 && dice.chance(0.25)) return this.#gives(user, dice.pick(held), dice)
    const drawn = drawClaim(shape, this.#shape.names, dice)
    this.#claim(user, user instanceof ProgramParty ? asProgram(drawn) : drawn)
  }

  #claim(user: ClientParty, { name, mode, manner, terms }: Claiming): void {
    this.#acquire(user, [name], mode, manner, true, terms)
  }

  /** C5: what ran under a key may have failed. */
  #gives(user: ClientParty, belief: Belief, dice: Random): void {
    const failed = belief.attempt.terms?.once != null && dice.chance(0.4)
    this.#release(user, belief, failed)
  }

  /** C6 */
  #note(user: ClientParty, belief: Belief, dice: Random): void {
    const { core } = belief.attempt
    const note = dice.chance(0.2) ? null : `note ${dice.below(100)}`
    const place = this.#checker.place(core)
    const written = this.#checker.claims.writes(belief, note, user.network.time)
    const outcome = user.setNote(belief.token, note, belief.name)
    const then = (outcome: Outcome) => {
      const held = outcome.result?.verb === 'release' && outcome.result.held && !belief.over && !core.over
      if (!held || !this.#checker.believed(belief)) return
      written.doneAt = outcome.at
      this.#checker.answered(core, place, outcome.at)
    }
    this.#made(user, `${user.name} notes ${note}`, null, outcome, then, [], [belief.name])
  }

  /** C8: of one token, which may be over. */
  #exactly(user: ClientParty, dice: Random): void {
    const last = [...this.#checker.grants()].slice(-exactAmong)
    const believed = last.filter(belief => this.#checker.believed(belief))
    if (last.length === 0) return
    const target = dice.pick(believed.length > 0 && dice.chance(0.7) ? believed : last)
    const { name, token, attempt } = target
    const key = attempt.terms?.once?.key
    if (key !== undefined && dice.chance(0.5)) return this.#forgets(user, name, key)
    if (dice.chance(0.5)) return this.#force(user, name, token)
    const permits = attempt.terms?.permits ?? null
    const asked = permits === null || dice.chance(0.7) ? permits : { of: permits.of, take: 1 }
    const terms = { ...noTerms, permits: asked, victim: token }
    this.#claim(user, { name, mode: asked === null ? 'exclusive' : 'permits', manner: 'steal', terms })
  }

  // ---- calls

  /** `sparing`: no more than a program would wait for at a time. */
  #acquire(
    user: ClientParty,
    names: string[],
    mode: Mode,
    manner: Manner,
    sparing = true,
    terms: Terms | null = null,
  ): void {
    const patient = sparing && user !== this.#hoarder && manner === 'wait'
    if (patient && this.#waits(user).length >= this.#shape.waitsMax) return
    user.ready()
    const parts = this.#partsOf(user, names).map(({ core, names }, _, { length }) =>
      this.#checker.acquires(user, names, mode, manner, terms, core, length > 1),
    )
    const [attempt] = parts
    if (attempt === undefined) throw new Error('an acquire of nothing')
    const shown = names.length > 6 ? `${names[0]} and ${names.length - 1} more` : names.join(' and ')
    const asked = terms === null ? '' : `, ${termsText(terms)}`
    const text = `${user.name} acquires ${shown} (${mode}, ${manner}${asked})`
    const timeoutMs = sparing ? this.#timeout(user) : undefined
    const limit = timeoutMs === undefined ? {} : { timeoutMs }
    const outcome = user.acquire(names, { mode, manner, terms, ...limit })
    const then = (outcome: Outcome) => {
      for (const part of parts) this.#partAnswered(user, part, partOf(outcome, part, names))
      this.#rights?.acquired(attempt, outcome)
      if (parts.length > 1) this.onSeveral?.(outcome)
      if (outcome.failed !== undefined && parts.length === 1) this.#ages.gaveUp(attempt, outcome)
    }
    this.#made(user, text, attempt, outcome, then, parts)
    this.#expects(user, text, outcome, timeoutMs)
  }

  /** G8: while it was asked for its slot may have moved; what is held moves nowhere. */
  #partAnswered(user: ClientParty, part: Attempt, outcome: Outcome): void {
    const [name = ''] = part.names
    if (this.#shape.moves !== null && isGrant(outcome)) part.core = user.coreIn(this.#cluster.homeOf(name))
    this.#checker.acquired(part, outcome)
  }

  /** G4: the locks of each group, in the order of the groups; where slots move, each by itself. */
  #partsOf(user: ClientParty, names: readonly string[]): { core: KnownSession; names: string[] }[] {
    if (this.#shape.moves !== null)
      return names.map(name => ({ core: user.coreIn(this.#cluster.homeOf(name)), names: [name] }))
    const parts = this.#cluster.groupNumbers.map(group => ({
      core: user.coreIn(group),
      names: names.filter(name => this.#cluster.homeOf(name) === group),
    }))
    return parts.filter(({ names }) => names.length > 0)
  }

  /** `failed`: what ran under its key (C5). */
  #release(user: ClientParty, belief: Belief, failed = false): void {
    const { core } = belief.attempt
    const { name, token } = belief
    const place = this.#checker.releases(belief, failed)
    const text = `${user.name} releases ${textOf(belief)}${failed ? ', which failed' : ''}`
    const asked = failed ? user.failToken(token, name) : user.releaseToken(token, name)
    const then = (outcome: Outcome) => {
      if (outcome.result?.verb !== 'release')
        return this.#verdict.blame('S1 wrong reply', `a release failed: ${outcome.failed}`)
      // Over: it was settled by the end of the session, not by the server.
      if (!core.over && !outcome.local && !(user instanceof ProgramParty && this.#checker.isEnding(core)))
        this.#checker.answered(core, place, outcome.at)
      this.#checker.released(belief, outcome.result.held, outcome.at)
    }
    this.#made(user, text, null, asked, then, [], [name])
  }

  #force(user: ClientParty, name: string, token: number | null = null): void {
    user.ready()
    const core = user.coreIn(this.#cluster.homeOf(name))
    const force = this.#checker.forces(user, name, token)
    const place = this.#checker.place(core)
    const timeoutMs = this.#timeout(user)
    const outcome = user.forceRelease(name, timeoutMs, token)
    const text = `${user.name} forces ${name}${token === null ? '' : `, token ${token}`}`
    this.#expects(user, text, outcome, timeoutMs)
    this.#made(user, text, null, outcome, outcome => {
      this.#rights?.forced(user.name, name, force.calledAt, outcome)
      if (outcome.definite) force.overAt = Number.NEGATIVE_INFINITY // it surely had no effect
      if (outcome.failed !== undefined) return
      force.overAt = outcome.at
      this.#checker.answered(core, place, outcome.at)
      if (outcome.result?.verb === 'force-release' && outcome.result.released === 0 && token !== null)
        this.#checker.notThis(user, name, token, force.calledAt, outcome.at)
    })
  }

  /** C5: an operator lets a key run again. */
  #forgets(user: ClientParty, name: string, key: string): void {
    user.ready()
    const core = user.coreIn(this.#cluster.homeOf(name))
    const calledAt = user.network.time
    const forgetting = this.#checker.claims.forgets(name, key)
    const place = this.#checker.place(core)
    const timeoutMs = this.#timeout(user)
    const outcome = user.forgetKey(name, key, timeoutMs)
    const text = `${user.name} forgets ${key} of ${name}`
    this.#expects(user, text, outcome, timeoutMs)
    this.#made(user, text, null, outcome, outcome => {
      this.#rights?.forced(user.name, name, calledAt, outcome)
      const { result } = outcome
      const surelyNot = outcome.definite || (result?.verb === 'forget-key' && !result.forgotten)
      if (surelyNot) forgetting.overAt = Number.NEGATIVE_INFINITY
      if (outcome.failed !== undefined) return
      if (!surelyNot) forgetting.overAt = outcome.at
      this.#checker.answered(core, place, outcome.at)
    })
  }

  #query(user: ClientParty, confirmed: boolean): void {
    const calledAt = this.#cluster.network.time
    const text = `${user.name} ${confirmed ? 'queries' : 'peeks'}`
    const timeoutMs = this.#timeout(user)
    const prefix = this.#asking.chance(0.3) ? this.#asking.pick(this.#shape.names) : ''
    const outcome = user.query(prefix, confirmed, timeoutMs)
    this.#expects(user, text, outcome, timeoutMs)
    this.#made(user, text, null, outcome, outcome => {
      this.#rights?.queried(user.name, prefix, calledAt, outcome)
      if (outcome.result?.verb !== 'query') return
      if ('missing' in outcome.result) this.onMissing?.()
      const isPart = this.#rights?.isPart(user.name, prefix, calledAt, outcome.at) ?? false
      this.#checker.queried(outcome.result, calledAt, outcome.at, {
        prefix,
        confirmed,
        isPart,
        ...missingIn(outcome),
      })
      this.onQueried?.(user.name, outcome.result.confirmed)
      if (outcome.result.confirmed) this.#ages.queried(outcome.result, calledAt, outcome.at)
    })
  }

  /** Watches all locks, or those with one name, or ends its last watch. */
  #watch(user: ClientParty, dice: Random): void {
    if (user.core.over) return
    const watches = listIn(this.#watches, user.core)
    const last = watches.at(-1)
    if (last !== undefined && dice.chance(0.4)) {
      watches.pop()
      this.#watching.ends(last.watch)
      this.#trace.tell(() => `${user.name} watches no more (${last.watch})`)
      return user.unwatch(last.watch)
    }
    const watch = { watch: ++this.#lastWatch, read: 0 }
    watches.push(watch)
    const prefix = dice.chance(0.5) ? '' : this.#name(dice)
    this.#trace.tell(() => `${user.name} watches ${prefix || 'all locks'} (${watch.watch})`)
    // A2: who may not read all is told a part.
    if (user instanceof ProgramParty && this.#rights === null)
      this.#watching.begins(user, watch.watch, prefix)
    user.watch(watch.watch, prefix)
  }

  #watched(user: ClientParty, number: number, what: Watched | WatchEvent): void {
    if (what.event === 'watching' || what.event === 'missed') return
    this.#checker.watched(what, user.network.time)
    this.#ages.watched(what, user.network.time)
    const watch = listIn(this.#watches, user.core).find(({ watch }) => watch === number)
    if (watch === undefined) return
    const events = ++watch.read
    // Behind the step that tells it, as a program would.
    user.afterTurn(() => user.seen(number, events))
  }

  /** Some call that waits; or one that was made just before, in the same turn. */
  #abort(user: ClientParty, dice: Random): void {
    if (dice.chance(0.2)) this.#acquire(user, [this.#name(dice)], 'exclusive', 'wait')
    const waits = this.#waits(user)
    if (waits.length === 0) return
    const last = waits.at(-1) ?? dice.pick(waits)
    const [outcome, { names }] = dice.chance(0.5) ? last : dice.pick(waits)
    if (user.abort(outcome)) this.#expects(user, `${user.name} gives up on ${names}`, outcome, 0)
  }

  #end(user: ClientParty): void {
    this.#endsAll(user)
    const sessions = this.sessionsOf(user).flatMap(({ group = 0, opened, over, sessionId }) =>
      opened && !over ? [{ group, id: sessionId }] : [],
    )
    const leaseMs = user instanceof ProgramParty ? user.leaseLeftMs : 0
    const calledAt = user.network.time
    this.#made(user, `${user.name} ends its session`, null, user.end(), outcome => {
      if (outcome.result?.verb !== 'end')
        this.#verdict.blame('S1 wrong reply', `an end failed: ${outcome.failed}`)
      // Later it may have been settled by the end of a lease, and by no server.
      if ((outcome.at - calledAt) * 1.02 < leaseMs) this.onEnded?.(user, sessions)
    })
  }

  /** F13 and the like: a program that can't wait for its session gives it up, perhaps before it is open. */
  #connectsInVain(user: ClientParty, dice: Random): void {
    if (!user.core.over) this.#end(user)
    user.after(dice.next() * 20, () => {
      const ready = user.ready()
      const { core } = user
      if (!ready || this.quiet || this.#checker.isEnding(core)) return
      this.#trace.tell(() => `${user.name} connects`)
      user.after(dice.next() * 20, () => {
        if (user.core === core && !core.over && !this.quiet) this.#end(user)
      })
    })
  }

  /** `close({ finishWithin })`: no more calls; what is held may be released until the time is over. */
  #finish(user: ClientParty, dice: Random): void {
    const { core } = user
    if (core.over) return
    this.#trace.tell(() => `${user.name} finishes`)
    for (const [outcome] of this.#waits(user))
      for (const part of this.#open.get(outcome)?.parts ?? []) this.#checker.aborts(part)
    for (const session of this.sessionsOf(user)) this.#checker.finishes(session)
    const withinMs = dice.next() * 500
    user.finish(withinMs)
    if (user instanceof ProgramParty && dice.chance(0.7)) return
    user.after(dice.next() * withinMs, () => {
      if (user.core === core && !core.over) this.#end(user)
    })
  }

  /** The connection to the primary is lost, and the program does not wait for the next one. */
  #disconnected(user: ClientParty): void {
    const { core } = user
    if (this.quiet || !this.#dice.chance(this.#shape.endsLostPart)) return
    // At once: in the middle of what its session does.
    if (this.#dice.chance(0.5)) return this.#end(user)
    user.after(this.#dice.next() * 10, () => {
      if (user.core === core && !core.over && !this.quiet) this.#end(user)
    })
  }

  // ---- time limits

  #timeout(user: ClientParty): number | undefined {
    if (user === this.#hoarder || this.quiet || !this.#dice.chance(this.#shape.timeoutPart)) return undefined
    return this.#dice.pick([2, 20, 200, 1_000]) * (0.5 + this.#dice.next())
  }

  /** Its time limit has passed, and the servers had a moment more to say who has the lock. */
  #expects(
    user: ClientParty,
    text: string,
    outcome: Outcome,
    timeoutMs: number | undefined,
    tries = 2,
  ): void {
    if (timeoutMs === undefined) return
    user.after(timeoutMs + patienceMs, () => {
      if (outcome.done) return
      // After a freeze all that came due is late together.
      if (tries > 0) this.#expects(user, text, outcome, 0, tries - 1)
      else this.#verdict.blame('S1 time limit', `${text}, and is not answered by its time limit`)
    })
  }

  #waits(user: ClientParty): [Outcome, Attempt][] {
    return [...this.#open].flatMap(([outcome, { attempt }]) =>
      attempt !== null && attempt.user === user && !attempt.givenUp ? [[outcome, attempt]] : [],
    )
  }

  // ---- answers

  #made(
    user: ClientParty,
    text: string,
    attempt: Attempt | null,
    outcome: Outcome,
    then: (outcome: Outcome) => void,
    parts: readonly Attempt[] = [],
    names: readonly string[] = attempt === null ? [] : parts.flatMap(part => part.names),
  ): void {
    this.calls++
    this.#trace.tell(() => text)
    this.#open.set(outcome, { user, text, at: this.#cluster.network.time, attempt, names, parts, then })
    // Answered within the call itself: no other client could have learned of it before it was noted.
    if (outcome.done) this.#answered(outcome)
  }

  #heard(user: ClientParty, told: Told, outcome: Outcome | undefined, name?: string): void {
    if (outcome !== undefined) this.#answered(outcome)
    else if (told.do === 'watched') this.#watched(user, told.watch, told.what)
    else if (told.do === 'lost') {
      this.#trace.tell(() => `${user.name} is told that token ${told.token} is lost: ${told.reason}`)
      this.#checker.lost(user, told.token, told.reason, user.network.time, name)
    } else if (told.do === 'event' && told.event === 'lost') {
      this.#trace.tell(() => `${user.name} has lost its session: ${told.reason}`)
      const lost = user instanceof ProgramParty ? (user.lastLost ?? user.core) : user.core
      this.onSessionLost?.(user, lost.group ?? 0)
      if (told.reason === 'SESSION_LOST') this.#checker.sessionGivenUp(user, lost)
    } else if (told.do === 'event' && told.event === 'reconnecting') this.#disconnected(user)
    else if (told.do === 'over' && told.reason === 'refused' && !this.#cluster.usedUp.has(told.code))
      this.#verdict.blame('S1 session refused', `${user.name}: the session was refused: ${told.code}`)
  }

  /** By its signal, or its time limit has passed. */
  #givesUp(outcome: Outcome): void {
    const call = this.#open.get(outcome)
    if (call?.attempt == null) return
    const { names, mode, manner } = call.attempt
    this.#trace.tell(() => `${call.user.name} gives up on ${names} (${mode}, ${manner})`)
    for (const part of call.parts) this.#checker.aborts(part)
  }

  #answered(outcome: Outcome): void {
    const call = this.#open.get(outcome)
    if (call === undefined) return
    this.#open.delete(outcome)
    this.#trace.tell(() => `   answer: ${call.text}: ${JSON.stringify(outcome.result ?? outcome.failed)}`)
    call.then(outcome)
    if (this.quiet) for (const { tokens, core } of call.parts) if (tokens) this.#giveBack(call.user, core)
  }

  #giveBack(user: ClientParty, core: Session): void {
    user.afterTurn(() => {
      if (user.coreIn(core.group ?? 0) !== core) return
      for (const belief of this.#checker.beliefsOf(core)) this.#release(user, belief)
    })
  }
}

/** What a call was told about the names of one of its parts. */
function partOf(outcome: Outcome, { isPart, names }: Attempt, all: readonly string[]): Outcome {
  const { result } = outcome
  if (!isPart || result?.verb !== 'acquire' || result.tokens === null) return outcome
  const tokens = names.map(name => result.tokens?.[all.indexOf(name)] ?? 0)
  return { ...outcome, result: { ...result, tokens } }
}

function isGrant({ result }: Outcome): boolean {
  return result?.verb === 'acquire' && result.tokens !== null
}

/** G5 */
function missingIn({ result }: Outcome): { missing?: readonly number[] } {
  return result !== undefined && 'missing' in result ? { missing: result.missing as number[] } : {}
}

function termsText(terms: Terms): string {
  return Object.entries(terms)
    .flatMap(([what, asked]) => (asked === null ? [] : `${what} ${JSON.stringify(asked)}`))
    .join(', ')
}
