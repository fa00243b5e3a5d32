// Two ways to ask Redis: each command by itself, or in batches that are made by hand, as a group commit is. With a replica
// WAIT 1 stands behind each command, or once behind each batch: it covers all that was sent before it on its connection.

import type { Redis } from 'ioredis'

type Command = readonly [name: string, ...args: (string | number)[]]

export interface Asking {
  ask(...command: Command): Promise<unknown>
}

export class Singly implements Asking {
  readonly #redis: Redis
  readonly #waits: boolean

  constructor(redis: Redis, waits: boolean) {
    this.#redis = redis
    this.#waits = waits
  }

  async ask(...[name, ...args]: Command): Promise<unknown> {
    // By its method, which is what auto-pipelining looks at.
    const answer =
      name === 'set'
        ? this.#redis.set(...(args as [string, string, 'PX', number, 'NX']))
        : this.#redis.evalsha(...(args as [string, number, string, string]))
    if (!this.#waits) return await answer
    const [answered, replicas] = await Promise.all([answer, this.#redis.wait(1, 0)])
    checkReplicas(replicas)
    return answered
  }
}

interface Asked {
  readonly command: Command
  readonly settle: (answer: unknown) => void
  readonly fail: (error: Error) => void
}

/** What is asked while a batch is under way makes the next one. */
export class Batches implements Asking {
  readonly #redis: Redis
  readonly #waits: boolean
  #next: Asked[] = []
  #sending = false

  constructor(redis: Redis, waits: boolean) {
    this.#redis = redis
    this.#waits = waits
  }

  ask(...command: Command): Promise<unknown> {
    if (!this.#sending) {
      this.#sending = true
      setImmediate(() => void this.#sendAll())
    }
    return new Promise((settle, fail) => this.#next.push({ command, settle, fail }))
  }

  async #sendAll(): Promise<void> {
    while (this.#next.length > 0) {
      const batch = this.#next
      this.#next = []
      await this.#send(batch).catch(error => {
        for (const { fail } of batch) fail(error)
      })
    }
    this.#sending = false
  }

  async #send(batch: readonly Asked[]): Promise<void> {
    const commands: (string | number)[][] = batch.map(({ command }) => [...command])
    if (this.#waits) commands.push(['wait', 1, 0])
    const answers = (await this.#redis.pipeline(commands).exec()) ?? []
    if (this.#waits) checkReplicas(answers.at(-1)?.[1])
    for (const [i, { settle, fail }] of batch.entries()) {
      const [error, answer] = answers[i] ?? [new Error('no answer'), null]
      if (error === null) settle(answer)
      else fail(error)
    }
  }
}

function checkReplicas(replicas: unknown): void {
  if (Number(replicas) < 1) throw new Error('no replica has it')
}
