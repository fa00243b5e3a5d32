// Five figures of the whole cluster at a glance: locks held and waited for, the longest wait, clients, and operations a
// second. Behind a rate stand two answers of one primary.

import type { Stats } from './answers.ts'
import { byId, setText } from './element.ts'
import { ratesOf, type Sample } from './rates.ts'
import { grouped, lengthOf } from './words.ts'

export class Glance {
  readonly #held = byId('held')
  readonly #waiting = byId('waiting')
  readonly #longest = byId('longest-wait')
  readonly #clients = byId('clients')
  readonly #operations = byId('operations')
  #before: Sample | null = null

  /** Null: the primary did not answer. */
  show(stats: Stats | null, of: string): void {
    const sample = stats === null ? null : { stats, of, atMs: Date.now() }
    const rates = sample === null || this.#before === null ? null : ratesOf(this.#before, sample)
    this.#before = sample
    setText(this.#held, stats === null ? '–' : grouped(stats.vitals.held))
    setText(this.#waiting, stats === null ? '–' : grouped(stats.vitals.waiting))
    setText(this.#longest, stats === null || stats.vitals.waiting === 0 ? '–' : lengthOf(stats.longestWaitMs))
    setText(this.#clients, stats === null ? '–' : grouped(stats.vitals.sessions))
    setText(this.#operations, rates === null ? '–' : `${grouped(Math.round(rates.operations))}/s`)
    byId('glance').classList.toggle('contended', (stats?.vitals.waiting ?? 0) > 0)
  }
}
