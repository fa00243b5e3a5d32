// Every limit, its unit in its name, and what happens when it is passed. A limit that decides the
// outcome of an operation belongs to the cluster, never to one server: it is part of the replicated
// state (StateLimits, R4) and enters it with the first operation.

/** Limits that decide outcomes. Passed: the request is answered `refused` with the code named here. */
export interface StateLimits {
  /** SESSIONS_LIMIT */
  readonly sessionsMax: number
  /** LOCKS_LIMIT: locks that one session holds or waits for, or has lost without acknowledging it */
  readonly locksPerSessionMax: number
  /** LOCKS_LIMIT: how often one session may hold the same lock, shared; one hold is what anybody needs */
  readonly sharedHoldsPerLockMax: number
  /** WAITERS_LIMIT: waiters in the queue of one lock */
  readonly waitersPerLockMax: number
  /** UNANSWERED_LIMIT: requests of one session whose replies are awaited or not yet acknowledged */
  readonly unansweredMax: number
  /** Holds and waits that one operation may begin or end; `go-on` does the rest of it (B2) */
  readonly changesPerOperationMax: number
  /** AT_LEAST_OUT_OF_RANGE: the longest time that a hold may be asked to last at least (C3) */
  readonly holdAtLeastMsMax: number
  /** ONCE_KEYS_LIMIT: keys of one name that have run once and are not forgotten yet (C5) */
  readonly onceKeysPerNameMax: number
  /** STATE_LIMIT: about how many bytes the whole state may take (B4) */
  readonly stateBytesMax: number
  /**
   * SESSIONS_LIMIT: sessions of one owner, which is the address of a client (B7). Null here and in the next
   * three: an owner may have as many as are left for all others.
   */
  readonly sessionsPerOwnerMax: number | null
  /** LOCKS_LIMIT: locks that the sessions of one owner hold or wait for; null: as many as fit in the bytes that are left */
  readonly locksPerOwnerMax: number | null
  /** WAITERS_LIMIT: acquires of one owner that wait; null: as many as this queue has places left */
  readonly waitersPerOwnerMax: number | null
  /** WATCHES_LIMIT: watches of one owner; null: as many as are left */
  readonly watchesPerOwnerMax: number | null
}

export const stateLimits: StateLimits = {
  sessionsMax: 50_000,
  locksPerSessionMax: 200_000,
  sharedHoldsPerLockMax: 1_000,
  waitersPerLockMax: 20_000,
  unansweredMax: 8_192,
  changesPerOperationMax: 1_024,
  holdAtLeastMsMax: 86_400_000,
  onceKeysPerNameMax: 10_000,
  // A million locks with names of 30 bytes, each held; well below the 2 GB that V8 takes by itself.
  stateBytesMax: 400_000_000,
  sessionsPerOwnerMax: null,
  locksPerOwnerMax: null,
  waitersPerOwnerMax: null,
  watchesPerOwnerMax: null,
}

/** Lock names: 1 to this many bytes of UTF-8, no lone surrogates. Passed: TypeError, or BAD_MESSAGE on the wire. */
export const lockNameBytesMax = 1_024
/** Names of clients and their hosts, in characters. Passed: TypeError, or BAD_MESSAGE on the wire. */
export const clientNameLengthMax = 256
/** Names of machines, and versions of clients, in characters. A client cuts its own; passed: BAD_MESSAGE on the wire. */
export const hostLengthMax = 256
export const versionLengthMax = 64
/** The address of a peer's machine, in characters; a server cuts it. */
export const addressLengthMax = 64
/** A secret or an access token, in characters. Passed: TypeError, or BAD_MESSAGE on the wire. */
export const proofLengthMax = 8_192
/** Names in one acquire. Passed: TypeError, or BAD_MESSAGE on the wire. */
export const namesPerAcquireMax = 64

/** Of how many permits a lock may be (C1). Passed: TypeError, or BAD_MESSAGE on the wire. */
export const permitsMax = 1_000_000
/** A note, in bytes of UTF-8 (C6). Passed: TypeError, or BAD_MESSAGE on the wire. */
export const noteBytesMax = 256
/** The key of something that runs once, in bytes of UTF-8 (C5). Passed: TypeError, or BAD_MESSAGE on the wire. */
export const onceKeyBytesMax = 256
/** The longest time that a hold may be asked to last at least or at most, a leap year (C3, C4). Passed: as above. */
export const holdMsMax = 31_622_400_000
/** The longest that such a key is kept after the end of its hold, a leap year (C5). Passed: as above. */
export const onceKeepMsMax = 31_622_400_000

/** Numbers in the ranges of one acknowledge or resume, twice what a session within its limits can need. Passed: BAD_MESSAGE. */
export const rangesMax = 32_768

/** Default time between two pings. */
export const pingIntervalMs = 100
/** Default number of missed pings that makes a server dead. Their product is the ping limit. */
export const deadPings = 5
/** Default time for which a view server waits for other servers whose state could be recovered (D4). */
export const recoveryPatienceMs = 10_000

/** Lease length when the client names none. */
export let ttlMsDefault = 10_000
/** Longest lease of a cluster that was begun without another one (E6). Passed: TTL_OUT_OF_RANGE. */
export const ttlMaxMsDefault = 60_000
/** Longest lease of any cluster. Passed: TypeError, or BAD_MESSAGE on the wire. */
export const ttlMsMax = 600_000
/** The smallest ttl is this many ping limits (S4). Passed: TTL_OUT_OF_RANGE. */
export const ttlPingLimitsMin = 3

/** One frame, between any two ends. Passed: the connection is closed with 1009. */
export const frameBytesMax = 4_194_304
/** A frame of a client. Passed: as above. */
export let clientFrameBytesMax = 1_048_576
/** A frame before the hello was accepted, and so the hello itself (B3). Passed: as above. */
export const helloBytesMax = 16_384
/** Messages in one frame that we send; a receiver accepts as many as fit the bytes. */
export let frameMessagesMax = 512

/** Messages that one run stands for. Passed: BAD_MESSAGE; a sender begins another run. */
export const runMax = 256

/** Time in which an accepted connection must have said hello. Passed: HELLO_TIMEOUT; before the handshake, HTTP 408. */
export const helloWithinMs = 5_000
/** Time in which a signed token must have been checked (A3). Passed: TOKEN_NOT_CHECKED. */
export const tokenWithinMs = 5_000
/** Signed tokens that are checked at a time, and those that wait for that (A3, B3). Passed: TOKEN_NOT_CHECKED. */
export const tokensAtOnce = 2
export const tokensWaitingMax = 1_024
/** Signed tokens that a server has checked and knows again, so that a crowd that comes back costs less (A3). Passed: the oldest is checked again. */
export const tokensKnownMax = 8_192
/** Bytes, and keys, of an issuer's key set (A3). Passed: the set is spoilt. */
export const keySetBytesMax = 262_144
export const keySetMax = 64
/** How often an issuer's key set is read from its address (A3), and how soon again for a token whose key is not in it. */
export const keySetEveryMs = 60_000
export const keySetAgainMs = 10_000
/** Time for one such reading (A3). Passed: the set counts as away. */
export const keySetWithinMs = 4_000
/** WebSockets and HTTP requests that a server begins with in one turn of its event loop (B1). Passed: they wait for the next turn. */
export const upgradesPerTurnMax = 64
export const requestsPerTurnMax = 64
/** Sockets that bring something in one turn of a server's event loop before their time is looked at; a KiB counts as one more (B1). */
export const sparedReads = 64
/** Ms that a turn reads from there on (B1). Passed: sockets of peers other than servers are not read in this turn. */
export const readMsMax = 5
/** Of those, so many are read again in each of the next turns (B1). */
export const takenUpPerTurnMax = 256
/** Handshakes of TLS that a server begins in one turn of its event loop (B1). Passed: they wait for the next turn. */
export const handshakesPerTurnMax = 8
/** Handshakes that are under way and all read at once (B1). Passed: they are read in turns, as many as may begin in one. */
export const handshakesReadMax = 16
/** Dials with TLS to one address that are in their handshake at a time, in one process (A5). Passed: they wait, and the one whose lease ends first is the first. */
export const handshakesAtOnceMax = 64
/** How often a server looks whether its files of TLS have changed (A5). */
export const tlsFilesEveryMs = 1_000
/** A certificate that ends sooner is told of in the log (A5). */
export const certificateEndsSoonMs = 14 * 86_400_000
/** Bytes kept for a peer that does not read. Passed: SLOW_READER, the connection is closed. */
export const bufferedBytesMax = 16_777_216
/** Of them, for a client (B4). Passed: the next frame waits until it has read all. */
export let readAheadBytesMax = 262_144
/** Time in which it must have. Passed: as above. */
export const readWithinMs = 30_000
/** Answers of queries that wait for clients which must read first (B4). Passed: the client that waited longest is closed with SLOW_READER. */
export let answersStuckMax = 16
/** Connections that a server accepts. Passed: TOO_MANY_CONNECTIONS. */
export const connectionsMax = 18_000
/** Of them, kept for operators: for clients on the server's own machine (B7). Passed: TOO_MANY_CONNECTIONS for others. */
export const operatorsKept = 32
/** Connections of servers and probes, beside those of clients (B7). Passed: TOO_MANY_CONNECTIONS. */
export const serverConnectionsMax = 256
/** Sockets that have shown no secret, those without a handshake and of HTTP included (B3). Passed: the oldest of the address that has most is cut. */
export const strangersMax = 1_024
/** Files that a server keeps for itself, of those that its process may open: for the record, dials and logs (B3). With fewer files an eighth of them. */
export const ownFilesKept = 256
/** Connections of clients of one principal, or from one address other than loopback (B7). Passed: TOO_MANY_CONNECTIONS. */
export const connectionsPerAddress = 4_096
/** Frames of clients a second of one principal, or from one address other than loopback (B7). Passed: what it sends waits. */
export const framesPerAddress = 50_000
/** A client that says nothing for so long after its hello (B7). Passed: GONE_QUIET, the connection is closed. */
export const silentAfterHelloMs = 60_000
/** Of those, so many end in one turn (B1). Passed: the rest ends in the next turns. */
export const silentPerTurnMax = 64
/** Bytes of frames that are not whole yet, of all connections that a server accepted (B4). Passed: the largest is cut. */
export const receivingBytesMax = 67_108_864
/** Bytes that wait for peers that do not read, of all connections that a server accepted (B4). Passed: the largest is cut. */
export const unreadBytesMax = 33_554_432
/** Wrong secrets of one address that are answered at once; each further answer waits twice as long as the one before (B3). */
export const wrongSecretsFree = 8
/** The longest that such an answer waits (B3). */
export const wrongSecretMsMax = 5_000
/** Wrong secrets of one address that wait for their answer, other than loopback and addresses that have shown the right one (B3). Passed: TOO_MANY_CONNECTIONS. */
export const wrongSecretsWaitingMax = 64
/** Addresses that a server keeps counts of (B3, B7). Passed: the oldest is forgotten. */
export const addressesRememberedMax = 4_096
/** Lock servers that a view server knows and that do not count yet (B3). Passed: one that did not answer at its address makes room, or TOO_MANY_CONNECTIONS. */
export let unverifiedMax = 64
/** Addresses of such servers that are dialled at a time, and in one ping interval (B3). Passed: the next waits. */
export let verifyingMax = 16
/** Locks and waiters in one part of a query's answer. Passed: another part follows. */
export let queryPartMax = 200
/** About how many characters of names and notes are in it (B1). Passed: likewise. */
export const queryPartCharsMax = 131_072
/** Sessions in one page of the list of them. Passed: another page follows. */
export let clientsPartMax = 200
/** Holds and waits of the sessions on such a page, if a client is named. Passed: the page says that they were cut. */
export const clientLocksMax = 1_000
/** Queries of one connection that wait for their turn. Passed: UNEXPECTED_MESSAGE, the connection is closed. */
export let queriesWaitingMax = 4_096
/** Queries of one owner that wait for their turn; of loopback any number (B7). Passed: TOO_MANY_CONNECTIONS, the connection that asks is closed. */
export const queriesPerOwnerMax = 16_384
/** A list of locks is shared by all who ask for the same while nothing changes, for this long (B7). Then it is made anew. */
export const listingMs = 50
/** Lists that a server keeps for that. Passed: the oldest is forgotten. */
export const listingsKept = 4
/** Answers of queries that wait for the backup's acknowledgement at a time; further queries wait. */
export const queriesAtOnce = 4
/** Questions (`status`, `reset`) of one connection to a view server, read in one turn. Passed: UNEXPECTED_MESSAGE, the connection is closed. */
export const asksPerTurnMax = 64
/**
 * Locks and waiters that one turn's queries may scan in request order. Passed: a query waits for a turn of its
 * own, and may show what was asked after it.
 */
export let queriedInPlaceMax = 2_000
/** Locks of which one turn finds those that a query is about (B1). Passed: the next turn goes on, and the answer shows the turn in which all are found. */
export let locksWalkedPerTurnMax = 16_384
/** Watches of all clients of a server. Passed: `watch-refused` with WATCHES_LIMIT. */
export let watchesMax = 256
/** Events that one watch may get beyond those that its client has seen. Passed: the watch misses events, and learns how many. */
export let eventsUnseenMax = 4_096
/** Events that a server keeps for the watcher that is furthest behind. Passed: its watches miss the first one, and learn so. */
export let eventsKeptMax = 4_096
/** Events that one turn tells all watchers, and one watcher before the next has its turn (B1, B7). Passed: the rest waits for the next turn. */
export let eventsTurnMax = 2_048
export const eventsClientTurnMax = 256
/** A frame for one more watcher costs as much as so many events. */
export const eventFrameCost = 16
/** Locks and waiters in the whole answer of a query. Passed: the answer says that it was cut. */
export let queryMax = 20_000
/** Waiters before a cancelled acquire that its `cancel-done` counts. Passed: it says this many. */
export const aheadMax = 256
/** Messages in one frame of a client, after runs are unfolded. Passed: BAD_MESSAGE. */
export const unfoldedMax = 4_096
/** What the frames of one client, and of all clients, may cost in one turn: a message, a name, a hold or a wait that begins or ends, is one. Passed: the rest waits for the next turn, behind the others. */
export let clientTurnCostMax = 4_096
export let turnCostMax = 6_144

/** Answers, grants and events that were held back, of which one turn shows so many (B1, R1). Passed: the rest waits for the next turn. */
export let shownTurnMax = 8_192
/** Ms that one turn works for what peers ask (B1). Passed: frames that are not read yet, answers that are not encoded yet and what was begun wait for the next turn. */
export let turnMsMax = 8
/** Ms that a piece of such work may take (B1). Passed: its next one waits behind those of others that took less. */
export const quickMsMax = 1

/** What a resume or abandon costs its client in a turn, in messages, when no session has this id and key (C9). */
export const unknownSessionCost = 16
/** Numbers in one acknowledgement that are passed on as they came (F13). Passed: only those that change something, in pieces. */
export let acknowledgedAtOnce = 64

/** About how many characters of names, notes and numbers stand in one page of locks, of clients, or of `/why` (B1). Passed: the next page follows, or it says that it was cut. */
export const answerCharsMax = 524_288
/** Holders and waiters that `/why` tells of, nearest first. Passed: the page says that it was cut. */
export const whyMax = 5_000
/** Clients that one such question may be about. */
export const whyClientsMax = 256

/** Entries of one `replicate` message, and about how many characters of names. Passed: another message follows. */
export let replicateEntriesMax = 256
export const replicateTextMax = 262_144
/** Holds and waits that the operations of one `replicate` begin or end. Passed: another message follows. */
export let replicateChangesMax = 1_024
/** Sessions, and what they hold and wait for, that one `expire` ends. Passed: another one follows in the next turn. */
export let expireWeightMax = 512
/** Records of one snapshot chunk, and about how many bytes. Passed: another chunk follows. */
export let chunkRecordsMax = 1_000
export const chunkBytesMax = 262_144
/** Entries of batches, and holds and waits that they begin or end, that a backup applies in one turn. Passed: the rest waits for the next turn. */
export let appliedPerTurnMax = 2_048
/** Chunks that may be on their way to a joining backup. */
export let chunksInFlightMax = 4
/** Entries that a joining backup may lag behind. Passed: the primary takes new operations only as fast as it catches up (R3). */
export let joinBacklogMax = 20_000
/** A backup with the whole snapshot that lags by at most this many entries is nearly level: the primary latches (V4). */
export let latchLagMax = 2_000

/** Addresses that a primary reports as unreachable. Passed: the oldest is forgotten. */
export let unreachableMax = 64

/** Extra time that a promoted backup gives each lease, so that clients can come over (S3). */
export function promotionGraceMs(pingLimitMs: number): number {
  return 2 * pingLimitMs
}
/** Time that a leaving server may take for everything it waits for. */
export const drainMs = 10_000
/** Views that a view server remembers for display only. Passed: the oldest is forgotten. */
export let viewsRememberedMax = 100
/** The dashboard of a local cluster freezes a server for this long. */
export const frozenMs = 3_000
/** A page without parameters is made this often at the most, for all who ask (B5). */
export const pageEveryMs = 100
/** An address that had a page with parameters waits this many times as long as it took for the next, but not longer than this (B5). */
export const askerPausePart = 10
export const askerPauseMsMax = 1_000
/** HTTP requests that wait for their answer, of all and of one address; as many again for probes (B5). Passed: HTTP 503, and the connection ends. */
export const pagesWaitingMax = 64
export const pagesWaitingPerAskerMax = 16
/** HTTP requests on one connection. Passed: HTTP 503, and the connection ends. */
export const requestsPerSocketMax = 1_000
/** A log-in to the dashboard that is not used for so long has ended, and any after so long (A9). Passed: HTTP 401. */
export const loginIdleMs = 3_600_000
export const loginMs = 43_200_000
/** Log-ins of one principal, and of all (A9). Passed: the one that was not used for the longest time ends. */
export const loginsPerOwnerMax = 32
export const loginsMax = 1_024
/** Locks on one page of a lock server's table, for display only. Passed: HTTP 400. */
export const locksPerPageMax = 500
/** A view server forgets an id outside of the view that it has not heard for this long. */
export let forgetServerMs = 60_000

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

/** Those that a story may draw, as they ship. */
const usual = {
  eventsUnseenMax,
  eventsKeptMax,
  eventsTurnMax,
  queryPartMax,
  clientsPartMax,
  ttlMsDefault,
  queryMax,
  clientTurnCostMax,
  turnCostMax,
  expireWeightMax,
  chunkRecordsMax,
  chunksInFlightMax,
  joinBacklogMax,
  latchLagMax,
  appliedPerTurnMax,
  unreachableMax,
  queriesWaitingMax,
  frameMessagesMax,
  queriedInPlaceMax,
  locksWalkedPerTurnMax,
  shownTurnMax,
  replicateEntriesMax,
  replicateChangesMax,
  turnMsMax,
  clientFrameBytesMax,
  unverifiedMax,
  verifyingMax,
  watchesMax,
  viewsRememberedMax,
  forgetServerMs,
  acknowledgedAtOnce,
  readAheadBytesMax,
  answersStuckMax,
}

export type DrawnLimits = Partial<typeof usual>

/** For simulated stories, which would not meet the usual ones; what is not drawn is as usual. Holds for all that begins later. */
export function drawnLimits(drawn: DrawnLimits): void {
  const limits = { ...usual, ...drawn }
  eventsUnseenMax = limits.eventsUnseenMax
  eventsKeptMax = limits.eventsKeptMax
  eventsTurnMax = limits.eventsTurnMax
  queryPartMax = limits.queryPartMax
  clientsPartMax = limits.clientsPartMax
  ttlMsDefault = limits.ttlMsDefault
  queryMax = limits.queryMax
  clientTurnCostMax = limits.clientTurnCostMax
  turnCostMax = limits.turnCostMax
  expireWeightMax = limits.expireWeightMax
  chunkRecordsMax = limits.chunkRecordsMax
  chunksInFlightMax = limits.chunksInFlightMax
  joinBacklogMax = limits.joinBacklogMax
  latchLagMax = limits.latchLagMax
  appliedPerTurnMax = limits.appliedPerTurnMax
  unreachableMax = limits.unreachableMax
  queriesWaitingMax = limits.queriesWaitingMax
  frameMessagesMax = limits.frameMessagesMax
  queriedInPlaceMax = limits.queriedInPlaceMax
  locksWalkedPerTurnMax = limits.locksWalkedPerTurnMax
  shownTurnMax = limits.shownTurnMax
  replicateEntriesMax = limits.replicateEntriesMax
  replicateChangesMax = limits.replicateChangesMax
  turnMsMax = limits.turnMsMax
  clientFrameBytesMax = limits.clientFrameBytesMax
  unverifiedMax = limits.unverifiedMax
  verifyingMax = limits.verifyingMax
  watchesMax = limits.watchesMax
  viewsRememberedMax = limits.viewsRememberedMax
  forgetServerMs = limits.forgetServerMs
  acknowledgedAtOnce = limits.acknowledgedAtOnce
  readAheadBytesMax = limits.readAheadBytesMax
  answersStuckMax = limits.answersStuckMax
}

/** As for a machine that takes this many times as long for everything: what a turn may cost is this part of the usual. */
export function limitsOfSlow(slowness: number): DrawnLimits {
  const names = [
    ...[
      'queryMax',
      'queryPartMax',
      'clientsPartMax',
      'queriedInPlaceMax',
      'locksWalkedPerTurnMax',
      'frameMessagesMax',
      'replicateEntriesMax',
    ],
    ...['clientTurnCostMax', 'turnCostMax', 'shownTurnMax', 'replicateChangesMax', 'appliedPerTurnMax'],
    ...['expireWeightMax', 'eventsTurnMax', 'chunkRecordsMax', 'joinBacklogMax', 'latchLagMax'],
  ] as (keyof typeof usual)[]
  return Object.fromEntries(names.map(name => [name, Math.ceil(usual[name] / slowness)]))
}
