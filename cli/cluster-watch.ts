// Follows a local cluster as its clients see it: which view is in force, whether it is acked, and how
// long the primary was out of reach. The gap is measured by a session of its own, not worked out.

import { connect, type LockClient, type View } from '../client/index.ts'
import { readClock } from '../wire/clock.ts'
import type { Status } from '../wire/messages.ts'
import { AskedServer, askStatus } from './ask.ts'

export interface Change {
  readonly view: View
  /** From the loss of the old primary until this process's session went on with the new one; null: no primary was lost. */
  readonly gapMs: number | null
  /** The gap began with the death of its process; else when the session noticed that it does not answer. */
  readonly died: boolean
}

export interface WatchHandlers {
  changed(change: Change): void
  /** Once for each view: its backup is in sync. */
  acked(status: Status): void
  /** Once for each reason: no view can be made any more. */
  halted(reason: string): void
}

/** While the view is not settled, the view server is asked this often. */
const askEveryMs = 50

export class ClusterWatch {
  readonly #url: string
  readonly #handlers: WatchHandlers
  /** How many lock servers there are when all is well. */
  #servers: number
  #client: LockClient | undefined
  #view: View | null = null
  /** Where the session was last served: the view may be told before the death of this one is. */
  #servedAt: string | undefined
  /** Monotonic ms; undefined while the primary is in reach. */
  #lostAt: number | undefined
  #died = false
  /** Views from one with a new primary on, whose gap is not over. */
  #pending: View[] = []
  /** The newest view that was told of as in force; only then is it told of as acked. */
  #toldView = 0
  #ackedView = 0
  #haltReason: string | null = null
  #timer: NodeJS.Timeout | undefined
  #asking = false
  #closed = false

  constructor(url: string, servers: number, handlers: WatchHandlers) {
    this.#url = url
    this.#servers = servers
    this.#handlers = handlers
  }

  /** Begins; keeps trying for as long as it takes to get a session. */
  start(): void {
    this.look()
    void this.#connect()
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    // Nobody will answer; the servers end too.
    void this.#client?.close()
  }

  /** There is one lock server more. */
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

  /** Asks the view server until all is settled. */
  look(): void {
    if (this.#asking || this.#closed) return
    this.#asking = true
    this.#timer = setTimeout(() => void this.#ask(), 0)
  }

  async #connect(): Promise<void> {
    while (this.#client === undefined && !this.#closed) {
      this.#client = await connect(this.#url, { name: 'holdfast-cluster', timeout: 2_000 }).catch(
        () => undefined,
      )
    }
    const client = this.#client
    if (client === undefined || this.#closed) return void client?.close()
    this.#view = client.view
    this.#servedAt = client.view?.primary.address
    this.#toldView = client.view?.number ?? 0
    client.on('view', view => this.#onView(view))
    // Who asks for something is in a hurry to the next primary, and gets another session if this one is lost.
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
    const samePrimary = view.primary.id === this.#view?.primary.id
    this.#view = view
    if (samePrimary && this.#pending.length === 0) this.#changed(view, null)
    else {
      this.#lostAt ??= readClock().monotonic
      this.#pending.push(view)
    }
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
      using peer = await AskedServer.meet(this.#url, process.env.HOLDFAST_SECRET)
      return await askStatus(peer)
    } catch {
      return undefined // The view server is away; it is started again.
    }
  }

  #onStatus(status: Status): void {
    const { view, halted } = status
    const number = view?.number ?? 0
    if (number > this.#ackedView && number <= this.#toldView && this.#isWell(status)) {
      this.#ackedView = number
      this.#handlers.acked(status)
    }
    if (halted !== null && halted !== this.#haltReason) this.#handlers.halted(halted)
    this.#haltReason = halted
  }

  /** A death would be survived, as far as there are servers for it. A record alone may name the dead. */
  #isWell({ view, acked, servers, survives }: Status): boolean {
    if (this.#servers > 1) return survives > 0
    return acked && servers.some(server => server.id === view?.primary.id && server.alive)
  }

  #isSettled(status: Status): boolean {
    if (this.#ackedView !== status.view?.number) return false
    return this.#isWell(status) && status.servers.filter(server => server.alive).length >= this.#servers
  }
}
