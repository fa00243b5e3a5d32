// The processes of the search: view server, lock servers, clients and an operator (processes/). A step
// takes a copy of one process and gives it one input. Equal processes have one number, and each of their
// steps is made once.

import { type Connection, channelOf, type Side, towards } from './connections.ts'
import { Frames } from './frames.ts'
import { idOf, wallAtStart } from './ids.ts'
import { type Cores, copyOf, fingerprint, frozen } from './plain.ts'
import { ClientStep, newClient } from './processes/client.ts'
import { blankDisk } from './processes/disk.ts'
import { LockServerStep } from './processes/lock-server.ts'
import { OperatorStep } from './processes/operator.ts'
import type { Input, Local, Place, Step } from './processes/process.ts'
import { Turn } from './processes/turn.ts'
import { ViewServerStep } from './processes/view-server.ts'
import type { Op, Setting } from './setting.ts'

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
    const turn = new Turn(this, this.#cores, now)
    try {
      step(turn, local, input)
    } catch (error) {
      turn.seen.push({ see: 'broken', slot: local.slot, text: String(error) })
    }
    return { local: this.#number(local), outputs: turn.outputs, seen: turn.seen }
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
        return {
          ...{ place, slot, life: 0, accepted: 0, core: null, pending: [], inTurn: false, disk: blankDisk },
          access: { isRead: false, shown: new Map() },
        }
      case 'client': {
        const core = newClient(
          this.#cores,
          this.setting,
          this.name(slot),
          idOf('session', slot, 1),
          null,
          new Map(),
        )
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
    case 'no power':
      return `p${input.writes}`
    default:
      return input.is
  }
}

function step(turn: Turn, local: Local, input: Input): void {
  switch (local.place) {
    case 'viewserver':
      return new ViewServerStep(turn).step(local, input)
    case 'lockserver':
      return new LockServerStep(turn).step(local, input)
    case 'client':
      return new ClientStep(turn).step(local, input)
    case 'operator':
      return new OperatorStep(turn).step(local, input)
  }
}
