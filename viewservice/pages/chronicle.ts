// Keeps the last hour of the cluster for the dashboard: asks the lock servers for their figures every few seconds, and keeps
// these and the views in a small file, so that they are there after a restart, too. Nothing waits for it: what can't be had
// or written is left out.

import { readClock } from '../../wire/clock.ts'
import type { ServerStatus, Status } from '../../wire/messages.ts'
import { clearTimeout, setTimeout } from '../../wire/net/timers-node.ts'
import type { DialTls } from '../../wire/net/tls/dial.ts'
import type { History } from '../history.ts'
import { decodePast, encodePast } from '../past.ts'
import { type Reading, Trend, trendStepMs } from '../trend.ts'
import { PastFile } from './past-file.ts'
import { figuresAt, type ServerFigures } from './server-figures.ts'

export interface ChronicleOptions {
  /** Null: it is kept in memory only. */
  readonly folder: string | null
  readonly history: () => History
  readonly status: () => Status
  /** E2: view servers that share a folder don't write over one another. */
  readonly isActive: () => boolean
  /** What this server shows to others (A1). */
  readonly proofs: () => readonly (string | null)[]
  readonly tls: () => DialTls | undefined
  /** Why the file is not read or written. */
  readonly lacking: (reason: string) => void
}

/** How often the file is written while only figures are new. */
const keepEveryMs = 60_000
/** And after a view has changed: not at once, when a failover has more to do. */
const keepAfterMs = 2 * trendStepMs

export class Chronicle {
  readonly trend = new Trend()
  readonly #options: ChronicleOptions
  readonly #file: PastFile | null
  /** When each lock server was started, by the wall clock. */
  #startedAt = new Map<string, number>()
  #timer: NodeJS.Timeout | undefined
  #wasActive = false
  #keptAt = readClock().monotonic
  #keptChanges = 0
  #closed = false
  /** What was kept before is read; until then it is not written over. */
  #ready = Promise.resolve()

  constructor(options: ChronicleOptions) {
    this.#options = options
    this.#file = options.folder === null ? null : new PastFile(options.folder)
  }

  /** For how long each lock server has run, in ms; those that have not told yet are left out. */
  get upMs(): Readonly<Record<string, number>> {
    const { wall } = readClock()
    return Object.fromEntries([...this.#startedAt].map(([id, at]) => [id, Math.max(0, wall - at)]))
  }

  async start(): Promise<void> {
    this.#ready = this.#restore()
    await this.#ready
    this.#later()
  }

  /** Keeps what there is. */
  async close(): Promise<void> {
    this.kill()
    await this.#ready
    await this.#keep()
  }

  /** As the end of its process would. */
  kill(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  #later(): void {
    if (this.#closed) return
    this.#timer = setTimeout(() => void this.#round().then(() => this.#later()), trendStepMs).unref()
  }

  async #round(): Promise<void> {
    // Another one of the same folder may have gone on with it.
    if (this.#options.isActive() && !this.#wasActive) await this.#restore()
    this.#wasActive = this.#options.isActive()
    await this.#look()
    if (this.#isDue) await this.#keep()
  }

  // ---- figures

  async #look(): Promise<void> {
    const { status, tls, proofs } = this.#options
    const { servers, groups } = status()
    const { wall } = readClock()
    const alive = servers.filter(server => server.alive)
    const how = { tls: tls(), proofs: proofs() }
    const answers = new Map(await Promise.all(alive.map(async server => figuresOf(server, how))))
    if (this.#closed) return
    for (const { group, view } of groups) {
      const id = view?.primary.id ?? ''
      this.trend.feed(group, wall, readingOf(id, answers.get(id) ?? null))
    }
    this.trend.only(groups.map(({ group }) => group))
    const started = [...answers].flatMap(([id, answer]): [string, number][] =>
      answer === null ? [] : [[id, wall - answer.upMs]],
    )
    this.#startedAt = new Map(started)
  }

  // ---- the file

  get #isDue(): boolean {
    const since = readClock().monotonic - this.#keptAt
    return since >= (this.#options.history().changes === this.#keptChanges ? keepEveryMs : keepAfterMs)
  }

  async #restore(): Promise<void> {
    try {
      const text = (await this.#file?.read()) ?? null
      if (text === null) return
      const now = readClock()
      const { views, lines } = decodePast(text, now)
      this.#options.history().restore(views)
      for (const [group, { points }] of lines) this.trend.restore(group, points, now.wall)
    } catch (error) {
      this.#options.lacking(`it can't be read: ${(error as Error).message}`)
    }
  }

  async #keep(): Promise<void> {
    const { isActive, lacking } = this.#options
    const history = this.#options.history()
    if (this.#file === null || !isActive()) return
    this.#keptAt = readClock().monotonic
    this.#keptChanges = history.changes
    try {
      await this.#file.write(encodePast({ views: history.views, lines: this.trend.lines }, readClock()))
    } catch (error) {
      lacking(`it can't be written: ${(error as Error).message}`)
    }
  }
}

type How = Parameters<typeof figuresAt>[1]

async function figuresOf({ id, address }: ServerStatus, how: How): Promise<[string, ServerFigures | null]> {
  return [id, await figuresAt(address, how)]
}

/** A server that was primary a moment ago, or is not yet, has other figures. */
function readingOf(id: string, answer: ServerFigures | null): Reading | null {
  if (answer === null || answer.role !== 'primary') return null
  const { held, waiting, sessions, operations, longestWaitMs } = answer
  return {
    of: id,
    held,
    waiting,
    longestWaitMs: waiting === 0 ? 0 : longestWaitMs,
    clients: sessions,
    operations,
  }
}
