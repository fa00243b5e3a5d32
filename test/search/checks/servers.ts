// R1, V2, V3, V4, S1, S5: whether the servers that may go on hold all that clients know of, and no other answers
// alone, in a state of the cluster as it stands.

import type { Grant, History } from '../history.ts'
import type { Parties } from '../parties.ts'
import { sameProblem } from './copies.ts'
import type { Situation } from './situation.ts'
import type { Summaries, Summary } from './summaries.ts'

export class ServerChecks {
  readonly #parties: Parties
  readonly #summaries: Summaries

  constructor(parties: Parties, summaries: Summaries) {
    this.#parties = parties
    this.#summaries = summaries
  }

  problem(situation: Situation, history: History, believed: readonly Grant[]): string | undefined {
    const { view, acked } = history
    if (view === null) return undefined
    let primary: Summary | null = null
    let backup: Summary | null = null
    for (let slot = 1; slot <= this.#parties.setting.servers; slot++) {
      const summary = this.#summaries.server(situation.locals[slot] as number)
      if (summary === null) continue
      if (summary.problem !== undefined) return summary.problem
      if (summary.alone && summary.id !== view.primary.id && this.#parties.setting.operator !== 'forcing')
        return `R1: ${this.#parties.name(slot)} answers alone in view ${summary.view}, and view ${view.number} names another primary`
      if (summary.id === view.primary.id) primary = summary
      if (summary.id === view.backup?.id) backup = summary
    }
    if (this.#parties.setting.spared && primary === null && (backup === null || !acked))
      return `V3: nobody who may go on after view ${view.number} lives`
    return (
      this.#goOnProblem(situation, history, believed, primary) ??
      (acked
        ? this.#promotableProblem(situation, history, believed, view.number, primary, backup)
        : undefined) ??
      sameProblem(primary, backup)
    )
  }

  /** The primary holds all that clients know of. */
  #goOnProblem(
    situation: Situation,
    history: History,
    believed: readonly Grant[],
    primary: Summary | null,
  ): string | undefined {
    if (primary === null || (primary.state === null && history.view?.start !== null)) return undefined
    if (primary.state === null) return `V2: the primary of view ${history.view?.number} has no state`
    return this.#missing(situation, history, believed, primary, 'the primary')
  }

  /** V4: acked = promotable. */
  #promotableProblem(
    situation: Situation,
    history: History,
    believed: readonly Grant[],
    number: number,
    primary: Summary | null,
    backup: Summary | null,
  ): string | undefined {
    if (backup === null) return undefined
    if (backup.role !== 'backup' || backup.view !== number || backup.whole !== number || !backup.toldInSync)
      return `V4: view ${number} is acked, and its backup does not know that it is in sync`
    if (primary !== null && primary.view === number && !primary.latched)
      return `V4: view ${number} is acked, and its primary answers alone`
    return this.#missing(situation, history, believed, backup, 'the backup of an acked view')
  }

  /** R1: what clients know of and this state does not hold, or what it holds in addition. */
  #missing(
    situation: Situation,
    history: History,
    believed: readonly Grant[],
    { sessions }: Summary,
    who: string,
  ): string | undefined {
    if (history.reset) return undefined
    for (const grant of believed) {
      const session = sessions.get(grant.session)
      if (session?.holds.has(grant.token) === true) continue
      if (grant.is === 'held')
        return `R1: ${who} does not know that ${this.#parties.name(grant.slot)} holds ${grant.name}`
      if (session?.losses.has(grant.token) === false)
        return `S5: ${who} does not know that ${this.#parties.name(grant.slot)} is to be told of its loss of ${grant.name}`
    }
    for (let slot = this.#parties.setting.servers + 1; slot < situation.locals.length; slot++) {
      const problem = this.#clientProblem(situation, slot, history, sessions, who)
      if (problem !== undefined) return problem
    }
    return undefined
  }

  #clientProblem(
    { clock, locals }: Situation,
    slot: number,
    history: History,
    sessions: Summary['sessions'],
    who: string,
  ): string | undefined {
    const client = this.#summaries.client(locals[slot] as number)
    if (client === null || client.ending || clock >= client.until) return undefined
    const session = sessions.get(client.session)
    if (session === undefined) return `R1: ${who} does not know the session of ${this.#parties.name(slot)}`
    for (let number = session.next; number < client.next; number++) {
      if (!client.unanswered.has(number))
        return `R1: ${who} does not know request ${number} of ${this.#parties.name(slot)}, which was answered`
    }
    for (const number of client.unanswered) {
      if (number < session.next && !session.kept.has(number))
        return `S1: ${who} has forgotten the reply to request ${number} of ${this.#parties.name(slot)}, which has not heard it`
    }
    for (const token of session.holds) {
      const told = session.untold.has(token) || history.grants.some(grant => grant.token === token)
      if (!told) return `S1: ${who} has a hold of ${this.#parties.name(slot)} that it does not know of`
    }
    return undefined
  }
}
