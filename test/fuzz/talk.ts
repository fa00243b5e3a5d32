// One conversation of the fuzzer with a server: what the fuzzer sent, what it received,
// and what it didn't expect. Everything that a server sends must also be well-formed.

import { type ErrorCode, errors } from '../../wire/errors.ts'
import type { Channel } from '../../wire/messages.ts'
import type { Heard, HostilePeer } from '../fixtures/hostile-peer.ts'
import { type Verdict, verdictOn } from './oracle.ts'

/** Something came that the oracle doesn't expect, or nothing came. */
export class Surprise extends Error {}

/** Totals of all conversations. */
export interface Tally {
  frames: number
  /** By outcome. */
  readonly outcomes: Map<string, number>
}

/** A message that doesn't arrive within this time counts as not sent. */
const patienceMs = 20_000
/** How many frames before a surprise a report shows, and how much of each. */
const framesShown = 3
const textShown = 2_000

export class Talk {
  readonly peer: HostilePeer
  readonly #tally: Tally
  readonly #said: string[] = []
  /** Received, and not yet asked for. */
  #inbox: Heard[] = []
  /** The code of the error message that came, if one did. */
  #error: ErrorCode | null = null
  /** What the server may send. */
  answers: Channel

  constructor(peer: HostilePeer, answers: Channel, tally: Tally) {
    this.peer = peer
    this.answers = answers
    this.#tally = tally
  }

  say(...messages: unknown[]): void {
    this.sayText(JSON.stringify(messages))
  }

  sayText(text: string | Buffer): void {
    this.#said.push(String(text).slice(0, textShown))
    this.#tally.frames++
    this.peer.socket.send(text)
  }

  /** The first message that matches; earlier ones that don't match stay for later calls. */
  async hear(what: string, isIt: (message: Heard) => boolean): Promise<Heard> {
    const end = performance.now() + patienceMs
    for (;;) {
      this.#take()
      const at = this.#inbox.findIndex(isIt)
      if (at >= 0) return this.#inbox.splice(at, 1)[0] as Heard
      if (this.peer.end !== null) throw this.surprise(`${what} did not come; the end was ${this.#end()}`)
      if (performance.now() > end) throw this.surprise(`${what} did not come in ${patienceMs} ms`)
      await this.#more()
    }
  }

  async echo(number: number): Promise<void> {
    this.say(['echo', number])
    await this.hear(`echoed ${number}`, ([kind, echoed]) => kind === 'echoed' && echoed === number)
    this.count('stays')
  }

  /** Expects a close with one of these codes; returns the code. */
  async closed(...codes: readonly ErrorCode[]): Promise<void> {
    const end = await Promise.race([this.peer.ended(), this.#late()])
    this.#take()
    const got = this.#error
    const isRight = got !== null && codes.includes(got) && end?.close === errors[got]?.close
    if (!isRight) throw this.surprise(`closed as ${codes.join(' or ')} was right; the end was ${this.#end()}`)
    this.count(got)
  }

  count(outcome: string): void {
    this.#tally.outcomes.set(outcome, (this.#tally.outcomes.get(outcome) ?? 0) + 1)
  }

  surprise(why: string): Surprise {
    const heard = JSON.stringify(this.#inbox.slice(-framesShown)).slice(0, textShown)
    return new Surprise(
      `${why}\n  said last: ${this.#said.slice(-framesShown).join('\n             ')}\n  heard: ${heard}`,
    )
  }

  leave(): void {
    this.peer.leave()
  }

  #end(): string {
    return JSON.stringify(this.peer.end)
  }

  #take(): void {
    for (const message of this.peer.heard) {
      const verdict: Verdict[] = verdictOn(JSON.stringify([message]), this.answers)
      if (verdict[0] !== 'fine')
        throw this.surprise(`a server said what is malformed: ${JSON.stringify(message)}`)
      if (message[0] === 'error') this.#error = message[1] as ErrorCode
      this.#inbox.push(...unfolded(message))
    }
    this.peer.forget()
  }

  async #more(): Promise<void> {
    await Promise.race([this.peer.more().catch(() => undefined), this.#late()])
  }

  async #late(): Promise<undefined> {
    await new Promise(resolve => setTimeout(resolve, patienceMs).unref())
    return undefined
  }
}

/** A run means exactly the messages that it stands for. */
function unfolded(message: Heard): Heard[] {
  const [kind, first, length, token] = message as [string, number, number, number]
  if (kind === 'granted-run') return Array.from({ length }, (_, i) => ['granted', first + i, [token + i], []])
  if (kind === 'released-run') return Array.from({ length }, (_, i) => ['released', first + i, true])
  return [message]
}
