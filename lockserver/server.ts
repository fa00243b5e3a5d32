// A lock server as a process has it: a port and pages around a running server. It decides nothing.

import { hostname } from 'node:os'
import { runtime } from '#runtime'
import { stateLimits } from '../wire/limits.ts'
import { type Front, FrontSettings } from '../wire/serving/front.ts'
import type { PagesPlace } from '../wire/serving/pages-place.ts'
import { ServerCounts } from './counts.ts'
import type { JournalOwner, OpenJournal } from './journal/driver/open.ts'
import { type CheckedOptions, checkOptions, type LockServerOptions } from './options.ts'
import { ServerPages, unreadiness, type Vital } from './pages/pages.ts'
import { killedStatus, RunningLockServer } from './running.ts'

export type { LockServerOptions } from './options.ts'

export interface LockServer extends AsyncDisposable {
  /** The URL that it listens on. */
  readonly address: string
  readonly advertised: string
  /** Where its pages are, such as `http://127.0.0.1:7401`. */
  readonly pages: string
  /** Resolves when the server has ended, with the exit status that a process should have. */
  readonly ended: Promise<number>
  /**
   * Reads the access file and the files of TLS again, as it does by itself when they change; what is spoilt changes nothing and is
   * told in the log.
   */
  readAgain(): Promise<void>
  /** Leaves in order: hands its role over first. Resolves when it is gone; a second call ends it at once. */
  leave(): Promise<number>
  /** Ends it at once. */
  close(): Promise<void>
  /** Ends it as the end of its process would: no peer gets any message. Resolves when the port is free. */
  kill(): Promise<void>
}

/** Starts a lock server in this process. Resolves when it listens; rejects with one clear line. */
export async function startLockServer(options: LockServerOptions): Promise<LockServer> {
  const checked = checkOptions(options)
  const settings = await FrontSettings.open(checked)
  const owner = new JournalOwning()
  let journal: OpenJournal | null = null
  try {
    journal = await openJournalOf(checked, owner)
    const server = await startWith(checked, settings, journal)
    owner.serve(server)
    return server
  } catch (error) {
    settings.close()
    await journal?.[Symbol.asyncDispose]()
    throw error
  }
}

async function startWith(
  checked: CheckedOptions,
  settings: FrontSettings,
  journal: OpenJournal | null,
): Promise<ListeningLockServer> {
  const front = await settings.listen('lockserver', () => server)
  const server: ListeningLockServer = new ListeningLockServer(checked, front, journal)
  await server.openPages()
  server.start()
  return server
}

/** D3: all of it is read before the server listens. Only a server with a folder loads what reads it. */
async function openJournalOf(
  { data, pingIntervalMs }: CheckedOptions,
  owner: JournalOwner,
): Promise<OpenJournal | null> {
  if (data === null) return null
  const { openJournal } = await import('./journal/driver/open.ts')
  return openJournal({ folder: data, runtime, owner, tickMs: pingIntervalMs })
}

/** What a journal has to say before there is a server waits for it, so that each line says of which server it is. */
class JournalOwning implements JournalOwner {
  #server: ListeningLockServer | null = null
  #noted: Parameters<JournalOwner['note']>[] = []

  serve(server: ListeningLockServer): void {
    this.#server = server
    for (const noted of this.#noted.splice(0)) server.running.note(...noted)
  }

  note(...noted: Parameters<JournalOwner['note']>): void {
    if (this.#server === null) this.#noted.push(noted)
    else this.#server.running.note(...noted)
  }

  failed(problem: string): void {
    this.#server?.diskFailed(problem)
  }
}

class ListeningLockServer implements LockServer {
  readonly address: string
  readonly advertised: string
  readonly running: RunningLockServer
  readonly ended: Promise<number>
  readonly place: PagesPlace
  readonly #front: Front
  readonly #journal: OpenJournal | null
  readonly #counts = new ServerCounts()
  readonly #pages = new ServerPages(
    () => this.#measure(),
    () => void this.kill(),
    () => this.#leaveOnce(),
  )
  #setEnded: (status: number) => void = () => {}
  #closing: Promise<void> | undefined

  constructor(options: CheckedOptions, front: Front, journal: OpenJournal | null) {
    this.#front = front
    this.#journal = journal
    this.address = front.address
    this.advertised = options.advertise ?? this.address
    this.place = front.placeOf(this.#pages, this.advertised, () => this.running)
    this.ended = new Promise(resolve => {
      this.#setEnded = resolve
    })
    this.running = new RunningLockServer(
      {
        ...options,
        guard: front.access.guard,
        address: this.advertised,
        limits: { ...stateLimits, ...options.quotas, holdAtLeastMsMax: options.holdAtLeastMsMax },
        loopbackCounts: Object.values(options.quotas).some(quota => quota !== null),
        pid: process.pid,
        host: hostname(),
        counts: this.#counts,
        ...(journal !== null && { journal }),
      },
      front.dialling(runtime),
      { ended: status => this.#onEnded(status) },
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
    const pages = this.place.url === null ? {} : { pages: this.place.url }
    this.running.note('info', 'listening', { url: this.address, advertised: this.advertised, ...pages })
    this.#front.start(this.running, this.advertised)
    this.running.start()
  }

  readAgain(): Promise<void> {
    return this.#front.readAgain()
  }

  leave(): Promise<number> {
    this.running.leave()
    return this.ended
  }

  /** A second call of `leave` would end it at once. */
  #leaveOnce(): void {
    if (!this.running.core.leaving) this.running.leave()
  }

  close(): Promise<void> {
    this.running.close()
    return this.#closing ?? Promise.resolve()
  }

  kill(): Promise<void> {
    this.running.kill()
    return this.#closing ?? Promise.resolve()
  }

  /** D8: nothing more is acknowledged from this state. */
  diskFailed(problem: string): void {
    this.running.fail(problem)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #measure(): Vital {
    const { core, refusals, connections } = this.running
    const { access, tls, listener } = this.#front
    return {
      core,
      vitals: core.vitals,
      counts: this.#counts,
      refusals,
      connections,
      edge: listener.edge,
      tls,
      journal: this.#journal,
      access,
      unready: unreadiness(core),
    }
  }

  #onEnded(status: number): void {
    this.#pages.close()
    const closed = this.#front.close(this.place, status === killedStatus)
    const journal = this.#journal?.[Symbol.asyncDispose]()
    this.#closing = Promise.all([closed, journal]).then(() => this.#setEnded(status))
  }
}
