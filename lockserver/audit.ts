// One line in the log for each act of an operator and each refusal (A7): who, from where, what, on which lock. It says so
// much in a moment and no more, and counts the rest, so that refusals fill no disk. It decides nothing.

import type { Verb } from '../wire/access/principal.ts'
import type { Client } from './clients.ts'
import type { ServerOutbox } from './outbox.ts'

/** Lines about refusals between two ticks; the rest is one line with their number. */
const linesPerTick = 8

interface Asked {
  readonly verb: Verb
  readonly lock: string | null
}

export class Audit {
  readonly #out: ServerOutbox
  #refusals = 0

  constructor(out: ServerOutbox) {
    this.#out = out
  }

  done({ principal, remote }: Client, act: string, { verb, lock }: Asked): void {
    this.#out.note('info', 'done by an operator', {
      principal: principal?.name ?? null,
      address: remote,
      verb,
      lock,
      act,
    })
  }

  refused({ principal, remote }: Client, { verb, lock }: Asked): void {
    if (++this.#refusals > linesPerTick) return
    this.#out.note('warn', 'not allowed', { principal: principal?.name ?? null, address: remote, verb, lock })
  }

  tick(): void {
    const more = this.#refusals - linesPerTick
    if (more > 0) this.#out.note('warn', 'more was not allowed', { refusals: more })
    this.#refusals = 0
  }
}
