// What the client takes from where it runs. `#runtime` is Node's or a page's, by the conditions of
// package.json, so that a bundle for browsers holds no ws and nothing of Node.

import type { Socket } from './socket.ts'

export interface Runtime {
  /** Begins to connect; throws if the address is none. */
  openSocket(address: string): Socket
  /** Runs it when this turn of the event loop is over: what one turn says travels together. */
  afterTurn(run: () => void): void
  /** HOLDFAST_VIEW and the like; empty in a page. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** What people call this client unless it is given a name. */
  readonly clientName: string
}
