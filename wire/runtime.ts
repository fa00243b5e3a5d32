// What drivers take from where they run: clocks, timers, chance and sockets. `#runtime` is Node's or a page's,
// by the conditions of package.json, so that a bundle for browsers holds no ws and nothing of Node; tests hand
// in a simulated one. It decides nothing.

import type { Instant } from './clock.ts'
import type { Socket } from './socket.ts'

/** Opaque; ends with `cancel`. */
export type Timer = object

export interface Runtime {
  /** Both clocks. */
  now(): Instant
  /** The monotonic clock alone, in ms. */
  monotonic(): number
  /** Runs it once, after this many ms. Keeps a process alive. */
  after(ms: number, run: () => void): Timer
  /** The same; a process may end before. */
  afterQuietly(ms: number, run: () => void): Timer
  cancel(timer: Timer | undefined): void
  /** Runs it when this turn of the event loop is over: what one turn says travels together. */
  afterTurn(run: () => void): void
  /** From 0, below 1. */
  chance(): number
  /** 128 random bits, as 32 hexadecimal digits. */
  newId(): string
  /** Begins to connect; throws if the address is none. */
  openSocket(address: string): Socket
}

/** What is told of a client to whoever measures or debugs the program that it is part of. */
export const diagnosticEvents = [
  'view',
  'session',
  'reconnecting',
  'lost',
  'acquire',
  'granted',
  'release',
] as const
export type DiagnosticEvent = (typeof diagnosticEvents)[number]

export interface Diagnostic {
  /** Nothing is made to be told while nobody listens. */
  readonly hasSubscribers: boolean
  publish(message: object): void
}

/** What a client takes from the program that it is part of, too. */
export interface ClientRuntime extends Runtime {
  /** HOLDFAST_VIEW and the like; empty in a page. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Node's diagnostics channels `holdfast:…`; pages have none. */
  readonly diagnostics: Readonly<Record<DiagnosticEvent, Diagnostic>>
  /** What people call this client unless it is given a name. */
  readonly clientName: string
}
