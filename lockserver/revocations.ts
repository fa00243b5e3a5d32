// Sessions whose connection has lost its token, or whose principal has lost a rule, and what must be looked at because of
// that (A3): a session that has not come back within a ping limit loses its waits, and a session with fewer rights those
// that it may not have any more. It says which waits; it refuses none itself.

import { allows, type Principal } from '../wire/access/principal.ts'
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

interface Work {
  readonly session: Session
  /** Null: it has no right any more. */
  readonly principal: Principal | null
  readonly requests: readonly number[]
  next: number
}

export class Revocations {
  /** Sessions whose token was taken away, and for how many ticks more they may come back. */
  readonly #waiting = new Map<Session, number>()
  readonly #work: Work[] = []

  /** The session may come back within so many ticks. */
  wait(session: Session, ticks: number): void {
    this.#waiting.set(session, ticks)
  }

  /** It has come back, with a valid token. */
  returned(session: Session): void {
    if (this.#waiting.size > 0) this.#waiting.delete(session)
  }

  tick(): void {
    for (const [session, ticks] of this.#waiting) {
      if (ticks > 1) {
        this.#waiting.set(session, ticks - 1)
        continue
      }
      this.#waiting.delete(session)
      this.#add(session, null)
    }
  }

  /** Its waits are looked at, by these rules. */
  look({ session, principal }: Client): void {
    if (session !== null && principal !== null) this.#add(session, principal)
  }

  get more(): boolean {
    return this.#work.length > 0
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
    const requests = [...session.waiting.keys()].sort((a, b) => a - b)
    if (requests.length > 0) this.#work.push({ session, principal, requests, next: 0 })
  }
}
