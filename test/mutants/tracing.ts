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
  {
    name: 'a hold stands alone in its trace',
    breaks: 'surface',
    why: 'nothing leads from a hold to the wait before it',
    test: 'opentelemetry',
    edits: [
      {
        file: 'client/opentelemetry/lock-spans.ts',
        find: "this.#tracer.startSpan('holdfast.hold', { attributes, links }, wait.asked)",
        replace: "this.#tracer.startSpan('holdfast.hold', { attributes, links: links.slice(1) }, wait.asked)",
      },
    ],
  },
  {
    name: 'a lock that is lost ends its span as if all were well',
    breaks: 'surface',
    why: 'no search for errors finds the loss',
    test: 'opentelemetry',
    edits: [
      {
        file: 'client/opentelemetry/lock-spans.ts',
        find: '.setStatus({ code: SpanStatusCode.ERROR, message: code })',
        replace: '.setStatus({ code: SpanStatusCode.OK })',
      },
    ],
  },
  {
    name: 'a call that has settled counts as waiting',
    breaks: 'surface',
    why: 'the figure grows for ever, and an alert on it is worth nothing',
    test: 'opentelemetry',
    edits: [
      {
        file: 'client/opentelemetry/lock-metrics.ts',
        find: 'if (begun === undefined) return false this.#waiting.add(-1, begun.attributes)',
        replace: 'if (begun === undefined) return false',
      },
    ],
  },
]
