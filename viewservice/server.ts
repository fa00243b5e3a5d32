// A view server as a process has it: a port, pages and a disk around a running one. It decides nothing.

import { hostname } from 'node:os'
import { runtime } from '#runtime'
import type { Status } from '../wire/messages.ts'
import { isLoopback, isWildcard } from '../wire/net/listen.ts'
import { type Front, FrontSettings } from '../wire/serving/front.ts'
import type { PagesPlace } from '../wire/serving/pages-place.ts'
import { foundingOf, noRecordText } from './founding.ts'
import { type CheckedOptions, checkOptions, type ViewServerOptions } from './options.ts'
import type { Measured } from './pages/metrics.ts'
import { type PagesOptions, ViewPages } from './pages/pages.ts'
import type { StoredRecord } from './record.ts'
import { RunningViewServer } from './running.ts'
import { type Lack, lackTexts, withPatience } from './shortage.ts'
import { openStore, placeOption } from './stores/place.ts'
import { type Stored, StoreError, type ViewStore } from './stores/store.ts'

export type { ViewServerOptions } from './options.ts'

export interface ViewServer extends AsyncDisposable {
  /** Where it listens, such as `ws://127.0.0.1:7400`. */
  readonly address: string
  /** Where its pages are, such as `http://127.0.0.1:7400`. */
  readonly pages: string
  /** The view, all servers as last heard, and how many more deaths the service survives. */
  status(): Status
  /**
   * Reads the access file and the files of TLS again, as it does by itself when they change; what is spoilt changes nothing and is
   * told in the log.
   */
  readAgain(): Promise<void>
  /** Ends the server; resolves when the port is free and nothing more is written. */
  close(): Promise<void>
  /** Ends the server as the end of its process would: no peer hears anything. Resolves as `close` does. */
  kill(): Promise<void>
}

/** Resolves when the server listens; rejects with a clear error if the folder or the port isn't available. */
export async function startViewServer(options: ViewServerOptions): Promise<ViewServer> {
  const checked = checkOptions(options)
  const settings = await FrontSettings.open(checked)
  let hear: (lack: Lack) => void = () => {}
  const store = openStore(checked.place, lack => hear(lack))
  try {
    const server = await startWith(checked, settings, store, await firstLoad(store))
    hear = lack => server.lacks(lack)
    return server
  } catch (error) {
    settings.close()
    store.close()
    throw error
  }
}

/** Undefined: the store is not reached. That is no reason not to start: it may start later than this one. */
async function firstLoad(store: ViewStore): Promise<Stored | null | undefined> {
  try {
    return await store.load()
  } catch (error) {
    if (error instanceof StoreError) return undefined
    throw error
  }
}

async function startWith(
  options: CheckedOptions,
  settings: FrontSettings,
  store: ViewStore,
  stored: Stored | null | undefined,
): Promise<ListeningViewServer> {
  const front = await settings.listen('viewserver', () => server)
  const server: ListeningViewServer = new ListeningViewServer(options, front, store, stored)
  await server.openPages()
  server.start()
  return server
}

/** All that share the store are on this machine: then an address of this machine is good for all. */
function isLocal({ place }: CheckedOptions): boolean {
  return place.in === 'folder' || place.endpoints.every(endpoint => isLoopback(hostIn(endpoint)))
}

/** E3: where other view servers reach this one. */
function addressFor(options: CheckedOptions, listens: string): string {
  const address = options.advertise ?? listens
  const host = hostIn(address)
  if (isLocal(options) || !(isLoopback(host) || isWildcard(host))) return address
  throw new TypeError(
    `other view servers can't reach this one at ${address}: with a record in etcd, listen on an address of this machine, or give --advertise URL`,
  )
}

function hostIn(url: string): string {
  return new URL(url).hostname.replace(/^\[(.*)\]$/, '$1')
}

/** E6: what a store without a record gets; a record that is there stays as it is. */
function foundingFor({ begins }: CheckedOptions) {
  return begins === null ? {} : { founding: foundingOf({ ...begins, cluster: runtime.newId() }) }
}

class ListeningViewServer implements ViewServer {
  readonly address: string
  readonly running: RunningViewServer
  readonly #advertised: string
  readonly place: PagesPlace
  readonly #options: CheckedOptions
  readonly #front: Front
  readonly #store: ViewStore
  readonly #pages: ViewPages
  #closed: Promise<void> | undefined

  constructor(options: CheckedOptions, front: Front, store: ViewStore, stored: Stored | null | undefined) {
    const { guard } = front.access
    this.#options = options
    this.#front = front
    this.address = front.address
    this.#advertised = options.advertise ?? this.address
    this.#store = store
    this.#pages = new ViewPages(() => this.#measure(), this.#pagesOptions(), guard)
    this.place = front.placeOf(this.#pages, this.#advertised, () => this.running)
    this.running = new RunningViewServer(
      {
        ...options,
        guard,
        ...foundingFor(options),
        noRecord: noRecordText(placeOption(options.place)),
        address: this.address,
        reachedAt: addressFor(options, this.address),
        stored,
        isLocal: isLocal(options),
        pid: process.pid,
        host: hostname(),
      },
      front.dialling(runtime),
      {
        load: () => store.load(),
        save: (record, expected) => this.#save(record, expected),
        watch: changed => store.watch(changed),
        marks: store.marks,
      },
      { failed: error => this.#failed(error) },
    )
  }

  get pages(): string {
    return this.place.for(this.address)
  }

  /** Rejects if the address of the pages isn't available; then nothing listens any more. */
  openPages(): Promise<void> {
    return this.#front.openPages(this.place, () => this.kill())
  }

  start(): void {
    this.#front.start(this.running, this.#advertised)
    this.running.start()
    void this.#pages.chronicle.start()
    const pages = this.place.url === null ? {} : { pages: this.place.url }
    this.running.note('info', 'listening', { url: this.address, pid: process.pid, ...pages })
  }

  readAgain(): Promise<void> {
    return this.#front.readAgain()
  }

  close(): Promise<void> {
    this.running.close()
    this.#closed ??= this.#end(false)
    return this.#closed
  }

  kill(): Promise<void> {
    this.running.kill()
    this.#closed ??= this.#end(true)
    return this.#closed
  }

  status(): Status {
    return this.running.status()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** B6: a save is still being tried, or the reserve for the next ones is not whole. */
  lacks(lack: Lack): void {
    this.running.counts.lacks[lack]++
    this.running.note('warn', 'the view record lacks something', { lacks: lackTexts[lack] })
  }

  #save(record: StoredRecord, expected: Stored | null): Promise<Stored> {
    const { pingIntervalMs, deadPings } = this.#options
    return withPatience(() => this.#store.save(record, expected), {
      limitMs: pingIntervalMs * deadPings,
      everyMs: pingIntervalMs,
      lacking: lack => this.lacks(lack),
    })
  }

  async #end(atOnce: boolean): Promise<void> {
    const kept = this.#pages.close(atOnce)
    await this.#front.close(this.place, atOnce)
    await this.running.givingUp
    await this.running.saving
    await kept
    this.#store.close()
  }

  /** Does not wait for a record that is being written: a failed save may be what has ended the server. */
  #failed(error: Error): void {
    void this.#pages.close(true)
    this.#closed = this.#front.close(this.place, false).then(() => this.#store.close())
    this.#closed.then(
      () => this.#options.onFatal(error),
      () => this.#options.onFatal(error),
    )
  }

  /** What is called later on may need the running server, which is made after this. */
  #pagesOptions(): PagesOptions {
    const { place, history, play, acts } = this.#options
    const tls = () => this.#front.tls?.dial
    const chronicle = {
      folder: history ?? (place.in === 'folder' ? place.folder : null),
      history: () => this.running.counts.history,
      status: () => this.status(),
      isActive: () => this.running.core.isActive,
      proofs: () => this.#front.access.guard.ownProofs,
      tls,
      lacking: (reason: string) => this.running.note('warn', 'the history is not kept', { reason }),
    }
    return { play, dial: tls, chronicle, acts }
  }

  #measure(): Measured {
    const { core, counts, refusals, connections } = this.running
    const { clients, unready } = core
    const { access, tls, listener } = this.#front
    return {
      status: this.status(),
      active: core.isActive,
      counts,
      refusals,
      connections,
      clients,
      unready,
      edge: listener.edge,
      tls,
      access,
      reserve: this.#store.reserve,
    }
  }
}
