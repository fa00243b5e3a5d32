// Spans and metrics of clients, through OpenTelemetry's own SDK and its exporters in memory.

import { channel } from 'node:diagnostics_channel'
import { context, SpanStatusCode, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import t from 'tap'
import { connect, type LockClient } from '../client/index.ts'
import { type TraceOptions, traceLocks } from '../client/opentelemetry/index.ts'
import { startCluster } from '../testing/index.ts'
import { diagnosticEvents } from '../wire/net/runtime.ts'

context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())

interface Traced {
  readonly locks: LockClient
  readonly other: LockClient
  readonly spans: () => readonly ReadableSpan[]
  readonly provider: BasicTracerProvider
  readonly end: () => void
  /** By name of the metric, then by attributes. */
  readonly metrics: () => Promise<Record<string, Record<string, unknown>>>
}

interface Test {
  teardown(act: () => void | Promise<void>): void
}

t.test('a group that is no function is refused at once', async t => {
  t.throws(() => traceLocks({ group: 'orders' as never }), {
    name: 'TypeError',
    message: 'group must be a function, not "orders"',
  })
})

async function traced(t: Test, options: TraceOptions = {}): Promise<Traced> {
  const exporter = new InMemorySpanExporter()
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
  const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({
    exporter: metricExporter,
    exportIntervalMillis: 3_600_000,
  })
  const meterProvider = new MeterProvider({ readers: [reader] })
  const { end } = traceLocks({ tracerProvider: provider, meterProvider, ...options })
  const cluster = await startCluster()
  // Of the same name, and with the same numbers of calls.
  const [locks, other] = [
    await connect(cluster.url, { name: 'a' }),
    await connect(cluster.url, { name: 'a' }),
  ]
  t.teardown(async () => {
    end()
    await Promise.all([locks.close(), other.close()])
    await cluster.close()
    await meterProvider.shutdown()
  })
  const metrics = async () => {
    metricExporter.reset()
    await reader.forceFlush()
    const found = metricExporter.getMetrics().at(-1)?.scopeMetrics[0]?.metrics ?? []
    return Object.fromEntries(
      found.map(({ descriptor, dataPoints }) => [
        descriptor.name.replace('holdfast.client.', ''),
        Object.fromEntries(
          dataPoints.map(({ attributes, value }) => [
            Object.values(attributes).sort().join(' '),
            typeof value === 'object' ? value.count : value,
          ]),
        ),
      ]),
    )
  }
  return { locks, other, spans: () => exporter.getFinishedSpans(), provider, end, metrics }
}

const outcomes = (spans: readonly ReadableSpan[]) =>
  spans.map(({ name, attributes }) => `${name} ${attributes['holdfast.outcome']}`)

t.test('waiting and holding are spans of their own, linked, below the span that asked', async t => {
  const { locks, other, spans, provider } = await traced(t)
  const held = await other.acquire('orders/42')
  const parent = provider.getTracer('program').startSpan('program')
  const asked = context.with(trace.setSpan(context.active(), parent), () => locks.acquire('orders/42'))
  await held.release()
  const lock = await asked
  await lock.release()
  const [, , wait, hold] = [...spans()]
  t.same(outcomes(spans()), [
    'holdfast.wait granted',
    'holdfast.hold released',
    'holdfast.wait granted',
    'holdfast.hold released',
  ])
  for (const span of [wait, hold])
    t.equal(span?.parentSpanContext?.spanId, parent.spanContext().spanId, 'below the span that asked')
  t.equal(hold?.links[0]?.context.spanId, wait?.spanContext().spanId)
  t.match(wait?.attributes, {
    'holdfast.locks': ['orders/42'],
    'holdfast.mode': 'exclusive',
    'holdfast.client': 'a',
  })
  t.match(hold?.attributes, { 'holdfast.lock': 'orders/42', 'holdfast.token': lock.token })
  t.ok(BigInt(hold?.startTime[0] ?? 0) >= BigInt(wait?.endTime[0] ?? 0))
})

t.test(
  'several locks are one wait and several holds; what fails and what is lost ends with an error',
  async t => {
    const { locks, other, spans, metrics } = await traced(t)
    await using both = await locks.acquireAll(['a', 'b'])
    t.equal(await other.tryAcquire('a'), null)
    await t.rejects(other.acquire('a', { timeout: 10 }), { code: 'TIMEOUT' })
    await t.rejects(other.acquire('a', { signal: AbortSignal.abort(new Error('no')) }), { message: 'no' })
    await other.acquire('a', { steal: true })
    const once = () => locks.once('job', 'key', {}, () => 1)
    t.ok((await once()).ran)
    t.notOk((await once()).ran)
    const lost = spans().find(({ attributes }) => attributes['holdfast.outcome'] === 'STOLEN')
    t.match(lost, { name: 'holdfast.hold', status: { code: SpanStatusCode.ERROR, message: 'STOLEN' } })
    const timedOut = spans().find(({ attributes }) => attributes['holdfast.outcome'] === 'TIMEOUT')
    t.match(timedOut, {
      name: 'holdfast.wait',
      status: { code: SpanStatusCode.ERROR, message: /^LockError: .*"a"/ },
    })
    t.same(outcomes(spans()).sort(), [
      ...['holdfast.hold STOLEN', 'holdfast.hold released'],
      ...['holdfast.wait ABORTED', 'holdfast.wait BUSY', 'holdfast.wait RAN_BEFORE', 'holdfast.wait TIMEOUT'],
      ...['holdfast.wait granted', 'holdfast.wait granted', 'holdfast.wait granted'],
    ])
    t.match(await metrics(), {
      'wait.duration': {
        'exclusive granted': 3,
        'BUSY exclusive': 1,
        'TIMEOUT exclusive': 1,
        'RAN_BEFORE exclusive': 1,
      },
      'hold.duration': { 'STOLEN exclusive': 1, 'exclusive released': 1 },
      waiting: { exclusive: 0 },
      held: { exclusive: 2 },
      lost: { 'STOLEN exclusive': 1 },
    })
    t.equal(both.length, 2)
  },
)

t.test(
  'metrics have a group of locks if the program names one, and never a name; the end ends all',
  async t => {
    const group = (name: string) => (name.includes('/') ? name.split('/')[0] : undefined)
    const { locks, other, spans, metrics, end } = await traced(t, { group })
    // Calls of the same number, at the same time.
    await Promise.all([locks.acquire('orders/1'), other.acquire('closed/1')])
    await locks.acquire('plain', { mode: 'shared' })
    await other.close()
    const seen = await metrics()
    t.same(seen.held, { 'exclusive orders': 1, shared: 1, 'closed exclusive': 0 })
    t.same(outcomes(spans()).sort().at(0), 'holdfast.hold released', 'a client that closes releases')
    const waiting = locks.acquire('orders/1')
    end()
    t.equal(spans().length, 7, 'what was open has ended')
    for (const event of diagnosticEvents) t.notOk(channel(`holdfast:${event}`).hasSubscribers)
    t.same((await metrics()).held, { 'exclusive orders': 0, shared: 0, 'closed exclusive': 0 })
    await locks.close()
    await t.rejects(waiting, { code: 'CLOSED' })
    t.throws(
      () => traceLocks({ tracer: 1 } as object),
      /traceLocks has no option "tracer"; it has tracerProvider/,
    )
  },
)
