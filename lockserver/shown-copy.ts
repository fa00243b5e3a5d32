// What a backup with a whole copy shows of it to clients: nearest reads (G7), and no others. It asks the primary with
// each tick what its copy is as of, so that each answer says how old it may be. Nothing that decides reads here.

import type { MessageOf } from '../wire/messages.ts'
import { AsOf } from './as-of.ts'
import { Audit } from './audit.ts'
import type { Client, Clients } from './clients.ts'
import type { ServerOutbox } from './outbox.ts'
import type { CopyAge } from './queries.ts'
import { type DeskOwner, QueryDesk } from './query-desk.ts'
import type { InView } from './situation.ts'
import type { State } from './state/state.ts'
import type { Times } from './times.ts'

/** How far the copy is. */
export interface CopyState {
  /** The last batch that was received in order, and the last that was applied. */
  readonly received: number
  readonly applied: number
  /** All that was applied is on this server's disk; null: the cluster keeps nothing on disk. */
  readonly onDisk: boolean | null
}

export class ShownCopy implements DeskOwner {
  readonly isSure = false
  readonly #out: ServerOutbox
  readonly #situation: InView
  readonly #clients: Clients
  readonly #copy: CopyState
  readonly #audit: Audit
  readonly desk: QueryDesk
  readonly #asOf: AsOf
  #questions = 0
  /** The question that the primary has not answered. */
  #asked: { readonly number: number; readonly at: number } | null = null

  /** `at`: all that was decided until then is in the copy; monotonic ms. */
  constructor(
    out: ServerOutbox,
    situation: InView,
    clients: Clients,
    shown: { readonly state: State; readonly times: Times },
    copy: CopyState,
    at: number,
  ) {
    this.#out = out
    this.#situation = situation
    this.#clients = clients
    this.#copy = copy
    this.#audit = new Audit(out)
    this.desk = new QueryDesk(out, shown, situation, this)
    this.#asOf = new AsOf(at)
  }

  // ---- how old it may be

  get age(): CopyAge {
    const { applied, onDisk } = this.#copy
    this.#asOf.done(applied)
    return { asOfMs: this.#asOf.ageMs(this.#situation.now.monotonic), onDisk }
  }

  /** `connection`: to the primary; null: there is none. */
  tick(connection: number | null): void {
    this.desk.tick()
    this.#audit.tick()
    this.#asOf.done(this.#copy.applied)
    if (connection === null || this.#asked !== null) return
    this.#asked = { number: ++this.#questions, at: this.#situation.now.monotonic }
    this.#out.send(connection, ['when', this.#situation.view.number, this.#questions])
  }

  /** All that the primary had decided when it got this question has been received. */
  answered(number: number): void {
    if (this.#asked?.number !== number) return
    this.#asOf.expect(this.#copy.received, this.#asked.at)
    this.#asked = null
  }

  /** No answer comes any more. */
  disconnected(): void {
    this.#asked = null
  }

  // ---- clients

  look(client: Client, request: MessageOf<'clientToServer', 'look'>): void {
    this.desk.ask(client, request)
  }

  turn(): void {
    this.desk.turn()
  }

  gone(client: Client): void {
    this.desk.gone(client)
  }

  /** The copy is another server's part from here on, or is no copy any more. */
  end(): void {
    this.desk.end()
  }

  speaks(client: Client): boolean {
    return this.#clients.has(client)
  }

  /** G7: what is asked here is never confirmed. */
  show(): void {
    throw new Error('broken invariant: G7: a copy confirms nothing')
  }

  answer(): void {
    throw new Error('broken invariant: G7: a copy confirms nothing')
  }

  refused(client: Client, denied: Parameters<DeskOwner['refused']>[1]): void {
    this.#out.count({ is: 'not allowed', verb: denied.verb })
    this.#audit.refused(client, denied)
  }

  close(client: Client, ...why: [Parameters<DeskOwner['close']>[1], string]): void {
    client.deaf = true
    this.desk.gone(client)
    this.#clients.remove(client)
    this.#out.close(client.connection, ...why)
  }
}
