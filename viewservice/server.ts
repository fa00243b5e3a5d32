// Runs the view core: sockets, timer, disk, log. It decides nothing. When a record can't be saved, or
// the core finds an invariant broken, it ends at once and tells nobody anything more (V6).

import { hostname } from 'node:os'
import { readClock } from '../wire/clock.ts'
import { randomId } from '../wire/id.ts'
import { Links } from '../wire/links.ts'
import { type Listener, listen } from '../wire/listen.ts'
import { type Logger, sparing } from '../wire/log.ts'
import type { Status } from '../wire/messages.ts'
import { hostNames } from '../wire/own-names.ts'
import { PagesPlace } from '../wire/pages-place.ts'
import { Refusals } from '../wire/refusals.ts'
import { ViewCore } from './core.ts'
import { Counts } from './counts.ts'
import type { Measured } from './metrics.ts'
import { type CheckedOptions, checkOptions, type ViewServerOptions } from './options.ts'
import { Pages } from './pages.ts'
import type { NoteLevel, ViewEffect, ViewInput, ViewRecord } from './record.ts'
import { type Lack, lackTexts, withPatience } from './shortage.ts'
import { FileStore, type ViewStore } from './store.ts'

export type { ViewServerOptions } from './options.ts'

export interface ViewServer extends AsyncDisposable {
  /** Where it listens, such as `ws://127.0.0.1:7400`. */
  readonly address: string
  /** Where its pages are, such as `http://127.0.0.1:7400`. */
  readonly pages: string
  /** The view, all servers as they were last heard, and how many more deaths the service survives. */
  status(): Status
  /** Ends it; resolves when the port is free and nothing more is written. */
  close(): Promise<void>
  /** Ends it as the end of its process would: nobody is told anything. Resolves as `close` does. */
  kill(): Promise<void>
}

/** Resolves when it listens; rejects with a clear error when the folder or the port can't be had. */
export async function startViewServer(options: ViewServerOptions): Promise<ViewServer> {
  const checked = checkOptions(options)
  let hear: (lack: Lack) => void = () => {}
  const store = new FileStore(checked.data, lack => hear(lack))
  try {
    const server = new RunningViewServer(checked, store, await store.load())
    hear = lack => server.lacks(lack)
    await server.start()
    return server
  } catch (error) {
    store.close()
    throw error
  }
}

class RunningViewServer implements ViewServer {
  readonly #options: CheckedOptions
  readonly #store: ViewStore
  readonly #core: ViewCore
  readonly #links: Links
  readonly #logger: Logger
  readonly #counts = new Counts()
  readonly #turnedAway = new Refusals()
  readonly #pages: Pages
  readonly #place: PagesPlace
  #listener: Listener | undefined
  #ticker: NodeJS.Timeout | undefined
  #saving: Promise<void> = Promise.resolve()
  #turnEnds = false
  #closed: Promise<void> | undefined

  constructor(options: CheckedOptions, store: ViewStore, record: ViewRecord | null) {
    this.#options = options
    this.#logger = sparing(options.log, () => readClock().monotonic)
    this.#store = store
    this.#pages = new Pages(() => this.#measure(), options)
    const hosts = () => hostNames([this.address, ...options.origins])
    this.#place = new PagesPlace(this.#pages.routes, { ...options, hosts })
    this.#links = new Links(options.secret, input => this.#hear(input))
    this.#core = new ViewCore({
      pingIntervalMs: options.pingIntervalMs,
      deadPings: options.deadPings,
      record,
      newClusterId: randomId(),
      newCluster: options.newCluster,
      pid: process.pid,
      host: hostname(),
      counts: this.#counts,
    })
  }

  get address(): string {
    const { host, port } = this.#listener ?? this.#options
    return `ws://${host.includes(':') ? `[${host}]` : host}:${port}`
  }

  get pages(): string {
    return this.#place.url ?? this.address.replace(/^ws/, 'http')
  }

  async start(): Promise<void> {
    const { host, port, secret, insecure, origins } = this.#options
    await this.#place.open(this.#options.adminListen)
    this.#listener = await listen(
      { host, port, secret, insecure, origins, role: 'viewserver' },
      {
        accepted: (connection, cluster, from) => this.#links.accept(connection, cluster, from),
        turnedAway: (reason, remote) => this.#onTurnedAway(reason, remote),
        http: (request, response) => this.#place.answer(request, response),
      },
    ).catch(async error => {
      await this.#place.close()
      throw error
    })
    this.#ticker = setInterval(() => this.#tick(), this.#options.pingIntervalMs)
    const pages = this.#place.url === null ? {} : { pages: this.#place.url }
    this.#log('info', { url: this.address, pid: process.pid, ...pages }, 'listening')
  }

  close(): Promise<void> {
    if (this.#closed === undefined) this.#log('info', {}, 'closing')
    return this.#end('LEAVING', 'the view server shuts down')
  }

  kill(): Promise<void> {
    this.#closed ??= this.#die()
    return this.#closed
  }

  status(): Status {
    return this.#core.status(readClock())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** After a freeze due timers run first; what waits in the sockets must be read before the misses are counted. */
  #tick(): void {
    setImmediate(() => this.#hear({ is: 'tick' }))
  }

  #hear(input: ViewInput): void {
    if (this.#closed !== undefined) return
    try {
      for (const effect of this.#core.step(input, readClock())) this.#perform(effect)
    } catch (error) {
      return this.#fail(error)
    }
    if (input.is !== 'turn-end') this.#endTurn()
  }

  /** It decides once all that had arrived was read. */
  #endTurn(): void {
    if (this.#turnEnds) return
    this.#turnEnds = true
    setImmediate(() => {
      this.#turnEnds = false
      this.#hear({ is: 'turn-end' })
      this.#links.flush()
    })
  }

  #perform(effect: ViewEffect): void {
    switch (effect.do) {
      case 'save':
        this.#saving = this.#save(effect.record)
        return
      case 'note':
        return this.#log(effect.level, effect.fields, effect.text)
      default:
        return this.#links.perform(effect)
    }
  }

  async #save(record: ViewRecord): Promise<void> {
    const { monotonic } = readClock()
    try {
      await withPatience(() => this.#store.save(record), {
        limitMs: this.#options.pingIntervalMs * this.#options.deadPings,
        everyMs: this.#options.pingIntervalMs,
        lacking: lack => this.lacks(lack),
      })
    } catch (error) {
      return this.#fail(error)
    }
    this.#counts.save.observe(readClock().monotonic - monotonic)
    this.#hear({ is: 'saved' })
  }

  /** B6: a save goes on trying, or the reserve for the next ones is not whole. */
  lacks(lack: Lack): void {
    this.#counts.lacks[lack]++
    this.#log('warn', { lacks: lackTexts[lack] }, 'the view record lacks something')
  }

  #fail(cause: unknown): void {
    if (this.#closed !== undefined) return
    const error = cause instanceof Error ? cause : new Error(String(cause))
    this.#log('error', { error: error.message, stack: error.stack }, 'ends itself')
    this.#end('INTERNAL', 'the view server ends itself').then(
      () => this.#options.onFatal(error),
      () => this.#options.onFatal(error),
    )
  }

  #end(code: 'LEAVING' | 'INTERNAL', text: string): Promise<void> {
    this.#closed ??= this.#finish(code, text)
    return this.#closed
  }

  async #finish(code: 'LEAVING' | 'INTERNAL', text: string): Promise<void> {
    clearInterval(this.#ticker)
    this.#pages.close()
    this.#links.closeAll(code, text)
    await Promise.all([this.#listener?.close(), this.#place.close()])
    // A save that failed is what may have called us; it has settled, or settles by itself.
    if (code === 'LEAVING') await this.#saving
    this.#store.close()
  }

  async #die(): Promise<void> {
    clearInterval(this.#ticker)
    this.#pages.close()
    this.#links.cutAll()
    await Promise.all([this.#listener?.kill(), this.#place.close()])
    await this.#saving
    this.#store.close()
  }

  #onTurnedAway(reason: string, remote: string): void {
    this.#turnedAway.countReason(reason)
    this.#log('warn', { reason, remote }, 'a connection was refused')
  }

  #measure(): Measured {
    return {
      status: this.status(),
      counts: this.#counts,
      refusals: [this.#turnedAway, this.#links.refusals],
      connections: this.#links.size,
      clients: this.#core.clients,
      unready: this.#core.unready,
      reserve: this.#store.reserve,
    }
  }

  #log(level: NoteLevel, fields: object, text: string): void {
    const view = this.#core.record?.view.number ?? 0
    this.#logger[level]({ view, role: 'viewserver', server: this.address, ...fields }, text)
  }
}
