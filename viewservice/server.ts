// A view server as a process has it: a port, pages and a disk around one that runs. It decides nothing.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { hostname } from 'node:os'
import { runtime } from '#runtime'
import type { Status } from '../wire/messages.ts'
import { type Listener, listen, urlOf } from '../wire/net/listen.ts'
import { answerHttp, hostNames } from '../wire/serving/http.ts'
import { type CheckedOptions, checkOptions, type ViewServerOptions } from './options.ts'
import type { Measured } from './pages/metrics.ts'
import { ViewPages } from './pages/pages.ts'
import type { ViewRecord } from './record.ts'
import { RunningViewServer } from './running.ts'
import { FileStore, type ViewStore } from './store.ts'

export type { ViewServerOptions } from './options.ts'

export interface ViewServer extends AsyncDisposable {
  /** Where it listens, such as `ws://127.0.0.1:7400`. */
  readonly address: string
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
  const { host, port, secret, insecure, origins, connectionsPerAddress, framesPerAddress } = checked
  const store = new FileStore(checked.data)
  const record = await store.load()
  const listener = await listen(
    { host, port, secret, insecure, origins, connectionsPerAddress, framesPerAddress, role: 'viewserver' },
    {
      // None of these is called before the server below is there: a listener hears nothing in the turn it begins in.
      accepted: (connection, cluster, from) => server.running.accepted(connection, cluster, from),
      turnedAway: (reason, remote) => server.running.turnedAway(reason, remote),
      http: (request, response) => server.http(request, response),
    },
  )
  const server = new ListeningViewServer(checked, listener, store, record)
  server.start()
  return server
}

class ListeningViewServer implements ViewServer {
  readonly address: string
  readonly running: RunningViewServer
  readonly #options: CheckedOptions
  readonly #listener: Listener
  readonly #pages: ViewPages
  #closed: Promise<void> | undefined

  constructor(options: CheckedOptions, listener: Listener, store: ViewStore, record: ViewRecord | null) {
    this.#options = options
    this.#listener = listener
    this.address = urlOf(listener.host, listener.port)
    this.#pages = new ViewPages(() => this.#measure(), options)
    this.running = new RunningViewServer(
      { ...options, address: this.address, record, pid: process.pid, host: hostname() },
      runtime,
      store,
      { failed: error => this.#failed(error) },
    )
  }

  start(): void {
    this.running.start()
    this.running.note('info', 'listening', { url: this.address, pid: process.pid })
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

  http(request: IncomingMessage, response: ServerResponse): void {
    const { origins, secret } = this.#options
    const hosts = hostNames([this.address, ...origins])
    void answerHttp(request, response, this.#pages.routes, { hosts, secret })
  }

  async #end(close: () => Promise<void>): Promise<void> {
    this.#pages.close()
    await close()
    await this.running.saving
  }

  /** It need not be waited for what is being written: a save that failed is what may have ended it. */
  #failed(error: Error): void {
    this.#pages.close()
    this.#closed = this.#listener.close()
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
      counts,
      refusals,
      connections,
      clients,
      unready,
      edge: this.#listener.edge,
    }
  }
}
