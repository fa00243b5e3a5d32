// L1, S4, F14: which clients believe in which grants just now, each by its own clock, and that no two of them
// believe in one lock. It sees no server.

import type { Grant, History } from '../history.ts'
import type { Parties } from '../parties.ts'
import type { Situation } from './situation.ts'
import type { Summaries } from './summaries.ts'

export class Beliefs {
  readonly #parties: Parties
  readonly #summaries: Summaries

  constructor(parties: Parties, summaries: Summaries) {
    this.#parties = parties
    this.#summaries = summaries
  }

  /** The grants that their clients believe in. */
  held(history: History, situation: Situation): Grant[] {
    return history.grants.filter(grant => this.#believes(grant, situation))
  }

  /** S4: by the client's own clock. */
  #believes({ slot, session, is }: Grant, { clock, locals }: Situation): boolean {
    const client = is === 'held' || is === 'taken' ? this.#summaries.client(locals[slot] as number) : null
    return client !== null && client.session === session && clock < client.until
  }

  /** What is taken by force may be believed in until its holder learns of it; but not beyond a reset, which can't tell it (F14). */
  problem({ floor }: History, believed: readonly Grant[]): string | undefined {
    for (const one of believed) {
      const rival = believed.find(
        grant =>
          grant.token > one.token &&
          grant.name === one.name &&
          clash(grant, one) &&
          ((grant.is === 'held' && one.is === 'held') || (one.token <= floor && grant.token > floor)),
      )
      if (rival !== undefined)
        return `L1: ${this.#parties.name(one.slot)} and ${this.#parties.name(rival.slot)} both believe in ${one.name}`
      const beside = believed.filter(grant => grant.name === one.name && grant.is === 'held')
      const taken = beside.reduce((sum, { permits }) => sum + (permits?.take ?? 0), 0)
      if (one.permits !== null && taken > one.permits.of)
        return `C1: clients believe in ${taken} of ${one.permits.of} permits of ${one.name}`
    }
    return undefined
  }
}

/** L1, C1: they can't be held side by side, whatever else is. */
function clash(one: Grant, other: Grant): boolean {
  if (one.permits !== null && other.permits !== null) return one.permits.of !== other.permits.of
  return one.mode !== 'shared' || other.mode !== 'shared'
}
