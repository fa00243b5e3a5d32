// Planted bugs of the spans and metrics of clients: what ends, what it is counted as, and whose it is.

import type { Mutant } from './mutant.ts'

export const tracing: readonly Mutant[] = [
  {
    name: 'a span of a wait never ends',
    breaks: 'surface',
    why: 'a trace shows no wait that was granted',
    test: 'opentelemetry',
    edits: [
      {
        file: 'client/opentelemetry/lock-spans.ts',
        find: "wait.span.setAttribute('holdfast.outcome', 'granted').end()",
        replace: "wait.span.setAttribute('holdfast.outcome', 'granted')",
      },
    ],
  },
  {
    name: 'two clients share their spans',
    breaks: 'surface',
    why: 'a call ends the span of the call of another client that has its number',
    test: 'opentelemetry',
    edits: [
      {
        file: 'client/opentelemetry/lock-spans.ts',
        find: 'this.#open.set(source, open) return open',
        replace: 'for (const of of [source, ...this.#open.keys()]) this.#open.set(of, open)\n    return open',
      },
    ],
  },
  {
    name: 'a lost lock is held for ever in the metrics',
    breaks: 'surface',
    why: 'a dashboard shows locks that nobody has',
    test: 'opentelemetry',
    edits: [
      {
        file: 'client/opentelemetry/lock-metrics.ts',
        find: 'this.#ended(source, token, published.code)',
        replace: '',
      },
    ],
  },
  {
    name: 'what goes on at the end is counted on',
    breaks: 'surface',
    why: 'calls that wait when tracing ends are counted as waiting from then on',
    test: 'opentelemetry',
    edits: [
      {
        file: 'client/opentelemetry/lock-metrics.ts',
        find: 'for (const { attributes } of holds.values()) this.#held.add(-1, attributes)',
        replace: 'for (const { attributes } of holds.values()) this.#held.add(0, attributes)',
      },
    ],
  },
]
