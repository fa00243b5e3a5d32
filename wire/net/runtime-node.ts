// The runtime of Node: its timers, and sockets of ws, so that a dial tells a refusal from silence, and cuts.

import { channel } from 'node:diagnostics_channel'
import { setMaxListeners } from 'node:events'
import { hostname, uptime } from 'node:os'
import { countSuspended, readClock, readMonotonic } from '../clock.ts'
import { randomId } from '../id.ts'
import { hostLengthMax } from '../limits.ts'
import { openWebSocket } from './open-web-socket.ts'
import { type ClientRuntime, type Diagnostic, type DiagnosticEvent, diagnosticEvents } from './runtime.ts'
import { clearTimeout, setImmediate, setTimeout } from './timers-node.ts'
import { dialTlsOf } from './tls/dial.ts'
import { tlsOfEnvironment } from './tls/environment.ts'

// On Linux by CLOCK_BOOTTIME, on macOS and Windows by the system's own count; time that is set moves none of them.
countSuspended(() => uptime() * 1_000)

export const runtime: ClientRuntime = {
  now: readClock,
  monotonic: readMonotonic,
  after: (ms, run) => setTimeout(run, ms),
  afterQuietly: (ms, run) => setTimeout(run, ms).unref(),
  cancel: timer => clearTimeout(timer as NodeJS.Timeout | undefined),
  afterTurn: run => void setImmediate(run),
  chance: Math.random,
  newId: randomId,
  newKey: randomId,
  manyListeners: signal => setMaxListeners(0, signal),
  openSocket: (address, hurryAt) => openWebSocket(address, hurryAt),
  withTls: tls => {
    const dial = dialTlsOf(tls)
    return { ...runtime, openSocket: (address, hurryAt) => openWebSocket(address, hurryAt, dial) }
  },
  tlsOfEnvironment: () => tlsOfEnvironment(process.env),
  diagnostics: Object.fromEntries(
    diagnosticEvents.map(event => [event, channel(`holdfast:${event}`)]),
  ) as unknown as Record<DiagnosticEvent, Diagnostic>,
  environment: process.env,
  program: { host: hostname().slice(0, hostLengthMax) || null, pid: process.pid },
  clientName: `pid ${process.pid}`,
}
