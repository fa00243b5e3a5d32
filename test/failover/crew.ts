// The workers and their referee, as the scenarios see them.

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createInterface, type Interface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Answer, Ask, WorkerOptions } from './worker.ts'

export interface Verdict {
  readonly operations: number
  readonly violations: string[]
  readonly grants: number
}

const program = (name: string) => fileURLToPath(new URL(`./${name}.js`, import.meta.url))

export class CrewReferee {
  readonly port: number
  readonly #child: ChildProcess
  readonly #socket: Socket
  readonly #lines: Interface

  private constructor(child: ChildProcess, port: number, socket: Socket) {
    this.#child = child
    this.port = port
    this.#socket = socket
    this.#lines = createInterface({ input: socket })
  }

  static async start(): Promise<CrewReferee> {
    const child = fork(program('referee'))
    const [{ port }] = (await once(child, 'message')) as [{ port: number }]
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    return new CrewReferee(child, port, socket)
  }

  async report(): Promise<{ operations: number; violations: string[]; held: string[] }> {
    this.#socket.write('report\n')
    const [line] = (await once(this.#lines, 'line')) as [string]
    return JSON.parse(line)
  }

  end(): void {
    this.#socket.destroy()
    this.#child.kill('SIGKILL')
  }
}

export class Crew {
  readonly #workers: ChildProcess[] = []
  readonly #referee: CrewReferee

  private constructor(referee: CrewReferee) {
    this.#referee = referee
  }

  static async start(referee: CrewReferee, view: string, count: number, shared: number): Promise<Crew> {
    const crew = new Crew(referee)
    for (let i = 0; i < count; i++) {
      const options: WorkerOptions = {
        who: `worker-${i}`,
        view,
        refereePort: referee.port,
        shared,
        sharedLocks: 16,
        ttlMs: 10_000,
      }
      crew.#workers.push(fork(program('worker'), [JSON.stringify(options)]))
    }
    await Promise.all(crew.#workers.map(worker => once(worker, 'message')))
    return crew
  }

  async #ask(ask: Ask): Promise<Answer[]> {
    return Promise.all(
      this.#workers.map(async worker => {
        const answer = once(worker, 'message')
        worker.send(ask)
        return ((await answer) as [Answer])[0]
      }),
    )
  }

  /** Waits until every worker has been granted this many more locks. */
  async progress(more: number): Promise<void> {
    await this.#ask({ ask: 'progress', more })
  }

  /** For each worker the longest time in ms without a grant of its own lock, from `from` on. */
  async gaps(from: number): Promise<number[]> {
    return (await this.#ask({ ask: 'gap', from })).map(({ gapMs }) => gapMs)
  }

  /** Lets every call end, and judges: what the referee saw, what failed, which locks are believed in. */
  async stop(): Promise<Verdict> {
    const gone = this.#workers.map(worker => once(worker, 'exit'))
    const answers = await this.#ask({ ask: 'stop' })
    await Promise.all(gone)
    const { operations, violations, held } = await this.#referee.report()
    const failed = answers.flatMap(({ failures }, i) => failures.map(failure => `worker-${i}: ${failure}`))
    const believed = held.map(name => `${name}: still believed at the end`)
    const grants = answers.reduce((sum, answer) => sum + answer.grants, 0)
    return { operations, violations: [...violations, ...failed, ...believed], grants }
  }

  end(): void {
    for (const worker of this.#workers) worker.kill('SIGKILL')
  }
}
