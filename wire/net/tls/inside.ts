// The only file that knows the inside of Node's TLS: which socket is below. Its own names for a socket, the addresses, are gone
// when a handshake has failed. `test/tls.ts` fails if that changes.

import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'

export function socketBelow(socket: TLSSocket): Socket | undefined {
  return (socket as unknown as { readonly _parent?: Socket })._parent
}
