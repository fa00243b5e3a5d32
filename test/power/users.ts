// The client processes of a run and what they have written down, as the run sees them.

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readdirSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Event } from '../faults/history.ts'
import { within } from '../fixtures/deadline.ts'
import type { Answer, Ask, NumberedAsk, UserOptions } from './user.ts'

const program = fileURLToPath(new URL('./user.js', import.meta.url))

class User {
  readonly #who: string
  readonly #child: ChildProcess
  readonly #exited: Promise<unknown>
  /** By the number of the question; several may be open. */
  readonly #answers = new Map<number, (answer: Answer) => void>()
  #asked = 0

  constructor(options: UserOptions) {
    this.#who = options.who
    this.#child = fork(program, [JSON.stringify(options)])
    this.#exited = once(this.#child, 'exit')
    this.#child.on('message', (answer: Answer) => this.#answers.get(answer.number)?.(answer))
  }

  /** Resolves when it has its session. */
  started(withinMs: number): Promise<Answer> {
    return this.#answer(0, 'start', withinMs)
  }

  ask(ask: Ask, withinMs: number): Promise<Answer> {
    const number = ++this.#asked
    this.#child.send({ ...ask, number } satisfies NumberedAsk)
    return this.#answer(number, ask.ask, withinMs)
  }

  async end(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#exited
  }

  async #answer(number: number, what: string, withinMs: number): Promise<Answer> {
    const failure = (how: string) => new Error(`${this.#who} ${how} "${what}"`)
    const answer = new Promise<Answer>((resolve, reject) => {
      this.#answers.set(number, resolve)
      void this.#exited.then(() => reject(failure('ended before it answered')))
    })
    const late = () => failure(`did not answer within ${withinMs} ms:`)
    return await within(withinMs, answer, late).finally(() => this.#answers.delete(number))
  }
}

export class PowerUsers {
  readonly #users: readonly User[]

  /** Resolves when each has its session. */
  static async start(
    count: number,
    options: Omit<UserOptions, 'who'>,
    withinMs: number,
  ): Promise<PowerUsers> {
    const users = Array.from({ length: count }, (_, i) => new User({ ...options, who: `user-${i + 1}` }))
    await Promise.all(users.map(user => user.started(withinMs)))
    return new PowerUsers(users)
  }

  private constructor(users: readonly User[]) {
    this.#users = users
  }

  all(ask: Ask, withinMs: number): Promise<Answer[]> {
    return Promise.all(this.#users.map(user => user.ask(ask, withinMs)))
  }

  /** When a lock was granted to one of them first, after this time; resolves once each was granted one. */
  async firstGrant(after: number, withinMs: number): Promise<number> {
    const answers = await this.all({ ask: 'granted', after }, withinMs)
    return Math.min(...answers.map(({ grantedAt }) => grantedAt))
  }

  async end(): Promise<void> {
    await Promise.all(this.#users.map(user => user.end()))
  }
}

/** The histories in a folder, read on from where they were read to. */
export class WrittenHistories {
  readonly #folder: string
  readonly #read = new Map<string, number>()

  constructor(folder: string) {
    this.#folder = folder
  }

  /** What has come since the last time, in the order in which it happened. */
  take(): Event[] {
    const events: Event[] = []
    for (const name of readdirSync(this.#folder))
      for (const line of this.#more(name).split('\n')) if (line !== '') events.push(JSON.parse(line) as Event)
    return events.sort((a, b) => a.at - b.at)
  }

  #more(name: string): string {
    const file = openSync(join(this.#folder, name), 'r')
    const from = this.#read.get(name) ?? 0
    const chunks: Buffer[] = []
    let at = from
    for (;;) {
      const chunk = Buffer.alloc(1_048_576)
      const length = readSync(file, chunk, 0, chunk.length, at)
      if (length === 0) break
      chunks.push(chunk.subarray(0, length))
      at += length
    }
    closeSync(file)
    // A line is written while it is read: leave what has no end for the next time.
    const all = Buffer.concat(chunks)
    const end = all.lastIndexOf(10) + 1
    this.#read.set(name, from + end)
    return all.toString('utf8', 0, end)
  }
}
