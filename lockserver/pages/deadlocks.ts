// Clients that wait for one another in a circle, for display only. This file only reads, and follows the waits a piece in each
// turn of the event loop (B5): what changes in between may hide a circle, and the next look finds it.

import { allows, type Principal } from '../../wire/access/principal.ts'
import type { Acquire } from '../state/lock.ts'
import type { Session } from '../state/sessions.ts'
import type { State } from '../state/state.ts'

/** One client of a circle: it holds what the one before it waits for, and waits itself. */
export interface CircleStep {
  readonly client: string
  readonly clientId: string
  readonly holds: string
  readonly waitsFor: string
}

export interface DeadlocksPage {
  readonly circles: readonly (readonly CircleStep[])[]
  /** There may be more: the look has ended early. */
  readonly cut: boolean
}

/** Sessions, waits and holders that are looked at in one turn: a fraction of a millisecond. */
const looksPerTurn = 2_000
/** Waits that are followed in all. */
const waitsMax = 100_000
/** Waits and holders of one session and lock that are followed, and that are looked at. */
const perSessionMax = 100
const looksPerSessionMax = 1_000
const circlesMax = 10

interface Wait {
  readonly name: string
  readonly holder: Session
}

interface Stop {
  readonly session: Session
  /** The wait that led here. */
  readonly by: Wait | null
  readonly open: Wait[]
}

export async function deadlocksPage(
  state: State,
  principal: Principal | null,
  nextTurn: () => Promise<void>,
): Promise<DeadlocksPage> {
  const search = new Search(state)
  for (const session of state.sessions.values()) {
    if (search.isOver) break
    search.begin(session)
    do {
      if (search.hasLooked(looksPerTurn)) await nextTurn()
    } while (search.step())
  }
  // A2: a circle is shown to whoever may read all of its locks.
  const mayRead = (step: CircleStep) => allows(principal, 'read', step.holds)
  return { circles: search.circles.filter(circle => circle.every(mayRead)), cut: search.isOver }
}

/** Depth first; each session is entered once. A list instead of recursion, since a chain may be long. */
class Search {
  readonly circles: CircleStep[][] = []
  readonly #state: State
  readonly #entered = new Set<Session>()
  readonly #placeOf = new Map<Session, number>()
  readonly #way: Stop[] = []
  #left = waitsMax
  #looks = 0

  constructor(state: State) {
    this.#state = state
  }

  get isOver(): boolean {
    return this.#left <= 0 || this.circles.length >= circlesMax
  }

  /** Whether it has looked at so many since it last had. */
  hasLooked(many: number): boolean {
    if (this.#looks < many) return false
    this.#looks = 0
    return true
  }

  begin(session: Session): void {
    this.#looks++
    if (session.waiting.size > 0 && session.holds.size > 0 && !this.#entered.has(session))
      this.#enter(session, null)
  }

  /** Follows one wait; false: there is nothing more from where it began. */
  step(): boolean {
    const here = this.#way.at(-1)
    if (here === undefined) return false
    const wait = here.open.pop()
    if (wait === undefined || this.isOver) {
      this.#placeOf.delete(here.session)
      this.#way.pop()
      return this.#way.length > 0
    }
    this.#left--
    this.#looks++
    const place = this.#placeOf.get(wait.holder)
    if (place !== undefined) this.circles.push(this.#circle(place, wait))
    else if (wait.holder.waiting.size > 0 && !this.#entered.has(wait.holder)) this.#enter(wait.holder, wait)
    return true
  }

  #enter(session: Session, by: Wait | null): void {
    this.#entered.add(session)
    this.#placeOf.set(session, this.#way.length)
    this.#way.push({ session, by, open: this.#waitsOf(session) })
  }

  /** From the stop at this place to the end of the way, and back by `last`. */
  #circle(place: number, last: Wait): CircleStep[] {
    const stops = this.#way.slice(place)
    return stops.map(({ session, by }, i) => ({
      client: session.name,
      clientId: session.publicId,
      holds: i === 0 ? last.name : (by?.name ?? ''),
      waitsFor: stops[i + 1]?.by?.name ?? last.name,
    }))
  }

  #waitsOf(session: Session): Wait[] {
    const waits: Wait[] = []
    const last = this.#looks + looksPerSessionMax
    for (const acquire of session.waiting.values()) {
      if (this.#looks++ >= last) break
      const name = nameOf(acquire)
      for (const { session: holder } of this.#state.table.locks.get(name)?.eachHolder() ?? []) {
        if (waits.length >= perSessionMax || this.#looks++ >= last) return waits
        if (!holder.isNobody) waits.push({ name, holder })
      }
    }
    return waits
  }
}

/** What an acquire waits for now: it takes its names one by one. */
function nameOf({ names, tokens }: Acquire): string {
  return names[tokens.length] as string
}
