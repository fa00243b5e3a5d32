// Sessions that have lost their token, or whose principal has lost a rule, and what must be looked at because of that
// (A3): a session that has not come back within a ping limit loses its waits, and a session with fewer rights those that it
// may not have any more. A session with a connection is judged by that connection's token, one without by the access file.
// It says which waits, and which sessions end; it refuses and ends none itself.

import { principalNameOf } from '../wire/access/owner.ts'
import { allows, issuerIn, type Principal } from '../wire/access/principal.ts'
import type { Standing } from '../wire/access/standing.ts'
import type { Client } from './clients.ts'
import type { Acquire } from './state/lock.ts'
import type { Session } from './state/sessions.ts'
import { acquireVerb } from './verbs.ts'

export interface Withdrawn {
  readonly session: Session
  readonly request: number
  readonly verb: 'acquire' | 'steal'
  readonly lock: string
}

/** A session that may come back. */
interface Away {
  ticks: number
  /** Its principal has no token at all: if it gets one, the session is as good as before. */
  readonly byFile: boolean
}

/** What becomes of a session that may not come in: it may come back within so many ticks, or it ends at once. */
type Ends = number | 'now'

interface Work {
  readonly session: Session
  /** Null: it has no right any more. */
  readonly principal: Principal | null
  readonly requests: readonly number[]
  next: number
}

export class Revocations {
  readonly #away = new Map<Session, Away>()
  /** Without a connection: when the token ends that they came with. */
  readonly #lasting = new Map<Session, number>()
  readonly #work: Work[] = []
  readonly #ended: Session[] = []

  /** The token of its connection was taken away; the session may come back within so many ticks. */
  wait(session: Session, ticks: number): void {
    this.#away.set(session, { ticks, byFile: false })
  }

  /** It has come back, with a valid token. */
  returned(session: Session): void {
    if (this.#away.size > 0) this.#away.delete(session)
    if (this.#lasting.size > 0) this.#lasting.delete(session)
  }

  /** A session without a connection. `ends`: within so many ticks, or at once, if its principal may not come in. */
  survey(session: Session, { bearers, issuers }: Standing, ends: Ends): void {
    const name = principalNameOf(session.owner?.name ?? null)
    if (name === null) return
    const principal = bearers.get(name)
    const issuer = issuerIn(name)
    if (principal !== undefined) this.#stands(session, principal)
    else if (issuer === null || !issuers.has(issuer)) this.#leaves(session, ends)
  }

  /** Its connection is gone, and the signed token that it came with is good until then, by the wall clock. */
  lasts(session: Session, endsAt: number): void {
    this.#lasting.set(session, endsAt)
  }

  #stands(session: Session, principal: Principal): void {
    if (this.#away.get(session)?.byFile) this.#away.delete(session)
    this.#add(session, principal)
  }

  #leaves(session: Session, ends: Ends): void {
    if (ends === 'now') this.#ended.push(session)
    else if (session.waiting.size > 0 && !this.#away.has(session))
      this.#away.set(session, { ticks: ends, byFile: true })
  }

  /** `now`: by the wall clock, as the ends of tokens are. */
  tick(now: number, ends: Ends): void {
    for (const [session, endsAt] of this.#lasting) {
      if (endsAt > now && session.endReason === undefined) continue
      this.#lasting.delete(session)
      if (session.endReason === undefined) this.#leaves(session, ends)
    }
    for (const [session, away] of this.#away) {
      if (away.ticks-- > 1) continue
      this.#away.delete(session)
      this.#add(session, null)
    }
  }

  /** Its waits are looked at, by these rules. */
  look({ session, principal }: Client): void {
    if (session !== null && principal !== null) this.#add(session, principal)
  }

  get more(): boolean {
    return this.#work.length > 0 || this.#ended.length > 0
  }

  /** The next session that ends at once. */
  takeEnded(): Session | undefined {
    return this.#ended.shift()
  }

  /** B2: what of the next so many waits must be refused. */
  take(most: number): Withdrawn[] {
    const found: Withdrawn[] = []
    for (let left = most; left > 0; left--) {
      const work = this.#work[0]
      if (work === undefined) break
      const request = work.requests[work.next++]
      if (request === undefined) this.#work.shift()
      else this.#judge(work, work.session.waiting.get(request), found)
    }
    return found
  }

  #judge({ session, principal }: Work, acquire: Acquire | undefined, into: Withdrawn[]): void {
    if (acquire === undefined) return
    const { request, names, claim } = acquire
    const verb = acquireVerb(claim.manner) === 'steal' ? 'steal' : 'acquire'
    const lock = principal === null ? names[0] : names.find(name => !allows(principal, verb, name))
    if (lock !== undefined) into.push({ session, request, verb, lock })
  }

  #add(session: Session, principal: Principal | null): void {
    if (session.waiting.size === 0) return
    const requests = [...session.waiting.keys()].sort((a, b) => a - b)
    this.#work.push({ session, principal, requests, next: 0 })
  }
}
