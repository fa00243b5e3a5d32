// V3: the question to a backup whose primary was found dead or wants to go: are you there, and in
// sync? Only an answer to a question that was asked after that finding shows anything.

import type { MessageOf } from '../wire/messages.ts'
import type { ViewOutbox } from './outbox.ts'
import type { KnownServer } from './servers.ts'

export type Answer = MessageOf<'serverToView', 'answer'>[2]

interface Asked {
  readonly number: number
  readonly view: number
  readonly because: 'dead' | 'leaving'
  readonly to: string
  /** The connection that the question went out on; null to send it again. */
  on: number | null
  inSync: boolean
  /** The backup has answered, and is not in sync. */
  denied: boolean
}

export class Question {
  readonly #out: ViewOutbox
  #asked: Asked | null = null
  #count = 0

  constructor(out: ViewOutbox) {
    this.#out = out
  }

  /** The backup lives and is in sync, as it said after the primary's end was found. */
  get backupInSync(): boolean {
    return this.#asked?.inSync === true
  }

  /** D4: the backup lives, and may not go on. */
  get backupDenies(): boolean {
    return this.#asked?.denied === true
  }

  /** Asks again for a new reason; otherwise only on a new connection. */
  ask(view: number, because: Asked['because'], backup: KnownServer): void {
    const { connection, id } = backup
    if (this.#asked?.view !== view || this.#asked.because !== because) {
      this.#count += 1
      this.#asked = { number: this.#count, view, because, to: id, on: null, inSync: false, denied: false }
    }
    if (connection === null || connection === this.#asked.on || this.#asked.inSync) return
    this.#asked.on = connection
    this.#out.send(connection, ['question', this.#asked.number])
  }

  /** Whether this was the answer. One from another view: the backup has not learned of this view yet. */
  answered(id: string, number: number, { role, view, inSync }: Answer): boolean {
    const asked = this.#asked
    if (asked === null || asked.number !== number || asked.to !== id) return false
    if (role !== 'backup' || view !== asked.view) return false
    asked.inSync = inSync
    asked.denied = !inSync
    return true
  }

  /** Called once a tick, while there is no good answer. */
  repeat(): void {
    if (this.#asked !== null) this.#asked.on = null
  }

  withdraw(): void {
    this.#asked = null
  }
}
