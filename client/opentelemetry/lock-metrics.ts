// Metrics of what clients publish: how long calls wait and locks are held, how many do now, what was lost. Attributes are few
// and bounded: a lock's mode, how it ended, and the group that the program names. Makes no spans.

import {
  type Attributes,
  type Counter,
  type Histogram,
  type MeterProvider,
  metrics,
  type UpDownCounter,
} from '@opentelemetry/api'
import { readMonotonic } from '../../wire/clock.ts'
import { packageVersion } from '../../wire/version.ts'
import type { Published } from '../published.ts'

/** Something that goes on since then; monotonic ms. */
interface Begun {
  readonly since: number
  readonly attributes: Attributes
}

/** By client, then by the number of the call or the token. */
type Table = Map<object, Map<number, Begun>>

export class LockMetrics {
  readonly #group: (name: string) => string | undefined
  readonly #waits: Histogram
  readonly #holds: Histogram
  readonly #waiting: UpDownCounter
  readonly #held: UpDownCounter
  readonly #lost: Counter
  readonly #reconnects: Counter
  readonly #waitsOf: Table = new Map()
  readonly #holdsOf: Table = new Map()

  constructor(provider: MeterProvider | undefined, group: (name: string) => string | undefined) {
    this.#group = group
    const meter = (provider ?? metrics).getMeter('holdfast', packageVersion)
    const seconds = { unit: 's', valueType: 1 }
    const of = (name: string) => `holdfast.client.${name}`
    this.#waits = meter.createHistogram(of('wait.duration'), {
      ...seconds,
      description: 'How long calls waited for locks',
    })
    this.#holds = meter.createHistogram(of('hold.duration'), {
      ...seconds,
      description: 'How long locks were held',
    })
    this.#waiting = meter.createUpDownCounter(of('waiting'), {
      unit: '{call}',
      description: 'Calls that wait for locks',
    })
    this.#held = meter.createUpDownCounter(of('held'), { unit: '{lock}', description: 'Locks that are held' })
    this.#lost = meter.createCounter(of('lost'), { unit: '{lock}', description: 'Locks that were lost' })
    this.#reconnects = meter.createCounter(of('reconnects'), {
      description: 'Connections to a primary that ended',
    })
  }

  hear(published: Published): void {
    const { source } = published
    switch (published.event) {
      case 'acquire': {
        const attributes = this.#attributes(published.names[0], published.mode)
        begin(this.#waitsOf, source, published.request, attributes)
        this.#waiting.add(1, attributes)
        return
      }
      case 'granted':
        if (!this.#waited(source, published.request, 'granted')) return
        published.tokens.forEach((token, i) => {
          const attributes = this.#attributes(published.names[i], published.mode)
          begin(this.#holdsOf, source, token, attributes)
          this.#held.add(1, attributes)
        })
        return
      case 'not-granted':
        this.#waited(source, published.request, published.reason)
        return
      case 'release':
        this.#ended(source, published.token, 'released')
        return
      case 'lost':
        for (const { token, mode, name } of published.locks) {
          this.#ended(source, token, published.code)
          this.#lost.add(1, { ...this.#attributes(name, mode), 'holdfast.outcome': published.code })
        }
        return
      case 'reconnecting':
        this.#reconnects.add(1)
    }
  }

  /** What goes on is not counted as going on any more. */
  end(): void {
    for (const waits of this.#waitsOf.values())
      for (const { attributes } of waits.values()) this.#waiting.add(-1, attributes)
    for (const holds of this.#holdsOf.values())
      for (const { attributes } of holds.values()) this.#held.add(-1, attributes)
    this.#waitsOf.clear()
    this.#holdsOf.clear()
  }

  #waited(source: object, request: number, outcome: string): boolean {
    const begun = take(this.#waitsOf, source, request)
    if (begun === undefined) return false
    this.#waiting.add(-1, begun.attributes)
    this.#waits.record(secondsSince(begun), { ...begun.attributes, 'holdfast.outcome': outcome })
    return true
  }

  #ended(source: object, token: number, outcome: string): void {
    const begun = take(this.#holdsOf, source, token)
    if (begun === undefined) return
    this.#held.add(-1, begun.attributes)
    this.#holds.record(secondsSince(begun), { ...begun.attributes, 'holdfast.outcome': outcome })
  }

  #attributes(name: string | undefined, mode: string): Attributes {
    const group = name === undefined ? undefined : this.#group(name)
    return { 'holdfast.mode': mode, ...(group !== undefined && { 'holdfast.group': group }) }
  }
}

function secondsSince({ since }: Begun): number {
  return (readMonotonic() - since) / 1_000
}

function begin(table: Table, source: object, number: number, attributes: Attributes): void {
  const of = table.get(source) ?? new Map<number, Begun>()
  table.set(source, of)
  of.set(number, { since: readMonotonic(), attributes })
}

/** Of a client with nothing begun nothing is kept. */
function take(table: Table, source: object, number: number): Begun | undefined {
  const of = table.get(source)
  const begun = of?.get(number)
  of?.delete(number)
  if (of?.size === 0) table.delete(source)
  return begun
}
