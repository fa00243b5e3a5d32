// What a connection needs of a WebSocket, on any platform: in Node it is one of ws, a page has its own. Code
// behind this interface knows nothing of either.

export interface SocketHandlers {
  /** The dial waits for its turn in this process; or this is its turn. Not called if it need not wait. */
  waits?(waits: boolean): void
  opened(): void
  /** One text frame arrived. */
  received(text: string): void
  /** A frame arrived that is not text. */
  receivedBinary(): void
  /** Called once, and last. `error`: what went wrong, if it is known. */
  closed(code: number, reason: string, error: Error | undefined): void
}

export interface Socket {
  /** The socket may be written to. */
  readonly open: boolean
  /** Bytes that the network has not taken yet. */
  readonly bufferedAmount: number
  /** Sets the handlers; called once, before anything can have happened. */
  hear(handlers: SocketHandlers): void
  send(text: string): void
  /** Reads no more until `unpause`; a page's socket can't. */
  pause?(): void
  unpause?(): void
  /** Calls the function once, when the network has taken all that was sent; not if it closes before. A page's socket can't. */
  whenDrained?(run: () => void): void
  /** Closes in order, and for good after a while, whatever the peer does. `reason`: at most 123 bytes. */
  close(code: number, reason: string): void
  /** Ends the socket without a word. */
  cut(): void
}

/** How long a peer may take to answer our close. */
export const closeWithinMs = 1_000
