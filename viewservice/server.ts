// A view server as a process has it: a port, pages and a disk around a running one. It decides nothing.

import { hostname } from 'node:os'
import { runtime } from '#runtime'
import type { Status } from '../wire/messages.ts'
import { isLoopback, isWildcard, type Listener, listen } from '../wire/net/listen.ts'
import { dialsWith } from '../wire/net/open-web-socket.ts'
import { ServerTls } from '../wire/net/tls/server-tls.ts'
import { hostNames } from '../wire/serving/own-names.ts'
import { PagesPlace } from '../wire/serving/pages-place.ts'
import { ServerAccess } from '../wire/serving/server-access.ts'
import { foundingOf, noRecordText } from './founding.ts'
import { type CheckedOptions, checkOptions, type ViewServerOptions } from './options.ts'
import type { Measured } from './pages/metrics.ts'
import { ViewPages } from './pages/pages.ts'
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
  const tls = checked.tls === null ? null : await ServerTls.open(checked.tls)
  let hear: (lack: Lack) => void = () => {}
  const store = openStore(checked.place, lack => hear(lack))
  try {
    const server = await startWith(checked, tls, store, await firstLoad(store))
    hear = lack => server.lacks(lack)
    return server
  } catch (error) {
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
  tls: ServerTls | null,
  store: ViewStore,
  stored: Stored | null | undefined,
): Promise<ListeningViewServer> {
  const { host, port, secret, insecure, origins, connectionsPerAddress, framesPerAddress } = options
  const access = await ServerAccess.open(
    options,
    [host, options.adminListen?.host ?? host],
    (options.tls?.clientCaFile ?? null) !== null,
  )
  const { guard } = access
  const listener = await listen(
    {
      host,
      port,
      secret,
      guard,
      insecure,
      origins,
      connectionsPerAddress,
      framesPerAddress,
      tls,
      role: 'viewserver',
    },
    {
      // None of these is called before the server below exists: a listener hears nothing in its first turn.
      accepted: (...peer) => server.running.accepted(...peer),
      turnedAway: (reason, remote) => server.running.turnedAway(reason, remote),
      filesShort: code => server.running.filesShort(code),
      get turn() {
        return server.running.turn
      },
      http: (request, response) => server.place.answer(request, response),
    },
  )
  const server = new ListeningViewServer(options, listener, { tls, access }, store, stored)
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
  readonly place: PagesPlace
  readonly #options: CheckedOptions
  readonly #listener: Listener
  readonly #tls: ServerTls | null
  readonly #store: ViewStore
  readonly #access: ServerAccess
  readonly #pages: ViewPages
  #closed: Promise<void> | undefined

  constructor(
    options: CheckedOptions,
    listener: Listener,
    { tls, access }: { readonly tls: ServerTls | null; readonly access: ServerAccess },
    store: ViewStore,
    stored: Stored | null | undefined,
  ) {
    this.#options = options
    this.#listener = listener
    this.#tls = tls
    this.address = listener.url
    this.#store = store
    this.#access = access
    this.#pages = new ViewPages(() => this.#measure(), { ...options, dial: () => tls?.dial }, access.guard)
    const hosts = () => hostNames([this.address, ...options.origins])
    this.place = new PagesPlace(this.#pages.routes, {
      ...options,
      guard: access.guard,
      door: this.#pages.door,
      audit: line => this.running.audit(line),
      hosts,
      peers: listener,
      tls,
      turnedAway: (reason, remote) => this.running.turnedAway(reason, remote),
    })
    this.running = new RunningViewServer(
      {
        ...options,
        guard: access.guard,
        ...foundingFor(options),
        noRecord: noRecordText(placeOption(options.place)),
        address: this.address,
        reachedAt: addressFor(options, this.address),
        stored,
        isLocal: isLocal(options),
        pid: process.pid,
        host: hostname(),
      },
      tls === null ? runtime : dialsWith(runtime, () => tls.dial),
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
    return this.place.open(this.#options.adminListen, () => this.kill())
  }

  start(): void {
    this.#access.start(
      this.#options.log,
      { changed: () => this.running.rightsChanged(), endTokens: () => this.running.endTokens() },
      this.#options.pingIntervalMs,
    )
    this.running.start()
    this.#tls?.start((...said) => this.running.note(...said), this.#options.advertise ?? this.address)
    const pages = this.place.url === null ? {} : { pages: this.place.url }
    this.running.note('info', 'listening', { url: this.address, pid: process.pid, ...pages })
  }

  async readAgain(): Promise<void> {
    await Promise.all([this.#tls?.reload(), this.#access.reload()])
  }

  close(): Promise<void> {
    this.running.close()
    this.#closed ??= this.#end(() => this.#listener.close())
    return this.#closed
  }

  kill(): Promise<void> {
    this.running.kill()
    this.#closed ??= this.#end(() => this.#listener.kill())
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

  async #end(close: () => Promise<void>): Promise<void> {
    this.#access.close()
    this.#pages.close()
    this.#tls?.close()
    await Promise.all([close(), this.place.close()])
    await this.running.givingUp
    await this.running.saving
    this.#store.close()
  }

  /** Does not wait for a record that is being written: a failed save may be what has ended the server. */
  #failed(error: Error): void {
    this.#access.close()
    this.#pages.close()
    this.#tls?.close()
    this.#closed = Promise.all([this.#listener.close(), this.place.close()]).then(() => this.#store.close())
    this.#closed.then(
      () => this.#options.onFatal(error),
      () => this.#options.onFatal(error),
    )
  }

  #measure(): Measured {
    const { core, counts, refusals, connections } = this.running
    const { clients, unready } = core
    return {
      status: this.status(),
      active: core.isActive,
      counts,
      refusals,
      connections,
      clients,
      unready,
      edge: this.#listener.edge,
      tls: this.#tls,
      access: this.#access,
      reserve: this.#store.reserve,
    }
  }
}
