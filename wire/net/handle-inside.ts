// The only file that knows what is below a socket of Node: a handle that may be told not to read, whatever the socket itself
// and those who listen to it want. `test/reading-turns.ts` fails if that changes.

import type { Socket } from 'node:net'

interface Handle {
  /** The socket wants to read. */
  readonly reading: boolean
  readStart(): void
  readStop(): void
}

export function stopReading(socket: Socket): void {
  handleOf(socket)?.readStop()
}

export function readAgain(socket: Socket): void {
  const handle = handleOf(socket)
  if (handle?.reading) handle.readStart()
}

/** Null: it is closed. */
function handleOf(socket: Socket): Handle | null {
  return (socket as unknown as { readonly _handle: Handle | null })._handle
}
