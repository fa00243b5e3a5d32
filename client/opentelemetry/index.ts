// The entry `holdfast/opentelemetry`: turns what clients publish on their diagnostics channels into spans and metrics. It sees every
// client of the process, also those that it did not make, and changes nothing for any of them. Needs `@opentelemetry/api`,
// and does nothing without an SDK.

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { MeterProvider, TracerProvider } from '@opentelemetry/api'
import { diagnosticEvents } from '../../wire/net/runtime.ts'
import { checkKeys, shown } from '../known-options.ts'
import type { Published, PublishedAbout } from '../published.ts'
import { LockMetrics } from './lock-metrics.ts'
import { LockSpans } from './lock-spans.ts'

export interface TraceOptions {
  /** Default: the global one. */
  readonly tracerProvider?: TracerProvider | undefined
  /** Default: the global one. */
  readonly meterProvider?: MeterProvider | undefined
  /**
   * A name for all locks of a kind, such as `orders` for `orders/42`, as an attribute of metrics; undefined: none. Names of
   * locks themselves are without bound, and stand in spans only. Default: none.
   */
  readonly group?: ((name: string) => string | undefined) | undefined
}

export interface LockTraces extends Disposable {
  /** Ends the spans that are open, and listens no more. */
  end(): void
}

const optionNames: readonly string[] = ['tracerProvider', 'meterProvider', 'group']

/**
 * From now on, spans `holdfast.wait` and `holdfast.hold` of each lock that a client of this process asks for, linked to one
 * another, below the span that was active when it asked; and metrics `holdfast.client.…`.
 */
export function traceLocks(options: TraceOptions = {}): LockTraces {
  checkKeys('traceLocks', options, optionNames)
  // Later it would be an error that no code can catch.
  if (options.group !== undefined && typeof options.group !== 'function')
    throw new TypeError(`group must be a function, not ${shown(options.group)}`)
  const spans = new LockSpans(options.tracerProvider)
  const metrics = new LockMetrics(options.meterProvider, options.group ?? (() => undefined))
  const listeners = diagnosticEvents.map(event => {
    const listener = (message: unknown) => {
      const published = { event, ...(message as PublishedAbout) } as Published
      metrics.hear(published)
      spans.hear(published)
    }
    subscribe(`holdfast:${event}`, listener)
    return () => void unsubscribe(`holdfast:${event}`, listener)
  })
  const end = () => {
    for (const stop of listeners.splice(0)) stop()
    metrics.end()
    spans.end()
  }
  return { end, [Symbol.dispose]: end }
}
