// Five figures of the whole cluster at a glance: locks held and waited for, the longest wait, clients, and operations a
// second. Behind a rate stand two answers of one primary.

import type { Stats } from './answers.ts'
import { byId, setText } from './element.ts'
import { ratesOf, type Sample } from './rates.ts'
import { grouped, lengthOf } from './words.ts'

interface Glimpse {
  readonly held: number
  readonly waiting: number
  readonly longestWaitMs: number
  readonly clients: number
  /** Null: there is nothing to compare with yet. */
  readonly perSecond: number | null
}

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
    if (stats === null) return this.#showAll(null)
    const { vitals, longestWaitMs } = stats
    const { held, waiting, sessions: clients } = vitals
    this.#showAll({ held, waiting, clients, longestWaitMs, perSecond: rates?.operations ?? null })
  }

  /** Null: they are not known. */
  #showAll(now: Glimpse | null): void {
    const text = (value: number | null | undefined, words = grouped) => (value == null ? '–' : words(value))
    setText(this.#held, text(now?.held))
    setText(this.#waiting, text(now?.waiting))
    setText(this.#longest, text(now?.waiting === 0 ? null : now?.longestWaitMs, lengthOf))
    setText(this.#clients, text(now?.clients))
    setText(
      this.#operations,
      text(now?.perSecond, rate => `${grouped(Math.round(rate))}/s`),
    )
    byId('glance').classList.toggle('contended', (now?.waiting ?? 0) > 0)
  }
}
