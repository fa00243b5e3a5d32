// An operator's reset (F14): gives up the state and starts an empty one. This file decides when that is
// allowed, which view it makes, and what the operator learns. Silence never proves that a server is gone.

import type { Server, View } from '../wire/messages.ts'
import type { ViewOutbox } from './outbox.ts'
import type { Finding, Outcome, Probes } from './probes.ts'
import type { GroupRecord } from './record.ts'
import { choiceOf, tokenLeap } from './recovery.ts'
import type { Servers } from './servers.ts'

export interface Reset {
  /** The connection on which the operator asked, and the number of the request. */
  readonly connection: number
  readonly number: number
  readonly group: number
  /** The number of the group's view that the reset ends. */
  readonly view: number
  readonly force: boolean
  stage: 'asked' | 'probing' | 'allowed' | 'saving'
  /** Whether the view was acked when its servers were probed, and whether its state is on disks (D5). */
  acked?: boolean
  onDisk?: boolean
}

/** One reset at a time, from the question to the answer. */
export class Resets {
  readonly #out: ViewOutbox
  readonly #probes: Probes
  readonly #servers: Servers
  #reset: Reset | null = null

  constructor(out: ViewOutbox, probes: Probes, servers: Servers) {
    this.#out = out
    this.#probes = probes
    this.#servers = servers
  }

  ask(reset: Reset, impossible: string | null): void {
    const problem = impossible ?? (this.#reset === null ? null : 'another reset is under way')
    if (problem === null) this.#reset = reset
    else this.#refuse(reset, problem)
  }

  /** The view of a reset that may go through; otherwise the reset goes one stage on. */
  decided(
    record: GroupRecord,
    highestToken: number,
    givenUp: string | null,
    idle: Server | null,
  ): View | undefined {
    const reset = this.#reset
    if (reset === null || reset.group !== record.view.group) return undefined
    // A repeat, or the view has changed by itself.
    if (reset.view < record.view.number) return void this.#done(record.view)
    const problem = whyNot(reset, record, highestToken, idle) ?? (reset.force ? undefined : givenUp)
    if (typeof problem === 'string') return void this.#fail(problem)
    // Once the view is acked, its backup may serve too and must be asked.
    const askedAll = reset.stage !== 'asked' && (reset.acked === record.acked || reset.force)
    if (!askedAll) this.#probe(reset, record)
    if (reset.stage !== 'allowed' || idle === null) return undefined
    reset.stage = 'saving'
    this.#out.note('warn', 'reset by an operator', { ends: reset.view, force: reset.force })
    return resetView(record, highestToken, idle)
  }

  found({ probe, outcome }: Finding): void {
    const problem = stillThere(probe.server, outcome) ?? this.#mayHave(probe.server, outcome)
    if (problem !== undefined) this.#fail(problem)
    else if (this.#reset?.stage === 'probing' && this.#probes.asked('reset') === 0)
      this.#reset.stage = 'allowed'
  }

  /** D5: what stands at its address has not said what it has on its disk, or nothing stands there. */
  #mayHave(server: Server, outcome: Outcome): string | undefined {
    if (this.#reset?.onDisk !== true) return undefined
    const next = outcome.is === 'answered' ? this.#servers.get(outcome.id) : undefined
    return next !== undefined && next.ping !== null && this.#servers.lives(next) ? undefined : notBack(server)
  }

  /** A new view is durable; if it is the reset's, the operator who asked gets the answer. */
  made(view: View): void {
    if (this.#reset?.stage === 'saving' && this.#reset.group === view.group) this.#done(view)
  }

  /** The operator who asked is gone; a view that is being saved already goes through. */
  drop(connection: number): void {
    if (this.#reset?.connection === connection && this.#reset.stage !== 'saving') this.#end()
  }

  /** View changes are halted. */
  halt(text: string): void {
    if (this.#reset?.stage !== 'saving') this.#fail(text)
  }

  #probe(reset: Reset, record: GroupRecord): void {
    reset.stage = reset.force ? 'allowed' : 'probing'
    reset.acked = record.acked
    reset.onDisk = choiceOf(record).durability === 'disk'
    if (reset.force) return
    for (const server of mayStillServe(record)) this.#probes.start('reset', server, record.cluster)
  }

  #done(view: View): void {
    const reset = this.#end()
    if (reset !== null) this.#out.send(reset.connection, ['reset-done', reset.number, view])
  }

  #fail(text: string): void {
    const reset = this.#end()
    if (reset !== null) this.#refuse(reset, text)
  }

  #refuse(reset: Reset, text: string): void {
    this.#out.send(reset.connection, ['reset-refused', reset.number, text])
    this.#out.note('warn', 'reset refused', { reason: text })
  }

  #end(): Reset | null {
    const reset = this.#reset
    this.#reset = null
    this.#probes.cancel('reset')
    return reset
  }
}

function whyNot(
  reset: Reset,
  record: GroupRecord,
  highestToken: number,
  idle: Server | null,
): string | undefined {
  const { number, primary } = record.view
  if (reset.view > number) return `the view is ${number}, not ${reset.view}`
  if (idle === null) return 'there is no idle lock server that could start the new state; start one first'
  const { start } = resetView(record, highestToken, primary)
  return Number.isSafeInteger(start?.tokenFloor) ? undefined : 'the tokens are used up'
}

/** The view after a reset: empty, with larger tokens, paused until no client can believe in an old lease. */
function resetView(record: GroupRecord, highestToken: number, primary: Server): View {
  return {
    group: record.view.group,
    number: record.view.number + 1,
    primary,
    backup: null,
    durability: choiceOf(record).durability,
    start: { tokenFloor: highestToken + tokenLeap, pauseMs: record.longestTtlMs, choice: null },
  }
}

/** The servers whose state may still answer a client: the primary, and in an acked view its backup; also of the choice (D4). */
function mayStillServe(record: GroupRecord): Server[] {
  const { acked, primary, backup, since } = choiceOf(record)
  return [primary, ...(acked && backup !== null ? [backup] : []), ...since]
}

/** D5: its machine may have the state on its disk. */
export function notBack({ id, address }: Server): string {
  return `the state may be on the disk of server ${id} at ${address}, which is not back; start a server there, or reset with --force, which gives it up`
}

/** Why the reset can't go through, by what this probe found; undefined if the server's state is gone. */
function stillThere(server: Server, outcome: Outcome): string | undefined {
  if (outcome.is === 'refused') return undefined
  if (outcome.is === 'answered' && outcome.id !== server.id) return undefined
  const found =
    outcome.is === 'answered'
      ? `still answers at ${server.address}`
      : `may still be alive: ${server.address} neither answers nor refuses`
  return `server ${server.id}, which has the state, ${found}; end it first, or reset with --force, which gives up its locks while their holders may still believe in them`
}
