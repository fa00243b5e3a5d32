// A lock server as a process has it: sockets, timer and clock around a core. It does what the core
// says and decides nothing; after a step-down it goes on with a new core under a new id.

import { hostname } from 'node:os'
import { readClock } from '../wire/clock.ts'
import type { ErrorCode } from '../wire/errors.ts'
import { randomId } from '../wire/id.ts'
import * as limits from '../wire/limits.ts'
import { Links } from '../wire/links.ts'
import { isWildcard, type Listener, listen, urlOf } from '../wire/listen.ts'
import { type Logger, silent, sparing } from '../wire/log.ts'
import {
  knownOnly,
  optionalPlace,
  optionalText,
  texts,
  trueOrFalse,
  webSocketUrl,
  wholeNumber,
} from '../wire/options.ts'
import { hostNames } from '../wire/own-names.ts'
import { PagesPlace } from '../wire/pages-place.ts'
import { Refusals } from '../wire/refusals.ts'
import { checkSecret } from '../wire/secret-problem.ts'
import { ServerCore, type ServerInput } from './core.ts'
import { Counts } from './counts.ts'
import type { Measured } from './metrics.ts'
import type { ServerEffect } from './outbox.ts'
import { Pages, unreadiness } from './pages.ts'

export interface LockServerOptions {
  /** URL of the view server, or several of them. */
  readonly view: string | readonly string[]
  /** Default 127.0.0.1. */
  readonly host?: string
  /** Default 0: a free one. */
  readonly port?: number
  /** The URL that others are told; default ws://host:port. */
  readonly advertise?: string | undefined
  /** In ms; default 100. Must be the same on all servers. */
  readonly pingIntervalMs?: number
  /** Default 5. */
  readonly deadPings?: number
  /** In ms: the longest that leaving takes; default 10,000. */
  readonly drainMs?: number
  readonly secret?: string | undefined
  /** Listen beyond loopback without a secret. */
  readonly insecure?: boolean
  /** Origins of web pages that may connect. */
  readonly origins?: readonly string[]
  /** An address of their own for the pages of HTTP; default: the same as for peers. */
  readonly adminListen?: { readonly host: string; readonly port: number } | undefined
  /** Default: silent. */
  readonly log?: Logger
}

export interface LockServer extends AsyncDisposable {
  /** The URL that it listens on. */
  readonly address: string
  readonly advertised: string
  /** Where its pages are, such as `http://127.0.0.1:7401`. */
  readonly pages: string
  /** Resolves when the server has ended, with the exit status that a process should have. */
  readonly ended: Promise<number>
  /** Leaves in order: hands its role over first. Resolves when it is gone; a second call ends it at once. */
  leave(): Promise<number>
  /** Ends it at once. */
  close(): Promise<void>
  /** Ends it as the end of its process would: nobody is told anything. Resolves when the port is free. */
  kill(): Promise<void>
}

/** What a shell tells of a process that SIGKILL ended. */
const killedStatus = 137

const optionNames = [
  'view',
  'host',
  'port',
  'advertise',
  'pingIntervalMs',
  'deadPings',
  'drainMs',
  'secret',
  'insecure',
  'origins',
  'adminListen',
  'log',
]

/** Starts a lock server in this process. Resolves when it listens; rejects with one clear line. */
export async function startLockServer(options: LockServerOptions): Promise<LockServer> {
  knownOnly(options, optionNames)
  const urls = typeof options.view === 'string' ? options.view.split(',') : options.view
  if (!Array.isArray(urls) || urls.length === 0)
    throw new TypeError('view must be the URL of the view server')
  const viewServers = urls.map(url => webSocketUrl('view', url))
  const advertise = options.advertise === undefined ? undefined : webSocketUrl('advertise', options.advertise)
  if (advertise === undefined && isWildcard(options.host ?? '')) {
    throw new TypeError(`advertise must be given when host is ${options.host}: others can't dial that`)
  }
  const settings = {
    pingIntervalMs: wholeNumber('pingIntervalMs', options.pingIntervalMs, limits.pingIntervalMs, 1, 60_000),
    deadPings: wholeNumber('deadPings', options.deadPings, limits.deadPings, 2, 1_000),
    drainMs: wholeNumber('drainMs', options.drainMs, limits.drainMs, 0, 600_000),
  }
  const server = new Server(
    viewServers,
    settings,
    checkSecret(options.secret),
    texts('origins', options.origins ?? []),
    options.log ?? silent,
    trueOrFalse('insecure', options.insecure),
  )
  await server.place.open(optionalPlace('adminListen', options.adminListen))
  const listener = await listen(
    {
      host: optionalText('host', options.host) ?? '127.0.0.1',
      port: wholeNumber('port', options.port, 0, 0, 65_535),
      secret: options.secret ?? null,
      insecure: trueOrFalse('insecure', options.insecure),
      origins: texts('origins', options.origins ?? []),
      role: 'lockserver',
    },
    {
      accepted: (connection, cluster, from) => server.links.accept(connection, cluster, from),
      turnedAway: (reason, remote) => server.turnedAway(reason, remote),
      http: (request, response) => server.place.answer(request, response),
    },
  ).catch(async error => {
    await server.place.close()
    throw error
  })
  server.start(listener, advertise)
  return server
}

class Server implements LockServer {
  readonly links: Links
  readonly place: PagesPlace
  readonly ended: Promise<number>
  readonly #viewServers: readonly string[]
  readonly #settings: { pingIntervalMs: number; deadPings: number; drainMs: number }
  readonly #log: Logger
  readonly #origins: readonly string[]
  readonly #counts = new Counts()
  readonly #turnedAway = new Refusals()
  readonly #pages = new Pages(
    () => this.#measure(),
    () => void this.kill(),
  )
  #listener: Listener | undefined
  #core: ServerCore | undefined
  #timer: NodeJS.Timeout | undefined
  #turnEnds = false
  #status: number | undefined
  #setEnded: (status: number) => void = () => {}
  #closing: Promise<void> | undefined
  advertised = ''

  constructor(
    viewServers: readonly string[],
    settings: { pingIntervalMs: number; deadPings: number; drainMs: number },
    secret: string | null,
    origins: readonly string[],
    log: Logger,
    insecure: boolean,
  ) {
    this.#viewServers = viewServers
    this.#settings = settings
    this.#log = sparing(log, () => readClock().monotonic)
    this.#origins = origins
    const hosts = () => hostNames([this.address, this.advertised, ...this.#origins])
    this.place = new PagesPlace(this.#pages.routes, { hosts, secret, insecure })
    this.links = new Links(secret, input => this.#step(input))
    this.ended = new Promise(resolve => {
      this.#setEnded = resolve
    })
  }

  get address(): string {
    return this.#listener === undefined ? '' : urlOf(this.#listener.host, this.#listener.port)
  }

  get pages(): string {
    return this.place.url ?? this.address.replace(/^ws/, 'http')
  }

  start(listener: Listener, advertise: string | undefined): void {
    this.#listener = listener
    this.advertised = advertise ?? this.address
    this.#newCore(null)
    // Timers run before what waits in the sockets is read; one turn later it has been (V7).
    this.#timer = setInterval(
      () => setImmediate(() => this.#step({ is: 'tick' })),
      this.#settings.pingIntervalMs,
    )
    const pages = this.place.url === null ? {} : { pages: this.place.url }
    this.#note('info', 'listening', { url: this.address, advertised: this.advertised, ...pages })
    this.#step({ is: 'tick' })
  }

  async leave(): Promise<number> {
    if (this.#core?.leaving) await this.close()
    else this.#step({ is: 'leave' })
    return this.ended
  }

  close(): Promise<void> {
    this.#end(0, 'LEAVING', 'the server was closed')
    return this.#closing ?? Promise.resolve()
  }

  kill(): Promise<void> {
    if (this.#status === undefined) {
      this.links.cutAll()
      this.#over(killedStatus, 'killed', this.#listener?.kill())
    }
    return this.#closing ?? Promise.resolve()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  turnedAway(reason: string, remote: string): void {
    this.#turnedAway.countReason(reason)
    this.#note('warn', 'a connection was refused', { remote, reason })
  }

  #measure(): Measured {
    const core = this.#core as ServerCore
    return {
      core,
      vitals: core.vitals,
      counts: this.#counts,
      refusals: [this.#turnedAway, this.links.refusals],
      connections: this.links.size,
      unready: unreadiness(core),
    }
  }

  #newCore(cluster: string | null): void {
    this.#core = new ServerCore({
      ...this.#settings,
      id: randomId(),
      address: this.advertised,
      viewServers: this.#viewServers,
      limits: limits.stateLimits,
      pid: process.pid,
      host: hostname(),
      cluster,
      counts: this.#counts,
    })
  }

  /** A core that finds its own state broken throws: a dead server is replaced, a wrong one grants twice. */
  #step(input: ServerInput): void {
    if (this.#status !== undefined || this.#core === undefined) return
    try {
      this.#perform(this.#core.step(input, readClock()))
    } catch (error) {
      this.#note('error', 'the state is broken; ending', { error: String(error) })
      return this.#end(1, 'INTERNAL', 'the server found its own state broken')
    }
    if (input.is !== 'turn-end') this.#endTurn()
  }

  /** What was decided in this turn of the event loop goes to the backup together. */
  #endTurn(): void {
    if (this.#turnEnds) return
    this.#turnEnds = true
    setImmediate(() => {
      this.#turnEnds = false
      this.#step({ is: 'turn-end' })
      this.links.flush()
    })
  }

  #perform(effects: readonly ServerEffect[]): void {
    for (const effect of effects) {
      switch (effect.do) {
        case 'note':
          this.#note(effect.level, effect.text, effect.fields)
          break
        case 'continue':
          setImmediate(() => this.#step({ is: 'continue' }))
          break
        case 'step-down':
          return this.#stepDown(effect.reason)
        case 'exit':
          return this.#end(effect.status, effect.status === 0 ? 'LEAVING' : 'INTERNAL', effect.reason)
        default:
          this.links.perform(effect)
      }
    }
  }

  /** V5, R5: the state goes with its id; clients are sent away. */
  #stepDown(reason: string): void {
    this.links.closeAll('STEPPED_DOWN', reason)
    this.#newCore(this.#core?.cluster ?? null)
    this.#note('info', 'a new server', { reason })
    setImmediate(() => this.#step({ is: 'tick' }))
  }

  #end(status: number, code: ErrorCode, reason: string): void {
    if (this.#status !== undefined) return
    this.links.closeAll(code, reason)
    this.#over(status, reason, this.#listener?.close())
  }

  #over(status: number, reason: string, closing: Promise<void> | undefined): void {
    this.#status = status
    clearInterval(this.#timer)
    this.#pages.close()
    this.#note('info', 'ended', { status, reason })
    this.#closing = Promise.all([closing, this.place.close()]).then(() => this.#setEnded(status))
  }

  #note(level: 'debug' | 'info' | 'warn' | 'error', text: string, fields: object): void {
    const core = this.#core
    this.#log[level](
      { view: core?.view?.number ?? 0, role: core?.role ?? 'idle', server: core?.id ?? '', ...fields },
      text,
    )
  }
}
