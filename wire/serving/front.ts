// What every server has around what runs in it: its rules, its files of TLS, its port, and the place of its pages. All
// servers open and close these alike. It decides nothing, and knows no lock and no view.

import type { AcceptOptions } from '../net/hello.ts'
import { type Listener, type ListenHandlers, listen } from '../net/listen.ts'
import { dialsWith } from '../net/open-web-socket.ts'
import type { Runtime } from '../net/runtime.ts'
import type { TlsFiles } from '../net/tls/options.ts'
import { ServerTls, type TlsNote } from '../net/tls/server-tls.ts'
import type { TurnTime } from '../net/turn-time.ts'
import type { Door } from './door.ts'
import type { PageAudit, Routes } from './http.ts'
import type { Logger } from './log.ts'
import { hostNames } from './own-names.ts'
import type { PagesAddress } from './pages-listener.ts'
import { PagesPlace } from './pages-place.ts'
import { type CheckedAccess, ServerAccess } from './server-access.ts'

/** Of the checked options of any server. */
export interface FrontOptions extends CheckedAccess {
  readonly host: string
  readonly port: number
  readonly origins: readonly string[]
  readonly connectionsPerAddress: number | null
  readonly framesPerAddress: number | null
  readonly tls: TlsFiles | null
  readonly adminListen: PagesAddress | null
  readonly pingIntervalMs: number
  readonly log: Logger
}

/** What runs behind it. */
export interface Behind extends Pick<ListenHandlers, 'accepted' | 'turnedAway'> {
  readonly turn: TurnTime
  filesShort(code: string): void
  rightsChanged(): void
  endTokens(): void
  audit(line: PageAudit): void
  readonly note: TlsNote
}

/** A server once it is there. Its port hears nothing before. */
interface Server {
  readonly running: Behind
  readonly place: PagesPlace
}

interface Pages {
  readonly routes: Routes
  /** A9: absent: no browser can log in there. */
  readonly door?: Door
}

/** Its settings and files, in order, before anything is open. */
export class FrontSettings {
  readonly options: FrontOptions
  readonly tls: ServerTls | null
  readonly access: ServerAccess

  private constructor(options: FrontOptions, tls: ServerTls | null, access: ServerAccess) {
    this.options = options
    this.tls = tls
    this.access = access
  }

  /** Rejects with one clear line if a setting or a file won't do. */
  static async open(options: FrontOptions): Promise<FrontSettings> {
    const tls = options.tls === null ? null : await ServerTls.open(options.tls)
    return new FrontSettings(options, tls, await ServerAccess.open(options))
  }

  /** In place of `listen`, or after it failed. */
  close(): void {
    this.access.close()
    this.tls?.close()
  }

  /** Rejects with one clear line if the address isn't available. `server`: there before the end of this turn. */
  async listen(role: AcceptOptions['role'], server: () => Server): Promise<Front> {
    const { options, tls, access } = this
    const listener = await listen(
      { ...options, guard: access.guard, tls, role },
      {
        accepted: (...peer) => server().running.accepted(...peer),
        turnedAway: (reason, remote) => server().running.turnedAway(reason, remote),
        filesShort: code => server().running.filesShort(code),
        get turn() {
          return server().running.turn
        },
        http: (request, response) => server().place.answer(request, response),
      },
    )
    return new Front(this, listener)
  }
}

export class Front {
  readonly access: ServerAccess
  readonly tls: ServerTls | null
  readonly listener: Listener
  readonly #options: FrontOptions

  constructor({ options, tls, access }: FrontSettings, listener: Listener) {
    this.#options = options
    this.tls = tls
    this.access = access
    this.listener = listener
  }

  /** Where it listens, such as `ws://127.0.0.1:7400`. */
  get address(): string {
    return this.listener.url
  }

  /** What its server dials with. */
  dialling(runtime: Runtime): Runtime {
    const { tls } = this
    return tls === null ? runtime : dialsWith(runtime, () => tls.dial)
  }

  /** `advertised`: where others reach it; its host is one of its names. */
  placeOf({ routes, door }: Pages, advertised: string, running: () => Behind): PagesPlace {
    const { insecure, origins } = this.#options
    return new PagesPlace(routes, {
      insecure,
      guard: this.access.guard,
      ...(door !== undefined && { door }),
      audit: line => running().audit(line),
      hosts: () => hostNames([this.address, advertised, ...origins]),
      peers: this.listener,
      tls: this.tls,
      turnedAway: (reason, remote) => running().turnedAway(reason, remote),
    })
  }

  /** Rejects if the pages' own address isn't available; then nothing listens any more, thanks to `kill`. */
  openPages(place: PagesPlace, kill: () => Promise<void>): Promise<void> {
    return place.open(this.#options.adminListen, kill)
  }

  /** From now on changed files are read, and tokens end. */
  start(running: Behind, advertised: string): void {
    const { log, pingIntervalMs } = this.#options
    const heard = { changed: () => running.rightsChanged(), endTokens: () => running.endTokens() }
    this.access.start(log, heard, pingIntervalMs)
    this.tls?.start((...said) => running.note(...said), advertised)
  }

  async readAgain(): Promise<void> {
    await Promise.all([this.tls?.reload(), this.access.reload()])
  }

  /** `atOnce`: as the end of the process would. Resolves when its ports are free. */
  async close(place: PagesPlace, atOnce: boolean): Promise<void> {
    this.access.close()
    this.tls?.close()
    await Promise.all([atOnce ? this.listener.kill() : this.listener.close(), place.close()])
  }
}
