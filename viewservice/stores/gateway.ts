// Speaks to etcd through its own JSON gateway: several endpoints, a time limit for each request, user and
// password. It says what is certain about a request that failed, and repeats none that may have been done.

import { type Json, member, textIn } from './json.ts'
import { StoreError } from './store.ts'

export interface GatewayOptions {
  /** Such as `http://10.0.0.1:2379`. */
  readonly endpoints: readonly string[]
  readonly user: { readonly name: string; readonly password: string } | null
  /** For each request; one that takes longer has an unknown outcome. */
  readonly timeoutMs: number
}

/** With these no connection came to be, so that nothing was asked. */
const unreached = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_HAS_EXPIRED',
])
/** gRPC's codes: etcd has looked at the request and done nothing. */
const refusals = { invalid: 3, forbidden: 7, unauthenticated: 16 }

/** `asked`: the request may have been done. `refused`: etcd answered, and did nothing. */
type Failing = 'not reached' | 'refused' | 'asked'

class RequestError extends Error {
  readonly failing: Failing
  /** Of gRPC; null if etcd gave none. */
  readonly code: number | null

  constructor(failing: Failing, text: string, code: number | null = null) {
    super(text)
    this.failing = failing
    this.code = code
  }
}

export class Gateway {
  readonly #options: GatewayOptions
  readonly #over = new AbortController()
  /** The endpoint that is asked first: the last one that answered. */
  #first = 0
  #token: string | null = null

  constructor(options: GatewayOptions) {
    this.#options = options
  }

  /** May be asked twice without harm, so each endpoint is asked until one answers. Fails with *away*. */
  async read(path: string, body: object): Promise<Json> {
    return this.#eachEndpoint(path, body, () => true)
  }

  /** Goes on to the next endpoint only when it is certain that nothing was done. */
  async write(path: string, body: object): Promise<Json> {
    return this.#eachEndpoint(path, body, error => error.failing === 'not reached')
  }

  /** Calls back for each line of an answer that does not end; resolves when it has ended, or never began. */
  async follow(path: string, body: object, hear: () => void): Promise<void> {
    const ends = new AbortController()
    // Until its first line it is a request like any other.
    const patience = setTimeout(() => ends.abort(), this.#options.timeoutMs)
    try {
      const signal = AbortSignal.any([this.#over.signal, ends.signal])
      const response = await fetch(`${this.#endpoint}${path}`, await this.#request(body, signal))
      for await (const _ of response.body ?? []) {
        clearTimeout(patience)
        hear()
      }
    } catch {
      // It is followed anew, and what it should have told is asked for meanwhile.
    } finally {
      clearTimeout(patience)
      ends.abort()
      this.#next()
    }
  }

  close(): void {
    this.#over.abort()
  }

  get #endpoint(): string {
    const { endpoints } = this.#options
    return endpoints[this.#first % endpoints.length] ?? ''
  }

  #next(): void {
    this.#first++
  }

  async #eachEndpoint(path: string, body: object, goesOn: (error: RequestError) => boolean): Promise<Json> {
    const troubles: string[] = []
    for (let tries = this.#options.endpoints.length; tries > 0; tries--) {
      const endpoint = this.#endpoint
      try {
        return await this.#askAsUser(path, body)
      } catch (cause) {
        if (!(cause instanceof RequestError)) throw cause
        troubles.push(`${endpoint}: ${cause.message}`)
        this.#next()
        if (cause.failing === 'refused') throw new Error(`etcd refuses ${path}: ${troubles.join('; ')}`)
        if (!goesOn(cause)) throw new StoreError('unknown', `etcd: ${troubles.join('; ')}`)
      }
    }
    throw new StoreError('away', `etcd is not reached: ${troubles.join('; ')}`)
  }

  /** A token that has run out is drawn anew, once: etcd says so before it does anything. */
  async #askAsUser(path: string, body: object): Promise<Json> {
    try {
      return await this.#ask(path, body)
    } catch (error) {
      const expired = error instanceof RequestError && error.code === refusals.unauthenticated
      if (!expired || this.#options.user === null) throw error
      this.#token = null
      return this.#ask(path, body)
    }
  }

  async #ask(path: string, body: object): Promise<Json> {
    const signal = AbortSignal.any([this.#over.signal, AbortSignal.timeout(this.#options.timeoutMs)])
    const request = await this.#request(body, signal)
    return this.#fetched(`${this.#endpoint}${path}`, request)
  }

  async #request(body: object, signal: AbortSignal): Promise<RequestInit> {
    const headers: Record<string, string> = { 'content-type': 'application/json' }
    if (this.#options.user !== null) headers.authorization = await this.#authenticated(signal)
    return { method: 'POST', headers, body: JSON.stringify(body), signal }
  }

  async #authenticated(signal: AbortSignal): Promise<string> {
    if (this.#token !== null) return this.#token
    const body = JSON.stringify(this.#options.user)
    try {
      const answer = await this.#fetched(`${this.#endpoint}/v3/auth/authenticate`, {
        method: 'POST',
        body,
        signal,
      })
      this.#token = textIn(answer, 'token')
      return this.#token
    } catch (error) {
      // Whatever became of it, what was to be asked as this user was not asked.
      if (error instanceof RequestError && error.failing === 'asked')
        throw new RequestError('not reached', error.message)
      throw error
    }
  }

  async #fetched(url: string, request: RequestInit): Promise<Json> {
    let response: Response
    let text: string
    try {
      response = await fetch(url, request)
      text = await response.text()
    } catch (error) {
      throw failed(error)
    }
    const answer = parsed(text)
    if (response.ok) return answer
    throw refused(response.status, answer)
  }
}

function parsed(text: string): Json {
  try {
    const answer: Json = JSON.parse(text)
    return answer
  } catch {
    throw new RequestError('asked', `the answer is not JSON: ${text.slice(0, 80)}`)
  }
}

function failed(error: unknown): RequestError {
  const { message, cause } = error instanceof Error ? error : new Error(String(error))
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  const text = cause instanceof Error ? cause.message : message
  return new RequestError(unreached.has(code) ? 'not reached' : 'asked', text || code)
}

function refused(status: number, answer: Json): RequestError {
  const [code, text] = [member(answer, 'code'), member(answer, 'error')]
  const isRefusal = Object.values(refusals).some(known => known === code)
  return new RequestError(
    isRefusal ? 'refused' : 'asked',
    typeof text === 'string' ? text : `HTTP status ${status}`,
    typeof code === 'number' ? code : null,
  )
}
