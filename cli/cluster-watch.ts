// Follows a local cluster as its clients see it: which view is in force, whether it is acked, and how long
// the primary was out of reach. Its own session measures the gap; nothing is computed from other figures.

import { connect, type LockClient, type View } from '../client/index.ts'
import { readClock } from '../wire/clock.ts'
import type { Status } from '../wire/messages.ts'
import { statusOf } from './ask.ts'
import { tlsOptions } from './tls.ts'

export interface Change {
  readonly view: View
  /** From the loss of the old primary until this process's session continued with the new one; null: none was lost. */
  readonly gapMs: number | null
  /** The gap began with the death of the primary's process; else when the session noticed its silence. */
  readonly died: boolean
}

export interface WatchHandlers {
  changed(change: Change): void
  /** Once for each view: its backup is in sync. */
  acked(status: Status): void
  /** Once for each reason that lasts: the state is on disk, and waits for something. */
  recovers(reason: string): void
  /** Once for each reason: view changes have halted. */
  halted(reason: string, status: Status): void
}

/** How often the view server is asked while the view is not settled. */
const askEveryMs = 50
const recoveryToldMs = 3_000

export class ClusterWatch {
  readonly #urls: readonly string[]
  readonly #handlers: WatchHandlers
  /** How many lock servers there are when all are alive. */
  #servers: number
  #client: LockClient | undefined
  #view: View | null = null
  /** Where the session was last served: a new view may arrive before the news that this server died. */
  #servedAt: string | undefined
  /** Monotonic ms; undefined while the primary is in reach. */
  #lostAt: number | undefined
  #died = false
  /** Views with a new primary whose gap has not ended, and the views after them. */
  #pending: View[] = []
  /** The newest view that was reported as in force; only then is it reported as acked. */
  #toldView = 0
  #ackedView = 0
  #haltReason: string | null = null
  /** A recovery usually takes a moment: what it waits for is told only when it waits for long. */
  #recovery: { readonly reason: string; readonly since: number; told: boolean } | null = null
  #timer: NodeJS.Timeout | undefined
  #asking = false
  #closed = false

  constructor(urls: readonly string[], servers: number, handlers: WatchHandlers) {
    this.#urls = urls
    this.#servers = servers
    this.#handlers = handlers
  }

  /** Starts; tries until it gets a session. */
  start(): void {
    this.look()
    void this.#connect()
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    // The servers end too, so no answer would come.
    void this.#client?.close()
  }

  /** One more lock server was started. */
  serverAdded(): void {
    this.#servers++
    this.look()
  }

  /** A lock server has died: if it was the primary, the gap begins here. */
  serverDied(url: string): void {
    if (url === this.#servedAt) {
      this.#lostAt ??= readClock().monotonic
      this.#died = true
    }
    this.look()
  }

  /** Asks the view server until the view is settled. */
  look(): void {
    if (this.#asking || this.#closed) return
    this.#asking = true
    this.#timer = setTimeout(() => void this.#ask(), 0)
  }

  async #connect(): Promise<void> {
    while (this.#client === undefined && !this.#closed) {
      this.#client = await connect(this.#urls, {
        name: 'holdfast-cluster',
        timeout: 2_000,
        tls: tlsOptions(),
      }).catch(() => undefined)
    }
    const client = this.#client
    if (client === undefined || this.#closed) return void client?.close()
    this.#view = client.view
    this.#servedAt = client.view?.primary.address
    this.#toldView = client.view?.number ?? 0
    client.on('view', view => this.#onView(view))
    // A session with an open request goes to the next primary at once, and gets a successor if it is lost.
    const ask = () => void client.query({ prefix: '/' }).catch(() => {})
    client.on('reconnecting', () => {
      this.#lostAt ??= readClock().monotonic
      ask()
    })
    client.on('session', () => this.#onSession())
    client.on('lost', ask)
    this.look()
  }

  #onView(view: View): void {
    // The gap is that of this process's own session, which is in group 0.
    if (view.group !== 0) return this.#onOtherView(view)
    const samePrimary = view.primary.id === this.#view?.primary.id
    this.#view = view
    if (samePrimary && this.#pending.length === 0) this.#changed(view, null)
    else {
      this.#lostAt ??= readClock().monotonic
      this.#pending.push(view)
    }
    this.look()
  }

  #onOtherView(view: View): void {
    if (!this.#closed) this.#handlers.changed({ view, gapMs: null, died: false })
    this.look()
  }

  #onSession(): void {
    const views = this.#pending
    const gapMs = this.#lostAt === undefined ? null : readClock().monotonic - this.#lostAt
    this.#lostAt = undefined
    this.#servedAt = this.#view?.primary.address
    this.#pending = []
    for (const [i, view] of views.entries()) this.#changed(view, i === 0 ? gapMs : null)
    this.#died = false
  }

  #changed(view: View, gapMs: number | null): void {
    this.#toldView = view.number
    if (!this.#closed) this.#handlers.changed({ view, gapMs, died: this.#died })
  }

  async #ask(): Promise<void> {
    const status = await this.#status()
    if (this.#closed) return
    if (status !== undefined) this.#onStatus(status)
    if (status !== undefined && this.#isSettled(status)) this.#asking = false
    else this.#timer = setTimeout(() => void this.#ask(), askEveryMs)
  }

  async #status(): Promise<Status | undefined> {
    try {
      return await statusOf({
        view: this.#urls,
        secret: process.env.HOLDFAST_SECRET,
        'access-token': process.env.HOLDFAST_ACCESS_TOKEN,
      })
    } catch {
      return undefined // The view server is away; it will be started again.
    }
  }

  #onStatus(status: Status): void {
    const { view, halted } = status
    const number = view?.number ?? 0
    if (number > this.#ackedView && number <= this.#toldView && this.#isWell(status)) {
      this.#ackedView = number
      this.#handlers.acked(status)
    }
    this.#onRecovery(status.recovery === null ? null : halted)
    if (status.recovery !== null) return
    if (halted !== null && halted !== this.#haltReason) this.#handlers.halted(halted, status)
    this.#haltReason = halted
  }

  #onRecovery(reason: string | null): void {
    const now = readClock().monotonic
    if (reason === null) this.#recovery = null
    else if (reason !== this.#recovery?.reason) this.#recovery = { reason, since: now, told: false }
    else if (!this.#recovery.told && now - this.#recovery.since >= recoveryToldMs) {
      this.#recovery.told = true
      this.#handlers.recovers(reason)
    }
  }

  /** A death would be survived, if there is more than one server. A record alone may name dead servers. */
  #isWell({ view, acked, servers, survives }: Status): boolean {
    if (this.#servers > 1) return survives > 0
    return acked && servers.some(server => server.id === view?.primary.id && server.alive)
  }

  #isSettled(status: Status): boolean {
    if (this.#ackedView !== status.view?.number) return false
    return this.#isWell(status) && status.servers.filter(server => server.alive).length >= this.#servers
  }
}
