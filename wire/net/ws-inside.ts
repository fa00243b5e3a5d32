// The only file that knows the inside of a WebSocket of ws: how large a frame may be, which must grow after
// the hello, how many bytes of a frame that is not whole are kept, and when what was sent is with the network.
// ws offers none of it; `test/edge-sockets.ts` fails if its inside changes.

import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'

interface Receiver {
  _maxPayload: number
  /** Bytes of the frame that is being read. */
  readonly _bufferedBytes: number
  /** Bytes of the fragments before it. */
  readonly _messageLength: number
}

export function allowFrames(socket: WebSocket, bytesMax: number): void {
  receiverOf(socket)._maxPayload = bytesMax
}

export function bytesKept(socket: WebSocket): number {
  const { _bufferedBytes, _messageLength } = receiverOf(socket)
  return _bufferedBytes + _messageLength
}

/** Call it only while some of what was sent waits in this process; of a socket that closes first nothing is heard. */
export function whenDrained(socket: WebSocket, run: () => void): void {
  ;(socket as unknown as { readonly _socket: Socket | null })._socket?.once('drain', run)
}

function receiverOf(socket: WebSocket): Receiver {
  return (socket as unknown as { readonly _receiver: Receiver })._receiver
}
