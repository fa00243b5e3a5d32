// The edge of a server: which peers may have a socket, and which must go when there are too many (B3, B4,
// B7). It counts by standing and by address, or by principal where there is one, and keeps room for operators. It touches no
// socket and reads no clock.

import { principalPrefix } from '../access/owner.ts'
import { WireError } from '../codec.ts'
import { receivingBytesMax, silentAfterHelloMs, silentPerTurnMax, unreadBytesMax } from '../limits.ts'
import type { HelloFrom } from '../messages.ts'
import { ByteSum } from './byte-sum.ts'
import type { Room } from './edge-room.ts'
import { FrameRate } from './frame-rate.ts'
import { WrongSecrets } from './wrong-secrets.ts'

/** Strangers have not shown the secret yet; in a cluster without a secret, they have not said hello. */
export type Standing = 'stranger' | 'client' | 'server'

/** One connection, as the edge sees it. */
export interface Guest {
  readonly address: string
  readonly loopback: boolean
  standing: Standing
  /** Whose quotas it takes from, in place of its address's; absent: it has none. */
  principal?: string
  /** Servers are exempt: they are not cut for the sum of all. */
  readonly exempt: boolean
  /** When the connection was admitted. */
  since: number
  /** Bytes of frames that are not whole yet. */
  receiving(): number
  /** Bytes that were sent to the peer and that it has not read. */
  unread(): number
  /** Ends the connection without a word. */
  cut(): void
  /** Ends the connection and tells the peer why. */
  end(error: WireError): void
}

export interface Quotas {
  /** Null for the default, from which loopback is exempt. */
  readonly connectionsPerAddress: number | null
  readonly framesPerAddress: number | null
}

export interface Defaults {
  readonly connectionsPerAddress: number
  readonly framesPerAddress: number
}

/** Why connections were cut, for the metrics. */
export type CutReason = 'strangers' | 'receiving' | 'unread' | 'silent'

export class Edge {
  readonly room: Room
  readonly wrongSecrets = new WrongSecrets()
  readonly cuts: Record<CutReason, number> = { strangers: 0, receiving: 0, unread: 0, silent: 0 }
  /** How often, looked at once a second, no more file could be opened. */
  filesShort = 0
  readonly receiving = new ByteSum<Guest>(
    receivingBytesMax,
    each => each.receiving(),
    each => this.#cut(each, 'receiving'),
  )
  readonly unread = new ByteSum<Guest>(
    unreadBytesMax,
    each => each.unread(),
    each => this.#cut(each, 'unread'),
  )
  readonly #quotas: Quotas
  readonly #defaults: Defaults
  readonly #rate: FrameRate
  /** Strangers by address, each address's in the order in which they came. */
  readonly #strangers = new Map<string, Set<Guest>>()
  readonly #clients = new Map<string, number>()
  /** Clients that have said nothing since their hello, the longest first. */
  readonly #silent = new Set<Guest>()
  readonly counts: Record<Standing, number> = { stranger: 0, client: 0, server: 0 }

  constructor(room: Room, quotas: Quotas, defaults: Defaults) {
    this.room = room
    this.#quotas = quotas
    this.#defaults = defaults
    this.#rate = new FrameRate(quotas.framesPerAddress ?? defaults.framesPerAddress)
  }

  /** B3: a socket was opened. If there are too many strangers, the oldest of the address with most is cut. */
  enter(guest: Guest): void {
    const own = this.#strangers.get(guest.address) ?? new Set()
    this.#strangers.set(guest.address, own.add(guest))
    this.counts.stranger++
    if (this.counts.stranger > this.room.strangers) this.#cutStranger()
  }

  /** B3, B7: the guest's hello has shown the secret. Undefined if it is let in and no stranger any more. */
  admit(guest: Guest, from: HelloFrom, now: number, principal: string | null = null): WireError | undefined {
    const standing = from.kind === 'client' ? 'client' : 'server'
    if (principal !== null) guest.principal = principal
    const full = standing === 'server' ? this.#serversFull() : this.#clientsFull(guest)
    if (full !== undefined) return full
    this.#removeStranger(guest)
    guest.standing = standing
    guest.since = now
    this.counts[standing]++
    if (standing === 'client') {
      const payer = payerOf(guest)
      this.#clients.set(payer, (this.#clients.get(payer) ?? 0) + 1)
      this.#silent.add(guest)
    }
    return undefined
  }

  leave(guest: Guest): void {
    this.receiving.forget(guest)
    this.unread.forget(guest)
    this.#silent.delete(guest)
    if (guest.standing === 'stranger') return this.#removeStranger(guest)
    this.counts[guest.standing]--
    if (guest.standing !== 'client') return
    const payer = payerOf(guest)
    const left = (this.#clients.get(payer) ?? 1) - 1
    if (left > 0) this.#clients.set(payer, left)
    else this.#clients.delete(payer)
  }

  /** B7: takes note of this many frames; returns in how many ms the guest's next one may be read. */
  took(guest: Guest, frames: number, now: number): number {
    if (guest.standing === 'stranger') return 0
    this.#silent.delete(guest)
    if (guest.standing === 'server' || isExempt(guest, this.#quotas.framesPerAddress)) return 0
    return this.#rate.took(payerOf(guest), frames, now)
  }

  /** B7: called from time to time. True: there are more than it ends in one turn (B1). */
  sweep(now: number): boolean {
    let left = silentPerTurnMax
    for (const guest of this.#silent) {
      if (now - guest.since < silentAfterHelloMs) return false
      if (left-- <= 0) return true
      this.#silent.delete(guest)
      this.cuts.silent++
      guest.end(
        new WireError('GONE_QUIET', `nothing was said within ${silentAfterHelloMs} ms after the hello`),
      )
    }
    return false
  }

  #serversFull(): WireError | undefined {
    const { servers } = this.room
    return this.counts.server < servers ? undefined : tooMany(`there are ${servers} servers already`)
  }

  /** B7: the places that others may not have are for operators, who work on the machine itself. */
  #clientsFull(guest: Guest): WireError | undefined {
    const { client } = this.counts
    const max = guest.loopback ? this.room.clients : this.room.distantClients
    if (client >= max) return tooMany(`there are ${client} already`)
    const { connectionsPerAddress } = this.#quotas
    if (isExempt(guest, connectionsPerAddress)) return undefined
    const own = connectionsPerAddress ?? this.#defaults.connectionsPerAddress
    if ((this.#clients.get(payerOf(guest)) ?? 0) < own) return undefined
    const { principal, address } = guest
    const whose = principal === undefined ? `from ${address}` : `of the principal ${principal}`
    return tooMany(`there are ${own} ${whose} already`)
  }

  #cutStranger(): void {
    let most = new Set<Guest>()
    for (const own of this.#strangers.values()) if (own.size > most.size) most = own
    for (const guest of most) return this.#cut(guest, 'strangers')
  }

  #cut(guest: Guest, reason: CutReason): void {
    this.cuts[reason]++
    if (guest.standing === 'stranger') this.#removeStranger(guest)
    guest.cut()
  }

  /** The guest may be gone already. */
  #removeStranger(guest: Guest): void {
    const own = this.#strangers.get(guest.address)
    if (!own?.delete(guest)) return
    if (own.size === 0) this.#strangers.delete(guest.address)
    this.counts.stranger--
  }
}

/** No address looks like a principal. */
function payerOf({ principal, address }: Guest): string {
  return principal === undefined ? address : `${principalPrefix}${principal}`
}

/** The default quotas do not hold for loopback; for a principal they do, wherever it comes from. */
function isExempt({ principal, loopback }: Guest, quota: number | null): boolean {
  return principal === undefined && loopback && quota === null
}

function tooMany(text: string): WireError {
  return new WireError('TOO_MANY_CONNECTIONS', text)
}
