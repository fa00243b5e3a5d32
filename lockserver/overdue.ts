// What a primary ends or goes on with by itself, a share a turn (B2): leases and times that have run out, waits that have lost
// their right, sessions that end with it, and long work that was begun. It hears no client.

import { expireWeightMax } from '../wire/limits.ts'
import type { PrimaryParts } from './audience.ts'
import type { Clients } from './clients.ts'
import { Expiry } from './expiry.ts'
import type { Leases } from './leases.ts'
import type { ServerOutbox } from './outbox.ts'
import type { Proposals } from './proposals.ts'
import type { Revocations } from './revocations.ts'
import type { InView } from './situation.ts'
import type { Session } from './state/sessions.ts'
import type { State } from './state/state.ts'
import type { Turns } from './turns.ts'

/** Waits of sessions with fewer rights that one turn looks at (A3). */
const withdrawnPerTurn = 128

export class Overdue {
  readonly #out: ServerOutbox
  readonly #situation: InView
  readonly #clients: Clients
  readonly #turns: Turns
  readonly #state: State
  readonly #leases: Leases
  readonly #revocations: Revocations
  readonly #proposals: Proposals
  readonly #expiry = new Expiry()
  /** Times that had run out at this moment, by the monotonic clock, are to be ended; null: they are. */
  #timesUntil: number | null = null

  constructor(parts: PrimaryParts, proposals: Proposals) {
    this.#out = parts.out
    this.#situation = parts.situation
    this.#clients = parts.clients
    this.#turns = parts.turns
    this.#state = parts.state
    this.#leases = parts.leases
    this.#revocations = parts.revocations
    this.#proposals = proposals
  }

  /** What has run out by now ends in this turn, and in those after it. */
  tick(): void {
    this.#expireDue()
    this.#timesUntil = this.#situation.now.monotonic
  }

  turn(): void {
    this.#goOn()
    this.#expirePiece()
    this.#withdraw()
    this.#endTimes()
  }

  /** B2: a share of the waits that have lost their right, and one of the sessions that end, each turn. */
  #withdraw(): void {
    if (!this.#revocations.more) return
    const ended = this.#revocations.takeEnded()
    if (ended !== undefined && this.#state.sessions.has(ended.ordinal))
      this.#proposals.propose(['abandon', ended.ordinal])
    // An earlier one of them may have made room for this one.
    for (const { session, request, verb, lock } of this.#revocations.take(withdrawnPerTurn))
      if (session.endReason === undefined && session.waiting.has(request))
        this.#proposals.propose(['deny', session.ordinal, request, verb, lock])
    if (this.#revocations.more) this.#out.do({ do: 'continue' })
  }

  /** S3: only a primary proposes that leases end, and only after it has read what had arrived. */
  #expireDue(): void {
    if (this.#expiry.more) return // The rest of what was due before comes first.
    const { monotonic } = this.#situation.now
    const { sessions, pauseOver } = this.#leases.due(monotonic, this.#state.sessions)
    if (pauseOver) {
      this.#leases.endPause()
      this.#proposals.propose(['unpause'])
    }
    this.#expiry.begin(sessions, monotonic)
  }

  /** B2: a share of what was begun, each turn, in its own operation. */
  #goOn(): void {
    if (!this.#state.table.isUnfinished) return
    this.#proposals.propose(['go-on'])
    if (this.#state.table.isUnfinished) this.#out.do({ do: 'continue' })
  }

  /** F13: one piece a turn, each of them in its own operation. */
  #expirePiece(): void {
    const piece = this.#expiry.take(this.#state.sessions, this.#leases, session => this.#isHeard(session))
    if (piece.length > 0) this.#proposals.propose(['expire', piece])
    if (this.#expiry.more) this.#out.do({ do: 'continue' })
  }

  /** C3, C4, C5: likewise of the times that had run out at a tick, one piece a turn (B2). */
  #endTimes(): void {
    if (this.#timesUntil === null) return
    const { times } = this.#leases
    const most = Math.min(expireWeightMax, this.#state.limits.changesPerOperationMax)
    const operation = times.take(this.#timesUntil, most)
    if (operation !== undefined) this.#proposals.propose(operation)
    if (times.more(this.#timesUntil)) this.#out.do({ do: 'continue' })
    else this.#timesUntil = null
  }

  /** S3: messages from this session wait for their turn (B1); a renewal may be among them. */
  #isHeard(session: Session): boolean {
    const client = this.#clients.of(session)
    return client !== undefined && (client.unread || this.#turns.has(client))
  }
}
