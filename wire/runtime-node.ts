// The runtime of Node: sockets of ws, so that dialling tells a refusal from a silence, and cuts.

import { channel } from 'node:diagnostics_channel'
import { frameBytesMax, helloWithinMs } from './limits.ts'
import { type Diagnostic, type DiagnosticEvent, diagnosticEvents, type Runtime } from './runtime.ts'
import ws from './ws.cjs'
import { WsSocket } from './ws-socket.ts'

export const runtime: Runtime = {
  openSocket: address =>
    new WsSocket(
      new ws.WebSocket(address, {
        perMessageDeflate: false,
        maxPayload: frameBytesMax,
        handshakeTimeout: helloWithinMs,
        // A mask of zeros needs no masking. It is there against pages that make a proxy take their text for
        // HTTP; this is no page, and JSON lets no line break through.
        generateMask: mask => void mask.fill(0),
      }),
    ),
  afterTurn: run => void setImmediate(run),
  diagnostics: Object.fromEntries(
    diagnosticEvents.map(event => [event, channel(`holdfast:${event}`)]),
  ) as unknown as Record<DiagnosticEvent, Diagnostic>,
  environment: process.env,
  clientName: `pid ${process.pid}`,
}
