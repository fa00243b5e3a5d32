// What a view server answers over HTTP: that it lives, whether there is a primary and why not, the view
// and all servers, its metrics, and the dashboard with its log-in, its data and the last hour.

import { readClock } from '../../wire/clock.ts'
import type { Guard } from '../../wire/net/guard.ts'
import { Door } from '../../wire/serving/door.ts'
import { type Caller, type Route, type Routes, routesOf } from '../../wire/serving/http.ts'
import { Metrics } from '../../wire/serving/metrics.ts'
import { ProcessMetrics } from '../../wire/serving/process-metrics.ts'
import { adviceFor } from '../advice.ts'
import { gapMs } from '../history.ts'
import { movesText } from '../moves-text.ts'
import { type Acts, actPages } from './acts.ts'
import { Chronicle, type ChronicleOptions } from './chronicle.ts'
import { dashboardFiles } from './dashboard-files.ts'
import { doorPages } from './door-pages.ts'

import { hourPage } from './hour-page.ts'
import { deadlocksOfAll, locksOfAll, statsOfAll, whyOfAll } from './merged-pages.ts'

import { type Measured, viewServerMetrics } from './metrics.ts'
import type { Asking } from './peer-pages.ts'
import { type Deed, type PlayOptions, playPage } from './play.ts'

export interface PagesOptions extends PlayOptions {
  readonly chronicle: ChronicleOptions
  /** Null: there is no one here who does them. */
  readonly acts: Acts | null
}

export class ViewPages {
  readonly routes: Routes
  readonly door: Door
  readonly chronicle: Chronicle
  readonly #process = new ProcessMetrics()

  /** `measure` is called once for each page. */
  constructor(measure: () => Measured, options: PagesOptions, guard: Guard) {
    const { play, dial, acts } = options
    this.door = new Door(guard)
    this.chronicle = new Chronicle(options.chronicle)
    const startedAt = readClock().monotonic
    const may = { play: play !== false, acts: acts !== null }
    let measured: Measured | undefined
    const metrics = new Metrics([...viewServerMetrics(() => (measured ??= measure())), ...this.#process.all])
    const asking = ({ authorization }: Caller): Asking => ({ authorization, tls: dial?.() })
    const deed = (deed: Deed): Route => ({
      guarded: true,
      needs: 'operate',
      changes: 'by page',
      read: (query, { authorization }) =>
        playPage(deed, measure().status, query.get('id'), options, authorization),
    })
    this.routes = routesOf({
      '/healthz': { probe: true, read: () => ({ status: 200, body: { status: 'alive' } }) },
      '/readyz': { probe: true, read: () => readiness(measure(), guard.isOpen) },
      '/view': { guarded: true, read: () => ({ status: 200, body: measure().status }) },
      '/metrics': {
        guarded: true,
        needs: 'metrics',
        read: async () => {
          this.#process.start()
          measured = undefined
          return { status: 200, type: metrics.contentType, body: await metrics.text() }
        },
      },
      ...dashboardFiles(),
      ...doorPages(this.door, guard),
      '/cluster': {
        guarded: true,
        read: () => ({ status: 200, body: clusterOf(measure(), may, this.chronicle, startedAt) }),
      },
      '/hour': {
        guarded: true,
        read: () => ({ status: 200, body: hourPage(this.chronicle.trend, readClock().wall) }),
      },
      '/stats': { guarded: true, asks: true, read: (_, who) => statsOfAll(measure().status, asking(who)) },
      '/locks': {
        guarded: true,
        asks: true,
        read: (query, who) => locksOfAll(measure().status, asking(who), query),
      },
      '/why': {
        guarded: true,
        asks: true,
        read: (query, who) => whyOfAll(measure().status, asking(who), query.get('name')),
      },
      '/deadlocks': {
        guarded: true,
        asks: true,
        read: (_, who) => deadlocksOfAll(measure().status, asking(who)),
      },
      ...actPages(
        acts,
        () => measure().status,
        () => dial?.(),
      ),
      ...(play !== false && { '/kill': deed('kill'), '/freeze': deed('freeze') }),
    })
  }

  /** `atOnce`: as the end of the process would. Resolves when nothing more is written. */
  async close(atOnce: boolean): Promise<void> {
    this.#process.stop()
    if (atOnce) this.chronicle.kill()
    else await this.chronicle.close()
  }
}

/** With a secret or rules, strangers learn whether there is a primary, but no names (B5). */
function readiness({ unready, status }: Measured, isOpen: boolean) {
  const { view, survives } = status
  const reason = unready === null || isOpen ? unready : 'there is no primary to work with; /view says why'
  const body = { ready: unready === null, reason, view: view?.number ?? 0, survives }
  return { status: unready === null ? 200 : 503, body }
}

/** The status, what to do about it, and the views that were made, newest last; times as ages, in ms. */
function clusterOf(measured: Measured, may: object, chronicle: Chronicle, startedAt: number) {
  const { status, clients, unready, counts } = measured
  const now = readClock().monotonic
  const views = counts.history.views.map(past => {
    const { madeAt, silentSince, enteredAt, ackedAt, ...view } = past
    const gap = gapMs(past)
    return {
      ...view,
      ageMs: Math.max(0, Math.round(now - madeAt)),
      gapMs: gap === null ? null : Math.round(gap),
      ackedAfterMs: ackedAt === null ? null : Math.round(ackedAt - madeAt),
    }
  })
  const { upMs } = chronicle
  const ownUpMs = Math.round(now - startedAt)
  const words = { advice: adviceFor(status), moves: movesText(status) }
  return { status, unready, ...words, clients, ...may, views, upMs, ownUpMs }
}
