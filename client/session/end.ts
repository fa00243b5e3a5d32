// How a session ends: as its user wished, lost, refused, or with the group that it was in; and what of it the next session has
// to end (S4). Whether it ends, the core decides.

import { type Calls, closedText } from './calls.ts'
import type { ClientCoreOptions } from './core-options.ts'
import type { Holds } from './holds.ts'
import type { SessionOutbox } from './outbox.ts'
import type { Route } from './route.ts'
import type { Sending } from './sending.ts'

/** What the end of a session puts an end to. */
export interface Ending {
  readonly out: SessionOutbox
  readonly links: Route
  readonly holds: Holds
  readonly calls: Calls
  readonly sending: Sending
  readonly abandoned: Map<string, string>
}

const leftText = 'the group of servers that it was in has no locks any more'

export class SessionEnd {
  /** Lost, ended or refused. */
  over = false
  /** Its user wished for it. */
  wished = false
  readonly #options: ClientCoreOptions
  readonly #parts: Ending

  constructor(options: ClientCoreOptions, parts: Ending) {
    this.#options = options
    this.#parts = parts
  }

  /** The servers have done what its user wished for. */
  done(): void {
    this.#finish('ended', 'CLOSED', closedText)
  }

  /** S4: its open may be done, and then nothing else would end the session before its lease does. */
  unopened(): void {
    this.#sayAbandon()
    this.done()
  }

  /** G8: a slot moves only while nothing is held in it, so what is held here was taken away, and that is not told yet. */
  left(): void {
    this.#sayAbandon()
    if (this.#parts.holds.size > 0) this.#loseHolds('SESSION_LOST', leftText)
    this.#finish('ended', 'WRONG_GROUP', leftText)
  }

  /** The session is lost: its locks, its unanswered calls, this core. */
  lost(reason: 'EXPIRED' | 'SESSION_LOST', text: string): void {
    // S4: given up is given up; the servers may still have it, and are to end it.
    if (reason === 'EXPIRED') this.#abandon()
    this.#loseHolds(reason, text)
    this.#finish('lost', 'SESSION_LOST', text)
  }

  /** `opens`: how many of its opens were answered by that. */
  refused(code: string, text: string, opens = 0): void {
    this.#finish('refused', code, text, opens)
  }

  #sayAbandon(): void {
    const { links, sending } = this.#parts
    const { sessionId, sessionKey } = this.#options
    if (links.session !== null) sending.send(['abandon', sessionId, sessionKey])
  }

  #abandon(): void {
    this.#parts.abandoned.set(this.#options.sessionId, this.#options.sessionKey)
  }

  #loseHolds(reason: 'EXPIRED' | 'SESSION_LOST', text: string): void {
    const { out, holds } = this.#parts
    for (const token of holds.believed) out.do({ do: 'lost', token, reason, text })
    holds.clear()
    out.do({ do: 'event', event: 'lost', reason })
  }

  #finish(reason: 'ended' | 'lost' | 'refused', code: string, text: string, answered = 0): void {
    const { out, links, calls, sending } = this.#parts
    // S4: an open that went out may be done though no answer to it came; the next session ends it.
    if (!links.opened && sending.count > answered) this.#abandon()
    calls.endAll(code, text, false)
    links.closeAll(text, out.effects)
    this.over = true
    out.do({ do: 'over', reason, code, text })
  }
}
