// A step of a client: its core, and its program, which makes the next call when the one before is answered.

import type { ClientCore } from '../../../client/session/core.ts'
import type { ClientEffect, ClientHears, ClientInput, TurnCall } from '../../../client/session/effects.ts'
import { claimOf, noTerms } from '../../../wire/claim.ts'
import type { ConnectionInput } from '../../../wire/effects.ts'
import { unknownEffect } from '../../../wire/unknown-effect.ts'
import { keyOf } from '../../fixtures/said.ts'
import { idOf } from '../ids.ts'
import { type Cores, frozen, sessionConnectionOf } from '../plain.ts'
import type { Op, Setting } from '../setting.ts'
import type { ClientLocal, Input } from './process.ts'
import type { Turn } from './turn.ts'

export class ClientStep {
  readonly #turn: Turn

  constructor(turn: Turn) {
    this.#turn = turn
  }

  step(local: ClientLocal, input: Input): void {
    if (input.is === 'call') this.#call(local)
    else if (input.is === 'start' || input.is === 'wake') this.#stepCore(local, { is: 'wake', chance: 0.5 })
    else {
      const heard = this.#turn.inputOf(input) as ConnectionInput<ClientHears>
      if (heard.is === 'messages' && heard.connection === sessionConnectionOf(local.core))
        if (heard.messages.some(([kind, code]) => kind === 'error' && code === 'REPLACED'))
          this.#turn.seen.push({ see: 'replaced', slot: local.slot })
      if (heard.is === 'messages' || heard.is === 'closed') this.#stepCore(local, { ...heard, chance: 0.5 })
    }
  }

  /** The next call of the program, and those that need not wait for an answer. */
  #call(local: ClientLocal): void {
    const index = local.next++
    const op = this.#turn.parties.program(local.slot)[index] as Op
    if (op.do === 'abort') return this.#abort(local, op.of)
    const ofTokens = op.do === 'release' || op.do === 'set-note'
    const tokens = ofTokens ? local.tokens.get(op.of) : undefined
    if (ofTokens && tokens === undefined) return this.#callNext(local)
    if (local.core.over && op.do !== 'release' && op.do !== 'end') this.#newSession(local)
    const { sessionId } = local.core
    const at = this.#turn.now.monotonic
    this.#turn.seen.push({ see: 'called', slot: local.slot, op: index, session: sessionId, at })
    for (const token of tokens ?? [0]) {
      const call = ++local.calls
      local.asked.set(call, frozen({ op: index, token }))
      this.#stepCore(local, inputOf(op, call, token))
    }
  }

  #abort(local: ClientLocal, op: number): void {
    for (const [call, asked] of [...local.asked])
      if (asked.op === op) this.#stepCore(local, { is: 'abort', call, patient: false })
  }

  #newSession(local: ClientLocal): void {
    const { cluster, abandoned } = local.core
    const { setting } = this.#turn
    local.life++
    const id = idOf('session', local.slot, local.life)
    const name = this.#turn.parties.name(local.slot)
    local.core = newClient(this.#turn.cores, setting, name, id, cluster, abandoned)
    this.#stepCore(local, { is: 'wake', chance: 0.5 })
  }

  #stepCore(local: ClientLocal, input: ClientInput): void {
    const { core } = local
    const effects = core.step(input, this.#turn.now)
    this.#turn.send(effects)
    let answered = false
    for (const effect of effects) if (this.#told(local, core, effect)) answered = true
    if (answered) this.#callNext(local)
  }

  #callNext(local: ClientLocal): void {
    const op = this.#turn.parties.program(local.slot)[local.next]
    if (op !== undefined && !op.anytime && local.asked.size === 0) this.#call(local)
  }

  /** True when it answers a call. */
  #told(local: ClientLocal, core: ClientCore, effect: ClientEffect): boolean {
    const { slot } = local
    const session = core.sessionId
    switch (effect.do) {
      case 'settle': {
        const asked = local.asked.get(effect.call)
        if (asked === undefined) throw new Error(`S1: call ${effect.call} was answered twice, or never made`)
        local.asked.delete(effect.call)
        if (effect.result.verb === 'acquire' && effect.result.tokens !== null)
          local.tokens.set(asked.op, frozen([...effect.result.tokens]))
        this.#turn.seen.push({
          see: 'answered',
          slot,
          ...asked,
          session,
          over: core.over,
          late: core.expired(this.#turn.now),
          at: this.#turn.now.monotonic,
          result: effect.result,
        })
        return true
      }
      case 'fail': {
        const asked = local.asked.get(effect.call)
        if (asked === undefined) throw new Error(`S1: call ${effect.call} failed twice, or was never made`)
        local.asked.delete(effect.call)
        this.#turn.seen.push({
          see: 'failed',
          slot,
          op: asked.op,
          code: effect.code,
          definite: effect.definite,
        })
        return true
      }
      case 'lost':
        this.#turn.seen.push({ see: 'lost', slot, token: effect.token, reason: effect.reason })
        return false
      case 'event':
        if (effect.event === 'lost' && effect.reason === 'SESSION_LOST')
          this.#turn.seen.push({ see: 'given up', slot, session })
        return false
      case 'over':
        this.#turn.seen.push({ see: 'over', slot, session, reason: effect.reason })
        return false
      case 'send':
      case 'close':
      case 'dial':
      case 'watched':
      case 'watch-refused':
      case 'show token':
        return false
      default:
        return unknownEffect(effect)
    }
  }
}

export function newClient(
  cores: Cores,
  setting: Setting,
  name: string,
  sessionId: string,
  cluster: string | null,
  abandoned: ReadonlyMap<string, string>,
): ClientCore {
  const options = {
    sessionId,
    sessionKey: keyOf(sessionId),
    addresses: ['ws://0:1'],
    ttlMs: setting.ttlMs,
    name,
    host: null,
    pid: null,
    cluster,
    abandoned,
  }
  return new cores.ClientCore(frozen(options))
}

function inputOf(op: Op, call: number, token: number): ClientInput {
  if (op.do === 'end') return { is: 'end', call }
  if (op.do === 'abort') return { is: 'abort', call, patient: false }
  return { is: 'calls', calls: [callOf(op, call, token)] }
}

function callOf(op: Exclude<Op, { do: 'end' | 'abort' }>, call: number, token: number): TurnCall {
  switch (op.do) {
    case 'acquire':
      return {
        call,
        verb: 'acquire',
        names: op.names,
        claim: claimOf(
          op.mode ?? 'exclusive',
          op.manner ?? 'wait',
          op.terms === undefined ? null : { ...noTerms, ...op.terms },
        ),
      }
    case 'release':
      return { call, verb: 'release', token }
    case 'set-note':
      return { call, verb: 'set-note', token, note: op.note }
    case 'query':
      return { call, verb: 'query', prefix: '', confirmed: true }
    case 'force-release':
      return { call, verb: 'force-release', name: op.name, token: null }
  }
}
