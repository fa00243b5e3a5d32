// A simulation of clusters that are larger than this machine: clients, primaries and backups with a core each, joined by a
// network that only takes its time. What a turn of each costs is what it was measured to cost (costs.ts). Simulated time only.

import { Agenda } from './agenda.ts'

export type Role = 'client' | 'primary' | 'backup'

export interface Cost {
  /** CPU microseconds for a pair of acquire and release. */
  readonly pairUs: number
  /** And for each frame that it sends. */
  readonly frameUs: number
}

export type Costs = Readonly<Record<Role, Cost>>

export interface Shape {
  readonly groups: number
  readonly clients: number
  readonly outstandingPerClient: number
  /** `one`: each client's names are all in one group; `all`: they are anywhere. */
  readonly spread: 'one' | 'all'
}

export interface Modelled {
  readonly pairsPerSecond: number
  /** The part of its time that a machine of this role works. */
  readonly busy: Readonly<Record<Role, number>>
}

/** From one machine to the next. */
const hopUs = 30
const messagesPerFrame = 512
/** Until it runs evenly. */
const beforeUs = 100_000
/** Of all groups together: what comes in frames is counted in lumps. */
const groupUs = 800_000
const simulatedUsMin = 100_000

/** Requests of one client in one group, or their answers. */
interface Calls {
  readonly client: number
  readonly group: number
  readonly acquires: number
  readonly releases: number
}

interface Frame {
  readonly arrives: number
  readonly from: Machine
  readonly calls: readonly Calls[]
}

class Machine {
  readonly role: Role
  readonly number: number
  waiting: Frame[] = []
  freeAt = 0
  workedUs = 0

  constructor(role: Role, number: number) {
    this.role = role
    this.number = number
  }

  /** When it takes its next turn; the frames come in the order of their arrival. */
  get next(): number {
    const first = this.waiting[0]
    return first === undefined ? Number.POSITIVE_INFINITY : Math.max(this.freeAt, first.arrives)
  }

  /** What has arrived, but of what is asked only about a frame's worth: what others wait for goes on between. */
  take(now: number): Frame[] {
    let messages = 0
    const taken: Frame[] = []
    this.waiting = this.waiting.filter(frame => {
      const asks = frame.from.role === 'client'
      if (frame.arrives > now || (asks && messages >= messagesPerFrame)) return true
      if (asks) messages += countOf(frame.calls)
      taken.push(frame)
      return false
    })
    return taken
  }

  give(frame: Frame): void {
    const at = this.waiting.findLastIndex(({ arrives }) => arrives <= frame.arrives)
    this.waiting.splice(at + 1, 0, frame)
  }
}

export function simulate(costs: Costs, shape: Shape): Modelled {
  return new Model(costs, shape).run()
}

class Model {
  readonly #costs: Costs
  readonly #shape: Shape
  readonly #clients: readonly Machine[]
  readonly #primaries: readonly Machine[]
  readonly #backups: readonly Machine[]
  readonly #all: readonly Machine[]
  readonly #simulatedUs: number
  readonly #agenda = new Agenda<Machine>()
  #dice = 1
  #pairs = 0

  constructor(costs: Costs, shape: Shape) {
    this.#costs = costs
    this.#simulatedUs = Math.max(simulatedUsMin, groupUs / shape.groups)
    this.#shape = shape
    const machines = (role: Role, count: number) =>
      Array.from({ length: count }, (_, number) => new Machine(role, number))
    this.#clients = machines('client', shape.clients)
    this.#primaries = machines('primary', shape.groups)
    this.#backups = machines('backup', shape.groups)
    this.#all = [...this.#clients, ...this.#primaries, ...this.#backups]
  }

  run(): Modelled {
    for (const client of this.#clients) this.#begin(client)
    let counting = false
    for (let next = this.#agenda.take(); next !== undefined; next = this.#agenda.take()) {
      const { at: now, who: machine } = next
      if (now >= beforeUs + this.#simulatedUs) break
      if (!counting && now >= beforeUs) {
        counting = true
        this.#pairs = 0
        for (const each of this.#all) each.workedUs = 0
      }
      if (machine.next !== now) continue // it has had its turn
      this.#turn(machine, now)
      this.#plan(machine)
    }
    const busy = (machines: readonly Machine[]) =>
      machines.reduce((sum, { workedUs }) => sum + workedUs, 0) / machines.length / this.#simulatedUs
    return {
      pairsPerSecond: this.#pairs / (this.#simulatedUs / 1e6),
      busy: { client: busy(this.#clients), primary: busy(this.#primaries), backup: busy(this.#backups) },
    }
  }

  #plan(machine: Machine): void {
    if (machine.next !== Number.POSITIVE_INFINITY) this.#agenda.plan(machine.next, machine)
  }

  #give(to: Machine, frame: Frame): void {
    to.give(frame)
    this.#plan(to)
  }

  /** Its first calls, as answers to calls before them. */
  #begin(client: Machine): void {
    const { outstandingPerClient: releases } = this.#shape
    const group = client.number % this.#shape.groups
    const answer = { client: client.number, group, acquires: 0, releases }
    this.#give(client, { arrives: 0, from: this.#primaryOf(group), calls: [answer] })
  }

  #turn(machine: Machine, now: number): void {
    const frames = machine.take(now)
    const calls = frames.flatMap(frame => frame.calls)
    switch (machine.role) {
      case 'client':
        return this.#send(machine, now, countOf(calls), this.#requests(machine.number, calls))
      case 'backup':
        return this.#send(machine, now, countOf(calls), [[this.#primaryOf(machine.number), calls]])
      case 'primary': {
        const asked = frames.flatMap(frame => (frame.from.role === 'client' ? frame.calls : []))
        const applied = frames.flatMap(frame => (frame.from.role === 'backup' ? frame.calls : []))
        const replicas: Sending[] =
          asked.length === 0 ? [] : [[this.#backups[machine.number] as Machine, asked]]
        return this.#send(machine, now, countOf(asked), [...replicas, ...this.#answers(applied)])
      }
    }
  }

  #primaryOf(group: number): Machine {
    return this.#primaries[group] as Machine
  }

  /** One frame for each client. */
  #answers(applied: readonly Calls[]): Sending[] {
    const byClient = new Map<number, Calls[]>()
    for (const calls of applied) {
      const others = byClient.get(calls.client)
      if (others === undefined) byClient.set(calls.client, [calls])
      else others.push(calls)
    }
    return [...byClient].map(([client, calls]) => [this.#clients[client] as Machine, calls])
  }

  /** What was acquired is released in its group, and each release is followed by an acquire, wherever its name lives. */
  #requests(client: number, answers: readonly Calls[]): Sending[] {
    const acquires = new Map<number, number>()
    const releases = new Map<number, number>()
    for (const answer of answers) {
      add(releases, answer.group, answer.acquires)
      this.#pairs += answer.releases
      if (this.#shape.spread === 'one') add(acquires, answer.group, answer.releases)
      else for (let i = 0; i < answer.releases; i++) add(acquires, this.#anyGroup(), 1)
    }
    return [...new Set([...acquires.keys(), ...releases.keys()])].map(group => {
      const calls = { acquires: acquires.get(group) ?? 0, releases: releases.get(group) ?? 0 }
      return [this.#primaryOf(group), [{ client, group, ...calls }]]
    })
  }

  #anyGroup(): number {
    this.#dice = (Math.imul(this.#dice, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((this.#dice / 2 ** 32) * this.#shape.groups)
  }

  /** The work of this turn for so many messages (two make a pair); its frames leave one after the other. */
  #send(machine: Machine, now: number, messages: number, sendings: readonly Sending[]): void {
    const { pairUs, frameUs } = this.#costs[machine.role]
    const frames = sendings.flatMap(([to, calls]) => inFrames(calls).map(calls => ({ to, calls })))
    const us = (messages * pairUs) / 2 + frames.length * frameUs
    machine.freeAt = now + us
    machine.workedUs += us
    for (const [i, { to, calls }] of frames.entries()) {
      const arrives = now + (us * (i + 1)) / frames.length + hopUs
      this.#give(to, { arrives, from: machine, calls })
    }
  }
}

type Sending = readonly [to: Machine, calls: readonly Calls[]]

function inFrames(calls: readonly Calls[]): Calls[][] {
  const frames: Calls[][] = []
  let room = 0
  for (const { client, group, ...of } of calls)
    for (let { acquires, releases } = of; acquires + releases > 0; ) {
      if (room === 0) {
        frames.push([])
        room = messagesPerFrame
      }
      const part = {
        acquires: Math.min(acquires, room),
        releases: Math.min(releases, room - Math.min(acquires, room)),
      }
      frames.at(-1)?.push({ client, group, ...part })
      acquires -= part.acquires
      releases -= part.releases
      room -= part.acquires + part.releases
    }
  return frames
}

function countOf(calls: readonly Calls[]): number {
  return calls.reduce((sum, { acquires, releases }) => sum + acquires + releases, 0)
}

function add(counts: Map<number, number>, group: number, more: number): void {
  if (more > 0) counts.set(group, (counts.get(group) ?? 0) + more)
}
