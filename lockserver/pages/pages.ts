// What a lock server answers over HTTP: that it is alive, whether it is ready and why not, its metrics,
// and for the dashboard its counts and a page of its lock table.

import { allows, readable } from '../../wire/access/principal.ts'
import { readClock } from '../../wire/clock.ts'
import { boundsMs, type Histogram } from '../../wire/histogram.ts'
import { whyClientsMax } from '../../wire/limits.ts'
import { nameProblem } from '../../wire/name.ts'
import { nextTurn } from '../../wire/net/timers-node.ts'
import { BadQuery, type Caller, type Page, type Routes, routesOf } from '../../wire/serving/http.ts'
import { Metrics } from '../../wire/serving/metrics.ts'
import { ProcessMetrics } from '../../wire/serving/process-metrics.ts'
import type { ServerCore } from '../core.ts'
import type { Hold } from '../state/lock.ts'
import { notAllowedText } from '../state/refusals.ts'
import { clientsQuery, clientsTable } from './clients-page.ts'
import { deadlocksPage } from './deadlocks.ts'
import { Longest } from './longest.ts'
import { lockServerMetrics, type Measured } from './metrics.ts'
import { tablePage, tableQuery } from './table-page.ts'
import { waitedForBy, whyPage } from './why-page.ts'

/** What costs nothing to know. */
export type Vital = Omit<Measured, keyof LongestOf>

type LongestOf = Pick<Measured, 'longestHoldMs' | 'longestWaitMs' | 'longestQueue'>

export class ServerPages {
  readonly routes: Routes
  readonly #process = new ProcessMetrics()
  readonly #longest = new Longest()
  readonly #startedAt = readClock().monotonic

  /** `measure` is called once for each page; `end` ends this server as SIGKILL would end its process, `leave` as SIGTERM. */
  constructor(measure: () => Vital, end: () => void, leave: () => void) {
    let measured: Measured | undefined
    const scraped = () => (measured ??= { ...measure(), ...this.#finds() })
    const metrics = new Metrics([...lockServerMetrics(scraped), ...this.#process.all])
    this.routes = routesOf({
      '/healthz': { probe: true, read: () => ({ status: 200, body: { status: 'alive' } }) },
      '/readyz': { probe: true, read: () => readiness(measure()) },
      '/stats': { guarded: true, forServers: true, read: () => this.#stats(measure) },
      '/locks': { guarded: true, asks: true, read: (query, who) => locksPage(measure().core, query, who) },
      '/clients': { guarded: true, asks: true, read: (query, who) => clientsOf(measure().core, query, who) },
      '/why': { guarded: true, asks: true, read: (query, who) => whyOf(measure().core, query, who) },
      '/deadlocks': { guarded: true, asks: true, read: (_, who) => deadlocksOf(measure().core, who) },
      '/leave': {
        guarded: true,
        needs: 'operate',
        changes: 'by program',
        read: query => leavePage(measure().core.id, query, leave),
      },
      '/end': {
        guarded: true,
        needs: 'operate',
        changes: 'by program',
        read: query => endPage(measure().core.id, query, end),
      },
      '/metrics': {
        guarded: true,
        needs: 'metrics',
        read: async () => {
          this.#process.start()
          await this.#look(measure)
          measured = undefined
          return { status: 200, type: metrics.contentType, body: await metrics.text() }
        },
      },
    })
  }

  async #stats(measure: () => Vital): Promise<Page> {
    await this.#look(measure)
    return { status: 200, body: { ...statsOf({ ...measure(), ...this.#finds() }), upMs: this.#upMs } }
  }

  get #upMs(): number {
    return Math.round(readClock().monotonic - this.#startedAt)
  }

  #look(measure: () => Vital): Promise<void> {
    return this.#longest.look(measure().core.state, readClock().wall, nextTurn)
  }

  #finds(): LongestOf {
    const { wall } = readClock()
    return {
      longestHoldMs: this.#longest.holdMs(wall),
      longestWaitMs: this.#longest.waitMs(wall),
      longestQueue: this.#longest.queue,
    }
  }

  close(): void {
    this.#process.stop()
  }
}

async function locksPage(core: ServerCore, query: URLSearchParams, { principal }: Caller): Promise<Page> {
  const { state } = core
  if (state === null) return problem(503, 'this server is idle: it has no locks')
  const { wall, monotonic } = readClock()
  const termsOf = (hold: Hold) => core.termsOf(hold, monotonic)
  const asked = tableQuery(query)
  const scope = { ...asked, only: readable(principal, asked.prefix) }
  const page = await tablePage(state, scope, wall, nextTurn, termsOf)
  if (page === null) return problem(410, 'the lock to go on after is gone; begin again')
  return { status: 200, body: page }
}

async function clientsOf(core: ServerCore, query: URLSearchParams, { principal }: Caller): Promise<Page> {
  const { state } = core
  if (state === null) return problem(503, 'this server is idle: it has no sessions')
  const { wall, monotonic } = readClock()
  const shows = { wall, termsOf: (hold: Hold) => core.termsOf(hold, monotonic) }
  return {
    status: 200,
    body: await clientsTable(state, { ...clientsQuery(query), principal }, shows, nextTurn),
  }
}

/** Of a lock; or of what some clients wait for here, which hold locks of another group (G5). */
async function whyOf(core: ServerCore, query: URLSearchParams, { principal }: Caller): Promise<Page> {
  const { role, state } = core
  if (role !== 'primary' || state === null) return problem(503, `this server is ${role}: ask the primary`)
  const clients = clientsIn(query)
  const name = clients.size > 0 ? null : nameIn(query)
  if (principal !== null && name !== null && !allows(principal, 'read', name))
    return problem(403, `NOT_ALLOWED: ${notAllowedText(principal.name, 'read', name)}`)
  const from = name ?? (await waitedForBy(state, clients, principal, nextTurn))
  const { wall, monotonic } = readClock()
  const termsOf = (hold: Hold) => core.termsOf(hold, monotonic)
  return { status: 200, body: whyPage(state, from, wall, termsOf, principal) }
}

/** Each by the half of a public id that is the client's. */
function clientsIn(query: URLSearchParams): ReadonlySet<string> {
  const clients = query.getAll('client')
  if (clients.length > whyClientsMax)
    throw new BadQuery(`at most ${whyClientsMax} clients may be asked about`)
  for (const client of clients)
    if (!/^[0-9a-f]{16}$/.test(client))
      throw new BadQuery('client must be the first 16 digits of the public id of a session')
  return new Set(clients)
}

async function deadlocksOf(core: ServerCore, { principal }: Caller): Promise<Page> {
  const { state } = core
  if (state === null) return problem(503, 'this server is idle: it has no locks')
  return { status: 200, body: await deadlocksPage(state, principal, nextTurn) }
}

/** B8: as `endPage`; the server hands its role over first. */
function leavePage(own: string, query: URLSearchParams, leave: () => void): Page {
  if (query.get('id') !== own) return problem(409, `this is server ${own}, and no other is here`)
  return { status: 200, body: { leaves: own }, afterwards: leave }
}

/** B8: the caller names the server that must end; any other server at this address refuses. */
function endPage(own: string, query: URLSearchParams, end: () => void): Page {
  if (query.get('id') !== own) return problem(409, `this is server ${own}, and no other is here`)
  return { status: 200, body: { ended: own }, afterwards: end }
}

function problem(status: number, error: string): Page {
  return { status, body: { error } }
}

function nameIn(query: URLSearchParams): string {
  const name = query.get('name')
  const problem = nameProblem(name)
  if (problem !== undefined) throw new BadQuery(`name ${problem}`)
  return name as string
}

function readiness({ core, unready, vitals }: Vital) {
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

/** Counts since the server's start: two readings give a rate. Bounds of the buckets are in ms. */
function statsOf({ core, counts, vitals, longestHoldMs, longestWaitMs, longestQueue }: Measured) {
  const buckets = ({ counts, count, sumMs }: Histogram) => ({ counts, count, sumMs })
  return {
    role: core.role,
    view: core.view?.number ?? 0,
    operations: counts.operations,
    losses: counts.losses,
    vitals,
    longestHoldMs,
    longestWaitMs,
    longestQueue,
    boundsMs,
    wait: buckets(counts.wait),
    hold: buckets(counts.hold),
    handOver: buckets(counts.handOver),
    roundTrip: buckets(counts.roundTrip),
  }
}

/** Why this server is not ready; null if it has a role. */
export function unreadiness(core: ServerCore): string | null {
  if (core.leaving) return 'this server is leaving'
  if (core.view !== null) return null
  if (core.vitals.viewServerConnected) return 'no view is known yet: the view server has made none'
  const why = core.viewServerTrouble
  return `no view is known yet: no view server has answered; check --view${why === null ? '' : ` (${why})`}`
}
