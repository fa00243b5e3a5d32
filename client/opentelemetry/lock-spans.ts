// Spans of what clients publish: one while a call waits, one for each lock while it is held. A span ends once, at the latest when
// the tracing does. Counts nothing; that is the business of the metrics.

import {
  type Context,
  context,
  type Span,
  type SpanContext,
  SpanStatusCode,
  type Tracer,
  type TracerProvider,
  trace,
} from '@opentelemetry/api'
import { packageVersion } from '../../wire/version.ts'
import type { Published } from '../published.ts'

type Of<E extends Published['event']> = Extract<Published, { event: E }>

interface Wait {
  readonly span: Span
  /** In which the program asked. */
  readonly asked: Context
}

/** The open spans of one client. */
interface Open {
  /** By the number of the call. */
  readonly waits: Map<number, Wait>
  /** By token. */
  readonly holds: Map<number, Span>
}

export class LockSpans {
  readonly #tracer: Tracer
  readonly #open = new Map<object, Open>()

  constructor(provider: TracerProvider | undefined) {
    this.#tracer = (provider ?? trace).getTracer('holdfast', packageVersion)
  }

  hear(published: Published): void {
    switch (published.event) {
      case 'acquire':
        return this.#waits(published)
      case 'granted':
        return this.#granted(published)
      case 'not-granted':
        return this.#notGranted(published)
      case 'release':
        return this.#released(published)
      case 'lost':
        return this.#lost(published)
    }
  }

  end(): void {
    for (const { waits, holds } of this.#open.values())
      for (const span of [...[...waits.values()].map(({ span }) => span), ...holds.values()]) span.end()
    this.#open.clear()
  }

  #waits({ source, client, request, names, mode }: Of<'acquire'>): void {
    const asked = context.active()
    const attributes = { 'holdfast.client': client, 'holdfast.locks': [...names], 'holdfast.mode': mode }
    const span = this.#tracer.startSpan('holdfast.wait', { attributes }, asked)
    this.#openOf(source).waits.set(request, { span, asked })
  }

  #granted({ source, client, request, names, tokens, mode }: Of<'granted'>): void {
    const wait = this.#takeWait(source, request)
    if (wait === undefined) return
    wait.span.setAttribute('holdfast.outcome', 'granted').end()
    names.forEach((name, i) => {
      const token = tokens[i] ?? 0
      const attributes = {
        ...{ 'holdfast.client': client, 'holdfast.lock': name },
        ...{ 'holdfast.mode': mode, 'holdfast.token': token },
      }
      const links = [{ context: wait.span.spanContext() satisfies SpanContext }]
      const span = this.#tracer.startSpan('holdfast.hold', { attributes, links }, wait.asked)
      this.#openOf(source).holds.set(token, span)
    })
  }

  /** What was busy, or has run before, is an answer and no error. */
  #notGranted({ source, request, reason, error }: Of<'not-granted'>): void {
    const span = this.#takeWait(source, request)?.span
    span?.setAttribute('holdfast.outcome', reason)
    if (error !== undefined) span?.setStatus({ code: SpanStatusCode.ERROR, message: String(error) })
    span?.end()
    this.#forget(source)
  }

  #released({ source, token }: Of<'release'>): void {
    this.#takeHold(source, token)?.setAttribute('holdfast.outcome', 'released').end()
    this.#forget(source)
  }

  #lost({ source, code, locks }: Of<'lost'>): void {
    for (const { token } of locks)
      this.#takeHold(source, token)
        ?.setAttribute('holdfast.outcome', code)
        .setStatus({ code: SpanStatusCode.ERROR, message: code })
        .end()
    this.#forget(source)
  }

  #openOf(source: object): Open {
    const open = this.#open.get(source) ?? { waits: new Map(), holds: new Map() }
    this.#open.set(source, open)
    return open
  }

  #takeWait(source: object, request: number): Wait | undefined {
    const waits = this.#open.get(source)?.waits
    const wait = waits?.get(request)
    waits?.delete(request)
    return wait
  }

  #takeHold(source: object, token: number): Span | undefined {
    const holds = this.#open.get(source)?.holds
    const span = holds?.get(token)
    holds?.delete(token)
    return span
  }

  /** Clients come and go: of one with nothing open nothing is kept. */
  #forget(source: object): void {
    const open = this.#open.get(source)
    if (open !== undefined && open.waits.size + open.holds.size === 0) this.#open.delete(source)
  }
}
