// How what clients and operators know grows by one thing that was seen: a record on the disk, a call, an answer,
// a loss. It judges nothing.

import type { CallResult } from '../../../client/session/effects.ts'
import { publicIdFor } from '../../fixtures/said.ts'
import type { Grant, History, Kept, OpenCall, Ran } from '../history.ts'
import type { Parties } from '../parties.ts'
import { loser } from '../processes/access.ts'
import type { Seen } from '../processes/process.ts'
import type { Op } from '../setting.ts'
import { isForce, keyOf, namesOf, overlap, victimOf } from './ops.ts'
import type { SeenAs } from './seen-as.ts'

export class Learning {
  readonly #parties: Parties

  constructor(parties: Parties) {
    this.#parties = parties
  }

  after(history: History, seen: Seen): History {
    switch (seen.see) {
      case 'record': {
        const { view, acked } = seen.record
        const empty = view.start !== null && view.start.choice === null
        if (view.start === null || !empty || view.number === 1) return { ...history, view, acked }
        return { ...history, view, acked, reset: true, floor: view.start.tokenFloor }
      }
      case 'called':
        return this.#called(history, seen)
      case 'answered':
        return this.#answered(history, seen)
      case 'failed':
        return { ...history, calls: without(history.calls, seen) }
      case 'lost':
        return {
          ...history,
          grants: history.grants.filter(grant => grant.token !== seen.token || grant.slot !== seen.slot),
        }
      case 'read':
        return { ...history, read: [...history.read, seen.slot].sort((a, b) => a - b) }
      case 'over':
        return { ...history, grants: history.grants.filter(grant => grant.session !== seen.session) }
      default:
        return history
    }
  }

  #called(history: History, seen: SeenAs<'called'>): History {
    const { slot, op: index, session } = seen
    const op = this.#op(slot, index)
    const names = namesOf(op)
    const byForce = isForce(op)
    const grants = history.grants.map(grant => {
      if (byForce && names.includes(grant.name) && (victimOf(op) ?? grant.token) === grant.token)
        return taken(grant)
      const gone = (op.do === 'release' && grant.op === op.of) || op.do === 'end'
      return gone && grant.slot === slot && grant.session === session ? leaving(grant) : grant
    })
    const kept = history.kept.filter(
      ({ name, token }) => !byForce || !names.includes(name) || (victimOf(op) ?? token) !== token,
    )
    const rivals = history.calls.filter(call => overlap(names, namesOf(this.#op(call.slot, call.op))))
    const alone = rivals.length === 0 && !history.grants.some(grant => names.includes(grant.name))
    const calls = history.calls.map(call =>
      rivals.includes(call) ? { ...call, alone: false, forced: call.forced || byForce } : call,
    )
    const behind = calls.filter(call => call.waits && overlap(names, namesOf(this.#op(call.slot, call.op))))
    const shown =
      op.do === 'query' ? grants.filter(grant => grant.is === 'held').map(grant => grant.token) : []
    return {
      ...history,
      grants,
      kept,
      ran: this.#ended(history, seen),
      calls: [
        ...calls,
        {
          slot,
          op: index,
          session,
          above: history.largest,
          alone,
          forced: rivals.some(rival => isForce(this.#op(rival.slot, rival.op))),
          shown,
          gone: op.do === 'query' ? history.released : [],
          waits: false,
          behind: byForce ? [] : behind.map(keyOf),
          passedBy: 0,
          at: op.do === 'acquire' && op.terms?.holdAtLeastMs != null ? seen.at : 0,
          noted: op.do === 'query' ? history.noted : [],
          forbidden:
            this.#parties.name(slot) === loser && history.read.length === this.#parties.setting.servers,
        },
      ],
    }
  }

  #answered(history: History, seen: SeenAs<'answered'>): History {
    const { slot, op: index, result } = seen
    const op = this.#op(slot, index)
    const calls = without(history.calls, seen)
    if (result.verb === 'query')
      return {
        ...history,
        calls: calls.map(call => (this.#isShown(call, result) ? { ...call, waits: true } : call)),
      }
    if (result.verb === 'acquire' && result.tokens !== null && op.do === 'acquire') {
      const behind = history.calls.find(call => call.slot === slot && call.op === index)?.behind ?? []
      const granted = result.tokens.map((token, i) =>
        this.#grant(history, seen, op, token, op.names[i] as string),
      )
      return {
        ...history,
        calls: passed(calls, behind, result.tokens),
        grants: [...history.grants, ...granted],
        largest: Math.max(history.largest, ...result.tokens),
        kept: [...history.kept, ...this.#kept(history, seen, op, granted)],
        ran: op.terms?.once == null ? history.ran : running(history.ran, op.terms.once.key, slot, index),
      }
    }
    if (result.verb === 'release' && op.do === 'set-note' && result.held)
      return { ...history, calls, noted: [...history.noted, { token: seen.token, note: op.note }] }
    if (result.verb !== 'release' || op.do !== 'release') return { ...history, calls }
    const grants = history.grants.filter(grant => grant.token !== seen.token)
    const left = grants.some(grant => grant.slot === slot && grant.op === op.of)
    const released = result.held ? [...history.released, seen.token] : history.released
    return { ...history, calls: left ? history.calls : calls, grants, released }
  }

  /** C5: the time of a key counts from the end of its hold, which is no sooner than the call of its release. */
  #ended({ ran }: History, { slot, op: index, at }: SeenAs<'called'>): readonly Ran[] {
    const op = this.#op(slot, index)
    return ran.map(run => {
      if (op.do !== 'release' || run.slot !== slot || run.op !== op.of || run.until !== null) return run
      const asked = this.#op(slot, op.of)
      return { ...run, until: at + ((asked.do === 'acquire' && asked.terms?.once?.keepMs) || 0) }
    })
  }

  /** L3: a confirmed answer lists it as waiting, for its only name. */
  #isShown(
    { slot, op, session }: OpenCall,
    { pending, confirmed }: Extract<CallResult, { verb: 'query' }>,
  ): boolean {
    const [name, ...more] = namesOf(this.#op(slot, op))
    return (
      confirmed &&
      more.length === 0 &&
      pending.some(wait => wait.clientId === publicIdFor(session) && wait.name === name)
    )
  }

  /** One that another client has tried to take by force may be lost already. */
  #grant(
    history: History,
    { slot, op: index, session }: SeenAs<'answered'>,
    op: Extract<Op, { do: 'acquire' }>,
    token: number,
    name: string,
  ): Grant {
    const call = history.calls.find(open => open.slot === slot && open.op === index)
    const mode = op.manner === 'steal' ? 'exclusive' : (op.mode ?? 'exclusive')
    const permits = op.terms?.permits ?? null
    return { token, name, mode, permits, slot, op: index, session, is: call?.forced ? 'taken' : 'held' }
  }

  /** C3: it was granted after it was called. */
  #kept(
    history: History,
    { slot, op: index }: SeenAs<'answered'>,
    { terms }: Extract<Op, { do: 'acquire' }>,
    granted: readonly Grant[],
  ): Kept[] {
    const call = history.calls.find(open => open.slot === slot && open.op === index)
    const least = terms?.holdAtLeastMs ?? 0
    if (call === undefined || least === 0 || call.forced) return []
    return granted.map(({ token, name }) => ({ token, name, until: call.at + least }))
  }

  #op(slot: number, op: number): Op {
    return this.#parties.program(slot)[op] as Op
  }
}

/** C5: it runs, perhaps again. */
function running(ran: readonly Ran[], key: string, slot: number, op: number): readonly Ran[] {
  return [...ran.filter(run => run.key !== key), { key, slot, op, until: null }]
}

function taken(grant: Grant): Grant {
  return { ...grant, is: grant.is === 'held' || grant.is === 'taken' ? 'taken' : 'gone' }
}

function leaving(grant: Grant): Grant {
  return { ...grant, is: grant.is === 'held' || grant.is === 'leaving' ? 'leaving' : 'gone' }
}

/** L3: one that was called behind these was granted. */
function passed(
  calls: readonly OpenCall[],
  behind: readonly string[],
  tokens: readonly number[],
): readonly OpenCall[] {
  const token = Math.min(...tokens)
  return calls.map(call =>
    behind.includes(keyOf(call)) && (call.passedBy === 0 || token < call.passedBy)
      ? { ...call, passedBy: token }
      : call,
  )
}

function without(
  calls: readonly OpenCall[],
  { slot, op }: { slot: number; op: number },
): readonly OpenCall[] {
  return calls.filter(call => call.slot !== slot || call.op !== op)
}
