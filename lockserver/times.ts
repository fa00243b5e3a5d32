// When the times of holds and keys are over, on this server's own monotonic clock: what holds last at least (C3)
// and at most (C4), and for how long keys are kept (C5). As with leases (S3), a time that has run out here is only
// a reason: an operation ends it, which only a primary proposes.

import type { ShownTerms } from '../wire/messages.ts'
import { NumberMap } from '../wire/number-map.ts'
import { Deadlines } from './deadlines.ts'
import type { Fact } from './state/facts.ts'
import type { Hold } from './state/lock.ts'
import type { OnceKey } from './state/onces.ts'
import { shownOf } from './state/special.ts'
import type { Operation, State } from './state/state.ts'

export class Times {
  /** Of holds, by token. */
  readonly #least = new Deadlines()
  readonly #most = new Deadlines()
  readonly #keys = new Deadlines()
  /** Keys that have an end, by the token of their hold. */
  readonly #ended = new NumberMap<OnceKey>()
  /** When this server was promoted, with this state; null: it was not. */
  #promoted: { readonly at: number; readonly state: State } | null = null

  // ---- of a copy (snapshot.ts): what remained when its records came

  setLeast(token: number, until: number): void {
    this.#least.set(token, until)
  }

  setMost(token: number, until: number): void {
    this.#most.set(token, until)
  }

  setKey(key: OnceKey, until: number): void {
    this.#ended.set(key.token, key)
    this.#keys.set(key.token, until)
  }

  #forgetKey({ token }: OnceKey): void {
    this.#ended.delete(token)
    this.#keys.delete(token)
  }

  /** What an operation has done, on the server that has applied it just now. */
  note(fact: Fact, now: number): void {
    switch (fact.is) {
      case 'lasts':
        return this.#least.set(fact.hold.token, now + (fact.hold.special?.terms.holdAtLeastMs ?? 0))
      case 'lasted':
        return this.#least.delete(fact.token)
      case 'told':
        return this.#most.set(fact.hold.token, now + (fact.hold.special?.terms.holdAtMostMs ?? 0))
      case 'untimed':
        if (!fact.kept) this.#least.delete(fact.token)
        return this.#most.delete(fact.token)
      case 'key ended':
        return this.setKey(fact.key, now + fact.key.keepMs)
      case 'key gone':
        return this.#forgetKey(fact.key)
    }
  }

  /**
   * C4: a promoted server gives each hold the whole time again, as its client counts from when it saw the grant.
   * The others go on with what remains (C3, C5). There may be very many (B1): each is looked at when it would be over.
   */
  promote(now: number, state: State): void {
    this.#promoted = { at: now, state }
  }

  /** C4: until then the hold of this token lasts because of a promotion. */
  #promisedUntil(token: number): number {
    const most = this.#promoted?.state.table.timed.get(token)?.special?.terms.holdAtMostMs
    return this.#promoted === null || most === undefined || most === null ? 0 : this.#promoted.at + most
  }

  /** Those of a hold's most that are over. */
  #takeMost(now: number, most: number): number[] {
    return this.#most.take(now, most).filter(token => {
      const until = this.#promisedUntil(token)
      if (until > now) this.#most.set(token, until)
      return until <= now
    })
  }

  /** D6: what remains of them is not on disk, so all of them begin again, whole. */
  beginAgain(now: number, { table }: State): void {
    for (const token of table.timed.keys()) {
      const special = table.timed.get(token)?.special ?? null
      if (special === null) continue
      const { holdAtLeastMs, holdAtMostMs } = special.terms
      if (special.lasting && holdAtLeastMs !== null) this.#least.set(token, now + holdAtLeastMs)
      if (special.untold === 0 && holdAtMostMs !== null) this.#most.set(token, now + holdAtMostMs)
    }
    for (const key of table.onces.each()) if (!key.running) this.setKey(key, now + key.keepMs)
  }

  // ---- what has run out

  more(now: number): boolean {
    return this.#most.some(now) || this.#least.some(now) || this.#keys.some(now)
  }

  /** The next operation that ends some of what has run out; B2: no more of it than this. None comes twice. */
  take(now: number, most: number): Operation | undefined {
    const held = this.#takeMost(now, most)
    if (held.length > 0) return ['most-over', held]
    const lasting = this.#least.take(now, most)
    if (lasting.length > 0) return ['least-over', lasting]
    const keys = this.#keys.take(now, most)
    const ended = keys.flatMap(token => this.#ended.take(token) ?? [])
    return ended.length > 0 ? ['forget-once', ended.map(pairOf)] : undefined
  }

  // ---- what remains

  leastMs(hold: Hold, now: number): number | null {
    return left(this.#least.get(hold.token), now)
  }

  mostMs(hold: Hold, now: number): number | null {
    const until = this.#most.get(hold.token)
    return left(until === undefined ? undefined : Math.max(until, this.#promisedUntil(hold.token)), now)
  }

  keptMs(key: OnceKey, now: number): number | null {
    return left(this.#keys.get(key.token), now)
  }

  /** C3: for how many ms more the hold of this token is kept. */
  keptUntil(token: number, now: number): number | null {
    return whole(left(this.#least.get(token), now))
  }

  /** What lists show of this hold. */
  shown(hold: Hold, now: number): ShownTerms {
    if (hold.special === null) return null
    const shown = shownOf(hold.special.terms, true)
    if (shown === null) return null
    const keptMs = hold.special.lasting ? (this.leastMs(hold, now) ?? shown.keptMs) : null
    const endsMs = hold.session.isNobody ? null : (this.mostMs(hold, now) ?? shown.endsMs)
    return { ...shown, keptMs: whole(keptMs), endsMs: whole(endsMs) }
  }
}

function pairOf({ name, key }: OnceKey): readonly [name: string, key: string] {
  return [name, key]
}

function left(until: number | undefined, now: number): number | null {
  return until === undefined ? null : Math.max(0, until - now)
}

function whole(ms: number | null): number | null {
  return ms === null ? null : Math.ceil(ms)
}
