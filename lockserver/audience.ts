// The clients of a primary: what each of them is shown, and when (R1, R5), which of them still have a word, and the
// queries and watches that they have here. It decides nothing about locks.

import { allows, readable, type Verb } from '../wire/access/principal.ts'
import { shownTurnMax } from '../wire/limits.ts'
import type { MessageOf, SlotsLeft } from '../wire/messages.ts'
import type { SaidOn } from '../wire/runs.ts'
import type { Audit } from './audit.ts'
import type { Client, Clients } from './clients.ts'
import type { Leases } from './leases.ts'
import type { ServerOutbox } from './outbox.ts'
import type { Parking } from './parking.ts'
import { type DeskOwner, QueryDesk } from './query-desk.ts'
import type { Replication } from './replication.ts'
import type { Revocations } from './revocations.ts'
import type { Showing } from './showing.ts'
import type { InView } from './situation.ts'
import { notAllowedText } from './state/refusals.ts'
import type { Session } from './state/sessions.ts'
import type { State } from './state/state.ts'
import type { Turns } from './turns.ts'
import { Watches } from './watches.ts'

/** What the parts of one primary share. */
export interface PrimaryParts {
  readonly out: ServerOutbox
  readonly situation: InView
  readonly clients: Clients
  readonly turns: Turns
  readonly state: State
  readonly leases: Leases
  readonly replication: Replication
  readonly parking: Parking
  readonly revocations: Revocations
  readonly audit: Audit
}

export class Audience {
  readonly replication: Replication
  readonly desk: QueryDesk
  readonly #out: ServerOutbox
  readonly #situation: InView
  readonly #clients: Clients
  readonly #state: State
  readonly #parking: Parking
  readonly #watches: Watches
  readonly #audit: Audit
  /** B1: how much of what had waited was shown in this turn. */
  #shown = 0
  /** G8: what the view server may know of slots that the state has left. */
  left: SlotsLeft | null = null

  constructor(parts: PrimaryParts, pingLimitMs: number) {
    const { out, situation, clients, state, leases, replication, parking, audit } = parts
    this.replication = replication
    this.#out = out
    this.#situation = situation
    this.#clients = clients
    this.#state = state
    this.#parking = parking
    this.#audit = audit
    this.desk = new QueryDesk(out, { state, times: leases.times }, situation, new AtDesk(this, pingLimitMs))
    this.#watches = new Watches(out, state)
  }

  /** Nothing of this client waits here any more; the code that ends or replaces a connection calls this. */
  gone(client: Client): void {
    this.#parking.gone(client)
    this.desk.gone(client)
    this.#watches.gone(client)
  }

  tick(): void {
    this.desk.tick()
    this.#audit.tick()
  }

  endTurn(): void {
    if (this.replication.durable) this.showShare()
    this.#shown = 0
    this.#watches.tell()
    if (this.replication.toShow || this.#watches.more) this.#out.do({ do: 'continue' })
  }

  // ---- what they are shown

  /** R1: a read is shown when the backup has answered a message sent after the read came. */
  answer(client: Client, message: MessageOf<'serverToClient'>): void {
    this.show({ is: 'answer', client, message })
  }

  unknown(client: Client, id: string): void {
    this.#deafen(client)
    this.show({ is: 'last word', client, message: ['unknown-session', id] })
  }

  /** R1: shown now, or once the backup has all that was decided until now. `idle`: no client waits for it. */
  show(showing: Showing, idle = false): void {
    if (!this.replication.holds(showing, idle)) this.#showNow(showing)
  }

  /** B1: as much as this turn has room for of what may be shown, in order. */
  showShare(): void {
    if (this.#shown >= shownTurnMax) return
    const share = this.replication.release(shownTurnMax - this.#shown)
    this.#shown += share.length
    for (const showing of share) this.#showNow(showing)
  }

  #showNow(showing: Showing): void {
    switch (showing.is) {
      case 'output':
      case 'granted': {
        const client = this.#clients.of(showing.session)
        if (client !== undefined) this.#send(client, showing.message)
        return
      }
      case 'answer':
        return this.#showAnswer(showing.client, showing.message)
      case 'last word':
        return this.#out.send(showing.client.connection, showing.message)
      case 'dropped':
        return this.#sessionOver(showing.session)
      case 'query answered':
        return this.desk.answered(showing.client)
      case 'watching':
        return this.#watches.begin(showing.watch)
      case 'event':
        return this.#watches.happened(showing.event)
      case 'handed over':
        return this.#out.count(showing)
      case 'left':
        this.left = showing.left
    }
  }

  #showAnswer(client: Client, message: MessageOf<'serverToClient'>): void {
    if (client.deaf) return
    if (message[0] === 'locks') this.#watches.catchUp(client)
    this.#send(client, message)
  }

  /** A2: who holds a lock is for those who may read it. */
  #send(client: Client, message: SaidOn<'serverToClient'>): void {
    const { principal, connection } = client
    if (principal !== null && message[0] === 'cancel-done' && message[3] !== null)
      if (!allows(principal, 'read', message[3].name))
        return this.#out.send(connection, ['cancel-done', message[1], message[2], null])
    const { map } = this.#situation
    // G2: the newest map comes first, once.
    if (message[0] === 'refused' && message[2] === 'WRONG_GROUP' && map !== null && map.number > client.map) {
      client.map = map.number
      this.#out.send(connection, ['map', map])
    }
    this.#out.send(connection, message)
  }

  #sessionOver(session: Session): void {
    const client = this.#clients.of(session)
    this.#clients.forget(session)
    if (client === undefined || client.deaf) return
    this.#deafen(client)
    this.#out.send(client.connection, ['unknown-session', session.id])
  }

  // ---- which of them have a word

  /** The client's live session; a client without one gets an answer that says so. */
  sessionOf(client: Client): Session | undefined {
    const { session } = client
    if (session === null) {
      this.close(client, 'UNEXPECTED_MESSAGE', 'open or resume a session first')
      return undefined
    }
    if (this.#state.sessions.has(session.ordinal)) return session
    this.unknown(client, session.id)
    return undefined
  }

  /** Whatever still arrives from this client is ignored. */
  #deafen(client: Client): void {
    client.deaf = true
    this.gone(client)
  }

  speaks(client: Client): boolean {
    return !client.deaf && this.#clients.has(client)
  }

  close(
    client: Client,
    code: 'UNEXPECTED_MESSAGE' | 'OUT_OF_ORDER' | 'REPLACED' | 'TOO_MANY_CONNECTIONS',
    text: string,
  ): void {
    this.#deafen(client)
    this.#clients.remove(client)
    this.#out.close(client.connection, code, text)
  }

  refused(client: Client, denied: { readonly verb: Verb; readonly lock: string | null }): void {
    this.#out.count({ is: 'not allowed', verb: denied.verb })
    this.#audit.refused(client, denied)
  }

  // ---- watches

  /** R1: the watch begins where its answer stands among all that clients are shown. */
  watch(client: Client, number: number, prefix: string): void {
    if (client.principal !== null && readable(client.principal, prefix)?.length === 0)
      return this.#notWatched(client, number, prefix)
    const watch = this.#watches.add(client, number, prefix)
    if (watch !== undefined) this.show({ is: 'watching', watch })
  }

  #notWatched(client: Client, number: number, prefix: string): void {
    this.#watches.end(client, number)
    this.refused(client, { verb: 'read', lock: prefix })
    const text = notAllowedText(client.principal?.name ?? '', 'read', prefix)
    this.#out.send(client.connection, ['watch-refused', number, 'NOT_ALLOWED', text])
  }

  seen(client: Client, number: number, count: number): void {
    this.#watches.seen(client, number, count)
  }

  unwatch(client: Client, number: number): void {
    this.#watches.end(client, number)
  }
}

/** What the desk needs of it. */
class AtDesk implements DeskOwner {
  readonly #audience: Audience
  readonly #pingLimitMs: number

  constructor(audience: Audience, pingLimitMs: number) {
    this.#audience = audience
    this.#pingLimitMs = pingLimitMs
  }

  /** G7: what a primary that may have been replaced has decided alone may never be. */
  get age() {
    const { age, isBehind } = this.#audience.replication
    return isBehind && age.asOfMs > this.#pingLimitMs ? null : age
  }

  get isSure() {
    return !this.#audience.replication.join.latched
  }

  speaks(client: Client): boolean {
    return this.#audience.speaks(client)
  }

  show(client: Client, parts: readonly MessageOf<'serverToClient'>[]): void {
    for (const part of parts) this.#audience.answer(client, part)
    this.#audience.show({ is: 'query answered', client })
  }

  answer(client: Client, message: MessageOf<'serverToClient'>): void {
    this.#audience.answer(client, message)
  }

  refused(client: Client, denied: { readonly verb: Verb; readonly lock: string }): void {
    this.#audience.refused(client, denied)
  }

  close(client: Client, code: 'UNEXPECTED_MESSAGE' | 'TOO_MANY_CONNECTIONS', text: string): void {
    this.#audience.close(client, code, text)
  }
}
