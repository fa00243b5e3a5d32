// A WebSocket as Node dials it, with ws, so that a dial tells a refusal from silence, and cuts. It decides nothing.

import { frameBytesMax, handshakesAtOnceMax, helloWithinMs } from '../limits.ts'
import { DialsInTurn } from './dials-in-turn.ts'
import type { Runtime } from './runtime.ts'
import type { Socket } from './socket.ts'
import type { DialTls } from './tls/dial.ts'
import ws from './ws.cjs'
import { WsSocket } from './ws-socket.ts'

const handshakes = new DialsInTurn(handshakesAtOnceMax)

/** Throws if the address is not valid. `tls`: absent for what Node believes by itself. */
export function openWebSocket(address: string, hurryAt = 0, tls?: DialTls): Socket {
  if (new URL(address).protocol !== 'wss:') return dial(address)
  return handshakes.open(address, hurryAt, () => dial(address, tls))
}

function dial(address: string, tls?: DialTls): Socket {
  return new WsSocket(
    new ws.WebSocket(address, {
      perMessageDeflate: false,
      maxPayload: frameBytesMax,
      handshakeTimeout: helloWithinMs,
      // A mask of zeros needs no masking. Masks exist against pages that make a proxy take their text for
      // HTTP; this is no page, and JSON lets no line break through.
      generateMask: mask => void mask.fill(0),
      ...tls,
    }),
  )
}

/** The same runtime, dialling with what is in force at each dial. */
export function dialsWith(runtime: Runtime, now: () => DialTls): Runtime {
  return { ...runtime, openSocket: (address, hurryAt) => openWebSocket(address, hurryAt, now()) }
}
