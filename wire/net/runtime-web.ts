// The runtime of web pages and workers, on their own WebSocket. It uses nothing that a strict
// Content-Security-Policy forbids, and nothing of Node.

import { readClock, readMonotonic } from '../clock.ts'
import { randomId } from '../id.ts'
import { helloWithinMs } from '../limits.ts'
import {
  type ClientRuntime,
  type Diagnostic,
  type DiagnosticEvent,
  diagnosticEvents,
  type Timer,
} from './runtime.ts'
import { type PageSocket, WebSocketOfPage } from './web-socket.ts'

declare const WebSocket: new (address: string) => PageSocket
declare const location: { readonly origin: string } | undefined

interface PagePort {
  onmessage: (() => void) | null
  postMessage(nothing: null): void
  /** `unref` exists in Node, where a port alone must not keep a process alive. */
  unref?(): void
}
type PageChannel = { readonly port1: PagePort; readonly port2: PagePort }

// As they are when this file is loaded: fake timers of a test must not stop a lease.
const { setTimeout, clearTimeout } = globalThis

const turns: (() => void)[] = []
/** Asks for one more turn. Made at its first use: a platform without channels can import this file all the same. */
let askForTurn: (() => void) | null = null

function turnAsker(): () => void {
  const takeTurn = () => turns.shift()?.()
  // jsdom, edge runtimes and React Native have none.
  if (typeof MessageChannel === 'undefined') return () => void setTimeout(takeTurn, 0)
  // Timers would do everywhere, but pages delay them: 4 ms when nested, a second in the background.
  const { port1, port2 } = new MessageChannel() as unknown as PageChannel
  port1.onmessage = takeTurn
  port1.unref?.()
  return () => port2.postMessage(null)
}

const nobody: Diagnostic = { hasSubscribers: false, publish() {} }

/** A page numbers its timers. */
class PageTimer {
  readonly number: ReturnType<typeof setTimeout>

  constructor(ms: number, run: () => void) {
    this.number = setTimeout(run, ms)
  }
}

function after(ms: number, run: () => void): Timer {
  return new PageTimer(ms, run)
}

export const runtime: ClientRuntime = {
  now: readClock,
  monotonic: readMonotonic,
  after,
  // A page lives as long as it is open.
  afterQuietly: after,
  cancel: timer => clearTimeout((timer as PageTimer | undefined)?.number),
  chance: Math.random,
  newId: randomId,
  newKey: randomId,
  openSocket: address => new WebSocketOfPage(new WebSocket(address), helloWithinMs),
  afterTurn: run => {
    turns.push(run)
    askForTurn ??= turnAsker()
    askForTurn()
  },
  diagnostics: Object.fromEntries(diagnosticEvents.map(event => [event, nobody])) as Record<
    DiagnosticEvent,
    Diagnostic
  >,
  environment: {},
  program: { host: null, pid: null },
  clientName: typeof location === 'undefined' ? 'page' : `page of ${location.origin}`.slice(0, 256),
}
