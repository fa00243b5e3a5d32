// Judges what answers of queries say of themselves: a client says `confirmed` only of an answer of which a server
// said so to it, and of each of those (R1). It sees what arrives at clients, and what they tell their programs.

import type { Message } from '../../wire/messages.ts'
import type { Blamed } from './checker.ts'

/** Whole answers that have arrived, by what they say; not all have a program that waits for them. */
interface Arrived {
  confirmed: number
  unconfirmed: number
}

export class Confirmations {
  readonly #verdict: Blamed
  readonly #arrived = new Map<string, Arrived>()

  constructor(verdict: Blamed) {
    this.#verdict = verdict
  }

  arrives(client: string, messages: readonly Message[]): void {
    for (const [kind, , what] of messages) {
      if (kind !== 'locks') continue
      const { more, confirmed } = what as { more: boolean; confirmed: boolean }
      if (!more) this.#of(client)[confirmed ? 'confirmed' : 'unconfirmed']++
    }
  }

  /** A client gives an answer to its program. */
  told(client: string, confirmed: boolean): void {
    const what = confirmed ? 'confirmed' : 'unconfirmed'
    if (this.#of(client)[what]-- === 0)
      this.#verdict.blame('R1 confirmed', `${client} has an answer that is ${what}, and no server said so`)
  }

  #of(client: string): Arrived {
    const known = this.#arrived.get(client)
    if (known !== undefined) return known
    const arrived = { confirmed: 0, unconfirmed: 0 }
    this.#arrived.set(client, arrived)
    return arrived
  }
}
