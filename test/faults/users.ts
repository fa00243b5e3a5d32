// The users of a run, as the scenarios see them: one process each, at its own place.

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { within } from '../fixtures/deadline.ts'
import { type Place, wordsAt } from '../fixtures/server-processes.ts'
import { HistoryFile } from './history.ts'
import type { Answer, Ask, NumberedAsk, UserOptions } from './user.ts'

/** Every call must have ended when this has passed since the last fault was healed. */
export const settleWithinMs = 30_000

export class User {
  readonly who: string
  readonly place: Place
  readonly #child: ChildProcess
  readonly #exited: Promise<unknown>
  /** By the number of the question; several may be open. */
  readonly #answers = new Map<number, (answer: Answer) => void>()
  #asked = 0

  private constructor(who: string, place: Place, child: ChildProcess) {
    this.who = who
    this.place = place
    this.#child = child
    this.#exited = once(child, 'exit')
    child.on('message', (answer: Answer) => this.#answers.get(answer.number)?.(answer))
  }

  /** Resolves when it has its session. */
  static async start(place: Place, options: UserOptions): Promise<User> {
    const child = forkAt(place, './user.js', [JSON.stringify(options)])
    const user = new User(options.who, place, child)
    await user.#answer(0, 'start')
    return user
  }

  async ask(ask: Ask): Promise<Answer> {
    const number = ++this.#asked
    this.#child.send({ ...ask, number } satisfies NumberedAsk)
    return await this.#answer(number, ask.ask)
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Its own history may not show it; ours must. */
  async kill(history: HistoryFile): Promise<void> {
    history.note({ is: 'killed' }, undefined, this.who)
    this.#child.kill('SIGKILL')
    await this.#exited
  }

  async stop(): Promise<void> {
    await this.ask({ ask: 'stop' })
    await this.#exited
  }

  async #answer(number: number, what: string): Promise<Answer> {
    const failure = (how: string) => new Error(`${this.who} ${how} "${what}"`)
    const answer = new Promise<Answer>((resolve, reject) => {
      this.#answers.set(number, resolve)
      void this.#exited.then(() => reject(failure('ended before it answered')))
    })
    const late = () => failure(`did not answer within ${settleWithinMs} ms:`)
    return await within(settleWithinMs, answer, late).finally(() => this.#answers.delete(number))
  }
}

/** A program of this folder as a child that ends with this process. */
export function forkAt(place: Place, program: string, args: readonly string[]): ChildProcess {
  const [execPath, execArgv] = wordsAt(place, [process.execPath])
  return fork(fileURLToPath(new URL(program, import.meta.url)), args, { execPath, execArgv })
}

export class RealUsers {
  /** The users that are there. */
  readonly all: User[] = []
  #started = 0
  /** What the scenarios did to them. */
  readonly history: HistoryFile
  readonly #view: string
  readonly #historyFolder: string

  constructor(view: string, historyFolder: string) {
    this.#view = view
    this.#historyFolder = historyFolder
    this.history = new HistoryFile(historyFolder, 'scenario')
  }

  async start(
    kind: string,
    places: readonly Place[],
    load: Pick<UserOptions, 'ttlMs' | 'sharedCalls'>,
  ): Promise<User[]> {
    const started = await Promise.all(
      places.map(place =>
        User.start(place, {
          who: `${kind}-${++this.#started}`,
          view: this.#view,
          historyFolder: this.#historyFolder,
          sharedNames: 12,
          ...load,
        }),
      ),
    )
    this.all.push(...started)
    return started
  }

  /** Ends one of them in order, before the others. */
  async leave(user: User): Promise<void> {
    await user.stop()
    this.#forget(user)
  }

  async kill(user: User): Promise<void> {
    await user.kill(this.history)
    this.#forget(user)
  }

  async progress(more: number, users: readonly User[] = this.all): Promise<void> {
    await Promise.all(users.map(user => user.ask({ ask: 'progress', more })))
  }

  /** For each the longest time without a grant of its own lock, from then on. */
  async gaps(from: number, users: readonly User[] = this.all): Promise<number[]> {
    return await Promise.all(users.map(async user => (await user.ask({ ask: 'gap', from })).gapMs))
  }

  /** Lets every call end, and makes no new ones until `work`; resolves with the violations. */
  async rest(): Promise<string[]> {
    const ends = await Promise.allSettled(this.all.map(user => user.ask({ ask: 'rest' })))
    return ends.flatMap(end => (end.status === 'rejected' ? [`liveness: ${end.reason.message}`] : []))
  }

  async work(): Promise<void> {
    await Promise.all(this.all.map(user => user.ask({ ask: 'work' })))
  }

  end(): void {
    for (const user of this.all) {
      user.signal('SIGCONT')
      user.signal('SIGKILL')
    }
  }

  #forget(user: User): void {
    this.all.splice(this.all.indexOf(user), 1)
  }
}
