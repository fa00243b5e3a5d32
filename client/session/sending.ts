// What goes out on the connection of the session, and in which order: its open or resume (S2), renewals (S4), requests that
// have room, and acknowledgements of their replies (S1). It hears nothing.

import type { Instant } from '../../wire/clock.ts'
import { toRanges } from '../../wire/codec.ts'
import type { SaidOn } from '../../wire/runs.ts'
import { packageVersion } from '../../wire/version.ts'
import type { ClientCoreOptions } from './core-options.ts'
import type { Lease } from './lease.ts'
import type { Link } from './link.ts'
import type { SessionOutbox } from './outbox.ts'
import { messageOf, type Requests } from './requests.ts'
import type { Route } from './route.ts'
import type { WatchRequests } from './watches.ts'

/** An acknowledgement that finds no request to ride on goes out by itself after this time. */
const acknowledgeWithinMs = 50
const never = Number.POSITIVE_INFINITY

/** What the parts of one core share. */
export interface SessionParts {
  readonly out: SessionOutbox
  readonly links: Route
  readonly requests: Requests
  readonly watches: WatchRequests
  readonly lease: Lease
  /** Sessions to end, with their keys. */
  readonly abandoned: ReadonlyMap<string, string>
}

export class Sending {
  readonly #options: ClientCoreOptions
  readonly #out: SessionOutbox
  readonly #links: Route
  readonly #requests: Requests
  readonly #watches: WatchRequests
  readonly #lease: Lease
  readonly #abandoned: ReadonlyMap<string, string>
  /** S2: grows with every open and resume. */
  #count = 0
  /** Monotonic ms. */
  #openSent = 0
  #acknowledgeAt = never

  constructor(options: ClientCoreOptions, parts: SessionParts) {
    this.#options = options
    this.#out = parts.out
    this.#links = parts.links
    this.#requests = parts.requests
    this.#watches = parts.watches
    this.#lease = parts.lease
    this.#abandoned = parts.abandoned
  }

  get count(): number {
    return this.#count
  }

  get openSent(): number {
    return this.#openSent
  }

  get acknowledgeAt(): number {
    return this.#acknowledgeAt
  }

  /** What was to be acknowledged on the lost connection, the next resume does. */
  disconnected(): void {
    this.#requests.forgetAcknowledgements()
    this.#acknowledgeAt = never
  }

  acknowledgeDue(now: Instant): void {
    if (now.monotonic >= this.#acknowledgeAt) this.#acknowledge()
  }

  /** The session goes over this connection from now on. */
  attach(link: Link, now: Instant): void {
    this.#links.attach(link)
    this.#count++
    if (this.#links.opened) this.#resume(now)
    else this.#open(now)
  }

  #open(now: Instant): void {
    this.#openSent = now.monotonic
    const { sessionKey, ttlMs, name, host, pid } = this.#options
    this.send([
      'open',
      this.#options.sessionId,
      sessionKey,
      this.#count,
      ttlMs,
      name,
      host,
      pid,
      packageVersion,
    ])
    this.#sendAbandons()
  }

  /** In one go, and nothing new before the last re-sent one (S2); all behind a renewal, for a session that rested (S4). */
  #resume(now: Instant): void {
    const again = this.#requests.unansweredInOrder()
    const numbers = toRanges(again.map(({ number }) => number))
    this.send([
      'resume',
      this.#options.sessionId,
      this.#options.sessionKey,
      this.#count,
      this.#requests.next,
      numbers,
    ])
    this.#sendAbandons()
    this.renew(now)
    for (const { what, number } of again) this.send(messageOf(what, number))
    for (const message of this.#requests.askAgain()) this.send(message)
    for (const message of this.#watches.again()) this.send(message)
    this.pump(now)
  }

  /** Sends acknowledgements, then what waits and may go. */
  pump(now: Instant): void {
    if (!this.#links.ready) return
    for (let message = this.#requests.take(); message !== undefined; message = this.#requests.take()) {
      if (this.#requests.acknowledgementDue) this.#acknowledge()
      this.send(message)
    }
    if (this.#requests.acknowledgementDue) this.#acknowledgeSoon(now)
  }

  send(message: SaidOn<'clientToServer'>): void {
    const connection = (this.#links.session as Link).number
    this.#out.do({ do: 'send', connection, message })
  }

  #sendAbandons(): void {
    for (const [id, key] of this.#abandoned) this.send(['abandon', id, key])
  }

  renew(now: Instant): void {
    this.send(['renew', this.#lease.renew(now.monotonic)])
  }

  /** S4: the renewal goes in front of the first call after a rest; without a connection, behind the resume. */
  wake(now: Instant): void {
    this.#links.wake()
    if (this.#lease.wake(now.monotonic) && this.#links.ready) this.renew(now)
  }

  #acknowledge(): void {
    this.send(this.#requests.takeAcknowledgement())
    this.#acknowledgeAt = never
  }

  #acknowledgeSoon(now: Instant): void {
    if (this.#acknowledgeAt === never) this.#acknowledgeAt = now.monotonic + acknowledgeWithinMs
  }
}
