// Judges the ages, places and counts that clients are told, by when it was that they called and learned:
// how long a lock is held or waited for, who waits before whom, who had what was waited for in vain. Ages only
// where all wall clocks of the story show the same. It sees nothing of any server.

import type { CallResult } from '../../client/session/effects.ts'
import { listingMs } from '../../wire/limits.ts'
import type { LockEvent } from '../../wire/messages.ts'
import type { Outcome } from '../fixtures/cluster.ts'
import type { Attempt, Belief, Blamed } from './checker.ts'
import { leastOf } from './claims.ts'
import { guestNames } from './small-limits.ts'

type Answer = Extract<CallResult, { verb: 'query' }>

/** What is known of grants and of those who asked for them. */
export interface Known {
  beliefIn(token: number, name: string): Belief | undefined
  attemptsOn(name: string): readonly Attempt[]
  isOf(attempt: Attempt, clientId: string | null): boolean
}

/** A server may state the wall clock of the beginning of its turn, in whole milliseconds. */
const slackMs = 4
/** Of one that has slept some times: uptimes come in hundredths of a second. */
const sleptSlackMs = 60

export class Ages {
  readonly #verdict: Blamed
  readonly #known: Known
  /** All wall clocks show the same. */
  readonly #sameClocks: boolean

  readonly #wallAtStart: number

  constructor(verdict: Blamed, known: Known, sameClocks: boolean, wallAtStart: number) {
    this.#wallAtStart = wallAtStart
    this.#verdict = verdict
    this.#known = known
    this.#sameClocks = sameClocks
  }

  queried(answer: Answer, calledAt: number, now: number): void {
    const tokens = new Set(answer.held.map(({ token, name }) => `${token} ${name}`))
    if (tokens.size < answer.held.length) this.#blame('R1 wrong query', 'a query shows one hold twice')
    for (const { token, name, mode, heldMs } of answer.held) {
      const belief = this.#known.beliefIn(token, name)
      if (belief === undefined) continue
      const { attempt, toldAt } = belief
      if (attempt.mode !== mode) this.#blame('R1 wrong query', `${name} is held ${attempt.mode}, not ${mode}`)
      this.#age(`${name} is held for`, heldMs, calledAt - toldAt - listingMs, now - attempt.calledAt)
    }
    for (const { name, clientId, waitedMs } of answer.pending) {
      if (name.startsWith(guestNames)) continue
      const own = this.#known.attemptsOn(name).filter(attempt => this.#known.isOf(attempt, clientId))
      if (own.length === 0)
        this.#blame('R1 wrong query', `${clientId} waits for ${name}, and never asked for it`)
      this.#age(`${name} is waited for`, waitedMs, 0, now - Math.min(...own.map(attempt => attempt.calledAt)))
    }
    this.#inLine(answer, calledAt)
  }

  /** L3: who surely stood in line before another one asked is shown before it. */
  #inLine({ pending }: Answer, calledAt: number): void {
    const shown = new Map<string, Attempt[]>()
    for (const { name, clientId } of pending) {
      const waits = this.#known
        .attemptsOn(name)
        .filter(attempt => this.#known.isOf(attempt, clientId) && this.#mayWait(attempt, calledAt))
      const [only] = waits
      const before = shown.get(name) ?? []
      shown.set(name, before)
      if (only === undefined || waits.length > 1 || only.manner === 'steal' || only.names.length > 1) continue
      const late = before.find(other => only.appliedAt < other.calledAt)
      if (late !== undefined)
        this.#blame('L3 wrong place', `${only.user.name} waits for ${name} behind ${late.user.name}`)
      before.push(only)
    }
  }

  #mayWait({ names: [name = ''], tokens, overAt, failedAt }: Attempt, calledAt: number): boolean {
    const [token] = tokens ?? []
    return token === undefined
      ? Math.max(overAt, failedAt) >= calledAt
      : (this.#known.beliefIn(token, name)?.toldAt ?? 0) >= calledAt
  }

  /** An acquire that was given up: how long it waited, and who had the lock. */
  gaveUp({ user, names, calledAt }: Attempt, { waitedMs, holder, at }: Outcome): void {
    // Rates differ by 1 % at the most. A machine that sleeps counts less, and knows how long it slept to some hundredths.
    const slack = user.now().suspended === undefined ? slackMs : sleptSlackMs
    if (user.wallAlone !== true && waitedMs !== undefined && waitedMs > (at - calledAt) * 1.01 + slack)
      this.#blame('wrong age', `${user.name} has waited ${waitedMs} ms for ${names}, called at ${calledAt}`)
    if (holder === undefined) return
    if (!names.includes(holder.name))
      this.#blame('L3 wrong place', `${holder.name} is said to be in the way of ${names}`)
    const belief = this.#known.beliefIn(holder.token, holder.name)
    if (belief === undefined) return
    const { attempt } = belief
    // C3: it may be kept for no client.
    const kept = holder.clientId === null && leastOf(attempt) > 0
    const right = belief.name === holder.name && (kept || attempt.core.clientId === holder.clientId)
    if (!right || attempt.mode !== holder.mode || (belief.freeAt < calledAt && !kept))
      this.#blame('L3 wrong place', `${holder.clientName}'s ${holder.name} was in nobody's way`)
    this.#age(`${holder.name} was held for`, holder.heldMs, 0, at - attempt.calledAt)
    const most = this.#known.attemptsOn(holder.name).filter(({ overAt }) => overAt >= calledAt).length
    if (holder.ahead >= most)
      this.#blame(
        'L3 wrong place',
        `${holder.ahead} waited for ${holder.name} first, of ${most} who ever did`,
      )
  }

  watched({ token, at, name }: LockEvent, now: number): void {
    const belief = token === null ? undefined : this.#known.beliefIn(token, name)
    if (belief !== undefined)
      this.#age(
        `an event of ${name} is old by`,
        this.#wallAtStart + now - at,
        0,
        now - belief.attempt.calledAt,
      )
  }

  #age(what: string, ms: number, leastMs: number, mostMs: number): void {
    if (this.#sameClocks && (ms < leastMs - slackMs || ms > mostMs + slackMs))
      this.#blame('wrong age', `${what} ${ms} ms; it is ${leastMs} to ${mostMs}`)
  }

  #blame(check: string, text: string): void {
    this.#verdict.blame(check, text)
  }
}
