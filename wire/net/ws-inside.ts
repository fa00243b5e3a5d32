// The only file that knows the inside of a WebSocket of ws: how large a frame may be, which must grow after
// the hello, and how many bytes of a frame that is not whole are kept. ws offers neither;
// `test/edge-sockets.ts` fails if its inside changes.

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

function receiverOf(socket: WebSocket): Receiver {
  return (socket as unknown as { readonly _receiver: Receiver })._receiver
}
