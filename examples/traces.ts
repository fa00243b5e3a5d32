// Spans of waiting and holding, and how long locks were held: node traces.js ws://127.0.0.1:7400. A program has its own exporters
// instead, and calls traceLocks() without options if its providers are the global ones.

import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { connect } from 'holdfast'
import { traceLocks } from 'holdfast/opentelemetry'

const spans = new InMemorySpanExporter()
const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] })
const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
const meterProvider = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter })] })
const traces = traceLocks({ tracerProvider, meterProvider, group: name => name.split('/')[0] })

const [, , url] = process.argv
const locks = await connect(url)
const first = await locks.acquire('orders/42')
const second = locks.acquire('orders/42')
await first.release()
await (await second).release()
await locks.close()
traces.end()

for (const { name, attributes, links } of spans.getFinishedSpans())
  console.log(
    name,
    attributes['holdfast.outcome'],
    attributes['holdfast.token'] ?? '',
    `${links.length} links`,
  )
await meterProvider.shutdown()
for (const { descriptor } of exporter.getMetrics()[0]?.scopeMetrics[0]?.metrics ?? [])
  console.log(descriptor.name)
