// The calls of a program, from the moment in which it makes them until they are settled or failed by anything else than
// the servers' answer: a limit of time (S2), the client's end, the session's loss. What answers say is in answers.ts.

import type { Instant } from '../../wire/clock.ts'
import type { Blocker } from '../../wire/messages.ts'
import type { TurnCall } from './effects.ts'
import { heldBy } from './held-by.ts'
import type { Holds } from './holds.ts'
import type { SessionOutbox } from './outbox.ts'
import { type Request, type Requests, wasSent } from './requests.ts'
import type { Route } from './route.ts'

/** How long a call that has timed out waits for the answer to its cancel, which says who has the lock. */
const cancelPatienceMs = 250

export const closedText = 'the client was closed'

export class Calls {
  /** The session's public id, as lists show it (C9); null until it is open. */
  clientId: string | null = null
  readonly #out: SessionOutbox
  readonly #links: Route
  readonly #requests: Requests
  readonly #holds: Holds
  /** No new calls. */
  #closed = false
  /** Calls whose limit has passed and whose cancel is under way: until when that is waited for. */
  readonly #givingUp = new Map<number, number>()

  constructor(out: SessionOutbox, links: Route, requests: Requests, holds: Holds) {
    this.#out = out
    this.#links = links
    this.#requests = requests
    this.#holds = holds
  }

  add(call: TurnCall): void {
    if (this.#closed && !endsWithHold(call.verb)) {
      this.#out.fail(call.call, 'CLOSED', true, closedText)
    } else if (isRelease(call) && !this.#holds.drop(call.token)) {
      this.#out.settle(call.call, { verb: 'release', held: false })
    } else {
      this.#requests.add(call)
    }
  }

  /** False if the call is over. */
  abort(call: number, patient: boolean, now: Instant): boolean {
    const request = this.#requests.ofCall(call)
    if (request === undefined) return false
    const waits = wasSent(request) && request.what.verb === 'acquire'
    if (waits && patient && this.#links.ready) this.#givingUp.set(call, now.monotonic + cancelPatienceMs)
    else this.#giveUp(call)
    // Both stay unanswered until the cancel is answered: else its waiter would get a grant that no client knows of.
    if (waits && !request.cancelling) this.#requests.cancel(request)
    return true
  }

  /** No call waits for the servers' word any more. */
  #giveUp(call: number): void {
    this.#givingUp.delete(call)
    const request = this.#requests.ofCall(call)
    if (request === undefined) return
    this.#out.fail(call, 'TIMEOUT', !wasSent(request), this.#delay(request))
    this.#requests.forget(request)
  }

  /** The servers say whether the cancel was in time, and who has the lock. */
  cancelled({ cancels }: Request, outcome: string, blocker: Blocker | null): void {
    const call = cancels?.call ?? null
    if (cancels === null || call === null) return
    this.#givingUp.delete(call)
    // A steal may have done its harm before.
    const stole = cancels.what.verb === 'acquire' && cancels.what.claim.manner === 'steal'
    const definite = outcome === 'cancelled' && !stole
    const several = cancels.what.verb === 'acquire' && cancels.what.names.length > 1
    const text = blocker === null ? this.#delay(cancels) : heldBy(blocker, several, this.clientId)
    this.#out.do({
      do: 'fail',
      call,
      code: 'TIMEOUT',
      definite,
      text,
      ...(blocker === null ? {} : { blocker }),
    })
    this.#requests.forget(cancels)
  }

  finish(): void {
    this.#closed = true
    for (const request of this.#requests.calls()) {
      const { verb } = request.what
      if (endsWithHold(verb) || verb === 'end') continue
      const sent = wasSent(request)
      this.#out.fail(request.call, 'CLOSED', !sent, closedText)
      this.#requests.forget(request)
      if (sent && verb === 'acquire' && !request.cancelling) this.#requests.cancel(request)
    }
  }

  /** Those whose cancel was not answered in time. */
  giveUpDue(now: Instant): void {
    for (const [call, until] of this.#givingUp) if (now.monotonic >= until) this.#giveUp(call)
  }

  /** The connection is lost, and the answers to their cancels with it. */
  giveUpAll(): void {
    for (const call of [...this.#givingUp.keys()]) this.#giveUp(call)
  }

  /** When to look again. */
  get giveUpAt(): number {
    // All have the same patience: the first to be given up is the first one.
    for (const until of this.#givingUp.values()) return until
    return Number.POSITIVE_INFINITY
  }

  /** The session is being ended. */
  end(): void {
    this.#closed = true
    this.endAll('CLOSED', closedText, true)
  }

  over({ call, verb }: TurnCall): void {
    if (endsWithHold(verb)) this.#out.settle(call, { verb: 'release', held: false })
    else this.#out.fail(call, 'SESSION_LOST', true, 'the session is over')
  }

  /** Fails the open calls. Releases settle: by their answer, or because the lock is gone anyway. */
  endAll(code: string, text: string, awaitReleases: boolean): void {
    for (const request of this.#requests.calls()) {
      const { verb } = request.what
      const sent = wasSent(request)
      if (verb === 'end') this.#out.settle(request.call, { verb: 'end' })
      else if (!endsWithHold(verb)) this.#out.fail(request.call, code, !sent, text)
      else if (awaitReleases && sent) continue
      else this.#out.settle(request.call, { verb: 'release', held: false })
      this.#requests.forget(request)
    }
  }

  /** Why a call takes this long, for display only. */
  #delay({ what }: Request): string {
    if (!this.#links.ready) return `no primary can be reached: ${this.#links.addresses.describe()}`
    return what.verb === 'acquire' ? 'it did not come free' : 'the primary has not answered'
  }
}

/** Ends a hold, and its key (C5) may run again. */
function isRelease(call: TurnCall): call is Extract<TurnCall, { verb: 'release' | 'fail' }> {
  return call.verb === 'release' || call.verb === 'fail'
}

/** What is about a hold alone is settled once there is no hold any more, however that came. */
function endsWithHold(verb: Request['what']['verb']): boolean {
  return verb === 'release' || verb === 'fail' || verb === 'set-note'
}
