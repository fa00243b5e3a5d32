// Judges who does what in a story with an access file (F21, A2 to A4): by what each operation asks and what its server
// has read of the file by then; by what leaves a server for a user; and by what users call and are answered. It counts
// what it has seen, reads the states of servers from outside, and never steps anything.

import type { Fact } from '../../lockserver/state/facts.ts'
import type { Acquire } from '../../lockserver/state/lock.ts'
import type { AcquireEnd } from '../../lockserver/state/lock-table.ts'
import type { Session } from '../../lockserver/state/sessions.ts'
import type { Operation, State } from '../../lockserver/state/state.ts'
import { acquireVerb } from '../../lockserver/verbs.ts'
import { principalNameOf } from '../../wire/access/owner.ts'
import { allows, type LockVerb, type Principal, readable } from '../../wire/access/principal.ts'
import type { LockEvent, Message } from '../../wire/messages.ts'
import { type Cluster, deadPings, type LockServerParty, type Outcome } from '../fixtures/cluster.ts'
import type { Party, Wire } from '../fixtures/network.ts'
import type { Attempt } from './checker.ts'
import { bearerOf, type Rights } from './rights.ts'
import type { Verdict } from './verdict.ts'

/** What was decided just before the file was read leaves at the end of that turn. */
const sameTurnMs = 5
/** Waits that may not go on are refused in shares, in the turns that follow. */
const sharesMs = 100
/** Ticks, and the turns that follow the last of them. */
const slackMs = 400

/** What only a session hears. */
const ofSessions: ReadonlySet<string> = new Set([
  ...['opened', 'resumed', 'renewed', 'granted', 'released', 'cancel-done', 'locks', 'clients', 'event'],
  ...['watching', 'force-released', 'key-forgotten', 'noted', 'unavailable', 'lost', 'refused'],
])

type MayHave = (principal: Principal | null) => boolean

export class RightsJudge {
  /** How often what came to be. */
  readonly seen = new Map<string, number>()
  /** A3: sessions that servers have ended at once; their clients may believe in them for a while. */
  readonly ended = new Set<string>()
  /** A3: when a wait for this lock was withdrawn, by session id and name; its client may not have been told. */
  readonly withdrawnAt = new Map<string, number>()
  /** Keys of sessions, as who overhears their opens has them, by id. */
  readonly keys = new Map<string, string>()
  readonly #rights: Rights
  readonly #cluster: Cluster
  readonly #verdict: Verdict
  /** When each lock server id was first seen as a primary. */
  readonly #primarySince = new Map<string, number>()
  /** The operation that is applied just now is a refusal of what waited. */
  #withdraws = false

  constructor(rights: Rights, cluster: Cluster, verdict: Verdict) {
    this.#rights = rights
    this.#cluster = cluster
    this.#verdict = verdict
  }

  /** What crosses the wires from now on. */
  follow(): void {
    const { network } = this.#cluster
    const { onFrame } = network
    network.onFrame = (from, to, messages, wire) => {
      if (from.kind === 'client') this.#says(messages)
      else if (from.kind === 'lockserver') this.#tells(from as LockServerParty, to, messages, wire)
      return onFrame?.(from, to, messages, wire) ?? 'pass'
    }
  }

  note(what: string): void {
    this.seen.set(what, (this.seen.get(what) ?? 0) + 1)
  }

  // ---- by what users call and are answered

  acquired({ user, names, manner, calledAt }: Attempt, outcome: Outcome): void {
    const verb = acquireVerb(manner)
    const may: MayHave = principal => principal !== null && names.every(name => allows(principal, verb, name))
    this.#answered(user.name, `${verb} ${names}`, verb, may, calledAt, outcome)
  }

  forced(user: string, name: string, calledAt: number, outcome: Outcome): void {
    const may: MayHave = principal => principal !== null && allows(principal, 'force', name)
    this.#answered(user, `force ${name}`, 'force', may, calledAt, outcome)
  }

  queried(user: string, prefix: string, calledAt: number, outcome: Outcome): void {
    const may: MayHave = principal => principal !== null && readable(principal, prefix)?.length !== 0
    this.#answered(user, `read ${prefix}`, 'read', may, calledAt, outcome)
    const name = this.#rights.principalOf(user)
    if (outcome.result?.verb !== 'query' || name === null) return
    const ever = (test: MayHave) => this.#rights.ever(name, this.#from(calledAt), outcome.at, test)
    const { held, pending, cut } = outcome.result
    for (const { name: lock } of [...held, ...pending])
      if (!ever(principal => principal !== null && allows(principal, 'read', lock)))
        this.#blame('F21 shown', `a query of ${user} shows ${lock}, which it may not read`)
    const isPart: MayHave = principal => principal === null || readable(principal, prefix) !== null
    if (cut && ever(isPart)) this.note('list: of a part')
    if (!cut && !ever(principal => !isPart(principal)))
      this.#blame('A2 part', `a query of ${user} does not say that it may be a part`)
  }

  /** Whether an answer to this user may leave out what it may not read. */
  isPart(user: string, prefix: string, calledAt: number, now: number): boolean {
    const name = this.#rights.principalOf(user)
    const from = this.#from(calledAt)
    return (
      name !== null &&
      this.#rights.ever(name, from, now, each => each === null || readable(each, prefix) !== null)
    )
  }

  #answered(user: string, what: string, verb: LockVerb, may: MayHave, calledAt: number, outcome: Outcome) {
    const name = this.#rights.principalOf(user)
    if (name === null) return
    const from = this.#from(calledAt)
    const { failed, definite, at, result } = outcome
    const ever = (test: MayHave) => this.#rights.ever(name, from, at, test)
    if (result !== undefined && done(outcome)) {
      if (!ever(may)) this.#blame('F21 done', `${user} is answered its ${what}, which it may not`)
      if (this.#rights.changedAt(name) > Number.NEGATIVE_INFINITY) this.note(`done after a change: ${verb}`)
    }
    if (failed === 'NOT_ALLOWED') {
      this.note(`refused: ${verb}`)
      if (!definite) this.#blame('A2 not definite', `the refusal of ${user}: ${what} is not definite`)
      if (!ever(principal => !may(principal)) && !this.#lostSince(name, from))
        this.#blame('F21 wrong refusal', `${user} is refused its ${what}, which it may`)
    }
    if (failed === 'WRONG_TOKEN') {
      this.note('told: wrong token')
      if (!this.#rights.ever(name, 0, at, principal => principal === null) && this.#rights.lostAt(name) < 0)
        this.#blame('A1 wrong refusal', `${user} is told that its token is wrong`)
    }
  }

  /** A server may have read the file so much later. */
  #from(at: number): number {
    return at - this.#rights.shape.readMs - sameTurnMs
  }

  /** A3: a token of it was taken away: its sessions may have lost their waits for that. */
  #lostSince(name: string, from: number): boolean {
    return this.#rights.lostAt(name) > from - this.#limitMs
  }

  // ---- by what an operation asks

  before(server: LockServerParty, state: State, operation: Operation): void {
    this.#primaryFrom(server)
    this.#withdraws = false
    if (operation[0] === 'open') return this.#opens(server, operation)
    const [, ordinal]: readonly unknown[] = operation
    const session = typeof ordinal === 'number' ? state.sessions.get(ordinal) : undefined
    const name = principalNameOf(session?.owner?.name ?? null)
    if (session === undefined || name === null) return
    if (operation[0] === 'acquire' || operation[0] === 'acquire-run') {
      const verb = acquireVerb(operation[5])
      this.#needs(server, name, operation, each => operation[3].every(lock => allows(each, verb, lock)))
    } else if (operation[0] === 'force-release' || operation[0] === 'forget-key')
      this.#needs(server, name, operation, each => allows(each, 'force', operation[3]))
    else if (operation[0] === 'deny') this.#denies(server, name, session, operation)
    else if (operation[0] === 'abandon' && this.#rights.shape.revokeNow && !this.#goesOn(server, session.id))
      this.ended.add(session.id)
  }

  /** R2: what an older primary does when it wakes up ends nothing where a later one has the session. */
  #goesOn({ core: { view } }: LockServerParty, id: string): boolean {
    return this.#cluster.servers.some(
      ({ alive, core }) =>
        alive &&
        core.role === 'primary' &&
        core.view?.group === view?.group &&
        (core.view?.number ?? 0) > (view?.number ?? 0) &&
        core.state?.sessionsById.has(id) === true,
    )
  }

  #opens(server: LockServerParty, operation: Extract<Operation, readonly ['open', ...unknown[]]>): void {
    const name = principalNameOf(operation.at(-1) as string | null)
    if (name !== null) this.#needs(server, name, operation, () => true)
  }

  #needs(server: LockServerParty, name: string, what: Operation, test: (principal: Principal) => boolean) {
    if (!this.#now(server, name, each => each !== null && test(each)))
      this.#blame('F21 done', `${server.name} does "${what.join(' ')}" for ${name}, which may not`)
  }

  #denies(
    server: LockServerParty,
    name: string,
    session: Session,
    [, , request, verb, lock]: Extract<Operation, readonly ['deny', ...unknown[]]>,
  ): void {
    this.#withdraws = session.waiting.has(request)
    if (this.#withdraws) this.withdrawnAt.set(session.id + lock, this.#time)
    if (this.#now(server, name, each => each === null || !allows(each, verb, lock))) {
      if (this.#withdraws) this.note('withdrawn: a wait, for a rule')
      return
    }
    if (this.#withdraws) this.note('withdrawn: a wait, for a token')
    const lost = this.#rights.lostAt(name) + this.#rights.shape.readMs
    const since = Math.max(lost, this.#runs(server))
    if (!this.#withdraws || this.#time - since > this.#limitMs)
      this.#blame('F21 wrong refusal', `${server.name} refuses ${name} to ${verb} ${lock}, which it may`)
  }

  /** What had waited is settled. */
  settles(server: LockServerParty, { session, names, claim }: Acquire, outcome: AcquireEnd): void {
    const name = principalNameOf(session.owner?.name ?? null)
    if (name === null || outcome !== 'granted') return
    const verb = acquireVerb(claim.manner)
    const may: MayHave = each => each !== null && names.every(lock => allows(each, verb, lock))
    if (this.#now(server, name, may) || server.core.leaving) return
    const isGone = bearerOf(tableOf(server), name) === null
    this.note(isGone ? 'granted: to one that may come back' : 'granted: just before it is refused')
    if (this.#time - this.#since(server, name) > (isGone ? this.#limitMs : sharesMs))
      this.#blame('F21 granted', `${server.name} grants ${names} to ${name}, which may not ${verb} any more`)
  }

  /** S1: a refusal is stored, and changes nothing else. */
  after(operation: Operation, facts: readonly Fact[]): void {
    if (operation[0] !== 'deny' || this.#withdraws) return
    if (facts.length !== 1 || facts[0]?.is !== 'output')
      this.#blame('S1 refusal', `${operation.join(' ')} does more: ${facts.map(({ is }) => is)}`)
  }

  /** By what this server has read of the file now, or until just before. */
  #now(server: LockServerParty, name: string, test: MayHave): boolean {
    if (test(bearerOf(tableOf(server), name))) return true
    const { accessBefore, accessReadAt } = server
    return (
      accessBefore !== null && this.#time - accessReadAt <= sameTurnMs && test(bearerOf(accessBefore, name))
    )
  }

  // ---- by what leaves a server

  #says(messages: readonly Message[]): void {
    for (const [kind, id, key] of messages) if (kind === 'open') this.keys.set(id as string, key as string)
  }

  #tells(server: LockServerParty, to: Party, messages: readonly Message[], wire: Wire): void {
    const name = to.kind === 'client' ? this.#rights.principalOf(to.name) : null
    if (name === null) return
    for (const message of messages) this.#told(server, to, name, message, wire)
  }

  #told(server: LockServerParty, to: Party, name: string, message: Message, wire: Wire): void {
    const [kind, first, second, third] = message
    if (kind === 'error' && first === 'TOKEN_ENDED') this.note('told: its token has ended')
    if (!ofSessions.has(kind)) return
    const now = (test: MayHave) => this.#now(server, name, test)
    if (!now(each => each !== null))
      this.#blame('A3 goes on', `${server.name} says "${kind}" to ${to.name}, whose token was taken away`)
    if (kind === 'opened' || kind === 'resumed') this.#isOwn(server, to, name, first as string)
    const reads = (lock: string) => this.#mayRead(server, name, lock, wire)
    if (kind === 'event' && !reads((second as LockEvent).name))
      this.#blame('F21 shown', `${to.name} hears of ${(second as LockEvent).name}, which it may not read`)
    const blocker = kind === 'cancel-done' ? (third as { name: string } | null) : null
    if (blocker !== null && !reads(blocker.name))
      this.#blame('F21 shown', `${to.name} is told who has ${blocker.name}, which it may not read`)
  }

  /** B4, A2: what was decided while its client did not read goes out once it does, by the rules of before. */
  #mayRead(server: LockServerParty, name: string, lock: string, { ends }: Wire): boolean {
    const may: MayHave = each => each !== null && allows(each, 'read', lock)
    if (this.#now(server, name, may)) return true
    const end = ends.find(({ party }) => party === server)
    if (end === undefined || this.#time - end.readAt > sameTurnMs) return false
    return this.#rights.ever(name, this.#from(end.waitsSince), this.#time, may)
  }

  /** A4 */
  #isOwn(server: LockServerParty, to: Party, name: string, id: string): void {
    const session = server.core.state?.sessionsById.get(id)
    // It may be over before its client is told that it was there.
    if (session === undefined) return
    // What an older primary has ended goes on if none has heard of it.
    this.ended.delete(id)
    const owner = principalNameOf(session.owner?.name ?? null)
    if (owner !== name)
      this.#blame('A4 taken over', `${server.name} gives a session of ${owner} to ${to.name} of ${name}`)
  }

  // ---- by what is still there

  /** To be called often: what waits, or is there, that may not be. */
  look(): void {
    for (const server of this.#cluster.servers) {
      if (!server.alive || server.frozen || server.core.role !== 'primary' || server.core.leaving) continue
      this.#primaryFrom(server)
      for (const session of server.core.state?.sessions.values() ?? []) this.#lookAt(server, session)
    }
  }

  #lookAt(server: LockServerParty, session: Session): void {
    const name = principalNameOf(session.owner?.name ?? null)
    if (name === null || session.endReason !== undefined) return
    const principal = bearerOf(tableOf(server), name)
    const sinceMs = this.#time - this.#since(server, name)
    if (principal === null) {
      if (this.#rights.shape.revokeNow && sinceMs > sharesMs + slackMs)
        this.#blame('A3 stays', `${session.name} of ${name} is there, and its token was taken away`)
      if (session.waiting.size > 0 && sinceMs > this.#limitMs)
        this.#blame('A3 waits on', `${session.name} of ${name} waits, and its token was taken away`)
      return
    }
    for (const { names, claim } of session.waiting.values()) {
      const verb = acquireVerb(claim.manner)
      if (!names.every(lock => allows(principal, verb, lock)) && sinceMs > sharesMs + slackMs)
        this.#blame('A3 waits on', `${session.name} of ${name} waits to ${verb} ${names}, which it may not`)
    }
  }

  // ---- since when

  /** Since when this server had to know what this principal may do. */
  #since(server: LockServerParty, name: string): number {
    return Math.max(this.#rights.changedAt(name) + this.#rights.shape.readMs, this.#runs(server))
  }

  #runs(server: LockServerParty): number {
    return Math.max(server.runsSince, this.#primarySince.get(server.id) ?? 0)
  }

  #primaryFrom({ id, core }: LockServerParty): void {
    if (core.role === 'primary' && !this.#primarySince.has(id)) this.#primarySince.set(id, this.#time)
  }

  get #limitMs(): number {
    return this.#cluster.pingIntervalMs * deadPings * 1.02 + slackMs * this.#cluster.slowness
  }

  get #time(): number {
    return this.#cluster.network.time
  }

  #blame(check: string, text: string): void {
    this.#verdict.blame(check, text)
  }
}

function tableOf({ guard }: LockServerParty) {
  const { table } = guard.access
  if (table === null) throw new Error('this story has an access file')
  return table
}

/** What needs the right was done. */
function done({ result }: Outcome): boolean {
  if (result?.verb === 'acquire') return result.tokens !== null
  return result?.verb === 'force-release' || result?.verb === 'forget-key' || result?.verb === 'query'
}
