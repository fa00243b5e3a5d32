// The table of lock servers: which count, which live, which may be chosen (V5, V7). It decides no view.
// Life and death are counted in the view server's own ticks, never as differences of two times. The time
// shows it only that it slept itself, after which it relies on less, and finds no server dead.

import type { ErrorCode } from '../wire/errors.ts'
import { forgetServerMs } from '../wire/limits.ts'
import type { HelloFrom, Imprint, Ping, Server } from '../wire/messages.ts'

export type LockServerHello = Extract<HelloFrom, { kind: 'lockserver' }>

export interface KnownServer {
  readonly id: string
  readonly address: string
  pid: number
  version: string
  host: string
  /** The one open connection; null while there is none. */
  connection: number | null
  /** V5: the view record names it, or its address was dialled and this very id answered. */
  counts: boolean
  /** V5: another id has taken over its address; it never counts again. */
  replaced: boolean
  /** The server's connection closed and its address refuses a new one: the process is gone. */
  refused: boolean
  /** The view server's own ticks in a row without a ping. */
  missed: number
  /** The same, with those ticks in which no server was heard. */
  silent: number
  /** A ping came since the last tick. */
  heard: boolean
  /** When it was last heard, or first known; for display, and to forget it. Null until the first tick. */
  heardAt: number | null
  /** When its connection closed; null while it has one, and before the first. For display only. */
  closedAt: number | null
  ping: Ping | null
  /** What its journal held when it started (D3). */
  imprint: Imprint | null
  /** It has a journal. */
  journal: boolean
  /** D4: an operator says that its process is gone for good. */
  saidGone: boolean
  /** The connection that its last ping came on. */
  pingedOn: number | null
  /** Dials in a row that were cut, since its connection closed. */
  cuts: number
  /** The log already says that this server can't be verified. */
  noted: boolean
  /** How often it was dialled to be verified, and the tick from which on it may be dialled again. */
  tries: number
  triedNext: number
}

/** Ticks in a row without a ping after which a server is not relied on. */
const silentTicks = 2

export class Servers {
  readonly #deadPings: number
  /** A longer time between two own ticks means that this process slept: what it reads then may be old. */
  readonly #sleepMs: number
  #tickedAt: number | null = null
  readonly #byId = new Map<string, KnownServer>()
  readonly #byConnection = new Map<number, KnownServer>()
  /** Since the last tick a server was turned away because another id is at its address. */
  #rivalHeard = false

  constructor(deadPings: number, pingIntervalMs: number) {
    this.#deadPings = deadPings
    this.#sleepMs = 2 * pingIntervalMs
  }

  all(): KnownServer[] {
    return [...this.#byId.values()]
  }

  get(id: string): KnownServer | undefined {
    return this.#byId.get(id)
  }

  /** A server of the current view; those are never forgotten. */
  named(id: string): KnownServer {
    const server = this.#byId.get(id)
    if (server === undefined) throw new Error(`broken invariant: V5: server ${id} of the view is not known`)
    return server
  }

  on(connection: number): KnownServer | undefined {
    return this.#byConnection.get(connection)
  }

  connections(): number[] {
    return [...this.#byConnection.keys()]
  }

  /** V6: servers that a loaded record names count, and miss pings from the start. */
  name(servers: readonly Server[]): void {
    for (const server of servers) if (!this.#byId.has(server.id)) this.#add(server, null).counts = true
  }

  /** Why this hello is turned away, or undefined. */
  refusal(hello: LockServerHello): [ErrorCode, string] | undefined {
    const known = this.#byId.get(hello.id)
    if (known?.replaced)
      return ['ADDRESS_TAKEN', `another server has taken over ${known.address}; restart this one`]
    if (known !== undefined && known.address !== hello.address)
      return ['WRONG_SERVER', `server ${hello.id} is known at ${known.address}, not at ${hello.address}`]
    const holder = this.holder(hello)
    if (holder === undefined) return undefined
    this.#rivalHeard = true
    return ['ADDRESS_TAKEN', addressTaken(holder)]
  }

  /** V5: the other counted id that still pings from this address. */
  holder({ id, address }: Server): KnownServer | undefined {
    return this.all().find(other => other.address === address && other.id !== id && this.lives(other))
  }

  /** V5: servers that are connected and do not count yet. */
  unverified(): KnownServer[] {
    return [...this.#byConnection.values()].filter(server => !server.counts)
  }

  /** A new connection of the same id is the same server after a cut. Returns the connection it replaces. */
  connect(hello: LockServerHello, connection: number, now: number): number | null {
    const server = this.#byId.get(hello.id) ?? this.#add(hello, now)
    const before = server.connection
    if (before !== null) this.#byConnection.delete(before)
    server.connection = connection
    server.closedAt = null
    server.pid = hello.pid
    server.version = hello.version
    server.host = hello.host
    server.imprint = hello.imprint
    server.journal = hello.journal
    server.noted = false
    this.#byConnection.set(connection, server)
    return before
  }

  /** An id that never counted is forgotten with its connection. */
  disconnect(server: KnownServer): void {
    if (server.connection !== null) this.#byConnection.delete(server.connection)
    server.connection = null
    server.cuts = 0
    if (!server.counts && !server.replaced) this.#byId.delete(server.id)
  }

  heard(server: KnownServer, ping: Ping, now: number): void {
    server.ping = ping
    server.pingedOn = server.connection
    server.heardAt = now
    server.heard = true
    server.missed = 0
    server.silent = 0
    server.refused = false
  }

  /** V5: the id counts from now on; returns all others at its address, which never will count again. */
  verify(server: KnownServer): KnownServer[] {
    server.counts = true
    const others = this.all().filter(
      other => other.address === server.address && other !== server && !other.replaced,
    )
    for (const other of others) if (other.counts) this.replace(other)
    return others
  }

  replace(server: KnownServer): void {
    server.replaced = true
    server.counts = false
  }

  /**
   * V7: a tick in which no server was heard is a miss for none. A server that was turned away was heard:
   * otherwise, once all machines have crashed, the old ids would live on for ever on connections that
   * nothing closes, and keep the new ones out. Returns the servers that this tick makes dead.
   */
  tick(now: number): KnownServer[] {
    const died: KnownServer[] = []
    const anybody = this.#rivalHeard || this.all().some(server => server.counts && server.heard)
    this.#rivalHeard = false
    const slept = this.#slept(now)
    this.#tickedAt = now
    for (const server of this.#byId.values()) {
      if (anybody && !server.heard && ++server.missed === this.#deadPings) died.push(server)
      if (slept) server.silent = silentTicks
      else if (!server.heard) server.silent++
      server.heard = false
      server.heardAt ??= now
    }
    return died
  }

  /** Ids that are not in the view and long silent, by the last tick; each restart and step-down makes one. */
  forgettable(named: readonly Server[], now: number): KnownServer[] {
    return this.all().filter(
      server => !named.some(({ id }) => id === server.id) && now - (server.heardAt ?? now) > forgetServerMs,
    )
  }

  forget(server: KnownServer): void {
    this.disconnect(server)
    this.#byId.delete(server.id)
  }

  /** Believed halted. */
  isDead(server: KnownServer): boolean {
    return server.replaced || server.refused || server.missed >= this.#deadPings
  }

  /**
   * The server has pinged since the last tick or the one before; one silent tick is only a clock's
   * difference. A tick in which no server was heard makes none dead, but does not show that this one is
   * there. Neither does a hello, behind which older pings tell of the past, nor what waited in the sockets
   * while this process slept.
   */
  isHeard(server: KnownServer, now: number): boolean {
    const pinged = server.connection !== null && server.pingedOn === server.connection
    return pinged && server.silent < silentTicks && !this.isDead(server) && !this.#slept(now)
  }

  #slept(now: number): boolean {
    return this.#tickedAt !== null && now - this.#tickedAt > this.#sleepMs
  }

  lives(server: KnownServer): boolean {
    return server.counts && server.connection !== null && !this.isDead(server)
  }

  /** V7: living servers whose own ping says idle, the longest known first. */
  idle(): KnownServer[] {
    return this.all().filter(
      server =>
        this.lives(server) && server.ping?.role === 'idle' && !server.ping.leaving && !server.ping.low,
    )
  }

  #add({ id, address }: Server, now: number | null): KnownServer {
    const server: KnownServer = {
      id,
      address,
      pid: 0,
      version: '',
      host: '',
      connection: null,
      counts: false,
      replaced: false,
      refused: false,
      missed: 0,
      silent: 0,
      heard: false,
      heardAt: now,
      closedAt: null,
      ping: null,
      imprint: null,
      journal: false,
      saidGone: false,
      pingedOn: null,
      cuts: 0,
      noted: false,
      tries: 0,
      triedNext: 0,
    }
    this.#byId.set(id, server)
    return server
  }
}

export function addressTaken(holder: Server): string {
  return `server ${holder.id} lives at ${holder.address}; two servers can't advertise one address`
}

/** Whether the address can be dialled at all: a driver must not stumble over what a stranger sends. */
export function isDialable(address: string): boolean {
  if (!URL.canParse(address)) return false
  const url = new URL(address)
  return (url.protocol === 'ws:' || url.protocol === 'wss:') && url.hash === ''
}
