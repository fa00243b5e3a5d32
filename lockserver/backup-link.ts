// How a primary reaches its backup, and what it reports to the view server as unreachable (V7): by
// address, for as long as it lasts. It dials, counts silent ticks and passes on; it decides no views.

import type { Message, Server, View, Welcome } from '../wire/messages.ts'
import type { Outbox } from './outbox.ts'

/** Whose link it is: the primary. */
export interface BackupLinkOwner {
  /** To say in a hello. */
  readonly cluster: string | null
  /** The backup has welcomed us; false if it is not what it should be. */
  backupConnected(connection: number, whole: number, sequence: number): boolean
  backupDisconnected(): void
  backupSays(message: Message): void
  /** Somebody knows a newer view (R2). */
  adopt(view: View): void
}

/** Somebody may accept a connection and never say a word: after so many ticks the next one is tried. */
interface Probe {
  readonly connection: number
  ticks: number
}

/** A ping reports so many addresses at the most; the oldest is forgotten first. */
const unreachableMax = 64

export class BackupLink {
  readonly #out: Outbox
  readonly #id: string
  readonly #deadPings: number
  readonly #owner: BackupLinkOwner
  #view: View
  #connection: number | null = null
  #welcomed = false
  /** Own ticks since the backup was last heard; its silence is counted, never measured (PITFALLS). */
  #silentTicks = 0
  /** Addresses that this primary could not reach, each with the probe that tries it again. */
  readonly #unreachable = new Map<string, Probe | null>()

  constructor(out: Outbox, id: string, view: View, deadPings: number, owner: BackupLinkOwner) {
    this.#out = out
    this.#id = id
    this.#view = view
    this.#deadPings = deadPings
    this.#owner = owner
    this.#dialBackup()
  }

  get unreachable(): string[] {
    return [...this.#unreachable.keys()]
  }

  get connected(): boolean {
    return this.#welcomed
  }

  /** Whether this connection is one of these. */
  owns(connection: number): boolean {
    if (connection === this.#connection) return true
    return [...this.#unreachable.values()].some(probe => probe?.connection === connection)
  }

  enter(view: View): void {
    this.#drop('a newer view')
    this.#view = view
    this.#silentTicks = 0
    this.#dialBackup()
  }

  /** The backup is connected, but not what it should be. */
  refuse(why: string): void {
    this.#report(why)
  }

  tick(): void {
    const { backup } = this.#view
    if (backup !== null && ++this.#silentTicks >= this.#deadPings) this.#report('silent')
    if (backup !== null && this.#connection === null) this.#dialBackup()
    for (const [address, probe] of this.#unreachable) {
      if (probe !== null && ++probe.ticks >= this.#deadPings) this.#giveUp(address, probe)
      else if (probe === null && address !== backup?.address) this.#probe(address)
    }
  }

  messages(connection: number, messages: readonly Message[]): void {
    if (connection !== this.#connection) return this.#probeAnswered(connection)
    this.#silentTicks = 0
    for (const message of messages) {
      if (connection !== this.#connection) return
      this.#message(message)
    }
  }

  closed(connection: number): void {
    if (connection === this.#connection) this.#forgetConnection()
    for (const [address, probe] of this.#unreachable) {
      if (probe?.connection === connection) this.#unreachable.set(address, null)
    }
  }

  close(why: string): void {
    this.#drop(why)
    for (const probe of this.#unreachable.values())
      if (probe !== null) this.#out.close(probe.connection, null, why)
    this.#unreachable.clear()
  }

  #message(message: Message): void {
    switch (message[0]) {
      case 'welcome':
        return this.#welcome(message[1] as Welcome)
      case 'error':
        this.#out.note('warn', 'the backup refused us', { code: message[1], reason: message[2] })
        // A stranger at the backup's address: unreachable, not a refusal.
        return this.#report(String(message[1]))
      case 'view':
        return this.#owner.adopt(message[1] as View)
      default:
        if (this.#welcomed) this.#owner.backupSays(message)
    }
  }

  #welcome(welcome: Welcome): void {
    if (welcome.id !== this.#view.backup?.id) return this.#report('another server')
    this.#welcomed = true
    // Who is there with another state, or with one that differs (R4), stays reported, and is not told of at each dial.
    if (this.#owner.backupConnected(this.#connection as number, welcome.whole, welcome.sequence))
      this.#reached(this.#view.backup.address)
    else this.#report('another state')
  }

  /** Any answer at all shows that the address can be reached. */
  #probeAnswered(connection: number): void {
    for (const [address, probe] of this.#unreachable) {
      if (probe?.connection === connection) this.#reached(address)
    }
  }

  #probe(address: string): void {
    const connection = this.#out.dial(address, this.#owner.cluster, { kind: 'probe' })
    this.#unreachable.set(address, { connection, ticks: 0 })
  }

  #giveUp(address: string, { connection }: Probe): void {
    this.#unreachable.set(address, null)
    this.#out.close(connection, null, 'no welcome in time')
  }

  #reached(address: string): void {
    const probe = this.#unreachable.get(address) ?? null
    this.#unreachable.delete(address)
    if (probe !== null) this.#out.close(probe.connection, null, 'seen')
  }

  #report(why: string): void {
    const backup = this.#view.backup as Server
    this.#silentTicks = 0 // a dial gets the whole ping limit
    if (!this.#unreachable.has(backup.address)) {
      this.#out.note('warn', 'the backup is unreachable', { address: backup.address, reason: why })
      this.#unreachable.set(backup.address, null)
      const [oldest] = this.#unreachable.keys()
      if (oldest !== undefined && this.#unreachable.size > unreachableMax) this.#reached(oldest)
    }
    this.#drop(why)
  }

  #dialBackup(): void {
    const { backup } = this.#view
    if (backup === null) return
    const from = { kind: 'primary' as const, id: this.#id, to: backup.id, view: this.#view }
    this.#connection = this.#out.dial(backup.address, this.#owner.cluster, from)
  }

  #drop(why: string): void {
    if (this.#connection !== null) this.#out.close(this.#connection, null, why)
    this.#forgetConnection()
  }

  #forgetConnection(): void {
    const was = this.#welcomed
    this.#connection = null
    this.#welcomed = false
    if (was) this.#owner.backupDisconnected()
  }
}
