// Where a server's pages are: on the port of its peers, or at their own address. This class opens and closes
// that address, and hands each request to the pages with what may be answered there.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { Http, type HttpOptions, type Routes } from './http.ts'
import { listenForPages, type PagesAddress, type PagesListener } from './pages-listener.ts'

export class PagesPlace {
  readonly #http: Http
  readonly #options: HttpOptions & { readonly insecure: boolean }
  #own: PagesListener | null = null

  constructor(routes: Routes, options: HttpOptions & { readonly insecure: boolean }) {
    this.#http = new Http(routes, options)
    this.#options = options
  }

  /** Null if the pages are on the port of the peers. */
  async open(at: PagesAddress | null): Promise<void> {
    if (at === null) return
    this.#own = await listenForPages(at, this.#options, (request, response) =>
      this.#http.answer(request, response),
    )
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
