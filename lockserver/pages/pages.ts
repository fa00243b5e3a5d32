// What a lock server answers over HTTP: that it lives, whether it is ready and why not, its metrics, and
// for the dashboard its counts and a page of its lock table.

import { readClock } from '../../wire/clock.ts'
import { boundsMs, type Histogram } from '../../wire/histogram.ts'
import { nameProblem } from '../../wire/name.ts'
import { BadQuery, type Routes, routesOf } from '../../wire/serving/http.ts'
import { Metrics } from '../../wire/serving/metrics.ts'
import { ProcessMetrics } from '../../wire/serving/process-metrics.ts'
import type { ServerCore } from '../core.ts'
import { lockServerMetrics, type Measured } from './metrics.ts'
import { tablePage, tableQuery } from './table-page.ts'
import { whyPage } from './why-page.ts'

export class ServerPages {
  readonly routes: Routes
  readonly #process = new ProcessMetrics()

  /** `measure` is asked once for each page. */
  constructor(measure: () => Measured) {
    let measured: Measured | undefined
    const metrics = new Metrics([...lockServerMetrics(() => (measured ??= measure())), ...this.#process.all])
    this.routes = routesOf({
      '/healthz': { anyHost: true, read: () => ({ status: 200, body: { status: 'alive' } }) },
      '/readyz': { anyHost: true, read: () => readiness(measure()) },
      '/stats': { read: () => ({ status: 200, body: statsOf(measure()) }) },
      '/locks': {
        guarded: true,
        read: query => {
          const { state } = measure().core
          if (state === null) return { status: 503, body: { error: 'this server is idle: it has no locks' } }
          return { status: 200, body: tablePage(state, tableQuery(query), readClock().wall) }
        },
      },
      '/why': {
        guarded: true,
        read: query => {
          const { role, state } = measure().core
          if (role !== 'primary' || state === null)
            return { status: 503, body: { error: `this server is ${role}: ask the primary` } }
          return { status: 200, body: whyPage(state, nameIn(query), readClock().wall) }
        },
      },
      '/metrics': {
        read: async () => {
          this.#process.start()
          measured = undefined
          return { status: 200, type: metrics.contentType, body: await metrics.text() }
        },
      },
    })
  }

  close(): void {
    this.#process.stop()
  }
}

function nameIn(query: URLSearchParams): string {
  const name = query.get('name')
  const problem = nameProblem(name)
  if (problem !== undefined) throw new BadQuery(`name ${problem}`)
  return name as string
}

function readiness({ core, unready, vitals }: Measured) {
  const { role, view } = core
  const body = {
    ready: unready === null,
    reason: unready,
    role,
    view: view?.number ?? 0,
    inSync: vitals.inSync,
  }
  return { status: unready === null ? 200 : 503, body }
}

/** Counts since its start: whoever asks twice knows how many a second. Bounds of the buckets are in ms. */
function statsOf({ core, counts, vitals }: Measured) {
  const buckets = ({ counts, count, sumMs }: Histogram) => ({ counts, count, sumMs })
  return {
    role: core.role,
    view: core.view?.number ?? 0,
    operations: counts.operations,
    losses: counts.losses,
    vitals,
    boundsMs,
    wait: buckets(counts.wait),
    hold: buckets(counts.hold),
    handOver: buckets(counts.handOver),
    roundTrip: buckets(counts.roundTrip),
  }
}

/** It has a role; null if so. */
export function unreadiness(core: ServerCore): string | null {
  if (core.leaving) return 'this server is leaving'
  if (core.view !== null) return null
  return core.vitals.viewServerConnected
    ? 'no view is known yet: the view server has made none'
    : 'no view is known yet: no view server has answered; check --view'
}
