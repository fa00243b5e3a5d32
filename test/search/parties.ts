// The processes of the search: view server, lock servers and clients, each a real core and what its
// driver keeps beside it. A step takes a copy of one process, gives it one input, and says what it sends
// and what can be seen from outside. Equal processes have one number, and each of their steps is made once.

import type { ClientCore } from '../../client/core.ts'
import type { Call, CallResult, ClientEffect, ClientInput } from '../../client/effects.ts'
import type { ServerCore, ServerInput } from '../../lockserver/core.ts'
import type { ServerEffect } from '../../lockserver/outbox.ts'
import type { ViewCore } from '../../viewservice/core.ts'
import type { ViewEffect, ViewInput, ViewRecord } from '../../viewservice/record.ts'
import type { Instant } from '../../wire/clock.ts'
import type { ConnectionEffect } from '../../wire/effects.ts'
import { stateLimits } from '../../wire/limits.ts'
import type { Channel, HelloFrom, Manner, Message, Mode } from '../../wire/messages.ts'
import { unknownEffect } from '../../wire/unknown-effect.ts'
import { type Connection, channelOf, type Side, towards } from './connections.ts'
import { Frames } from './frames.ts'
import { type Cores, copyOf, fingerprint, frozen, sessionConnectionOf } from './plain.ts'

/** One call of a client's program. Each is made when the one before is answered; the first, and those with `anytime`, at any moment. */
export type Op =
  | {
      readonly do: 'acquire'
      readonly names: readonly string[]
      readonly mode?: Mode
      readonly manner?: Manner
      readonly anytime?: true
    }
  /** Releases what the op with this index was granted. */
  | { readonly do: 'release'; readonly of: number; readonly anytime?: true }
  | { readonly do: 'query'; readonly anytime?: true }
  | { readonly do: 'force-release'; readonly name: string; readonly anytime?: true }
  /** Gives up waiting for the op with this index; has no answer. */
  | { readonly do: 'abort'; readonly of: number; readonly anytime: true }
  | { readonly do: 'end'; readonly anytime?: true }

export interface Setting {
  readonly servers: number
  readonly programs: readonly (readonly Op[])[]
  readonly ttlMs: number
  /** Ticks without a ping after which the view server believes in a death; lock servers have 5. */
  readonly deadPings: number
  /** The view server's write ends by an event of its own; otherwise at once. */
  readonly slowDisk: boolean
  /** Servers that may read more than one frame before what they decided goes out. */
  readonly openTurns: readonly number[]
  /** What may happen in this search spares the state: one who may go on with it must always live. */
  readonly spared: boolean
  /** Somebody who asks the view server for a reset. */
  readonly operator: 'none' | 'careful' | 'forcing'
}

export type Place = 'viewserver' | 'lockserver' | 'client' | 'operator'

export interface ViewLocal {
  readonly place: 'viewserver'
  readonly slot: 0
  life: number
  accepted: number
  /** Null: dead. */
  core: ViewCore | null
  disk: ViewRecord | null
  saving: ViewRecord | null
}

export interface ServerLocal {
  readonly place: 'lockserver'
  readonly slot: number
  life: number
  accepted: number
  core: ServerCore | null
  /** What was decided in this turn and has not gone out. */
  pending: ConnectionEffect[]
  inTurn: boolean
}

export interface ClientLocal {
  readonly place: 'client'
  readonly slot: number
  life: number
  core: ClientCore
  next: number
  calls: number
  /** Unanswered calls: of which op, and the token that a release is of. */
  asked: Map<number, { readonly op: number; readonly token: number }>
  /** By op: the tokens that it was granted. */
  tokens: Map<number, readonly number[]>
}

export interface OperatorLocal {
  readonly place: 'operator'
  readonly slot: number
  asked: boolean
  done: boolean
}

export type Local = ViewLocal | ServerLocal | ClientLocal | OperatorLocal

export type Input =
  | { readonly is: 'accepted'; readonly connection: number; readonly frame: number }
  | {
      readonly is: 'messages'
      readonly connection: number
      readonly frame: number
      readonly channel: Channel
    }
  | { readonly is: 'closed'; readonly connection: number; readonly refused: boolean }
  /** Starts the process, or starts it again. */
  | {
      readonly is: 'start' | 'tick' | 'turn-end' | 'saved' | 'wake' | 'call' | 'kill' | 'kill after the write'
    }

export type Output =
  | { readonly do: 'send'; readonly connection: number; readonly frame: number }
  | {
      readonly do: 'dial'
      readonly connection: number
      readonly to: number
      readonly kind: HelloFrom['kind']
      readonly frame: number
    }
  | { readonly do: 'close'; readonly connection: number }
  /** Closes all; who accepted says why first. */
  | { readonly do: 'close all'; readonly frame: number | null }

/** What can be seen from outside of the cores. */
export type Seen =
  | { readonly see: 'record'; readonly record: ViewRecord }
  | { readonly see: 'called'; readonly slot: number; readonly op: number; readonly session: string }
  | {
      readonly see: 'answered'
      readonly slot: number
      readonly op: number
      /** Of a release: what it gave back. */
      readonly token: number
      readonly session: string
      /** The session is over; the answer may be the client's own. */
      readonly over: boolean
      /** Its local deadline has passed (S4). */
      readonly late: boolean
      readonly result: CallResult
    }
  | {
      readonly see: 'failed'
      readonly slot: number
      readonly op: number
      readonly code: string
      readonly definite: boolean
    }
  | { readonly see: 'lost'; readonly slot: number; readonly token: number; readonly reason: string }
  /** A server tells it that the newest connection of its session was replaced. */
  | { readonly see: 'replaced'; readonly slot: number }
  /** It says that the servers gave its session up. */
  | { readonly see: 'given up'; readonly slot: number; readonly session: string }
  | { readonly see: 'over'; readonly slot: number; readonly session: string; readonly reason: string }
  | { readonly see: 'error' | 'broken' | 'stepped down'; readonly slot: number; readonly text: string }
  | { readonly see: 'exit'; readonly slot: number; readonly status: number; readonly text: string }
  | { readonly see: 'reset'; readonly answer: Message }

export interface Step {
  readonly local: number
  readonly outputs: readonly Output[]
  readonly seen: readonly Seen[]
}

const pingIntervalMs = 100
export const wallAtStart = 1_700_000_000_000
/** The smallest token of a state that began when the clock stood at 0, less one. */
export const tokenBase = wallAtStart * 1_000

const connectionsMax = 2 ** 22

export class Parties {
  readonly frames = new Frames()
  readonly setting: Setting
  readonly slots: number
  readonly #cores: Cores
  readonly #locals: Local[] = []
  readonly #numbers = new Map<string, number>()
  readonly #steps = new Map<string, Step>()
  /** By clock, then by process, connection and side. */
  readonly #arrivals = new Map<number, Map<number, Step>>()

  constructor(cores: Cores, setting: Setting) {
    this.#cores = cores
    this.setting = setting
    this.slots = 1 + setting.servers + setting.programs.length + (setting.operator === 'none' ? 0 : 1)
  }

  get locals(): number {
    return this.#locals.length
  }

  get steps(): number {
    return this.#steps.size
  }

  local(number: number): Local {
    return this.#locals[number] as Local
  }

  place(slot: number): Place {
    if (slot === 0) return 'viewserver'
    if (slot <= this.setting.servers) return 'lockserver'
    return slot <= this.setting.servers + this.setting.programs.length ? 'client' : 'operator'
  }

  name(slot: number): string {
    switch (this.place(slot)) {
      case 'viewserver':
        return 'VS'
      case 'lockserver':
        return `S${slot}`
      case 'client':
        return `C${slot - this.setting.servers}`
      case 'operator':
        return 'operator'
    }
  }

  slotOf(name: string): number {
    for (let slot = 0; slot < this.slots; slot++) if (this.name(slot) === name) return slot
    throw new Error(`there is no ${name} in this search`)
  }

  slotAt(address: string): number {
    return Number(/\d+/.exec(address)?.[0] ?? -1)
  }

  program(slot: number): readonly Op[] {
    return this.setting.programs[slot - this.setting.servers - 1] ?? []
  }

  /** The process of this slot before it starts. */
  blank(slot: number): number {
    return this.#number(this.#blank(slot))
  }

  step(local: number, input: Input, clock: number): Step {
    const key = `${local} ${clock} ${keyOf(input)}`
    let step = this.#steps.get(key)
    if (step === undefined) {
      step = this.#make(local, input, clock)
      this.#steps.set(key, step)
    }
    return step
  }

  /** A step by what the first frame towards this side of a connection, or its close, does there. */
  arrival(local: number, number: number, connection: Connection, side: Side, clock: number): Step {
    const key = (local * connectionsMax + number) * 2 + (side === 'dialler' ? 0 : 1)
    const arrivals = this.#arrivals.get(clock) ?? new Map<number, Step>()
    this.#arrivals.set(clock, arrivals)
    const known = arrivals.get(key)
    if (known !== undefined) return known
    const step = this.step(local, arrivalOf(connection, side), clock)
    arrivals.set(key, step)
    return step
  }

  #make(number: number, input: Input, clock: number): Step {
    const local = copyOf(this.local(number))
    const now = frozen({ monotonic: clock, wall: wallAtStart + clock })
    const run = new Run(this, this.#cores, now)
    try {
      run.step(local, input)
    } catch (error) {
      run.seen.push({ see: 'broken', slot: local.slot, text: String(error) })
    }
    return { local: this.#number(local), outputs: run.outputs, seen: run.seen }
  }

  #number(local: Local): number {
    const print = fingerprint(local)
    const known = this.#numbers.get(print)
    if (known !== undefined) return known
    this.#numbers.set(print, this.#locals.length)
    return this.#locals.push(local) - 1
  }

  #blank(slot: number): Local {
    const place = this.place(slot)
    switch (place) {
      case 'viewserver':
        return { place, slot: 0, life: 0, accepted: 0, core: null, disk: null, saving: null }
      case 'lockserver':
        return { place, slot, life: 0, accepted: 0, core: null, pending: [], inTurn: false }
      case 'client': {
        const core = newClient(this.#cores, this.setting, this.name(slot), idOf('session', slot, 1), null, [])
        return { place, slot, life: 1, core, next: 0, calls: 0, asked: new Map(), tokens: new Map() }
      }
      case 'operator':
        return { place, slot, asked: false, done: false }
    }
  }
}

function arrivalOf(connection: Connection, side: Side): Input {
  const [frame] = towards(connection, side).frames
  const { number } = connection[side]
  if (frame === undefined) return { is: 'closed', connection: number, refused: false }
  return { is: 'messages', connection: number, frame, channel: channelOf(connection, side) }
}

function keyOf(input: Input): string {
  switch (input.is) {
    case 'accepted':
      return `a${input.connection} ${input.frame}`
    case 'messages':
      return `m${input.connection} ${input.frame} ${input.channel}`
    case 'closed':
      return `c${input.connection} ${input.refused}`
    default:
      return input.is
  }
}

type IdOf = 'server' | 'session' | 'cluster'

export function idOf(what: IdOf, slot: number, life: number): string {
  const kind = { server: 'a', session: 'b', cluster: 'c' }[what]
  return `${kind}${slot}`.padEnd(4, '0') + String(life).padStart(28, '0')
}

function newClient(
  cores: Cores,
  setting: Setting,
  name: string,
  sessionId: string,
  cluster: string | null,
  abandoned: readonly string[],
): ClientCore {
  const options = { sessionId, addresses: ['ws://0:1'], ttlMs: setting.ttlMs, name, cluster, abandoned }
  return new cores.ClientCore(frozen(options))
}

/** One input to one process, and all that follows from it inside of the process. */
class Run {
  readonly outputs: Output[] = []
  readonly seen: Seen[] = []
  readonly #parties: Parties
  readonly #cores: Cores
  readonly #now: Instant

  constructor(parties: Parties, cores: Cores, now: Instant) {
    this.#parties = parties
    this.#cores = cores
    this.#now = now
  }

  step(local: Local, input: Input): void {
    switch (local.place) {
      case 'viewserver':
        return this.#viewServer(local, input)
      case 'lockserver':
        return this.#lockServer(local, input)
      case 'client':
        return this.#client(local, input)
      case 'operator':
        return this.#operator(local, input)
    }
  }

  // ---- the view server

  #viewServer(local: ViewLocal, input: Input): void {
    if (input.is === 'start') {
      local.life++
      local.accepted = 0
      local.core = this.#newViewCore(local)
    } else if (input.is === 'kill' || input.is === 'kill after the write') {
      if (input.is === 'kill after the write') this.#write(local)
      local.saving = null
      local.core = null
    } else if (input.is === 'saved') {
      this.#write(local)
      this.#viewTurn(local, { is: 'saved' })
    } else {
      if (input.is === 'accepted') local.accepted = input.connection
      this.#viewTurn(local, this.#connectionInput(input))
    }
  }

  #newViewCore(local: ViewLocal): ViewCore {
    const { deadPings } = this.#parties.setting
    const options = {
      pingIntervalMs,
      deadPings,
      record: local.disk,
      newClusterId: idOf('cluster', 0, 1),
      newCluster: true,
      pid: 1,
      host: 'made-up',
    }
    return new this.#cores.ViewCore(frozen(options))
  }

  #viewTurn(local: ViewLocal, input: ViewInput): void {
    const core = local.core as ViewCore
    for (const given of [input, { is: 'turn-end' } as const]) {
      const effects = core.step(given, this.#now)
      this.#send(effects)
      this.#viewDoes(local, effects)
    }
    if (local.saving === null || this.#parties.setting.slowDisk) return
    this.#write(local)
    this.#viewTurn(local, { is: 'saved' })
  }

  #viewDoes(local: ViewLocal, effects: readonly ViewEffect[]): void {
    for (const effect of effects) {
      switch (effect.do) {
        case 'note':
          if (effect.level === 'error') this.#error(local, effect.text)
          break
        case 'save':
          local.saving = frozen(effect.record)
          break
        case 'send':
        case 'close':
        case 'dial':
          break
        default:
          unknownEffect(effect)
      }
    }
  }

  #write(local: ViewLocal): void {
    const record = local.saving as ViewRecord
    local.disk = record
    local.saving = null
    this.seen.push({ see: 'record', record })
  }

  // ---- a lock server

  #lockServer(local: ServerLocal, input: Input): void {
    if (input.is === 'start') {
      local.accepted = 0
      this.#newServerCore(local, null)
      this.#serverTurn(local, { is: 'tick' })
    } else if (input.is === 'kill') {
      local.core = null
      local.pending = []
      local.inTurn = false
    } else if (input.is === 'turn-end') this.#endTurn(local)
    else {
      if (input.is === 'accepted') local.accepted = input.connection
      this.#serverTurn(local, input.is === 'tick' ? { is: 'tick' } : this.#connectionInput(input))
    }
  }

  #newServerCore(local: ServerLocal, cluster: string | null): void {
    local.life++
    const options = {
      id: idOf('server', local.slot, local.life),
      address: `ws://${local.slot}:1`,
      viewServers: ['ws://0:1'],
      pingIntervalMs,
      deadPings: 5,
      drainMs: 10_000,
      limits: stateLimits,
      pid: 1,
      host: 'made-up',
      cluster,
    }
    local.core = new this.#cores.ServerCore(frozen(options))
  }

  #serverTurn(local: ServerLocal, input: ServerInput): void {
    if (!this.#serverStep(local, input)) return
    local.inTurn = true
    if (!this.#parties.setting.openTurns.includes(local.slot)) this.#endTurn(local)
  }

  #endTurn(local: ServerLocal): void {
    local.inTurn = false
    this.#sendPending(local)
    if (this.#serverStep(local, { is: 'turn-end' })) this.#sendPending(local)
  }

  /** False when the core ended itself. */
  #serverStep(local: ServerLocal, input: ServerInput): boolean {
    const core = local.core as ServerCore
    for (const effect of core.step(input, this.#now)) {
      switch (effect.do) {
        case 'note':
          if (effect.level === 'error') this.#error(local, effect.text)
          break
        case 'continue':
          if (!this.#serverStep(local, { is: 'continue' })) return false
          if (!this.#serverStep(local, { is: 'turn-end' })) return false
          break
        case 'step-down':
          return this.#stepDown(local, core, effect.reason)
        case 'exit':
          return this.#exit(local, effect)
        case 'send':
        case 'close':
        case 'dial':
          local.pending.push(effect)
          break
        default:
          return unknownEffect(effect)
      }
    }
    return true
  }

  #stepDown(local: ServerLocal, core: ServerCore, reason: string): boolean {
    this.seen.push({ see: 'stepped down', slot: local.slot, text: reason })
    this.#closeAll(local, ['error', 'STEPPED_DOWN', reason])
    this.#newServerCore(local, core.cluster)
    this.#serverTurn(local, { is: 'tick' })
    return false
  }

  #exit(local: ServerLocal, { status, reason }: Extract<ServerEffect, { do: 'exit' }>): boolean {
    this.seen.push({ see: 'exit', slot: local.slot, status, text: reason })
    this.#closeAll(local, ['error', status === 0 ? 'LEAVING' : 'INTERNAL', reason])
    local.core = null
    return false
  }

  /** What the end of the turn sends goes in a frame of its own, behind what was sent before. */
  #sendPending(local: ServerLocal): void {
    this.#send(local.pending)
    local.pending = []
  }

  #closeAll(local: ServerLocal, error: Message): void {
    this.#sendPending(local)
    this.outputs.push({ do: 'close all', frame: this.#parties.frames.numberOf([error]) })
  }

  // ---- a client

  #client(local: ClientLocal, input: Input): void {
    if (input.is === 'call') this.#call(local)
    else if (input.is === 'start' || input.is === 'wake') this.#clientStep(local, { is: 'wake', chance: 0.5 })
    else {
      const heard = this.#connectionInput(input)
      if (heard.is === 'messages' && heard.connection === sessionConnectionOf(local.core))
        if (heard.messages.some(([kind, code]) => kind === 'error' && code === 'REPLACED'))
          this.seen.push({ see: 'replaced', slot: local.slot })
      if (heard.is === 'messages' || heard.is === 'closed') this.#clientStep(local, { ...heard, chance: 0.5 })
    }
  }

  /** The next call of the program, and those that need not wait for an answer. */
  #call(local: ClientLocal): void {
    const index = local.next++
    const op = this.#parties.program(local.slot)[index] as Op
    if (op.do === 'abort') return this.#abort(local, op.of)
    const tokens = op.do === 'release' ? local.tokens.get(op.of) : undefined
    if (op.do === 'release' && tokens === undefined) return this.#callNext(local)
    if (local.core.over && op.do !== 'release' && op.do !== 'end') this.#newSession(local)
    const { sessionId } = local.core
    this.seen.push({ see: 'called', slot: local.slot, op: index, session: sessionId })
    for (const token of tokens ?? [0]) {
      const call = ++local.calls
      local.asked.set(call, frozen({ op: index, token }))
      this.#clientStep(local, inputOf(op, call, token))
    }
  }

  #abort(local: ClientLocal, op: number): void {
    for (const [call, asked] of [...local.asked])
      if (asked.op === op) this.#clientStep(local, { is: 'abort', call })
  }

  #newSession(local: ClientLocal): void {
    const { cluster, abandoned } = local.core
    const { setting } = this.#parties
    local.life++
    const id = idOf('session', local.slot, local.life)
    local.core = newClient(this.#cores, setting, this.#parties.name(local.slot), id, cluster, [...abandoned])
    this.#clientStep(local, { is: 'wake', chance: 0.5 })
  }

  #clientStep(local: ClientLocal, input: ClientInput): void {
    const { core } = local
    const effects = core.step(input, this.#now)
    this.#send(effects)
    let answered = false
    for (const effect of effects) if (this.#told(local, core, effect)) answered = true
    if (answered) this.#callNext(local)
  }

  #callNext(local: ClientLocal): void {
    const op = this.#parties.program(local.slot)[local.next]
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
        this.seen.push({
          see: 'answered',
          slot,
          ...asked,
          session,
          over: core.over,
          late: core.expired(this.#now),
          result: effect.result,
        })
        return true
      }
      case 'fail': {
        const asked = local.asked.get(effect.call)
        if (asked === undefined) throw new Error(`S1: call ${effect.call} failed twice, or was never made`)
        local.asked.delete(effect.call)
        this.seen.push({ see: 'failed', slot, op: asked.op, code: effect.code, definite: effect.definite })
        return true
      }
      case 'lost':
        this.seen.push({ see: 'lost', slot, token: effect.token, reason: effect.reason })
        return false
      case 'event':
        if (effect.event === 'lost' && effect.reason === 'SESSION_LOST')
          this.seen.push({ see: 'given up', slot, session })
        return false
      case 'over':
        this.seen.push({ see: 'over', slot, session, reason: effect.reason })
        return false
      case 'send':
      case 'close':
      case 'dial':
      case 'watched':
      case 'watch-refused':
        return false
      default:
        return unknownEffect(effect)
    }
  }

  // ---- the operator

  #operator(local: OperatorLocal, input: Input): void {
    if (input.is === 'call') {
      local.asked = true
      const from: HelloFrom = { kind: 'client', name: 'operator' }
      this.outputs.push({
        do: 'dial',
        connection: -1,
        to: 0,
        kind: 'client',
        frame: this.#parties.frames.numberOf([['hello', 1, null, null, from]]),
      })
    } else if (input.is === 'messages') {
      for (const message of this.#parties.frames.messages(input.frame, input.channel))
        this.#operatorHears(local, message)
    }
  }

  #operatorHears(local: OperatorLocal, message: Message): void {
    if (message[0] === 'welcome') {
      const view = (message[1] as { view: { number: number } | null }).view?.number ?? 0
      const force = this.#parties.setting.operator === 'forcing'
      this.outputs.push({
        do: 'send',
        connection: -1,
        frame: this.#parties.frames.numberOf([['reset', 1, view, force]]),
      })
    } else if (message[0] === 'reset-done' || message[0] === 'reset-refused') {
      local.done = true
      this.seen.push({ see: 'reset', answer: message })
    }
  }

  // ---- connections

  #connectionInput(
    input: Input,
  ): Extract<ServerInput & ViewInput, { is: 'accepted' | 'messages' | 'closed' | 'tick' }> {
    const { frames } = this.#parties
    switch (input.is) {
      case 'accepted': {
        const [hello] = frames.messages(input.frame, 'opening')
        const [, , cluster, , from] = hello as unknown as [string, number, string | null, null, HelloFrom]
        return { is: 'accepted', connection: input.connection, cluster, from }
      }
      case 'messages':
        return {
          is: 'messages',
          connection: input.connection,
          messages: frames.messages(input.frame, input.channel),
        }
      case 'closed':
        return { is: 'closed', connection: input.connection, refused: input.refused }
      default:
        return { is: 'tick' }
    }
  }

  /** One frame a connection, as the drivers send what was decided in one turn. */
  #send(effects: readonly (ConnectionEffect | { readonly do: string })[]): void {
    const waiting = new Map<number, Message[]>()
    const flush = (connection: number) => {
      const messages = waiting.get(connection)
      waiting.delete(connection)
      if (messages !== undefined)
        this.outputs.push({ do: 'send', connection, frame: this.#parties.frames.numberOf(messages) })
    }
    const add = (connection: number, message: Message) => {
      const messages = waiting.get(connection)
      if (messages === undefined) waiting.set(connection, [message])
      else messages.push(message)
    }
    for (const effect of effects as readonly ConnectionEffect[]) {
      if (effect.do === 'send') add(effect.connection, effect.message)
      else if (effect.do === 'close') {
        // Who accepted tells errors; who dialled gives its reason in the close frame only.
        if (effect.code !== null && effect.connection > 0)
          add(effect.connection, ['error', effect.code, effect.text])
        flush(effect.connection)
        this.outputs.push({ do: 'close', connection: effect.connection })
      } else if (effect.do === 'dial') this.#dial(effect)
    }
    for (const connection of [...waiting.keys()]) flush(connection)
  }

  #dial({ connection, address, cluster, from }: Extract<ConnectionEffect, { do: 'dial' }>): void {
    const frame = this.#parties.frames.numberOf([['hello', 1, cluster, null, from]])
    this.outputs.push({ do: 'dial', connection, to: this.#parties.slotAt(address), kind: from.kind, frame })
  }

  #error(local: Local, text: string): void {
    this.seen.push({ see: 'error', slot: local.slot, text })
  }
}

function inputOf(op: Op, call: number, token: number): ClientInput {
  if (op.do === 'end') return { is: 'end', call }
  if (op.do === 'abort') return { is: 'abort', call }
  return { is: 'calls', calls: [callOf(op, call, token)] }
}

function callOf(op: Exclude<Op, { do: 'end' | 'abort' }>, call: number, token: number): Call {
  switch (op.do) {
    case 'acquire':
      return {
        is: 'call',
        call,
        verb: 'acquire',
        names: op.names,
        mode: op.mode ?? 'exclusive',
        manner: op.manner ?? 'wait',
      }
    case 'release':
      return { is: 'call', call, verb: 'release', token }
    case 'query':
      return { is: 'call', call, verb: 'query', prefix: '', confirmed: true }
    case 'force-release':
      return { is: 'call', call, verb: 'force-release', name: op.name }
  }
}
