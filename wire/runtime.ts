// What the client takes from where it runs. `#runtime` is Node's or a page's, by the conditions of
// package.json, so that a bundle for browsers holds no ws and nothing of Node.

import type { Socket } from './socket.ts'

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

export interface Runtime {
  /** Begins to connect; throws if the address is none. */
  openSocket(address: string): Socket
  /** Runs it when this turn of the event loop is over: what one turn says travels together. */
  afterTurn(run: () => void): void
  /** HOLDFAST_VIEW and the like; empty in a page. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Node's diagnostics channels `holdfast:…`; pages have none. */
  readonly diagnostics: Readonly<Record<DiagnosticEvent, Diagnostic>>
  /** What people call this client unless it is given a name. */
  readonly clientName: string
}
