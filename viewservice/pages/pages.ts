// What a view server answers over HTTP: that it lives, whether there is a primary and why not, the view
// and all servers, its metrics, and the dashboard with what it shows.

import { readClock } from '../../wire/clock.ts'
import { type Route, type Routes, routesOf } from '../../wire/serving/http.ts'
import { Metrics } from '../../wire/serving/metrics.ts'
import { ProcessMetrics } from '../../wire/serving/process-metrics.ts'
import { dashboardFiles } from './dashboard-files.ts'
import { type Measured, viewServerMetrics } from './metrics.ts'
import { pageOfPrimary } from './peer-pages.ts'
import { play } from './play.ts'

export interface PagesOptions {
  readonly secret: string | null
  /** The dashboard may kill and freeze lock servers. */
  readonly play: boolean
}

export class ViewPages {
  readonly routes: Routes
  readonly #process = new ProcessMetrics()

  /** `measure` is asked once for each page. */
  constructor(measure: () => Measured, { secret, play: allowed }: PagesOptions) {
    let measured: Measured | undefined
    const metrics = new Metrics([...viewServerMetrics(() => (measured ??= measure())), ...this.#process.all])
    const ofPrimary = (path: string): Route => ({
      guarded: true,
      read: query => pageOfPrimary(measure().status, secret, `${path}?${query}`),
    })
    this.routes = routesOf({
      '/healthz': { anyHost: true, read: () => ({ status: 200, body: { status: 'alive' } }) },
      '/readyz': { anyHost: true, read: () => readiness(measure()) },
      '/view': { read: () => ({ status: 200, body: measure().status }) },
      '/metrics': {
        read: async () => {
          this.#process.start()
          measured = undefined
          return { status: 200, type: metrics.contentType, body: await metrics.text() }
        },
      },
      ...dashboardFiles(),
      '/cluster': { guarded: true, read: () => ({ status: 200, body: clusterOf(measure(), allowed) }) },
      '/stats': ofPrimary('/stats'),
      '/locks': ofPrimary('/locks'),
      ...(allowed && {
        '/kill': deed(query => play('kill', measure().status, query.get('id'))),
        '/freeze': deed(query => play('freeze', measure().status, query.get('id'))),
      }),
    })
  }

  close(): void {
    this.#process.stop()
  }
}

function deed(read: Route['read']): Route {
  return { guarded: true, changes: true, read }
}

function readiness({ unready, status }: Measured) {
  const { view, survives } = status
  const body = { ready: unready === null, reason: unready, view: view?.number ?? 0, survives }
  return { status: unready === null ? 200 : 503, body }
}

/** The status, and the views that were made, newest last; times as ages, in ms. */
function clusterOf({ status, clients, unready, counts }: Measured, play: boolean) {
  const now = readClock().monotonic
  const views = counts.history.views.map(({ madeAt, silentSince, enteredAt, ackedAt, ...view }) => ({
    ...view,
    ageMs: Math.round(now - madeAt),
    gapMs: silentSince === null || enteredAt === null ? null : Math.round(enteredAt - silentSince),
    ackedAfterMs: ackedAt === null ? null : Math.round(ackedAt - madeAt),
  }))
  return { status, unready, clients, play, views }
}
