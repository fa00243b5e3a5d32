// How a primary reaches its backup, and what it reports to the view server as unreachable (V7): by
// address, for as long as it lasts. It dials, counts silent ticks and passes on; it decides no views.

import type { Trouble } from '../wire/effects.ts'
import { unreachableMax } from '../wire/limits.ts'
import type { MessageOf, Server, Welcome } from '../wire/messages.ts'
import type { ServerOutbox } from './outbox.ts'
import type { InView } from './situation.ts'

/** What goes over it. */
export interface Carried {
  /** The backup has welcomed us; false if it is not the backup that we expect. */
  connected(connection: number, whole: number, received: number): boolean
  disconnected(): void
}

type Minded = MessageOf<'backupToPrimary', 'view' | 'applied' | 'received' | 'heard' | 'when' | 'has'>

/** A peer may accept a connection and never send anything: after this many ticks the next one is tried. */
interface Probe {
  readonly connection: number
  ticks: number
}

export class BackupLink {
  readonly #out: ServerOutbox
  readonly #situation: InView
  readonly #id: string
  readonly #deadPings: number
  readonly #carried: Carried
  #connection: number | null = null
  #welcomed = false
  /** Own ticks since the backup was last heard; its silence is counted, never measured (PITFALLS). */
  #silentTicks = 0
  /** Why the last dial of the backup failed; null: it did not. */
  #trouble: Trouble | null = null
  /** Addresses that this primary could not reach, each with the probe that tries it again. */
  readonly #unreachable = new Map<string, Probe | null>()

  constructor(out: ServerOutbox, situation: InView, id: string, deadPings: number, carried: Carried) {
    this.#out = out
    this.#situation = situation
    this.#id = id
    this.#deadPings = deadPings
    this.#carried = carried
    this.#dialBackup()
  }

  get unreachable(): string[] {
    return [...this.#unreachable.keys()]
  }

  /** This server is primary no more. */
  end(): void {
    this.#drop('no longer the primary')
    for (const probe of this.#unreachable.values())
      if (probe !== null) this.#out.close(probe.connection, null, 'no longer the primary')
  }

  /** There is a new view, perhaps with another backup. */
  enter(): void {
    this.#drop('a newer view')
    this.#silentTicks = 0
    this.#trouble = null
    this.#dialBackup()
  }

  /** The backup is connected, but is not the backup that we expect. */
  refuse(why: string): void {
    this.#report(why)
  }

  tick(): void {
    const { backup } = this.#situation.view
    if (backup !== null && ++this.#silentTicks >= this.#deadPings)
      this.#report(this.#trouble?.text ?? 'silent')
    if (backup !== null && this.#connection === null) this.#dialBackup()
    for (const [address, probe] of this.#unreachable) {
      if (probe !== null && ++probe.ticks >= this.#deadPings) this.#giveUp(address, probe)
      else if (probe === null && address !== backup?.address) this.#probe(address)
    }
  }

  /** A message from the backup; returns whether the primary has to handle it. */
  hears(message: MessageOf<'backupToPrimary'>): message is Minded {
    this.#silentTicks = 0
    switch (message[0]) {
      case 'welcome':
        this.#welcome(message[1])
        return false
      case 'error':
        this.#refused(message[1], message[2])
        return false
      case 'view':
        return true
      default:
        return this.#welcomed
    }
  }

  closed(connection: number, trouble?: Trouble): void {
    if (connection === this.#connection) {
      this.#trouble = trouble ?? null
      this.#forgetConnection()
    }
    for (const [address, probe] of this.#unreachable) {
      if (probe?.connection === connection) this.#unreachable.set(address, null)
    }
  }

  /** A stranger at the backup's address: unreachable, not a refusal. */
  #refused(code: string, reason: string): void {
    this.#out.note('warn', 'the backup refused us', { code, reason })
    this.#report(code)
  }

  #welcome(welcome: Welcome): void {
    if (welcome.id !== this.#situation.view.backup?.id) return this.#report('another server')
    this.#welcomed = true
    // A backup with another state, or with one that differs (R4), stays reported; not every dial logs it.
    if (this.#carried.connected(this.#connection as number, welcome.whole, welcome.sequence))
      this.#reached(this.#situation.view.backup.address)
    else this.#report('another state')
  }

  /** Any answer at all shows that the address can be reached. */
  probeAnswered(connection: number): void {
    for (const [address, probe] of this.#unreachable) {
      if (probe?.connection === connection) this.#reached(address)
    }
  }

  #probe(address: string): void {
    const connection = this.#out.dial(address, this.#situation.cluster, { kind: 'probe' })
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
    const backup = this.#situation.view.backup as Server
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
    const { view } = this.#situation
    const { backup } = view
    if (backup === null) return
    const from = { kind: 'primary' as const, id: this.#id, to: backup.id, view }
    this.#connection = this.#out.dial(backup.address, this.#situation.cluster, from)
  }

  #drop(why: string): void {
    if (this.#connection !== null) this.#out.close(this.#connection, null, why)
    this.#forgetConnection()
  }

  #forgetConnection(): void {
    const was = this.#welcomed
    this.#connection = null
    this.#welcomed = false
    if (was) this.#carried.disconnected()
  }
}
