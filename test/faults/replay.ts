// Replays a run of real processes to the simulator's checker, from the histories that their users wrote: the
// same calls, answers and losses in the order of the clock that all shared. It judges only what a whole
// history shows: that every call came to an end, and that no user lost a session without a reason. A pure
// function; it knows no server and no fault.

import type { CallResult } from '../../client/session/effects.ts'
import { type Attempt, type Belief, Checker, type Session, type Witness } from '../simulator/checker.ts'
import type { Event } from './history.ts'

/** What a fault may do to its victims, and to no other user. */
export interface Allowed {
  /** Users whose names begin like this were away for longer than their ttl: their sessions may end. */
  readonly expired?: string
  /** F14: the state was lost, so the servers may know no session. */
  readonly stateLost?: boolean
}

export interface Findings {
  /** Answers that were checked. */
  readonly operations: number
  readonly violations: readonly string[]
  /** Different tokens that users received. */
  readonly granted: number
  /** Grants that may have been made without any user learning of them. */
  readonly untold: number
}

type EventOf<K extends Event['is']> = Extract<Event, { is: K }>

/** A session as its user's history shows it. */
class PastSession implements Session {
  readonly sessionId: string
  readonly clientId: string
  readonly opened = true
  over = false
  /** Its user believes in it until then: by its own account, or because it had ended by then. */
  readonly #endsAt: number

  constructor(sessionId: string, endsAt: number) {
    this.sessionId = sessionId
    this.clientId = sessionId
    this.#endsAt = endsAt
  }

  expired({ monotonic }: { readonly monotonic: number }): boolean {
    return monotonic >= this.#endsAt
  }
}

interface PastUser extends Witness {
  alive: boolean
  core: PastSession
}

const nothing: Findings = { operations: 0, violations: [], granted: 0, untold: 0 }

export function judge(events: readonly Event[], allowed: Allowed = {}): Findings {
  return events.length === 0 ? nothing : new Replay(withSessions(events), allowed).findings()
}

/** What a user writes down before its next session is open has no public id yet (C9): it belongs to that session. */
function withSessions(events: readonly Event[]): Event[] {
  const next = new Map<string, string>()
  const backwards = [...events].reverse().map(event => {
    if (!('session' in event)) return event
    if (event.session !== '') next.set(event.who, event.session)
    return { ...event, session: next.get(event.who) ?? '' }
  })
  return backwards.reverse()
}

class Replay {
  readonly #allowed: Allowed
  readonly #violations: string[] = []
  readonly #checker = new Checker(
    { blame: (check, text) => this.#violations.push(`${check}: ${text}`) },
    false,
  )
  readonly #clock = { time: 0 }
  readonly #users = new Map<string, PastUser>()
  readonly #sessions = new Map<string, PastSession>()
  readonly #ends: ReadonlyMap<string, number>
  readonly #away: ReadonlySet<string>
  /** By user and call: those without an answer. */
  readonly #open = new Map<string, Attempt>()
  readonly #queries = new Map<string, number>()
  readonly #forces = new Map<string, { readonly place: number; readonly force: { overAt: number } }>()
  readonly #beliefs = new Map<number, Belief>()
  readonly #places = new Map<number, number>()
  /** Losses that arrived in the same turn of the event loop as the grant, and were written down before it. */
  readonly #early = new Map<number, EventOf<'lost'>>()
  #operations = 0
  #granted = 0
  #untold = 0

  constructor(events: readonly Event[], allowed: Allowed) {
    this.#allowed = allowed
    this.#ends = endsOfSessions(events)
    this.#away = new Set(events.filter(({ is }) => is === 'away').map(({ who }) => who))
    for (const event of events) {
      this.#clock.time = event.at
      this.#hear(event)
    }
  }

  findings(): Findings {
    for (const [call, { names, user }] of this.#open) {
      this.#untold += names.length
      if (user.alive) this.#violations.push(`liveness: ${call} still waits for ${names}`)
    }
    for (const call of [...this.#queries.keys(), ...this.#forces.keys()])
      if (this.#user(call.split(' ')[0] as string).alive)
        this.#violations.push(`liveness: ${call} has no answer`)
    for (const belief of this.#beliefs.values())
      if (this.#checker.believed(belief)) this.#violations.push(`token ${belief.token} is still believed in`)
    const [operations, granted, untold] = [this.#operations, this.#granted, this.#untold]
    return { operations, violations: this.#violations, granted, untold }
  }

  #hear(event: Event): void {
    switch (event.is) {
      case 'acquire':
        return this.#acquires(event)
      case 'abort':
        return this.#checker.aborts(this.#attempt(event))
      case 'granted':
        return this.#grants(event)
      case 'refused':
        return this.#answers(event, { result: { verb: 'acquire', tokens: null } })
      case 'failed':
        return this.#fails(event)
      case 'release': {
        const belief = this.#belief(event.token)
        this.#places.set(event.token, this.#checker.releases(belief))
        return
      }
      case 'released':
        return this.#released(event)
      case 'lost':
        return this.#beliefs.has(event.token) ? this.#loses(event) : void this.#early.set(event.token, event)
      case 'sessionLost':
        return this.#losesSession(event)
      case 'query':
        this.#queries.set(keyOf(event), event.at)
        return
      case 'queried':
        return this.#queried(event)
      case 'force': {
        const user = this.#userIn(event)
        const force = this.#checker.forces(user, event.name)
        this.#forces.set(keyOf(event), { force, place: this.#checker.place(user.core) })
        return
      }
      case 'forced':
        return this.#forced(event)
      case 'reset':
        return this.#checker.reset(event.at, event.pauseMs)
      case 'killed':
        this.#user(event.who).alive = false
        return
      case 'lease':
      case 'looked':
        return // see endsOfSessions
      case 'away':
        return // known from the beginning: a lease ends before its user is back
    }
  }

  // ---- acquires

  #acquires(event: EventOf<'acquire'>): void {
    const { names, mode, manner } = event
    this.#open.set(keyOf(event), this.#checker.acquires(this.#userIn(event), names, mode, manner))
  }

  #grants(event: EventOf<'granted'>): void {
    const { tokens, at, session } = event
    const attempt = this.#attempt(event)
    if (session !== undefined && session !== attempt.core.sessionId)
      attempt.core = this.#userIn({ ...event, session }).core
    this.#answers(event, { result: { verb: 'acquire', tokens: [...tokens] } })
    this.#granted += tokens.length
    for (const token of tokens) {
      const belief = this.#checker.beliefIn(token)
      if (belief !== undefined) this.#beliefs.set(token, belief)
      const lost = this.#early.get(token)
      if (lost !== undefined) this.#loses({ ...lost, at })
    }
  }

  #fails(event: EventOf<'failed'>): void {
    const { code, who } = event
    if (code === 'SESSION_LOST') this.#mayLose(who, code)
    const key = keyOf(event)
    const attempt = this.#open.get(key)
    if (attempt === undefined) return this.#failsToAsk(key, code)
    this.#untold += attempt.names.length
    // Its loss comes next, in the same turn of the user's event loop.
    if (code === 'SESSION_LOST') this.#session(attempt.core.sessionId).over = true
    this.#answers(event, { failed: code })
  }

  /** A query or a forced release; if no end was seen, the force may still take effect. */
  #failsToAsk(key: string, code: string): void {
    this.#operations++
    const wasOpen = this.#queries.delete(key) || this.#forces.delete(key)
    if (!wasOpen || code !== 'SESSION_LOST')
      this.#violations.push(`S1 wrong reply: ${key} failed with ${code}`)
  }

  #answers(event: Event & { call: number }, outcome: { result?: CallResult; failed?: string }): void {
    this.#operations++
    const attempt = this.#attempt(event)
    this.#open.delete(keyOf(event))
    this.#checker.acquired(attempt, { done: true, at: event.at, ...outcome })
  }

  #attempt(event: Event & { call: number }): Attempt {
    const attempt = this.#open.get(keyOf(event))
    if (attempt === undefined) throw new Error(`${event.is} of ${keyOf(event)}, which nobody waits for`)
    return attempt
  }

  // ---- the rest

  #released({ token, at }: EventOf<'released'>): void {
    this.#operations++
    const belief = this.#belief(token)
    const { core } = belief.attempt
    // The end of the session settled it, not a server.
    if (core.over || core.expired({ monotonic: at, wall: at })) return
    this.#checker.answered(core, this.#places.get(token) as number, at)
    this.#checker.released(belief, true, at)
  }

  #loses({ who, token, code, at }: EventOf<'lost'>): void {
    this.#operations++
    this.#checker.lost(this.#user(who), token, code, at)
  }

  #losesSession({ who, session, code }: EventOf<'sessionLost'>): void {
    const user = this.#user(who)
    const core = this.#session(session)
    core.over = true
    this.#mayLose(who, code)
    if (code === 'SESSION_LOST') this.#checker.sessionGivenUp(user, core)
  }

  /** S3: a client that is there keeps its session, whatever happens to the servers. */
  #mayLose(who: string, code: string): void {
    const { stateLost = false, expired } = this.#allowed
    if (stateLost || (expired !== undefined && who.startsWith(expired)) || this.#away.has(who)) return
    this.#violations.push(`S3 session lost: ${who} lost its session (${code}), and had not been away`)
  }

  #queried(event: EventOf<'queried'>): void {
    this.#operations++
    const calledAt = this.#queries.get(keyOf(event)) as number
    this.#queries.delete(keyOf(event))
    const { held, pending, confirmed, cut } = event
    const answer = { verb: 'query', held, pending, confirmed, cut } as Parameters<Checker['queried']>[0]
    this.#checker.queried(answer, calledAt, event.at, { prefix: '', confirmed: true })
  }

  #forced(event: EventOf<'forced'>): void {
    this.#operations++
    const called = this.#forces.get(keyOf(event))
    if (called === undefined) return
    this.#forces.delete(keyOf(event))
    called.force.overAt = event.at
    this.#checker.answered(this.#user(event.who).core, called.place, event.at)
  }

  // ---- who is who

  #user(who: string): PastUser {
    const known = this.#users.get(who)
    if (known !== undefined) return known
    const now = () => ({ monotonic: this.#clock.time, wall: this.#clock.time })
    const user = { name: who, alive: true, core: new PastSession('', 0), network: this.#clock, now }
    this.#users.set(who, user)
    return user
  }

  /** The user, in the session in which it makes this call. */
  #userIn({ who, session }: Event & { session: string }): PastUser {
    const user = this.#user(who)
    user.core = this.#session(session)
    return user
  }

  #session(id: string): PastSession {
    const session = this.#sessions.get(id) ?? new PastSession(id, this.#ends.get(id) ?? 0)
    this.#sessions.set(id, session)
    return session
  }

  #belief(token: number): Belief {
    const belief = this.#beliefs.get(token)
    if (belief === undefined) throw new Error(`token ${token} was granted to nobody`)
    return belief
  }
}

const keyOf = ({ who, call }: Event & { call: number }) => `${who} ${call}`

/** A session is believed in for as long as its user wrote that it may be, or was seen to believe. */
function endsOfSessions(events: readonly Event[]): Map<string, number> {
  const ends = new Map<string, number>()
  const lasts = (session: string, at: number) => ends.set(session, Math.max(ends.get(session) ?? 0, at))
  for (const event of events) {
    if (event.is === 'lease') lasts(event.session, event.untilAt)
    if (event.is === 'looked' && event.held) lasts(event.session, event.at)
  }
  for (const event of events)
    if (event.is === 'sessionLost')
      ends.set(event.session, Math.min(event.at, ends.get(event.session) ?? event.at))
  return ends
}
