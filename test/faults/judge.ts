// Judges a run by its users' histories alone: who believed in what and when, which answers could have
// been given, and that every call came to an end. A pure function; it knows no server and no fault.

import type { Manner, Mode } from '../../wire/messages.ts'
import type { Event } from './history.ts'

/** What a fault may do to its victims, and to nobody else. */
export interface Allowed {
  /** Users that were away for longer than their ttl: their sessions may end. */
  readonly expired?: readonly string[]
  /** F14: the state was lost, so the servers may know nobody's session. */
  readonly stateLost?: boolean
}

export interface Findings {
  /** Answers that were checked. */
  readonly operations: number
  readonly violations: readonly string[]
  /** Different tokens that users were told of. */
  readonly granted: number
  /** Grants that may have been made without anybody having been told. */
  readonly untold: number
  readonly highestToken: number
}

interface Attempt {
  readonly who: string
  readonly session: string
  readonly names: readonly string[]
  readonly mode: Mode
  readonly manner: Manner
  readonly calledAt: number
  /** L2: the largest token that anybody had been told when it was called. */
  readonly floor: number
  answeredAt: number
  tokens: readonly number[] | null
  outcome: 'open' | 'granted' | 'refused' | 'failed'
  /** When a later call of its session was answered: from then on it surely stands in the queue (L3). */
  queuedAt: number
  /** It can't have any lock after this. */
  overAt: number
}

/** One name of a grant, as its user believes in it. */
interface Belief {
  readonly attempt: Attempt
  readonly name: string
  readonly token: number
  readonly from: number
  /** The user gave it up, was told of its loss, or is dead. */
  endedAt: number
  /** It said `held` then. */
  lookedAt: number
  /** It is surely free after this. */
  freeAt: number
}

const never = Number.POSITIVE_INFINITY
const codesOfVictims = new Set(['SESSION_LOST', 'EXPIRED'])

export function judge(events: readonly Event[], allowed: Allowed = {}): Findings {
  const trial = new Trial(allowed)
  for (const event of events) trial.hear(event)
  return trial.verdict()
}

class Trial {
  readonly #allowed: Allowed
  readonly #violations: string[] = []
  readonly #attempts: Attempt[] = []
  readonly #thieves: Attempt[] = []
  readonly #calls = new Map<string, Attempt>()
  readonly #beliefs = new Map<number, Belief>()
  readonly #leases = new Map<string, number>()
  readonly #queries = new Map<string, Event & { is: 'query' }>()
  readonly #answers: {
    readonly call: Event & { is: 'query' }
    readonly answer: Event & { is: 'queried' }
  }[] = []
  readonly #forces: { readonly name: string; readonly calledAt: number; overAt: number; call: string }[] = []
  /** By session: acquires whose place in the queue, or whose end, a later answer will show. */
  readonly #unseen = new Map<string, Attempt[]>()
  /** Losses that were told before the grant was: in the same turn of the user's event loop. */
  readonly #lost = new Map<number, { readonly who: string; readonly at: number; readonly code: string }>()
  readonly #dead = new Map<string, number>()
  /** Sessions that ended unasked. */
  readonly #lostSessions = new Set<string>()
  #highest = 0
  #operations = 0

  constructor(allowed: Allowed) {
    this.#allowed = allowed
  }

  // ---- hearing, in the order of time

  hear(event: Event): void {
    const { at, who } = event
    switch (event.is) {
      case 'acquire':
        return this.#acquires(event)
      case 'granted':
        return this.#granted(event)
      case 'refused':
      case 'failed':
        return this.#failed(event)
      case 'release':
        return this.#released(event)
      case 'released':
        this.#operations++
        return this.#confirmed(event.token, at)
      case 'lost':
        this.#operations++
        this.#lost.set(event.token, { who, at, code: event.code })
        return
      case 'lease':
        this.#leases.set(event.session, Math.max(this.#leases.get(event.session) ?? 0, event.untilAt))
        return
      case 'looked': {
        const belief = this.#beliefs.get(event.token)
        if (belief !== undefined && event.held) belief.lookedAt = at
        return
      }
      case 'query':
        this.#queries.set(`${who} ${event.call}`, event)
        return
      case 'queried':
        return this.#queried(event)
      case 'force':
        this.#forces.push({ name: event.name, calledAt: at, overAt: never, call: `${who} ${event.call}` })
        return
      case 'forced':
        return this.#forced(`${who} ${event.call}`, at)
      case 'killed':
        this.#dead.set(who, at)
    }
  }

  #acquires({ who, at, call, session, names, mode, manner }: Event & { is: 'acquire' }): void {
    const attempt: Attempt = {
      who,
      session,
      names,
      mode,
      manner,
      calledAt: at,
      floor: this.#highest,
      answeredAt: never,
      tokens: null,
      outcome: 'open',
      queuedAt: never,
      overAt: never,
    }
    this.#attempts.push(attempt)
    if (manner === 'steal') this.#thieves.push(attempt)
    this.#calls.set(`${who} ${call}`, attempt)
    this.#unseenOf(session).push(attempt)
  }

  #granted({ who, at, call, tokens }: Event & { is: 'granted' }): void {
    const attempt = this.#answered(`${who} ${call}`, at, 'granted')
    if (attempt === undefined) return
    attempt.tokens = tokens
    for (const [i, name] of attempt.names.entries()) this.#believes(attempt, name, tokens[i] as number, at)
  }

  #believes(attempt: Attempt, name: string, token: number, at: number): void {
    const belief: Belief = {
      attempt,
      name,
      token,
      from: at,
      endedAt: never,
      lookedAt: at,
      freeAt: never,
    }
    if (this.#beliefs.has(token)) this.#blame(`L2: ${textOf(belief)} was granted before`)
    if (token <= attempt.floor)
      this.#blame(`L2: ${textOf(belief)} is not above ${attempt.floor}, told before it was asked for`)
    this.#highest = Math.max(this.#highest, token)
    this.#beliefs.set(token, belief)
  }

  #failed(event: Event & { is: 'refused' | 'failed' }): void {
    const attempt = this.#answered(`${event.who} ${event.call}`, event.at, event.is)
    if (attempt === undefined) return
    if (event.is === 'refused') {
      attempt.overAt = Number.NEGATIVE_INFINITY // it never had any
      if (attempt.manner !== 'ifAvailable') this.#blame(`${attempt.who}: a waiting acquire was told null`)
    } else if (event.code === 'TIMEOUT') this.#unseenOf(attempt.session).push(attempt)
    else if (event.code === 'SESSION_LOST' && this.#mayLose(attempt.who))
      this.#lostSessions.add(attempt.session)
    else this.#blame(`${attempt.who}: an acquire of ${attempt.names} failed with ${event.code}`)
  }

  #answered(call: string, at: number, outcome: Attempt['outcome']): Attempt | undefined {
    this.#operations++
    const attempt = this.#calls.get(call)
    if (attempt === undefined || attempt.outcome !== 'open') {
      this.#blame(`S1: ${call} was answered, and was not waited for`)
      return undefined
    }
    attempt.answeredAt = at
    attempt.outcome = outcome
    if (outcome !== 'failed') this.#showsEarlier(attempt, at)
    return attempt
  }

  /** S2: an acquire was answered, so all earlier calls of its session were applied. */
  #showsEarlier(answered: Attempt, at: number): void {
    const left = this.#unseenOf(answered.session).filter(other => {
      if (other === answered) return false
      if (other.calledAt < answered.calledAt) other.queuedAt = Math.min(other.queuedAt, at)
      if (other.outcome === 'failed' && other.answeredAt < answered.calledAt) {
        other.overAt = Math.min(other.overAt, at)
        return false
      }
      return other.outcome === 'failed' || (other.outcome === 'open' && other.queuedAt === never)
    })
    this.#unseen.set(answered.session, left)
  }

  #released({ who, at, token, held }: Event & { is: 'release' }): void {
    const belief = this.#beliefs.get(token)
    if (belief === undefined) return this.#blame(`${who} releases ${token}, which it was not granted`)
    belief.endedAt = Math.min(belief.endedAt, at)
    if (held) belief.lookedAt = at
  }

  /** Settled at the lease's end it would say nothing: whoever lost its session is not believed here. */
  #confirmed(token: number, at: number): void {
    const belief = this.#beliefs.get(token)
    if (belief !== undefined) belief.freeAt = Math.min(belief.freeAt, at)
  }

  #queried(answer: Event & { is: 'queried' }): void {
    this.#operations++
    const key = `${answer.who} ${answer.call}`
    const call = this.#queries.get(key)
    if (call === undefined) return this.#blame(`S1: query ${key} was answered, and was not waited for`)
    this.#queries.delete(key)
    this.#answers.push({ call, answer })
  }

  #forced(call: string, at: number): void {
    this.#operations++
    const force = this.#forces.find(one => one.call === call)
    if (force !== undefined) force.overAt = at
  }

  // ---- the verdict, when everything is known

  verdict(): Findings {
    this.#endBeliefs()
    for (const beliefs of grouped(this.#beliefs.values(), ({ name }) => [name]).values())
      this.#compare(beliefs)
    const attempts = grouped(this.#attempts, ({ names }) => names)
    for (const [name, all] of attempts) this.#queue(name, all)
    for (const attempt of this.#attempts) if (attempt.outcome === 'refused') this.#refused(attempt, attempts)
    for (const { call, answer } of this.#answers) this.#query(call, answer)
    this.#leftOver()
    const undecided = this.#attempts.filter(({ outcome }) => outcome === 'open' || outcome === 'failed')
    return {
      operations: this.#operations,
      violations: this.#violations,
      granted: this.#beliefs.size,
      untold: undecided.reduce((sum, { names }) => sum + names.length, 0),
      highestToken: this.#highest,
    }
  }

  /** A belief ends when its user says so, at the latest when it said that it would; a look says more. */
  #endBeliefs(): void {
    for (const belief of this.#beliefs.values()) {
      const { attempt, token } = belief
      const lost = this.#lost.get(token)
      if (lost !== undefined) this.#judgeLoss(belief, lost)
      const ended = Math.min(belief.endedAt, lost?.at ?? never, this.#dead.get(attempt.who) ?? never)
      if (ended === never) this.#blame(`${textOf(belief)} is still believed in at the end`)
      const untilAt = this.#leases.get(attempt.session) ?? never
      belief.endedAt = Math.max(belief.lookedAt, Math.min(ended, untilAt))
      if (this.#lostSessions.has(attempt.session)) belief.freeAt = never
    }
    for (const [token, { who, code }] of this.#lost)
      if (!this.#beliefs.has(token)) this.#blame(`S5: ${who} lost token ${token} (${code}) without a grant`)
  }

  #judgeLoss(belief: Belief, { who, at, code }: { who: string; at: number; code: string }): void {
    const { attempt } = belief
    if (who !== attempt.who) this.#blame(`S5: ${who} lost ${textOf(belief)}`)
    if (codesOfVictims.has(code)) {
      this.#lostSessions.add(attempt.session)
      if (!this.#mayLose(who)) this.#blame(`S3: ${textOf(belief)} is lost: ${code}`)
      else if (code === 'SESSION_LOST' && !this.#allowed.stateLost)
        this.#blame(`S4: the servers gave up the session of ${who}, which believed in it`)
    } else if (!this.#taken(belief, at))
      this.#blame(`S5: ${textOf(belief)} is lost as ${code}, and nobody did that`)
    else belief.freeAt = Math.min(belief.freeAt, at)
  }

  #mayLose(who: string): boolean {
    return this.#allowed.stateLost === true || (this.#allowed.expired ?? []).includes(who)
  }

  /** L1, S4: no older conflicting hold is believed in once a newer one is known, unless it was taken by force. */
  #compare(beliefs: Belief[]): void {
    const byToken = beliefs.toSorted((a, b) => a.token - b.token)
    let longest: Belief[] = []
    for (const newer of byToken) {
      for (const older of longest) {
        const shared = older.attempt.mode === 'shared' && newer.attempt.mode === 'shared'
        if (shared || older.endedAt <= newer.from || this.#taken(older, newer.from, newer.token)) continue
        const ms = (older.endedAt - newer.from).toFixed(1)
        this.#blame(`L1: ${textOf(older)} is believed in ${ms} ms after ${textOf(newer)} was granted`)
      }
      longest = [...longest.filter(older => older.endedAt > newer.from), newer]
    }
  }

  /** L3: who was surely queued is not overtaken by who asked later. */
  #queue(name: string, attempts: readonly Attempt[]): void {
    const alone = attempts.filter(({ manner, names }) => manner === 'wait' && names.length === 1)
    const granted = attempts.filter(({ tokens, manner }) => tokens !== null && manner !== 'steal')
    const tokenOf = ({ names, tokens }: Attempt) => tokens?.[names.indexOf(name)] as number
    let earlier: Attempt[] = []
    let next = 0
    for (const attempt of granted) {
      // Only who was surely queued before this one was asked for, and was served later, has been overtaken.
      while (next < alone.length && (alone[next] as Attempt).calledAt < attempt.calledAt)
        earlier.push(alone[next++] as Attempt)
      earlier = earlier.filter(other => other.tokens === null || other.answeredAt > attempt.calledAt)
      for (const other of earlier) {
        if (other.queuedAt < attempt.calledAt && other.tokens !== null && tokenOf(other) > tokenOf(attempt))
          this.#blame(`L3: ${attempt.who} (${name}, token ${tokenOf(attempt)}) overtook ${other.who}`)
      }
    }
  }

  /** An `ifAvailable` that was refused: somebody may have had one of the names, or waited for it, meanwhile. */
  #refused(attempt: Attempt, byName: ReadonlyMap<string, readonly Attempt[]>): void {
    const mayOccupy = (other: Attempt, name: string) =>
      other !== attempt && other.calledAt <= attempt.answeredAt && this.#mayOccupy(other, name, attempt)
    const occupied = attempt.names.some(name => byName.get(name)?.some(other => mayOccupy(other, name)))
    if (!occupied) this.#blame(`${attempt.who} was refused ${attempt.names} although nobody could have it`)
  }

  #mayOccupy(other: Attempt, name: string, attempt: Attempt): boolean {
    if (other.tokens === null) return other.overAt >= attempt.calledAt
    const token = other.tokens[other.names.indexOf(name)] as number
    return (this.#beliefs.get(token)?.freeAt ?? never) >= attempt.calledAt
  }

  /** R1: a confirmed query, called then and answered now. */
  #query({ at: calledAt, prefix }: Event & { is: 'query' }, { at, held }: Event & { is: 'queried' }): void {
    const shown = new Map(held.map(hold => [hold.token, hold]))
    for (const belief of this.#beliefs.values()) {
      const hold = shown.get(belief.token)
      if (hold !== undefined && belief.freeAt < calledAt)
        this.#blame(`R1: a query shows ${textOf(belief)}, given up before it was asked`)
      if (hold !== undefined && (hold.name !== belief.name || hold.clientId !== belief.attempt.session))
        this.#blame(`R1: a query shows ${textOf(belief)} as ${hold.name} of ${hold.clientId}`)
      const missing =
        hold === undefined && belief.name.startsWith(prefix) && belief.from < calledAt && belief.endedAt > at
      if (missing && !this.#allowed.stateLost && !this.#taken(belief, at))
        this.#blame(`R1: a query does not show ${textOf(belief)}, granted before it was asked`)
    }
    for (const holds of grouped(held, ({ name }) => [name]).values()) {
      if (holds.length > 1 && holds.some(({ mode }) => mode === 'exclusive'))
        this.#blame(`L1: a query shows ${holds[0]?.name} held exclusively and by another`)
    }
  }

  /** Whether a steal or a forced release may have ended this hold by then, to the good of a token up to `upTo`. */
  #taken({ name, token, attempt }: Belief, at: number, upTo = never): boolean {
    const stolen = this.#thieves.some(
      thief =>
        thief !== attempt &&
        thief.names.includes(name) &&
        thief.calledAt <= at &&
        thief.overAt > attempt.calledAt &&
        (thief.tokens === null || thief.tokens.some(stolen => stolen > token && stolen <= upTo)),
    )
    return (
      stolen ||
      this.#forces.some(
        force => force.name === name && force.calledAt <= at && force.overAt >= attempt.calledAt,
      )
    )
  }

  /** Liveness: every call of a living user has come to an end. */
  #leftOver(): void {
    for (const { who, names, outcome, calledAt } of this.#attempts)
      if (outcome === 'open' && !this.#dead.has(who))
        this.#blame(`liveness: ${who} still waits for ${names}, asked for at ${calledAt.toFixed(0)}`)
    for (const call of this.#queries.keys())
      if (!this.#dead.has(call.split(' ')[0] as string)) this.#blame(`liveness: query ${call} has no answer`)
  }

  #unseenOf(session: string): Attempt[] {
    const unseen = this.#unseen.get(session) ?? []
    this.#unseen.set(session, unseen)
    return unseen
  }

  #blame(violation: string): void {
    this.#violations.push(violation)
  }
}

function textOf({ attempt, name, token }: Belief): string {
  return `${attempt.who}'s ${attempt.mode} ${name} (token ${token})`
}

/** Under each of its keys. */
function grouped<T>(items: Iterable<T>, keysOf: (item: T) => readonly string[]): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    for (const key of keysOf(item)) {
      const group = groups.get(key)
      if (group === undefined) groups.set(key, [item])
      else group.push(item)
    }
  }
  return groups
}
