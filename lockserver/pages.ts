// What a lock server answers over HTTP: that it lives, whether it is ready and why not, its metrics.

import { type Routes, routesOf } from '../wire/http.ts'
import { Metrics } from '../wire/metrics.ts'
import { ProcessMetrics } from '../wire/process-metrics.ts'
import type { ServerCore } from './core.ts'
import { lockServerMetrics, type Measured } from './metrics.ts'

export class Pages {
  readonly routes: Routes
  readonly #process = new ProcessMetrics()

  /** `measure` is asked once for each page. */
  constructor(measure: () => Measured) {
    let measured: Measured | undefined
    const metrics = new Metrics([...lockServerMetrics(() => (measured ??= measure())), ...this.#process.all])
    this.routes = routesOf({
      '/healthz': { anyHost: true, read: () => ({ status: 200, body: { status: 'alive' } }) },
      '/readyz': { anyHost: true, read: () => readiness(measure()) },
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

/** It has a role; null if so. */
export function unreadiness(core: ServerCore): string | null {
  if (core.leaving) return 'this server is leaving'
  if (core.view !== null) return null
  return core.vitals.viewServerConnected
    ? 'no view is known yet: the view server has made none'
    : 'no view is known yet: no view server has answered; check --view'
}
