// Judges the copies of the state (R4): at each operation that primary and backup of a view have both
// applied, they have done the same and are the same, whatever their digests say; and whatever they have let
// clients see that differs, the digests tell. It sees the states of servers, and never steps anything.

import type { Fact } from '../../lockserver/state/facts.ts'
import type { State } from '../../lockserver/state/state.ts'
import type { LockServerParty } from '../fixtures/cluster.ts'
import { textOf } from '../fixtures/state-story.ts'
import type { Blamed } from './checker.ts'

/** How one copy is after an operation, or after the last one of a run. */
interface After {
  readonly server: string
  /** The first operation of the run: one copy may apply as a run what comes to the other one by one. */
  readonly from: number
  readonly digest: number
  /** What the operations since then have let clients see. */
  readonly shown: string
  /** Sizes and sums of the whole. */
  readonly sums: string
  /** The whole state, at each so many operations; else empty. */
  readonly whole: string
}

/** The whole is compared at each so many operations, where it has at most so many locks and sessions. */
const wholeEvery = 16
const comparedMax = 60

export class Copies {
  readonly #verdict: Blamed
  /** Ids of servers whose copy was made wrong on purpose. */
  readonly #corrupted: ReadonlyMap<string, number>
  /** By operation, what the first of the two did; of the newest view. */
  readonly #applied = new Map<number, After>()
  #view = 0

  constructor(verdict: Blamed, corrupted: ReadonlyMap<string, number>) {
    this.#verdict = verdict
    this.#corrupted = corrupted
  }

  after(server: LockServerParty, state: State, done: readonly Fact[], from: number): void {
    const { view } = server.core
    if (!view?.backup || view.number < this.#view) return
    if (view.number > this.#view) this.#applied.clear()
    this.#view = view.number
    const { opNumber } = state
    const other = this.#applied.get(opNumber)
    const after = { ...this.#look(server, state, done), from }
    if (other === undefined || other.server === server.id) return void this.#applied.set(opNumber, after)
    for (let op = Math.min(from, other.from); op <= opNumber; op++) this.#applied.delete(op)
    this.#compare(opNumber, after, other)
  }

  #look({ id }: LockServerParty, state: State, done: readonly Fact[]): Omit<After, 'from'> {
    const { opNumber, digest, table, sessions } = state
    const small = table.locks.size + sessions.size <= comparedMax
    return {
      server: id,
      digest,
      shown: shownBy(done),
      sums: sumsOf(state),
      whole: small && opNumber % wholeEvery === 0 ? textOf(state) : '',
    }
  }

  #compare(opNumber: number, one: After, other: After): void {
    const same = one.from !== other.from || one.shown === other.shown
    if (!same && one.digest === other.digest) this.#blame('R4 blind digest', opNumber, one.shown, other.shown)
    if (this.#corrupted.has(one.server) || this.#corrupted.has(other.server)) return
    if (!same) this.#blame('R4 copies differ', opNumber, one.shown, other.shown)
    if (one.sums !== other.sums) this.#blame('R4 copies differ', opNumber, one.sums, other.sums)
    if (one.whole !== other.whole) this.#blame('R4 copies differ', opNumber, one.whole, other.whole)
  }

  #blame(check: string, opNumber: number, one: string, other: string): void {
    this.#verdict.blame(check, `operation ${opNumber}: ${one} here, ${other} there`)
  }
}

function shownBy(done: readonly Fact[]): string {
  let text = ''
  for (const fact of done)
    if (fact.is === 'output' || fact.is === 'granted')
      text += `${fact.session.ordinal} ${JSON.stringify(fact.message)} `
  return text
}

/** Each of these is counted on its own, so what one copy counts otherwise shows at once (B4). */
function sumsOf({ digest, bytes, nextOrdinal, sessions, sessionsById, table }: State): string {
  const { ending, evictions, telling, unserved } = table.unfinished
  const unfinished = `${ending.size} ${evictions.size} ${telling.size} ${unserved.size}`
  const claims = `${table.kept} ${table.timed.size} ${table.onces.size}`
  return `${digest} ${bytes} ${nextOrdinal} ${sessions.size} ${sessionsById.size} ${table.locks.size} ${table.lastToken} ${unfinished} ${claims}`
}
