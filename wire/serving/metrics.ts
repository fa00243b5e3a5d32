// Metrics as Prometheus scrapes them: one server's registry, which reads plain numbers at each scrape. Only
// this file knows prom-client. Each folder lists its own metrics.

import { Counter, Gauge, type MetricType, Histogram as PromHistogram, Registry } from 'prom-client'
import { boundsMs, type Histogram } from '../histogram.ts'

export interface Sample {
  readonly labels?: Readonly<Record<string, string>>
  readonly value: number
}

/** One metric: its name and help are its documentation; `read` is called at each scrape. */
export type Metric = {
  readonly name: string
  readonly help: string
} & (
  | {
      readonly type: 'counter' | 'gauge'
      /** Names of labels; each has few values, known beforehand. */
      readonly labels?: readonly string[]
      /** No sample: the metric has no series. prom-client alone would show 0 where there are no labels. */
      readonly read: () => number | readonly Sample[]
    }
  | { readonly type: 'histogram'; readonly read: () => Histogram }
)

/** One server's metrics, as text. */
export class Metrics {
  readonly #registry = new Registry()

  constructor(metrics: readonly Metric[]) {
    for (const metric of metrics) this.#register(metric)
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  async text(): Promise<string> {
    return await this.#registry.metrics()
  }

  #register(metric: Metric): void {
    const { name, help } = metric
    const registers = [this.#registry]
    if (metric.type === 'histogram') {
      new ReadHistogram(name, help, this.#registry, metric.read)
      return
    }
    const { read } = metric
    const labelNames = metric.labels ?? []
    if (metric.type === 'counter') {
      new Counter({
        name,
        help,
        labelNames,
        registers,
        collect() {
          this.reset()
          const samples = samplesOf(read())
          if (samples.length === 0 && labelNames.length === 0) this.remove()
          for (const { labels, value } of samples) this.inc(labels ?? {}, value)
        },
      })
    } else {
      new Gauge({
        name,
        help,
        labelNames,
        registers,
        collect() {
          this.reset()
          const samples = samplesOf(read())
          if (samples.length === 0 && labelNames.length === 0) this.remove()
          for (const { labels, value } of samples) this.set(labels ?? {}, value)
        },
      })
    }
  }
}

function samplesOf(read: number | readonly Sample[]): readonly Sample[] {
  return typeof read === 'number' ? [{ value: read }] : read
}

/** Labelled samples of a table of numbers. */
export function byLabel(label: string, table: Readonly<Partial<Record<string, number>>>): Sample[] {
  return Object.entries(table).map(([key, value]) => ({ labels: { [label]: key }, value: value ?? 0 }))
}

/** 1 for the present state, 0 for all others. */
export function stateOf(label: string, states: readonly string[], state: string | undefined): Sample[] {
  return states.map(each => ({ labels: { [label]: each }, value: each === state ? 1 : 0 }))
}

/** A histogram whose buckets are counted in ms elsewhere; metrics are in seconds. */
class ReadHistogram extends PromHistogram {
  readonly #about: { readonly name: string; readonly help: string }
  readonly #read: () => Histogram
  readonly #type = 'histogram' as unknown as MetricType.Histogram

  constructor(name: string, help: string, registry: Registry, read: () => Histogram) {
    super({ name, help, buckets: boundsMs.map(ms => ms / 1_000), registers: [registry] })
    this.#about = { name, help }
    this.#read = read
  }

  /** What the registry calls in addition to `get`. */
  getForPromString() {
    return this.get()
  }

  override async get() {
    const { name, help } = this.#about
    const { counts, sumMs, count } = this.#read()
    const bounds = [...boundsMs.map(ms => String(ms / 1_000)), '+Inf']
    let below = 0
    const buckets = bounds.map((le, i) => {
      below += counts[i] ?? 0
      return { metricName: `${name}_bucket`, labels: { le }, value: below }
    })
    const values = [
      ...buckets,
      { metricName: `${name}_sum`, labels: {}, value: sumMs / 1_000 },
      { metricName: `${name}_count`, labels: {}, value: count },
    ]
    return { name, help, type: this.#type, aggregator: 'sum' as const, values, collect() {} }
  }
}
