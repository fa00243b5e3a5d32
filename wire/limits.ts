// Every limit, its unit in its name, and what happens when it is passed. A limit that decides the
// outcome of an operation belongs to the cluster, never to one server: it is part of the replicated
// state (StateLimits, R4) and enters it with the first operation.

/** Limits that decide outcomes. Passed: the request is answered `refused` with the code named here. */
export interface StateLimits {
  /** SESSIONS_LIMIT */
  readonly sessionsMax: number
  /** LOCKS_LIMIT: locks that one session holds or waits for, or has lost without acknowledging it */
  readonly locksPerSessionMax: number
  /** WAITERS_LIMIT: waiters in the queue of one lock */
  readonly waitersPerLockMax: number
  /** UNANSWERED_LIMIT: requests of one session whose replies are awaited or not yet acknowledged */
  readonly unansweredMax: number
}

export const stateLimits: StateLimits = {
  sessionsMax: 50_000,
  locksPerSessionMax: 200_000,
  waitersPerLockMax: 20_000,
  unansweredMax: 8_192,
}

/** Lock names: 1 to this many bytes of UTF-8, no lone surrogates. Passed: TypeError, or BAD_MESSAGE on the wire. */
export const lockNameBytesMax = 1_024
/** Names of clients and their hosts, in characters. Passed: TypeError, or BAD_MESSAGE on the wire. */
export const clientNameLengthMax = 256
/** Names in one acquire. Passed: TypeError, or BAD_MESSAGE on the wire. */
export const namesPerAcquireMax = 64

/** Numbers in the ranges of one acknowledge or resume, twice what a session within its limits can need. Passed: BAD_MESSAGE. */
export const rangesMax = 32_768

/** Default time between two pings. */
export const pingIntervalMs = 100
/** Default number of missed pings that makes a server dead. Their product is the ping limit. */
export const deadPings = 5

/** Lease length when the client names none. */
export const ttlMsDefault = 10_000
/** Longest lease. Passed: TypeError, or BAD_MESSAGE on the wire. */
export const ttlMsMax = 600_000
/** The smallest ttl is this many ping limits (S4). Passed: TTL_OUT_OF_RANGE. */
export const ttlPingLimitsMin = 3

/** One frame, between any two ends. Passed: the connection is closed with 1009. */
export const frameBytesMax = 4_194_304
/** Messages in one frame that we send; a receiver accepts as many as fit the bytes. */
export const frameMessagesMax = 128

/** Messages that one run stands for. Passed: BAD_MESSAGE; a sender begins another run. */
export const runMax = 256

/** Time in which an accepted connection must have said hello. Passed: HELLO_TIMEOUT; before the handshake, HTTP 408. */
export const helloWithinMs = 5_000
/** Bytes kept for a peer that does not read. Passed: SLOW_READER, the connection is closed. */
export const bufferedBytesMax = 16_777_216
/** Connections that a server accepts. Passed: TOO_MANY_CONNECTIONS. */
export const connectionsMax = 18_000
/** Locks and waiters in one part of a query's answer. Passed: another part follows. */
export let queryPartMax = 200
/** Queries of one connection that wait for their turn. Passed: UNEXPECTED_MESSAGE, the connection is closed. */
export const queriesWaitingMax = 4_096
/** Answers of queries that wait for the backup's acknowledgement at a time; further queries wait. */
export const queriesAtOnce = 4
/** Questions (`status`, `reset`) of one connection to a view server, read in one turn. Passed: UNEXPECTED_MESSAGE, the connection is closed. */
export const asksPerTurnMax = 64
/**
 * Locks and waiters that one turn's queries may scan in request order. Passed: a query waits for a turn of its
 * own, and may show what was asked after it.
 */
export const queriedInPlaceMax = 2_000
/** Watches of all clients of a server. Passed: `watch-refused` with WATCHES_LIMIT. */
export const watchesMax = 256
/** Events that one watch may get beyond those that its client has seen. Passed: the watch misses events, and learns how many. */
export let eventsUnseenMax = 4_096
/** Locks and waiters in the whole answer of a query. Passed: the answer says that it was cut. */
export const queryMax = 20_000

/** Entries of one `replicate` message, and about how many characters of names. Passed: another message follows. */
export const replicateEntriesMax = 256
export const replicateTextMax = 262_144
/** Sessions, and what they hold and wait for, that one `expire` ends. Passed: another one follows in the next turn. */
export const expireWeightMax = 512
/** Records of one snapshot chunk, and about how many bytes. Passed: another chunk follows. */
export const chunkRecordsMax = 1_000
export const chunkBytesMax = 262_144
/** Chunks that may be on their way to a joining backup. */
export const chunksInFlightMax = 4
/** Entries that a joining backup may lag behind. Passed: the primary takes new operations only as fast as it catches up (R3). */
export const joinBacklogMax = 20_000
/** A backup with the whole snapshot that lags by at most this many entries is nearly level: the primary latches (V4). */
export const latchLagMax = 2_000

/** Extra time that a promoted backup gives each lease, so that clients can come over (S3). */
export function promotionGraceMs(pingLimitMs: number): number {
  return 2 * pingLimitMs
}
/** Time that a leaving server may take for everything it waits for. */
export const drainMs = 10_000
/** Views that a view server remembers for display only. Passed: the oldest is forgotten. */
export const viewsRememberedMax = 100
/** Locks on one page of a lock server's table, for display only. Passed: HTTP 400. */
export const locksPerPageMax = 500
/** A view server forgets an id outside of the view that it has not heard for this long. */
export const forgetServerMs = 60_000

/** The client believes in its lease for this part of the ttl only; the server counts the whole (S4). */
export const clientLeasePart = 0.98
/** Renewals go out after this part of the lease (S4). */
export const renewPart = 0.25
/** The lease of a resting session: one that holds nothing and asks for nothing (S4). */
export function restLeaseMs(ttlMs: number): number {
  return Math.max(ttlMs, Math.min(12 * ttlMs, 120_000))
}
/** A client with no open requests asks a connection that is silent for this long for a sign of life. */
export const keepAliveMs = 35_000
/** A client redials an address after this long at first, twice as long each time after that. */
export const redialMs = 20
export const redialMsMax = 500

/** For simulated stories, which would not meet the usual ones; null: as usual. Holds for all that begins later. */
export function drawnLimits(drawn: {
  readonly eventsUnseen: number | null
  readonly queryPart: number | null
}): void {
  eventsUnseenMax = drawn.eventsUnseen ?? 4_096
  queryPartMax = drawn.queryPart ?? 200
}
