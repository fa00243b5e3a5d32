// One story, from its plan: a cluster, users that call everything, faults; then all is mended, and the
// servers must have just what their clients believe in. The same plan tells the same story.

import { journalSizes } from '../../lockserver/journal/sizes.ts'
import type { Session } from '../../lockserver/state/sessions.ts'
import type { State } from '../../lockserver/state/state.ts'
import { drawnLimits, limitsOfSlow, renewPart, restLeaseMs, stateLimits } from '../../wire/limits.ts'
import { type ClientParty, Cluster, type ClusterOptions, type LockServerParty } from '../fixtures/cluster.ts'
import { Decoy } from '../fixtures/decoy.ts'
import { JournalDisk } from '../fixtures/journal-disk.ts'
import type { Clocks } from '../fixtures/machine.ts'
import { type Random, random } from '../fixtures/random.ts'
import { stallUnits } from '../fixtures/work.ts'
import { Checker, type Places } from './checker.ts'
import { Edges } from './edges.ts'
import { Faults } from './faults.ts'
import { type AccessKind, isTheft } from './granting.ts'
import { hostOf } from './grouping.ts'
import { GroupsJudge } from './groups.ts'
import { Guests } from './guests.ts'
import { Looks } from './looks.ts'
import { MovesJudge } from './moves.ts'
import { Oddities } from './oddities.ts'
import { addressIn, type OwnerShape, ownerCodes } from './owning.ts'
import { hasSeveral, type Plan, type Planned, type Shape } from './plan.ts'
import { Progress } from './progress.ts'
import { Referee, stallMs } from './referee.ts'
import { Rest, restName } from './rest.ts'
import { Rights } from './rights.ts'
import { RightsJudge } from './rights-judge.ts'
import { Seats } from './seats.ts'
import { roomCodes, smallLimits, tightLimitsOf } from './small-limits.ts'
import { Strangers } from './strangers.ts'
import { TokenThieves } from './token-thieves.ts'
import { Trace } from './trace.ts'
import { Twice } from './twice.ts'
import { Users } from './users.ts'
import { Verdict, type Violation } from './verdict.ts'

export interface Ending {
  readonly seed: number
  /** What must not be, and was; null when all was well. */
  readonly violation: Violation | null
  /** How often the state was lost by the rules, and an operator had to start an empty one (F14). */
  readonly lost: number
  /** Simulated ms. */
  readonly ms: number
  /** Events on the simulated clock. */
  readonly steps: number
  readonly calls: number
  readonly faults: number
  readonly views: number
  /** How often what happened befell the same thing at most, by kind. */
  readonly most: ReadonlyMap<string, number>
  /** What came of the store that view servers share, and of their marks, how often. */
  readonly seats: ReadonlyMap<string, number>
  /** What came of rights that come and go, how often; empty where no rules apply. */
  readonly rights: ReadonlyMap<string, number>
  /** What came of several groups, how often; empty where there is one. */
  readonly groups: ReadonlyMap<string, number>
}

/** Liveness: how long each part of the healing may take at most, in simulated ms. */
export const limitsMs = {
  /** From the end of the faults to an acked view of living servers that all know. */
  heal: 8_000,
  /** From there to the answers of all calls that need not wait for a lock; and of all once locks are given back. */
  answer: 8_000,
  /** A dead client's lease, and the failovers in that time (S3). */
  lease: 4_500 + 3_000,
  /** The same where it held nothing and waited for nothing (S4). */
  rest: restLeaseMs(4_500) + 3_000,
  /** A client that rests finds a connection cut half open by its next renewal, and resumes. */
  renewal: restLeaseMs(4_500) * renewPart + 3_000,
  /** More of each after a reset, whose pause is the longest ttl (F14). */
  pause: 12_000,
}

/** The same for this story: pings may be rare, and leases long. */
function limitsOf({ pingMs, ttlMs }: Shape): typeof limitsMs {
  if (pingMs === 100) return limitsMs
  const slow = pingMs / 100
  const ttl = Math.max(...ttlMs)
  return {
    heal: limitsMs.heal * slow,
    answer: limitsMs.answer * slow,
    lease: ttl + 3_000 * slow,
    rest: restLeaseMs(ttl) + 3_000 * slow,
    renewal: restLeaseMs(ttl) * renewPart + 3_000 * slow,
    pause: ttl + limitsMs.pause * slow,
  }
}

/** A story has some ten thousand events. */
const stepsMax = 1_000_000
/** Of large sessions, whose frames are small. */
const largeStepsMax = 3_000_000
const resetTries = 4
/** Of the seeds: clients have the address of a server that is none. */
const decoyPart = 0.2
const glanceMs = 20
const lookMs = 200

export async function tell(
  plan: Plan,
  listener: ((line: string) => void) | null = null,
  atEnd: (cluster: Cluster) => void = () => {},
): Promise<Ending> {
  const story = new Story(plan, listener)
  const ending = await story.run()
  atEnd(story.cluster)
  return ending
}

class Story {
  readonly #plan: Plan
  readonly #trace: Trace
  readonly #cluster: Cluster
  readonly #verdict: Verdict
  readonly #checker: Checker
  readonly #referee: Referee
  readonly #looks: Looks
  readonly #users: Users
  readonly #faults: Faults
  readonly #oddities: Oddities
  /** One a group. */
  readonly #progress: readonly Progress[]
  readonly #groups: GroupsJudge | null
  readonly #moves: MovesJudge | null
  readonly #twice: Twice
  readonly #limitsMs: typeof limitsMs
  readonly #glanceMs: number
  readonly #edges: Edges | null
  readonly #rest: Rest | null
  readonly #seats: Seats | null
  readonly #rights: Rights | null
  readonly #rightsJudge: RightsJudge | null
  readonly #tokenThieves: TokenThieves | null
  readonly #disks = new Map<string, JournalDisk>()
  #lost = 0
  #lookAt = 0

  constructor(plan: Plan, listener: ((line: string) => void) | null) {
    const { seed, shape } = plan
    this.#plan = plan
    this.#trace = new Trace(listener)
    this.#limitsMs = limitsOf(shape)
    const long = shape.theme === 'long lives'
    const edges = long ? new Edges(random(seed + 21), random(seed + 22)) : null
    this.#edges = edges
    const drawn = smallLimits(random(seed + 8), random(seed + 9), shape.hoard > 0)
    const slowness = shape.crowd?.slowness ?? 1
    if (shape.crowd !== null) drawnLimits(limitsOfSlow(slowness))
    else drawnLimits(shape.chunkRecords === null ? drawn : { chunkRecordsMax: shape.chunkRecords })
    this.#rights = shape.access && new Rights(shape.access, shape.names)
    this.#cluster = this.#newCluster(shape, edges)
    const { network } = this.#cluster
    // Sessions of dead clients and of guests take places, too; answers.ts judges whether there was one left.
    if (shape.tight) for (const code of roomCodes) this.#cluster.usedUp.add(code)
    if (shape.owners !== null) for (const code of ownerCodes) this.#cluster.usedUp.add(code)
    if (drawn.watchesMax !== undefined) this.#cluster.usedUp.add('WATCHES_LIMIT')
    network.stepsMax = shape.crowd === null ? stepsMax : largeStepsMax
    this.#glanceMs = glanceMs * this.#cluster.slowness
    this.#trace.follow(this.#cluster)
    this.#verdict = new Verdict(() => ({ step: network.steps, ms: network.time }))
    this.#checker = new Checker(this.#verdict, shape.tight, this.#cluster.usedUp, this.#places(shape))
    this.#referee = new Referee(this.#cluster, this.#verdict, this.#checker, this.#trace)
    this.#moves = this.#newMoves(shape)
    const decoys = random(seed + 13)
    if (decoys.chance(decoyPart)) this.#cluster.decoy = new Decoy(this.#cluster, decoys)
    this.#looks = new Looks(this.#cluster, this.#verdict)
    this.#rights?.follow(this.#cluster, this.#trace)
    this.#rightsJudge = this.#rights && new RightsJudge(this.#rights, this.#cluster, this.#verdict)
    this.#tokenThieves = this.#judgesRights()
    this.#seats = shape.seats && new Seats(this.#cluster, shape, this.#verdict, this.#referee, this.#trace)
    if (!shape.early) this.#ready()
    this.#rest = long ? new Rest(this.#cluster, this.#verdict) : null
    const sameClocks = !shape.skewedClocks && plan.events.every(event => !setsClock(event))
    this.#users = new Users(
      this.#cluster,
      seed,
      shape,
      this.#checker,
      this.#verdict,
      this.#trace,
      sameClocks,
      this.#rightsJudge,
    )
    this.#users.onQueried = (user, confirmed) => this.#referee.confirmations.told(user, confirmed)
    this.#faults = new Faults(
      this.#cluster,
      seed,
      shape,
      this.#users,
      this.#referee,
      new Strangers(this.#cluster, this.#verdict, this.#trace),
      new Guests(this.#cluster, this.#verdict, this.#trace),
      this.#trace,
      name => this.#diskOf(name),
    )
    this.#rightsJudge?.follow()
    this.#oddities = new Oddities(this.#cluster, this.#users, this.#verdict, this.#trace)
    this.#twice = new Twice(this.#cluster)
    this.#faults.onDone = (kind, text) => this.#twice.befell(kind, text)
    const most = Math.max(shape.groups, shape.moves?.most ?? 0)
    this.#progress = Array.from({ length: most }, (_, group) => this.#newProgress(shape, group))
    this.#moves?.follow(this.#faults.moves)
    if (this.#faults.seats !== null) this.#seats?.follow(this.#faults.seats)
    this.#groups = hasSeveral(shape) ? this.#newGroups() : null
  }

  #newProgress(shape: Shape, group: number): Progress {
    const allowedSince = (user: string) => this.#rights?.steadySince(user) ?? 0
    const [cluster, users] = [this.#cluster, this.#users]
    return new Progress(
      cluster,
      shape,
      this.#verdict,
      this.#checker,
      this.#referee,
      users,
      allowedSince,
      group,
      names => this.#moves?.settledSince(names) ?? 0,
    )
  }

  #newMoves({ moves }: Shape): MovesJudge | null {
    if (moves === null) return null
    const judge = new MovesJudge(this.#cluster, this.#checker, this.#verdict, () => this.#progress)
    this.#referee.moves = judge
    return judge
  }

  #newGroups(): GroupsJudge {
    const dice = random(this.#plan.seed + 52)
    return new GroupsJudge(this.#cluster, this.#users, this.#checker, this.#verdict, dice)
  }

  /** Undefined: there is one group. */
  #places(shape: Shape): Places | undefined {
    if (!hasSeveral(shape)) return undefined
    return { groupOf: name => this.#cluster.homeOf(name), moves: shape.moves !== null }
  }

  #newCluster(shape: Shape, edges: Edges | null): Cluster {
    const { seed } = this.#plan
    const clocks = random(seed + 1)
    const turns = random(seed + 6)
    const slowness = shape.crowd?.slowness ?? 1
    return new Cluster({
      servers: shape.servers,
      groups: shape.groups,
      moves: shape.moves !== null,
      ...this.#hosts(shape),
      drainMs: shape.drainMs,
      secret: shape.secret,
      ...this.#accessOptions(),
      ...(shape.disk !== null && {
        durability: shape.disk.begins,
        journals: true,
        recoveryPatienceMs: shape.disk.patienceMs,
        journalDiskOf: name => this.#diskOf(name),
      }),
      ...(shape.unreadMax !== null && { unreadMax: shape.unreadMax }),
      newCluster: edges === null && (shape.newCluster || !shape.early),
      ...(shape.turnMs > 0 && { turnMs: () => turns.next() * shape.turnMs }),
      ...(shape.tight && { limitsOf: name => ({ ...tightLimitsOf(name), ...shape.owners?.limits }) }),
      ...(shape.owners !== null && { addressOf: name => addressIn(shape.owners as OwnerShape, name) }),
      ...(shape.crowd !== null && {
        workUnitMs: (stallMs / stallUnits) * slowness,
        limits: { changesPerOperationMax: Math.ceil(stateLimits.changesPerOperationMax / slowness) },
      }),
      pingIntervalMs: shape.pingMs,
      ...(shape.seats !== null && { seats: shape.seats }),
      ...(edges?.wallAtStart !== undefined && { wallAtStart: edges.wallAtStart }),
      ...(edges !== null && { clockOf: name => edges.clocksOf(name) }),
      ...(shape.skewedClocks && { clockOf: clocksOf(clocks) }),
    })
  }

  #hosts({ hosts }: Shape): ClusterOptions {
    return hosts === null ? {} : { hostOf: name => hostOf(name, hosts) }
  }

  #accessOptions(): ClusterOptions {
    const rights = this.#rights
    if (rights === null) return {}
    const { revokeNow } = rights.shape
    return { access: rights.table(), proofOf: name => rights.tokenOf(name), revokeNow }
  }

  /** F21: what users are refused for a right is fair, or the judge of rights says so. */
  #judgesRights(): TokenThieves | null {
    const [rights, judge] = [this.#rights, this.#rightsJudge]
    if (rights === null || judge === null) return null
    for (const code of ['NOT_ALLOWED', 'WRONG_TOKEN']) this.#cluster.usedUp.add(code)
    this.#checker.endedAtOnce = judge.ended
    this.#checker.withdrawnAt = judge.withdrawnAt
    this.#referee.rights = judge
    return new TokenThieves(this.#cluster, rights, judge, this.#verdict, this.#trace, this.#checker)
  }

  /** The disk of this machine; it stays when processes go. */
  #diskOf(name: string): JournalDisk {
    const known = this.#disks.get(name)
    if (known !== undefined) return known
    const dice = random(this.#plan.seed + 27 + 1_000_003 * Number(name.slice(1)))
    const { actMs = 1, sizes = journalSizes } = this.#plan.shape.disk ?? {}
    const disk = new JournalDisk({
      name,
      sizes,
      dice,
      actMs: () => actMs * (0.3 + dice.next() * 1.4),
      blame: text => this.#referee.wroteLies(name) || this.#verdict.blame('D1 journal', text),
      unjudged: read => this.#unjudged(read),
    })
    let isNew = true
    disk.onRead = reading => {
      this.#twice?.outcomes.read(name, reading, isNew)
      isNew = false
    }
    this.#disks.set(name, disk)
    return disk
  }

  /** The operations that are read from a disk were judged when they happened. */
  #unjudged<T>(read: () => T): T {
    if (this.#referee === undefined) return read()
    this.#referee.unjudged = true
    try {
      return read()
    } finally {
      this.#referee.unjudged = false
    }
  }

  get cluster(): Cluster {
    return this.#cluster
  }

  async run(): Promise<Ending> {
    await this.#guard(() => this.#parts())
    const { violation } = this.#verdict
    if (violation !== null) this.#trace.tell(() => `** ${violation.check}: ${violation.text}`)
    return {
      seed: this.#plan.seed,
      violation,
      lost: this.#lost,
      ms: this.#cluster.network.time,
      steps: this.#cluster.network.steps,
      calls: this.#users.calls,
      faults: this.#faults.done,
      views: this.#views,
      most: this.#twice.most,
      seats: this.#seats?.seen ?? new Map(),
      rights: this.#rightsJudge?.seen ?? new Map(),
      groups: new Map([...(this.#groups?.seen ?? []), ...(this.#moves?.seen ?? [])]),
    }
  }

  /** That were made in this story. */
  get #views(): number {
    const last = this.#cluster.inEach(() => this.#cluster.view?.number ?? 0)
    return last.reduce((sum, number) => sum + number, 0) - (this.#edges?.view ?? 1) + 1
  }

  #ready(): void {
    try {
      this.#edges?.begin(this.#cluster)
      this.#cluster.ready()
    } catch (error) {
      this.#broken(error)
    }
  }

  async #guard(act: () => Promise<void>): Promise<void> {
    try {
      await act()
    } catch (error) {
      this.#broken(error)
    }
  }

  /** A core that throws has found its own state broken; a frame that can't be decoded is a bug as well. */
  #broken(error: unknown): void {
    const [check, text] =
      error instanceof Error
        ? [error.name === 'WireError' ? 'malformed message' : 'broken invariant', error.message]
        : ['broken invariant', String(error)]
    this.#verdict.blame(check, text)
  }

  // ---- parts

  async #parts(): Promise<void> {
    await this.#badDay()
    if (this.#failed) return
    this.#trace.tell(() => '== all is mended')
    this.#faults.heal()
    this.#rights?.heal()
    await this.#heals()
    await this.#until(this.#limitsMs.answer, 'not answered', () => this.#users.unanswered(false)[0] ?? null)
    await this.#until(this.#limitsMs.lease, 'not agreed', () => this.#difference())
    await this.#until(this.#limitsMs.renewal, 'not agreed', () => this.#difference() ?? this.#memory(false))
    this.#trace.tell(() => '== all is given back')
    this.#users.windDown()
    await this.#until(
      this.#limitsMs.answer + this.#users.keptMs,
      'not answered',
      () => this.#users.unanswered()[0] ?? null,
    )
    await this.#until(this.#limitsMs.lease, 'not agreed', () => this.#difference())
    await this.#until(this.#limitsMs.renewal, 'not agreed', () => this.#difference() ?? this.#memory(true))
    if (this.#plan.seed % 8 === 0 || this.#edges !== null)
      await this.#until(this.#limitsMs.rest, 'not agreed', () => this.#forsaken()[0] ?? null)
    await this.#until(this.#limitsMs.heal, 'not moved', () => this.#moves?.unsettled() ?? null)
    this.#users.askAll()
    await this.#until(
      this.#limitsMs.answer + this.#users.keptMs,
      'not answered',
      () => this.#users.unanswered()[0] ?? null,
    )
    await this.#watch(500)
    await this.#until(this.#limitsMs.renewal, 'not told', () => this.#users.unheard())
    this.#rest?.judge(this.#state)
    await this.#until(this.#limitsMs.heal, 'not answered', () => this.#seats?.unsettled() ?? null)
    this.#referee.inspectAtEnd()
  }

  async #badDay(): Promise<void> {
    const { network } = this.#cluster
    const began = network.time
    const { events, shape } = this.#plan
    let next = 0
    const happen = () => {
      const event = events[next]
      if (event !== undefined && began + event.at <= network.time) {
        next++
        if (event.is === 'call') this.#users.perform(event)
        else if (event.is === 'oddity') this.#oddities.perform(event.kind, event.salt)
        else if (event.is === 'seat') this.#seats?.perform(event.kind, event.salt)
        else if (event.is === 'access') this.#access(event.kind, event.salt)
        else this.#faults.perform(event.kind, event.salt)
      }
      // One at a time: programs go on in between.
      const following = events[next]
      if (following !== undefined) network.at(began + following.at, happen)
    }
    happen()
    await this.#watch(shape.lengthMs)
  }

  #access(kind: AccessKind, salt: number): void {
    this.#rightsJudge?.note(`access: ${kind}`)
    this.#twice.changed(kind, this.#rights?.perform(kind, random(salt)) ?? '')
    if (isTheft(kind)) this.#tokenThieves?.come(kind, random(salt))
  }

  /** F1 to F14: as soon as all is mended there is an acked view of living servers again, if anybody has the state. */
  async #heals(): Promise<void> {
    const { network, groupNumbers } = this.#cluster
    const { heal, pause } = this.#limitsMs
    // A group may change its view once more while another one still waits for an operator.
    const unwellSince = new Map<number, number>()
    let rounds = 0
    for (let end = network.time + heal; !this.#failed && this.#unwell !== null; await this.#watch(50)) {
      for (const group of groupNumbers)
        if (this.#cluster.within(group, () => this.#unwellHere) === null) unwellSince.delete(group)
        else if (!unwellSince.has(group)) unwellSince.set(group, network.time)
      if (network.time < end) continue
      const sick = groupNumbers.filter(
        group => network.time - (unwellSince.get(group) ?? network.time) >= heal - 100,
      )
      for (const group of sick) this.#cluster.within(group, () => this.#judgeSick(group))
      if (sick.length === 0 && (unwellSince.size === 0 || ++rounds > 2) && !this.#failed)
        this.#verdict.blame('liveness', `not healed within ${heal} ms: ${this.#unwell}`)
      end = network.time + heal + pause
    }
  }

  /** The group that is looked at has not healed. */
  #judgeSick(group: number): void {
    if (!this.#referee.lost)
      return this.#verdict.blame(
        'liveness',
        `not healed within ${this.#limitsMs.heal} ms: ${this.#cluster.viewText}: ${this.#unwell}`,
      )
    this.#referee.explainLoss()
    const { careful } = this.#plan.shape
    const { leftCopies, promotedSpoilt } = this.#referee
    if (leftCopies.onDisk && careful && !leftCopies.isYoung && !promotedSpoilt)
      return this.#verdict.blame('state lost', 'no copy is left, and the faults left one (F15)')
    if (this.#resetGroups.has(group)) return this.#verdict.blame('liveness', 'the reset has not helped')
    this.#resetGroups.add(group)
    this.#lost++
    this.#operatorResets(group)
  }
  readonly #resetGroups = new Set<number>()

  /** F14: where an answer is late, as a slow network may have it, the reset is refused and asked for again. */
  #operatorResets(group: number): void {
    const { network, view } = this.#cluster
    const resets = () => {
      if (this.#cluster.view?.number === view?.number) this.#faults.reset()
    }
    for (let asked = 0; asked < resetTries; asked++)
      network.after(asked * 1_500, () => this.#cluster.within(group, resets))
  }

  /** What is not yet as it is when all is mended; null: nothing. */
  get #unwell(): string | null {
    const found = this.#cluster.inEach(() => this.#unwellHere).find(text => text !== null)
    return found ?? this.#seats?.unsettled() ?? null
  }

  /** In the group that is looked at; a server without a part need not know its views. */
  get #unwellHere(): string | null {
    const { servers, view, viewServer, part } = this.#cluster
    // G8: it has ended, or is to come as soon as there are servers for it.
    if (part === null && this.#moves !== null) return null
    // G8: more groups than there are servers for.
    const lacks = this.#moves !== null && view?.backup === null && !this.#cluster.hasSpare
    const names = lacks ? [view?.primary.id] : [view?.primary.id, view?.backup?.id]
    if (!viewServer.acked) return 'the view is not acked'
    const knows = ({ id, core }: LockServerParty) =>
      core.view?.number === view?.number || (this.#cluster.hasSeveral && !names.includes(id))
    const late = servers
      .filter(server => this.#faults.isWanted(server))
      .find(server => !server.alive || server.core.leaving || !knows(server))
    if (late !== undefined) return `${late.name} does not serve, or knows view ${late.core.view?.number} only`
    if (!names.every(id => servers.some(server => server.alive && server.id === id)))
      return 'a server of the view is dead'
    return null
  }

  /** Runs until nothing is wrong any more; blames what still is when the time is over. */
  async #until(withinMs: number, what: string, wrong: () => string | null): Promise<void> {
    const limitMs = withinMs + (this.#checker.wasReset ? this.#limitsMs.pause : 0)
    const { network } = this.#cluster
    const last = network.time + 4 * limitMs
    let [end, views] = [network.time + limitMs, this.#views]
    for (; !this.#failed; await this.#watch(this.#glanceMs)) {
      // S3: with a new primary all leases begin anew, also where only a slow network has made it one.
      if (views !== this.#views) [end, views] = [Math.min(last, network.time + limitMs), this.#views]
      const text = wrong()
      if (text === null) return
      const check = text.startsWith('left')
        ? 'bounded memory'
        : what === 'not answered' || what === 'not moved'
          ? 'liveness'
          : what === 'not told'
            ? 'R1 watch'
            : 'lost reply'
      if (network.time >= end) return this.#verdict.blame(check, `${what} after ${limitMs} ms: ${text}`)
    }
  }

  // ---- watching

  get #failed(): boolean {
    return this.#verdict.violation !== null
  }

  /** Runs, and looks at the servers in between. */
  async #watch(ms: number): Promise<void> {
    const { network } = this.#cluster
    const end = network.time + ms
    while (network.time < end && !this.#failed) {
      await network.live(Math.min(this.#glanceMs, end - network.time))
      const thoroughly = network.time >= this.#lookAt
      if (thoroughly) this.#lookAt = network.time + lookMs * this.#cluster.slowness
      this.#referee.inspect(thoroughly)
      if (thoroughly) this.#looks.look()
      this.#seats?.judge()
      this.#rightsJudge?.look()
      for (const progress of this.#progress) progress.judge()
      this.#checker.claims.judge()
      this.#twice.look()
      this.#groups?.look()
      this.#moves?.look()
    }
  }

  // ---- the end

  /** The primary's of the group that is looked at; null while there is none, as when one leaves just now. */
  get #state(): State | null {
    const { servers, view } = this.#cluster
    return servers.find(server => server.alive && server.id === view?.primary.id)?.core.state ?? null
  }

  /** What is wrong with the first group that has something wrong. */
  #inSome(wrong: (group: number) => string | null): string | null {
    return this.#cluster.inEach(wrong).find(text => text !== null) ?? null
  }

  /** What the clients believe in and what the servers have, when nothing is on its way any more. */
  #difference(): string | null {
    return this.#inSome(group => this.#differenceIn(group))
  }

  #differenceIn(group: number): string | null {
    const state = this.#state
    if (state === null && this.#moves !== null && this.#cluster.part === null) return null // G8
    if (state === null) return 'the primary has no state'
    for (const session of state.sessions.values()) {
      const user = this.#userOf(session, group)
      if (user === undefined) {
        // It may stay for a while: it takes nothing from anybody (S4).
        if (session.rests) continue
        return `session ${session.name} ${session.id} is there, and nobody has it`
      }
      const believed = this.#checker.beliefsOf(user.coreIn(group)).map(belief => belief.token)
      const waits = new Set([...session.waiting.values()].flatMap(waiting => waiting.tokens))
      const underWay = this.#users.underWay(user)
      const held = [...session.holds].flatMap(([token, { lock }]) => {
        const counts = !waits.has(token) && (believed.includes(token) || !underWay.has(lock.name))
        return counts ? [token] : []
      })
      if (believed.sort().join() !== held.sort().join())
        return `${user.name} believes in ${believed}, the servers in ${held}`
    }
    for (const user of this.#users.users) {
      const { opened, over, sessionId } = user.coreIn(group)
      if (user.alive && opened && !over && !state.sessionsById.has(sessionId))
        return `the servers do not know the session of ${user.name}`
    }
    return null
  }

  /** The user that is alive and believes in this session with the group. */
  #userOf(session: Session, group: number): ClientParty | undefined {
    return this.#users.users.find(user => {
      const { over, sessionId } = user.coreIn(group)
      return user.alive && !over && sessionId === session.id
    })
  }

  /** S3, S4: sessions that no user has any more, and that are there all the same. */
  #forsaken(): string[] {
    return this.#cluster.inEach(group => this.#forsakenIn(group)).flat()
  }

  #forsakenIn(group: number): string[] {
    const sessions = [...(this.#state?.sessions.values() ?? [])]
    const forsaken = sessions.filter(
      session => session.name !== restName && this.#userOf(session, group) === undefined,
    )
    return forsaken.map(({ name }) => `left: ${name}`)
  }

  /** S1, S5: nothing is kept for anybody but what is held and waited for; at last not even that. */
  #memory(atLast: boolean): string | null {
    return this.#inSome(group => this.#memoryIn(group, atLast))
  }

  #memoryIn(group: number, atLast: boolean): string | null {
    const state = this.#state
    for (const session of state?.sessions.values() ?? []) {
      const { replies, losses, waiting, holds, rests } = session
      if (rests && this.#userOf(session, group) === undefined) continue
      if (replies.size > 0) return `left in ${session.name}: ${replies.size} replies`
      if (atLast && losses.size + waiting.size + holds.size > 0)
        return `left in ${session.name}: ${losses.size} losses, ${waiting.size} waiters, ${holds.size} holds`
    }
    for (const user of this.#users.users)
      if (user.alive && !user.core.over && user.core.opened && user.core.abandoned.size > 0)
        return `left in ${user.name}: ${user.core.abandoned.size} abandoned sessions`
    if (!atLast || state === null) return null
    const { locks, onces, kept } = state.table
    if (locks.size > 0) return `left: ${locks.size} locks, of which ${kept} are kept`
    return onces.size > 0 ? `left: ${onces.size} keys` : null
  }
}

function setsClock(event: Planned): boolean {
  return event.is === 'fault' && event.kind === 'set wall clock'
}

/** S4: rates differ by at most 1 %; what the clocks show has nothing to do with each other. Some are pages. */
function clocksOf(dice: Random) {
  const known = new Map<string, Clocks>()
  return (name: string) => {
    const clocks = known.get(name) ?? {
      rate: 0.9951 + dice.next() * 0.0098,
      monotonicMs: dice.below(1_000_000),
      wallMs: dice.below(20_000) - 10_000,
      // A page's. A server always knows for how long its machine has run.
      wallAlone: dice.chance(0.3) && name.startsWith('c'),
    }
    known.set(name, clocks)
    return clocks
  }
}
