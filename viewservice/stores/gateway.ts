// Speaks to etcd through its own JSON gateway: several endpoints, a time limit for each request, TLS, user and
// password. It says what is certain about a request that failed, and repeats none that may have been done.

import { type Json, member, textIn } from './json.ts'
import { noTls, Poster, type RecordTls } from './post.ts'
import { StoreError } from './store.ts'

export interface GatewayOptions {
  /** Such as `http://10.0.0.1:2379`. */
  readonly endpoints: readonly string[]
  readonly user: { readonly name: string; readonly password: string } | null
  /** For endpoints of https; absent: what Node believes, and nothing is shown. */
  readonly tls?: RecordTls
  /** For each request; one that takes longer has an unknown outcome. */
  readonly timeoutMs: number
}

/** With these no connection came to be, so that nothing was asked: a handshake that fails comes before any request is read. */
const unreached =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|EPROTO|ERR_TLS_CERT_\w+|ERR_SSL_\w+|\w*(CERT|SELF_SIGNED|UNABLE_TO_)\w*)$/
/** Where a handshake failed, what to look at. */
const advice: readonly (readonly [RegExp, string])[] = [
  [/ALTNAME/, 'name the endpoint as its certificate does'],
  [/EXPIRED|NOT_YET_VALID/, 'renew it, or set this clock right'],
  [/ALERT|CERTIFICATE_REQUIRED|BAD_CERTIFICATE/, 'show it a certificate that it takes: ?cert=FILE&key=FILE'],
  [/SELF_SIGNED|UNABLE_TO_/, 'give the authority that signed it: ?ca=FILE'],
  [/WRONG_VERSION_NUMBER|EPROTO|PACKET_LENGTH/, 'it may speak no TLS: etcd:// in place of etcds://'],
]
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
  readonly #poster: Poster
  /** The endpoint that is asked first: the last one that answered. */
  #first = 0
  #token: string | null = null

  constructor(options: GatewayOptions) {
    this.#options = options
    this.#poster = new Poster(options.tls ?? noTls)
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
      const headers = await this.#headers(signal)
      const answer = await this.#poster.post(
        `${this.#endpoint}${path}`,
        headers,
        JSON.stringify(body),
        signal,
      )
      for await (const _ of answer) {
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
    this.#poster.close()
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
    return this.#posted(path, await this.#headers(signal), body, signal)
  }

  async #headers(signal: AbortSignal): Promise<Record<string, string>> {
    const type = { 'content-type': 'application/json' }
    return this.#options.user === null ? type : { ...type, authorization: await this.#authenticated(signal) }
  }

  async #authenticated(signal: AbortSignal): Promise<string> {
    if (this.#token !== null) return this.#token
    try {
      const answer = await this.#posted('/v3/auth/authenticate', {}, this.#options.user ?? {}, signal)
      this.#token = textIn(answer, 'token')
      return this.#token
    } catch (error) {
      // Whatever became of it, what was to be asked as this user was not asked.
      if (error instanceof RequestError && error.failing === 'asked')
        throw new RequestError('not reached', error.message)
      throw error
    }
  }

  async #posted(
    path: string,
    headers: Record<string, string>,
    body: object,
    signal: AbortSignal,
  ): Promise<Json> {
    let [status, text] = [0, '']
    try {
      const answer = await this.#poster.post(
        `${this.#endpoint}${path}`,
        headers,
        JSON.stringify(body),
        signal,
      )
      status = answer.statusCode ?? 0
      for await (const part of answer.setEncoding('utf8')) text += part
    } catch (error) {
      this.#poster.readAgain()
      throw failed(error, this.#options.timeoutMs)
    }
    const answer = parsed(text)
    if (status >= 200 && status < 300) return answer
    throw refused(status, answer)
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

function failed(error: unknown, timeoutMs: number): RequestError {
  const { message, name } = error instanceof Error ? error : new Error(String(error))
  if (name === 'AbortError') return new RequestError('asked', `no answer within ${timeoutMs} ms`)
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (!unreached.test(code)) return new RequestError('asked', message || code)
  const help = advice.find(([codes]) => codes.test(code))?.[1]
  return new RequestError('not reached', [message || code, ...(help === undefined ? [] : [help])].join('; '))
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
