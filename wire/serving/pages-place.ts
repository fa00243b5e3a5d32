// Where a server's pages are: on the port of its peers, or at their own address. This class opens and closes
// that address, and hands each request to the pages with what may be answered there.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Listener } from '../net/listen.ts'
import type { ServerTls } from '../net/tls/server-tls.ts'
import { Http, type HttpOptions, type Routes } from './http.ts'
import { listenForPages, type PagesAddress, type PagesListener } from './pages-listener.ts'

/** `peers`: sockets of pages count at their edge, wherever they come in (B3). */
interface Options extends Omit<HttpOptions, 'wrongSecrets'> {
  readonly insecure: boolean
  readonly peers: Pick<Listener, 'edge' | 'visit'>
  readonly tls: ServerTls | null
  turnedAway(reason: string, remote: string): void
}

export class PagesPlace {
  readonly #http: Http
  readonly #options: Options
  #own: PagesListener | null = null

  constructor(routes: Routes, options: Options) {
    this.#http = new Http(routes, { ...options, wrongSecrets: options.peers.edge.wrongSecrets })
    this.#options = options
  }

  /** `at`: null if the pages are on the port of the peers. If it isn't available, the server must end by `kill`. */
  async open(at: PagesAddress | null, kill: () => Promise<void>): Promise<void> {
    if (at === null) return
    try {
      this.#own = await listenForPages(at, this.#options, (request, response) =>
        this.#http.answer(request, response),
      )
    } catch (error) {
      await kill()
      throw error
    }
  }

  /** Where pages are, such as `http://127.0.0.1:7401`; `address`: that of the peers. */
  for(address: string): string {
    return this.url ?? address.replace(/^ws/, 'http')
  }

  /** The pages' own address, if they have one. */
  get url(): string | null {
    return this.#own?.url ?? null
  }

  /** Answers a request that came to the port of the peers. */
  answer(request: IncomingMessage, response: ServerResponse): void {
    this.#http.answer(request, response, this.url)
  }

  async close(): Promise<void> {
    await this.#own?.close()
  }
}
