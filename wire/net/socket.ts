// What a connection needs of a WebSocket, on any platform: Node's are those of ws, a page has its own.
// Nothing of either is known behind it.

export interface SocketHandlers {
  opened(): void
  /** One text frame. */
  received(text: string): void
  /** A frame that is not text. */
  receivedBinary(): void
  /** Once, and the last. `error`: what went wrong, if it is known. */
  closed(code: number, reason: string, error: Error | undefined): void
}

export interface Socket {
  /** It may be written to. */
  readonly open: boolean
  /** Bytes that the network has not taken yet. */
  readonly bufferedAmount: number
  /** Says who hears of it; called once, before anything can have happened. */
  hear(handlers: SocketHandlers): void
  send(text: string): void
  /** Reads no more until `unpause`; a page's socket can't. */
  pause?(): void
  unpause?(): void
  /** Ends it in order, and for good after a while, whatever the peer does. `reason`: at most 123 bytes. */
  close(code: number, reason: string): void
  /** Ends it without a word. */
  cut(): void
}

/** How long a peer may take to answer our close. */
export const closeWithinMs = 1_000
