// The registry of errors: code, whether the operation surely did not happen, what a client does about it, one
// line of meaning. A code that is not in here counts as indefinite.

/** What a client does by itself when it gets the error. */
export type Reaction = 'give up' | 'retry' | 'new session' | 'tell the caller'

export interface ErrorEntry {
  /** After it the operation surely did not happen. */
  readonly definite: boolean
  readonly reaction: Reaction
  /** The close code of the WebSocket; null if the connection stays open. */
  readonly close: number | null
  readonly meaning: string
}

const entry = (definite: boolean, reaction: Reaction, close: number | null, meaning: string): ErrorEntry => ({
  definite,
  reaction,
  close,
  meaning,
})

export const errors = {
  // The connection is refused or closed.
  BAD_MESSAGE: entry(true, 'give up', 4400, 'a frame or message is malformed'),
  WRONG_SECRET: entry(true, 'give up', 4401, 'the shared secret is missing or wrong'),
  WRONG_CERTIFICATE: entry(
    true,
    'give up',
    4402,
    'a server must show a certificate that the authority of the servers has signed',
  ),
  WRONG_TOKEN: entry(true, 'give up', 4407, 'the access token is missing, wrong or was taken away'),
  TOKEN_NOT_CHECKED: entry(true, 'retry', 4441, 'a signed token could not be checked at this time'),
  WRONG_ORIGIN: entry(true, 'give up', 4403, 'this origin may not connect'),
  UNEXPECTED_MESSAGE: entry(true, 'give up', 4405, 'a message that this peer may not send, or not now'),
  HELLO_TIMEOUT: entry(true, 'retry', 4408, 'no hello arrived in time'),
  REPLACED: entry(false, 'retry', 4409, 'a newer connection of the same session has taken over'),
  TOO_LARGE: entry(true, 'give up', 1009, 'a frame is larger than the limit'),
  WRONG_CLUSTER: entry(true, 'give up', 4412, 'the peer belongs to another cluster'),
  WRONG_WIRE_VERSION: entry(true, 'give up', 4426, 'the peer speaks another version of the protocol'),
  SLOW_READER: entry(false, 'retry', 4429, 'the peer does not read what it is sent'),
  TOO_MANY_CONNECTIONS: entry(true, 'retry', 4430, 'the server has no room for another connection'),
  NOT_PRIMARY: entry(false, 'retry', 4431, 'this server is not the primary'),
  STEPPED_DOWN: entry(false, 'retry', 4432, 'this server has given up its role and state'),
  LEAVING: entry(false, 'retry', 4433, 'this server is shutting down'),
  ADDRESS_TAKEN: entry(true, 'retry', 4434, 'another live server has this address'),
  VIEW_FROM_FUTURE: entry(true, 'give up', 4435, 'the peer knows a newer view than the view record'),
  NO_JOURNAL: entry(
    true,
    'give up',
    4439,
    'a cluster on disk takes only lock servers with a journal (--data)',
  ),
  WRONG_SERVER: entry(true, 'retry', 4436, 'another server than the one that was dialled'),
  OUT_OF_ORDER: entry(false, 'retry', 4437, 'a request number or message is not the next one'),
  GONE_QUIET: entry(false, 'retry', 4438, 'the peer has not been heard for too long'),
  TOKEN_ENDED: entry(false, 'retry', 4440, 'the access token of this connection was taken away'),
  INTERNAL: entry(false, 'retry', 4500, 'the server found its own state broken and ends itself'),

  // A request is answered with `refused`; the connection stays.
  NOT_ALLOWED: entry(true, 'tell the caller', null, 'the access rules do not allow this'),
  WRONG_GROUP: entry(
    true,
    'retry',
    null,
    'this group does not serve the name; the newest map says which one does',
  ),
  NO_COPY: entry(true, 'retry', null, 'this server has no whole copy of the locks'),
  LOCKS_LIMIT: entry(true, 'tell the caller', null, 'the session holds or waits for too many locks'),
  STATE_LIMIT: entry(true, 'tell the caller', null, 'the service has no room for more'),
  WAITERS_LIMIT: entry(true, 'tell the caller', null, 'too many wait for this lock'),
  UNANSWERED_LIMIT: entry(true, 'tell the caller', null, 'the session has too many unanswered requests'),
  WATCHES_LIMIT: entry(true, 'tell the caller', null, 'too many watch the locks of this server'),
  SESSIONS_LIMIT: entry(true, 'tell the caller', null, 'the service has too many sessions'),
  TTL_OUT_OF_RANGE: entry(true, 'tell the caller', null, 'the ttl is shorter or longer than allowed'),
  PERMITS_DIFFER: entry(true, 'tell the caller', null, 'the lock is in use with other permits, or with none'),
  ONCE_KEYS_LIMIT: entry(
    true,
    'tell the caller',
    null,
    'this name has as many keys as it may; keep each for a shorter time',
  ),
  NOT_THIS_TOKEN: entry(
    true,
    'tell the caller',
    null,
    'the token that was named does not hold the lock alone',
  ),
  AT_LEAST_OUT_OF_RANGE: entry(
    true,
    'tell the caller',
    null,
    'holdAtLeast is longer than the cluster allows',
  ),

  // Errors that the client itself makes.
  SESSION_LOST: entry(false, 'new session', null, 'the session has ended; its locks are lost'),
  TIMEOUT: entry(false, 'tell the caller', null, 'the time limit of the call has passed'),
  CLOSED: entry(false, 'tell the caller', null, 'the client was closed'),
  EXPIRED: entry(false, 'tell the caller', null, 'the lease could not be renewed in time'),
  STOLEN: entry(false, 'tell the caller', null, 'another client has stolen the lock'),
  FORCED: entry(false, 'tell the caller', null, 'an operator has released the lock'),
  HELD_TOO_LONG: entry(false, 'tell the caller', null, 'the lock was held for as long as holdAtMost allows'),

  // Errors from the view server to an operator.
  RESET_REFUSED: entry(true, 'tell the caller', null, 'the reset is not safe or not possible now'),
} as const satisfies Record<string, ErrorEntry>

export type ErrorCode = keyof typeof errors

/** The close code of a connection that ends with this error. */
export function closeNumber(code: ErrorCode): number {
  return errors[code].close ?? 1000
}

/** An unknown code is indefinite: a newer server may have sent it. */
export function isDefinite(code: string): boolean {
  return Object.hasOwn(errors, code) && errors[code as ErrorCode].definite
}
