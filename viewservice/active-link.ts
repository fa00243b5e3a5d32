// A standby's connection to the active view server (E3, E5): it finds out whether that one is there, and
// carries the questions of operators to it. It decides nothing; candidacy.ts judges what is found.

import type { ConnectionEffect } from '../wire/effects.ts'
import type { ErrorCode } from '../wire/errors.ts'
import type { HelloFrom, MessageOf } from '../wire/messages.ts'
import type { SaidOn } from '../wire/runs.ts'
import type { ViewHears, ViewSays } from './record.ts'
import type { Question } from './rights.ts'

/** What was found at the address. */
export type FoundThere =
  | { readonly is: 'welcome'; readonly id: string }
  /** It has told of a view. */
  | { readonly is: 'view' }
  /** No process listens there. */
  | { readonly is: 'refused' }

/** Where to look, and which mark says so: what was found under another one shows nothing (E3). */
export interface LinkTo {
  readonly address: string
  readonly version: string
}

/** A dial that is cut is tried again at once this often; then with the next tick. */
const cutsMax = 5
/** Questions that wait for an answer. */
const questionsMax = 256

export class ActiveLink {
  readonly #dials: { last: number }
  readonly #self: Extract<HelloFrom, { kind: 'viewserver' }>
  readonly #effects: ConnectionEffect<ViewSays>[] = []
  #to: LinkTo | null = null
  #connection: number | null = null
  /** Who has welcomed it there. */
  #id: string | null = null
  #cuts = 0
  #heardAt = 0
  #asked = 0
  readonly #waiting = new Map<number, { readonly connection: number; readonly number: number }>()

  /** `self`: who dials. */
  constructor(dials: { last: number }, self: Extract<HelloFrom, { kind: 'viewserver' }>) {
    this.#dials = dials
    this.#self = self
  }

  take(): ConnectionEffect<ViewSays>[] {
    return this.#effects.splice(0)
  }

  /** Whether the active one has welcomed this view server, and the connection stands. */
  get connected(): boolean {
    return this.#id !== null
  }

  /** Who has welcomed this view server there; null while no connection stands. */
  get id(): string | null {
    return this.#id
  }

  owns(connection: number): boolean {
    return connection === this.#connection
  }

  /** Whether what is found is found under this mark. */
  isTo(to: LinkTo | null): boolean {
    return to?.version === this.#to?.version && to?.address === this.#to?.address
  }

  /** Each tick; null: no other view server is active. Returns for how long it has been silent. */
  keep(to: LinkTo | null, cluster: string | null, now: number): number {
    if (!this.isTo(to)) this.#leave()
    if (this.#to === null) this.#heardAt = now
    this.#to = to
    this.#cuts = 0
    if (to === null) return 0
    if (this.#connection === null) this.#dial(to.address, cluster)
    else if (this.connected) this.#send(['echo', ++this.#asked])
    return now - this.#heardAt
  }

  /** It has been silent for too long: the next tick dials anew. */
  giveUp(now: number): void {
    this.#heardAt = now
    this.#leave()
  }

  /** Also what it says to the clients whose questions were passed on. */
  messages(messages: readonly SaidOn<ViewHears>[], now: number): FoundThere | undefined {
    this.#heardAt = now
    let found: FoundThere | undefined
    for (const message of messages) {
      if (message[0] === 'welcome') found = this.#welcome(message[1].kind, message[1].id)
      else if (message[0] === 'view') found ??= { is: 'view' }
      else this.#passBack(message)
    }
    return found
  }

  closed(refused: boolean, cluster: string | null): FoundThere | undefined {
    this.#forget()
    if (refused) return { is: 'refused' }
    // A kill may close the connection just before the listening socket.
    if (this.#to !== null && this.#cuts++ < cutsMax) this.#dial(this.#to.address, cluster)
    return undefined
  }

  passOn(connection: number, question: Question): boolean {
    if (!this.connected || this.#waiting.size >= questionsMax) return false
    const number = ++this.#asked
    this.#waiting.set(number, { connection, number: question[1] })
    if (question[0] === 'status') this.#send(['status', number])
    else if (question[0] === 'gone') this.#send(['gone', number, question[2]])
    else if (question[0] === 'durability') this.#send(['durability', number, question[2]])
    else if (question[0] === 'groups') this.#send(['groups', number, question[2]])
    else this.#send(['reset', number, question[2], question[3], question[4]])
    return true
  }

  #welcome(kind: string, id: string | null): FoundThere | undefined {
    if (kind !== 'viewserver' || id === null) return undefined
    this.#id = id
    return { is: 'welcome', id }
  }

  #passBack(message: SaidOn<ViewHears>): void {
    const [kind, number] = message
    if (typeof number !== 'number') return
    const asked = this.#waiting.get(number)
    if (asked === undefined) return
    this.#waiting.delete(number)
    const back = { do: 'send', connection: asked.connection } as const
    if (kind === 'status' && message.length === 3)
      this.#effects.push({ ...back, message: ['status', asked.number, message[2]] })
    else if (kind === 'reset-done' || kind === 'durability-done')
      this.#effects.push({ ...back, message: [kind, asked.number, message[2]] })
    else if (kind === 'groups-done')
      this.#effects.push({ ...back, message: [kind, asked.number, message[2]] })
    else if (
      kind === 'reset-refused' ||
      kind === 'groups-refused' ||
      kind === 'gone-noted' ||
      kind === 'gone-refused' ||
      kind === 'durability-refused'
    )
      this.#effects.push({ ...back, message: [kind, asked.number, message[2]] })
  }

  #dial(address: string, cluster: string | null): void {
    this.#dials.last -= 1
    this.#connection = this.#dials.last
    const from = this.#self
    this.#effects.push({ do: 'dial', connection: this.#connection, address, cluster, from })
  }

  #send(message: MessageOf<'clientToView'>): void {
    if (this.#connection === null) return
    this.#effects.push({ do: 'send', connection: this.#connection, message })
  }

  #leave(): void {
    if (this.#connection !== null) this.#close(this.#connection, null, 'not needed any more')
    this.#forget()
    this.#to = null
  }

  #close(connection: number, code: ErrorCode | null, text: string): void {
    this.#effects.push({ do: 'close', connection, code, text })
  }

  /** Questions that were not answered are the asker's to repeat: its own time limit ends them. */
  #forget(): void {
    this.#connection = null
    this.#id = null
    this.#waiting.clear()
  }
}
