// What a view server answers over HTTP: that it lives, whether there is a primary and why not, the view
// and all servers, its metrics.

import { type Routes, routesOf } from '../wire/http.ts'
import { Metrics } from '../wire/metrics.ts'
import { ProcessMetrics } from '../wire/process-metrics.ts'
import { type Measured, viewServerMetrics } from './metrics.ts'

export class Pages {
  readonly routes: Routes
  readonly #process = new ProcessMetrics()

  /** `measure` is asked once for each page. */
  constructor(measure: () => Measured) {
    let measured: Measured | undefined
    const metrics = new Metrics([...viewServerMetrics(() => (measured ??= measure())), ...this.#process.all])
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
    })
  }

  close(): void {
    this.#process.stop()
  }
}

function readiness({ unready, status }: Measured) {
  const { view, survives } = status
  const body = { ready: unready === null, reason: unready, view: view?.number ?? 0, survives }
  return { status: unready === null ? 200 : 503, body }
}
