// The only file that knows the inside of Node's TLS: which socket is below. Its own names for a socket, the addresses, are gone
// when a handshake has failed. `test/tls.ts` fails if that changes.

import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Readable } from './shaking.ts'

export function socketBelow(socket: TLSSocket): Socket | undefined {
  return (socket as unknown as { readonly _parent?: Socket })._parent
}

/** Below the socket and any TLS on it; null: it is closed. */
export function handleBelow(socket: Socket): Readable | null {
  return (socket as unknown as { readonly _handle: Readable | null })._handle
}
