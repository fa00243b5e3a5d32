// What drivers take from their platform: clocks, timers, random numbers and sockets. `#runtime` is Node's or
// a page's, by the conditions of package.json, so that a bundle for browsers holds no ws and nothing of Node;
// tests hand in a simulated one. A runtime decides nothing.

import type { Instant } from '../clock.ts'
import type { Socket } from './socket.ts'
import type { TlsOptions } from './tls/options.ts'

/** Opaque; ends with `cancel`. */
export type Timer = object

export interface Runtime {
  /** Both clocks. */
  now(): Instant
  /** The monotonic clock alone, in ms. */
  monotonic(): number
  /** Runs the function once, after this many ms. Keeps a process alive. */
  after(ms: number, run: () => void): Timer
  /** The same, but the process may end before. */
  afterQuietly(ms: number, run: () => void): Timer
  cancel(timer: Timer | undefined): void
  /** Runs the function when this turn of the event loop is over: messages of one turn travel together. */
  afterTurn(run: () => void): void
  /** A random number from 0, below 1. */
  chance(): number
  /** 128 random bits, as 32 hexadecimal digits. */
  newId(): string
  /** Of a platform that warns of many listeners on one signal: it does not for this one. */
  manyListeners?(signal: AbortSignal): void
  /** Begins to connect; throws if the address is not valid. `hurryAt`: of dials that have to wait the smallest is the first. */
  openSocket(address: string, hurryAt?: number): Socket
}

/** What a client publishes for tools that measure or debug the program that it is part of. */
export const diagnosticEvents = [
  'view',
  'session',
  'reconnecting',
  'lost',
  'acquire',
  'granted',
  'not-granted',
  'release',
] as const
export type DiagnosticEvent = (typeof diagnosticEvents)[number]

export interface Diagnostic {
  /** While there is no listener, nothing is built to be published. */
  readonly hasSubscribers: boolean
  publish(message: object): void
}

/** What a client also takes from the program that it is part of. */
export interface ClientRuntime extends Runtime {
  /**
   * The same, dialling `wss://` with these (A5). Throws a TypeError if they can't be used. Absent where the platform alone
   * decides whom it believes and what it shows, as in pages.
   */
  withTls?(tls: TlsOptions): ClientRuntime
  /** What the environment says of TLS: files that HOLDFAST_TLS_CA and the like name. Throws a TypeError if one can't be read. */
  tlsOfEnvironment?(): TlsOptions | undefined
  /** HOLDFAST_VIEW and the like; empty in a page. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Node's diagnostics channels `holdfast:…`; pages have none. */
  readonly diagnostics: Readonly<Record<DiagnosticEvent, Diagnostic>>
  /** 128 random bits that nobody else may know, as 32 hexadecimal digits. */
  newKey(): string
  /** Where the program runs, for display; null where it can't know. */
  readonly program: { readonly host: string | null; readonly pid: number | null }
  /** The name of this client for display, unless it is given one. */
  readonly clientName: string
}
