// What a step of the client's core has decided so far, for its driver to do. It decides nothing.

import type { CallResult, ClientEffect } from './effects.ts'

export class SessionOutbox {
  #effects: ClientEffect[] = []

  /** Those of this step, in order; the parts of the core that dial and close add theirs. */
  get effects(): ClientEffect[] {
    return this.#effects
  }

  /** A new step. */
  begin(): void {
    this.#effects = []
  }

  do(effect: ClientEffect): void {
    this.#effects.push(effect)
  }

  /** `call`: null if no call waits for it any more. */
  settle(call: number | null, result: CallResult): void {
    if (call !== null) this.#effects.push({ do: 'settle', call, result })
  }

  fail(call: number | null, code: string, definite: boolean, text: string): void {
    if (call !== null) this.#effects.push({ do: 'fail', call, code, definite, text })
  }
}
