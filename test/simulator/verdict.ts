// The first thing that must not be, by a short stable name of the check that saw it.

export interface Violation {
  readonly check: string
  readonly text: string
  /** How many events had happened on the simulated clock. */
  readonly step: number
  readonly ms: number
}

export class Verdict {
  violation: Violation | null = null
  readonly #when: () => { readonly step: number; readonly ms: number }

  constructor(when: () => { readonly step: number; readonly ms: number }) {
    this.#when = when
  }

  blame(check: string, text: string): void {
    this.violation ??= { check, text, ...this.#when() }
  }
}
