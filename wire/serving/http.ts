// What servers answer over HTTP: pages for operators, probes and scrapers. No other program may cache an
// answer. The cost of a page has a budget (B5), pages about the cluster require that the request names the
// server by one of its own names and knows the secret, and pages that change something answer only callers
// that may change it.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { allows, looks, type Principal } from '../access/principal.ts'
import { readMonotonic } from '../clock.ts'
import type { Guard, Proven } from '../net/guard.ts'
import { setTimeout } from '../net/timers-node.ts'
import { notAServer } from '../net/tls/said.ts'
import type { WrongSecrets } from '../net/wrong-secrets.ts'
import type { Door, Shown } from './door.ts'
import { isLoopbackAddress, isOwnName } from './own-names.ts'
import { PageBudget } from './page-budget.ts'
import { PageTurns } from './page-turns.ts'
import { PageWaiting } from './page-waiting.ts'
import { proofIn } from './proof.ts'
import { SharedPage } from './shared-page.ts'

export interface Page {
  readonly status: number
  /** A content type; the default is JSON. */
  readonly type?: string
  readonly body: string | Buffer | object
  readonly headers?: Readonly<Record<string, string>>
  /** Called once the answer has gone out, or can't go out any more. */
  readonly afterwards?: () => void
}

export interface Route {
  /** For probes: open to all under any host name, since probes know only addresses; it reveals little. */
  readonly probe?: true
  /** The page requires the secret or a token, if there is one; Basic (any name), as a bearer, or by a log-in (A9). */
  readonly guarded?: true
  /** A2: what a principal must be allowed; by default, anything that lets it look at the cluster. */
  readonly needs?: 'operate' | 'metrics'
  /** A1: a server of the cluster may have it, too, by what servers show to one another. */
  readonly forServers?: true
  /** Pages of other sites may link here. */
  readonly linked?: true
  /** The page depends on its parameters; otherwise all callers share one page. */
  readonly asks?: true
  /**
   * The page changes something, by POST: for the server's own page, or for programs that know the secret, have a token
   * that may operate, or run on this machine.
   */
  readonly changes?: 'by page' | 'by program'
  /** A7: whoever asks for it and may have it is noted. */
  readonly noted?: true
  readonly read: (query: URLSearchParams, caller: Caller) => Page | Promise<Page>
}

/** Who asks for a page. */
export interface Caller {
  /** Null: no rules apply to it (A2). */
  readonly principal: Principal | null
  /** What it showed, to be passed on to another server of the cluster. */
  readonly authorization: string | undefined
  /** Null: it has shown nothing that is right, and need not. */
  readonly proven: Proven | null
  /** A9: by the cookie of a log-in, not by itself. */
  readonly byCookie: boolean
  readonly cookies: string | undefined
  /** Its browser's way to here is encrypted, by this server or by a proxy. */
  readonly isSecure: boolean
}

/** A shared page is made for all who may have it. */
const anyCaller: Caller = {
  principal: null,
  authorization: undefined,
  proven: null,
  byCookie: false,
  cookies: undefined,
  isSecure: false,
}

/** A query that makes no sense: 400 with this message. */
export class BadQuery extends Error {}

export type Routes = ReadonlyMap<string, Route>

export function routesOf(routes: Readonly<Record<string, Route>>): Routes {
  return new Map(Object.entries(routes))
}

export interface HttpOptions {
  /** The server's names, apart from IP addresses, localhost and the machine's own name. */
  readonly hosts: () => readonly string[]
  /** Who may come in (A1). */
  readonly guard: Guard
  /** A7: an operator's act, or a refusal. */
  readonly audit?: (line: PageAudit) => void
  /** B3: the count of wrong secrets that all ports of a server share. */
  readonly wrongSecrets: WrongSecrets
  /** A9: absent: no browser can log in here. */
  readonly door?: Door
}

/** A7: what a caller wanted to do, and whether it may. */
export interface PageAudit {
  readonly principal: string | null
  readonly address: string
  readonly verb: string
  readonly act: string
  readonly allowed: boolean
}

/** A page as it is sent. */
interface Sheet extends Omit<Page, 'body'> {
  readonly text: Buffer
}

/** What a request asks for: a page to read, or the page that says why there is none. */
type Wish =
  | { readonly route: Route; readonly path: string; readonly query: string; readonly caller: Caller }
  | { readonly refusal: Page }

export class Http {
  readonly #routes: Routes
  readonly #options: HttpOptions
  readonly #turns = new PageTurns()
  readonly #budget = new PageBudget()
  readonly #shared = new Map<string, SharedPage<Sheet>>()
  /** Requests for other pages do not keep probes out. */
  readonly #probing = new PageWaiting()
  readonly #waiting = new PageWaiting()
  /** Those whose token is looked at first (A3). */
  readonly #looking = new PageWaiting()
  /** Sockets that got the answer that too many requests wait; they end with it. */
  readonly #leaving = new WeakSet<Socket>()

  constructor(routes: Routes, options: HttpOptions) {
    this.#routes = routes
    this.#options = options
    for (const [path, route] of routes)
      if (!route.asks && route.changes === undefined)
        this.#shared.set(path, new SharedPage(() => this.#make(route, '', anyCaller)))
  }

  /**
   * `pagesAt`: where pages are, if not here. Then only probes are answered here, and a caller that knows the
   * secret learns where the pages are.
   */
  answer(request: IncomingMessage, response: ServerResponse, pagesAt: string | null = null): void {
    // What came in one piece with a request that was turned away costs only its reading.
    if (this.#leaving.has(request.socket)) return
    const look = this.#look(request)
    if (look === null) return this.#answerNow(request, response, pagesAt)
    const asker = request.socket.remoteAddress ?? 'unknown'
    if (!this.#looking.enter(asker)) return this.#turnAway(request, response)
    // A3: whatever came of it, the guard knows it now.
    const looked = () => {
      this.#looking.leave(asker)
      this.#answerNow(request, response, pagesAt)
    }
    look.then(looked, looked)
  }

  /** A3: the look at a signed token, which takes time; null: there is nothing to wait for. B3: not for who has shown too many wrong ones. */
  #look({ headers, socket }: IncomingMessage): PromiseLike<unknown> | null {
    const asker = socket.remoteAddress ?? 'unknown'
    if (!this.#options.wrongSecrets.mayTry(asker, isLoopbackAddress(asker))) return null
    return this.#options.guard.check('client', proofIn(headers.authorization))
  }

  #answerNow(request: IncomingMessage, response: ServerResponse, pagesAt: string | null): void {
    const { socket } = request
    const asker = socket.remoteAddress ?? 'unknown'
    const slowMs = this.#guessMs(request, asker)
    if (slowMs === null) return this.#turnAway(request, response)
    const wish = this.#wishOf(request, pagesAt)
    if (slowMs > 0) return this.#answerLate(request, response, wish, slowMs)
    const waiting = 'route' in wish && wish.route.probe ? this.#probing : this.#waiting
    if (waiting.enter(asker))
      void this.#answer(request, response, wish, asker).finally(() => waiting.leave(asker))
    else this.#turnAway(request, response)
  }

  /** B3: in how many ms the secret that the caller shows may be answered; null: it is not even looked at. */
  #guessMs(request: IncomingMessage, asker: string): number | null {
    const { guard, wrongSecrets } = this.#options
    const { headers } = request
    if (guard.isOpen || headers.authorization === undefined) return 0
    if (!wrongSecrets.mayTry(asker, isLoopbackAddress(asker))) return null
    if (this.#shownBy(headers) === undefined && !this.#isServer(request))
      return wrongSecrets.wrong(asker, readMonotonic())
    wrongSecrets.right(asker)
    return 0
  }

  /** A1. Undefined: nothing that it shows is right. What a request itself shows counts before any log-in (A9). */
  #shownBy({ authorization, cookie }: IncomingMessage['headers']): Shown | undefined {
    const { guard, door } = this.#options
    if (authorization === undefined && !guard.isOpen) return door?.find(cookie)
    const proven = guard.client(proofIn(authorization))
    return proven && { proven, authorization }
  }

  /** A1 */
  #isServer({ headers, socket }: IncomingMessage): boolean {
    const certified = socket instanceof TLSSocket && notAServer(socket) === null
    return this.#options.guard.isServer(proofIn(headers.authorization), certified)
  }

  #turnAway(request: IncomingMessage, response: ServerResponse): void {
    this.#leave(request, response)
    response.setHeader('retry-after', '1')
    send(request, response, tooMany)
  }

  /** B3: the answer to a wrong secret waits, and its connection ends with it. */
  #answerLate(request: IncomingMessage, response: ServerResponse, wish: Wish, ms: number): void {
    const asker = request.socket.remoteAddress ?? 'unknown'
    this.#leave(request, response)
    setTimeout(() => {
      this.#options.wrongSecrets.answered(asker)
      send(request, response, 'refusal' in wish ? sheetOf(wish.refusal) : wrongProof)
    }, ms).unref()
  }

  /** No more of the socket is read; requests that came with this one cost only their reading. */
  #leave({ socket }: IncomingMessage, response: ServerResponse): void {
    this.#leaving.add(socket)
    socket.pause()
    response.shouldKeepAlive = false
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    wish: Wish,
    asker: string,
  ): Promise<void> {
    const sheet = await this.#sheetOf(wish, asker)
    await this.#turns.next()
    if (sheet.afterwards !== undefined)
      response.once('finish', sheet.afterwards).once('close', sheet.afterwards)
    send(request, response, sheet)
  }

  async #sheetOf(wish: Wish, asker: string): Promise<Sheet> {
    if ('refusal' in wish) return sheetOf(wish.refusal)
    const { route, path, query, caller } = wish
    const shared = this.#shared.get(path)
    return await (shared?.read() ?? this.#budget.run(asker, () => this.#make(route, query, caller)))
  }

  async #make(route: Route, query: string, caller: Caller): Promise<Sheet> {
    await this.#turns.next()
    try {
      return sheetOf(await route.read(new URLSearchParams(query), caller))
    } catch (error) {
      return sheetOf(error instanceof BadQuery ? problem(400, error.message) : problem(500, String(error)))
    }
  }

  #wishOf(request: IncomingMessage, pagesAt: string | null): Wish {
    const [path = '', query = ''] = request.url?.split('?') ?? []
    const route = this.#routes.get(path)
    if (pagesAt !== null && !route?.probe) return { refusal: this.#elsewhere(request, pagesAt) }
    if (route === undefined)
      return {
        refusal: problem(404, `there is nothing here; there are ${[...this.#routes.keys()].join(', ')}`),
      }
    const shown = this.#shownBy(request.headers)
    const refusal = this.#refusal(route, request) ?? this.#notAllowed(route, path, request, shown?.proven)
    if (refusal !== undefined) return { refusal }
    return { route, path, query, caller: callerOf(request, shown) }
  }

  /** Strangers do not learn where the pages are. */
  #elsewhere(request: IncomingMessage, pagesAt: string): Page {
    const { guard } = this.#options
    const { url, headers, socket } = request
    const knows = guard.isOpen
      ? isLoopbackAddress(socket.remoteAddress)
      : this.#shownBy(headers) !== undefined || this.#isServer(request)
    if (!knows)
      return problem(404, 'there are /healthz and /readyz here; other pages have an address of their own')
    return problem(307, `pages are at ${pagesAt}`, { location: `${pagesAt}${url}` })
  }

  #refusal(route: Route, { method = '', headers, socket }: IncomingMessage): Page | undefined {
    const methods = route.changes === undefined ? ['GET', 'HEAD'] : ['POST']
    if (!methods.includes(method))
      return problem(405, `${method} does nothing here; use ${methods.join(' or ')}`, {
        allow: methods.join(', '),
      })
    if (!route.probe && !isOwnName(headers.host, this.#options.hosts()))
      return problem(
        421,
        `this server does not go by the name of ${headers.host}; call it by its IP address, or start it with --origin http://${headers.host}`,
      )
    if (isForeign(route, headers))
      return problem(403, `a page of ${headers.origin ?? 'nowhere'} may not ask for this`)
    if (
      route.changes === 'by program' &&
      this.#options.guard.isOpen &&
      !isLoopbackAddress(socket.remoteAddress)
    )
      return problem(403, 'without a secret only programs on the same machine may ask for this')
    return undefined
  }

  /** A2. Who a guarded page is for; the answer to a wrong proof waits elsewhere (B3). */
  #notAllowed(
    route: Route,
    path: string,
    request: IncomingMessage,
    proven: Proven | undefined,
  ): Page | undefined {
    const { headers, socket } = request
    if (!route.guarded || this.#options.guard.isOpen) return undefined
    if (proven === undefined)
      return route.forServers && this.#isServer(request) ? undefined : this.#unknown(headers)
    const { principal } = proven
    const allowed = route.needs === undefined ? looks(principal) : allows(principal, route.needs, null)
    const verb = route.needs ?? 'read'
    if (!allowed || route.needs === 'operate' || route.noted)
      this.#options.audit?.({
        principal: principal?.name ?? null,
        address: socket.remoteAddress ?? 'unknown',
        verb,
        act: path,
        allowed,
      })
    if (allowed) return undefined
    return problem(
      403,
      `NOT_ALLOWED: the principal ${principal?.name} may not ${verb === 'read' ? 'read any lock' : verb}`,
    )
  }

  #unknown(headers: IncomingMessage['headers']): Page {
    const { guard, door } = this.#options
    const what = guard.hasRules ? 'an access token' : 'the secret of the cluster'
    const how = `${guard.hasRules ? ', or as a bearer' : ''}${door === undefined ? '' : '; people log in at /'}`
    const needs = `this needs ${what} as the password of HTTP Basic authentication${how}`
    const realm = `${guard.hasRules ? 'an access token for' : 'the secret of'} this Holdfast cluster is the password`
    // By itself a browser would ask its user in a window of its own, over the form of the dashboard.
    const scheme = headers[byDashboard] === undefined ? 'Basic' : 'Bearer'
    return problem(401, headers.authorization === undefined ? needs : wrongProofText, {
      'www-authenticate': `${scheme} realm="${realm}"`,
    })
  }
}

/** The header of each request of the dashboard. */
const byDashboard = 'x-requested-with'

function callerOf({ headers, socket }: IncomingMessage, shown: Shown | undefined): Caller {
  const isSecure = 'encrypted' in socket || headers.origin?.startsWith('https:') === true
  return {
    principal: shown?.proven.principal ?? null,
    authorization: shown?.authorization,
    proven: shown?.proven ?? null,
    byCookie: headers.authorization === undefined,
    cookies: headers.cookie,
    isSecure,
  }
}

/** Whether a page of another site asks, in a user's browser. */
function isForeign({ changes, linked }: Route, headers: IncomingMessage['headers']): boolean {
  const { origin, host } = headers
  const site = headers['sec-fetch-site']
  if (changes === 'by program') return origin !== undefined || site !== undefined
  if (changes === 'by page') return origin !== `http://${host}` && origin !== `https://${host}`
  if (site !== 'cross-site') return false
  return !(linked && headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document')
}

function problem(status: number, error: string, headers: Readonly<Record<string, string>> = {}): Page {
  return { status, headers, body: { error } }
}

function sheetOf({ body, ...page }: Page): Sheet {
  if (Buffer.isBuffer(body)) return { ...page, text: body }
  return { ...page, text: Buffer.from(typeof body === 'string' ? body : `${JSON.stringify(body)}\n`) }
}

const tooMany = sheetOf(problem(503, 'too many requests wait already; come again in a moment'))

const wrongProofText = 'this is not the secret of the cluster, and no token of it'
const wrongProof = sheetOf(problem(401, wrongProofText))

function send({ method }: IncomingMessage, response: ServerResponse, sheet: Sheet): void {
  const { status, type = 'application/json', text, headers } = sheet
  response.writeHead(status, {
    'content-type': type,
    'content-length': text.length,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'content-security-policy': contentPolicy,
    'referrer-policy': 'no-referrer',
    ...headers,
  })
  response.end(method === 'HEAD' ? undefined : text)
}

/** Pages load nothing from other origins and nothing inline, and are shown in no frame. */
const contentPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
