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

/** Timers would do, but pages delay them: 4 ms when nested, a second in the background. */
const { port1, port2 } = new MessageChannel() as unknown as PageChannel
const turns: (() => void)[] = []
port1.onmessage = () => turns.shift()?.()
port1.unref?.()

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
    port2.postMessage(null)
  },
  diagnostics: Object.fromEntries(diagnosticEvents.map(event => [event, nobody])) as Record<
    DiagnosticEvent,
    Diagnostic
  >,
  environment: {},
  program: { host: null, pid: null },
  clientName: typeof location === 'undefined' ? 'page' : `page of ${location.origin}`.slice(0, 256),
}
