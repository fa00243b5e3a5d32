// Every message that travels between two ends, by channel: who may say it to whom. docs/PROTOCOL.md
// says what each one means. Types, validators and the tests' examples all come from these tables.

import {
  addressLengthMax,
  clientNameLengthMax,
  holdMsMax,
  hostLengthMax,
  lockNameBytesMax,
  namesPerAcquireMax,
  noteBytesMax,
  onceKeepMsMax,
  onceKeyBytesMax,
  permitsMax,
  proofLengthMax,
  rangesMax,
  runMax,
  type StateLimits,
  ttlMaxMsDefault,
  ttlMsMax,
  versionLengthMax,
} from './limits.ts'
import {
  anyOf,
  checkedApart,
  count,
  flag,
  list,
  matching,
  message,
  nullable,
  oneOf,
  type PlacesOf,
  record,
  type Shape,
  type ShapeType,
  text,
  tuple,
} from './shape.ts'
import { groupsMax, slotsMax } from './slots.ts'
import { recordFormat, wireVersion } from './version.ts'

// ---- the words that messages are made of

const number = count(17)
const positive = count(17, 1)
const token = count(1_700_000_000_000_001)
const milliseconds = count(10_000)
const lockName = text('orders/42', lockNameBytesMax, 1)
const clientName = text('billing-3', clientNameLengthMax)
/** Whose quotas a session takes from, a principal's (A4) or an address's; null for none (B7). */
const owner = nullable(text('192.0.2.7', 128, 1))
/** 128 random bits: a session, server or cluster id. */
const id = matching('0123456789abcdef0123456789abcdef', '^[0-9a-f]{32}$')
/** 128 random bits that show whose a session is; its client says them to servers, and nobody else ever does (C9). */
const sessionKey = matching('fedcba9876543210fedcba9876543210', '^[0-9a-f]{32}$')
/** SHA-256 of a session's key (C9). */
const keyHash = matching('0123456789abcdef'.repeat(4), '^[0-9a-f]{64}$')
/** What others see of a session; neither its id nor its key can be had from it (C9). */
const publicId = matching('89abcdef0123456789abcdef01234567', '^[0-9a-f]{32}$')
const host = text('app-1', hostLengthMax, 1)
/** Of a package, for display only. */
const version = text('1.2.3', versionLengthMax)
/** Which program has a session, for display only; null where it can't be known, as in a page. */
const program = [
  ['host', nullable(host)],
  ['pid', nullable(count(4711, 1))],
  ['version', text('1.2.3', versionLengthMax)],
] as const
/** The machine at the other end of a connection. */
const remote = text('192.0.2.7', addressLengthMax)
const address = text('ws://127.0.0.1:7401', 512, 1)
/** The last one exactly if the terms name permits (C1). */
const mode = oneOf('exclusive', 'shared', 'permits')
/** Of a run: its claims have no terms. */
const plainMode = oneOf('exclusive', 'shared')
/** What an acquire does when the lock is not free. */
const manner = oneOf('wait', 'ifAvailable', 'steal')
/** C1: `take` of `of`; no more than it. */
const permits = record({ of: count(5, 1, permitsMax), take: count(2, 1, permitsMax) })
const note = text('nightly report', noteBytesMax)
const onceKey = text('2026-11-30T03:00', onceKeyBytesMax, 1)
/** What few claims ask for beside mode and manner; one of them at least is not null. */
const termsFields = checkedApart(
  'terms',
  record({
    permits: nullable(permits),
    /** C3 */
    holdAtLeastMs: nullable(count(60_000, 1, holdMsMax)),
    /** C4 */
    holdAtMostMs: nullable(count(3_600_000, 1, holdMsMax)),
    /** C6 */
    note: nullable(note),
    /** C5 */
    once: nullable(record({ key: onceKey, keepMs: count(86_400_000, 0, onceKeepMsMax) })),
    /** C8: of a steal, the only token that it may take the lock from. */
    victim: nullable(token),
  }),
)
/** All of them do not go together (claimProblem in claim.ts). */
const terms: typeof termsFields = {
  ...termsFields,
  example: { ...termsFields.example, permits: null, victim: null },
}
/** What an acquire asks for: of each of its locks, and its own patience. Everywhere the same three fields, in this order. */
const claim = [
  ['mode', mode],
  ['manner', manner],
  ['terms', nullable(terms)],
] as const
/** Likewise of all acquires of a run. */
const plainClaim = [
  ['mode', plainMode],
  ['manner', manner],
] as const
const lossReason = oneOf('STOLEN', 'FORCED', 'HELD_TOO_LONG')
const role = oneOf('idle', 'backup', 'primary')
/** Numbers as pairs of first and last: [3, 5, 9, 9] is 3, 4, 5, 9. */
const ranges: Shape<readonly number[]> = { ...list(count(3), { max: rangesMax }), example: [3, 5, 9, 9] }
/** Tokens as pairs of a token and how many follow one another from it: [17, 2, 40, 1] is 17, 18, 40. */
const tokenPairs: Shape<readonly number[]> = {
  ...list(number, { min: 2, max: 2 * runMax }),
  example: [1_700_000_000_000_001, 2],
}
const losses = list(tuple(token, lossReason))
/** What may happen to a lock: a wait or a hold begins or ends. */
const lockEventKind = oneOf('waiting', 'granted', 'cancelled', 'released', 'lost', 'kept', 'noted')
/** Why a watched hold was lost: by another's doing, for its own time, or with its session. */
const eventReason = oneOf('STOLEN', 'FORCED', 'HELD_TOO_LONG', 'EXPIRED')
const code = text('LOCKS_LIMIT', 64, 1)
const explanation = text('what was wrong, where, and what would be right', 2_048)

const server = checkedApart('server', record({ id, address }))
/** One of the cluster's groups (G1): the first is 0. */
const group = count(0, 0, groupsMax - 1)
/** G2: which group has which slots. Each start is a first slot and the group that has all from there to the next start. */
const slotMap = checkedApart(
  'map',
  record({
    number: positive,
    groups: count(1, 1, groupsMax),
    starts: list(tuple(count(0, 0, slotsMax - 1), group), { min: 1, max: slotsMax }),
  }),
)
/** What becomes of the state when all machines lose power at once: lost, or on the disks (D1). */
const durability = oneOf('memory', 'disk')
/** D4: a server that recovered since the choice's view: from which of its servers' states, and as of which view it counts. */
const recovered = record({ id, address, from: id, view: positive })
/** D4: whom a state may be recovered from: the last view that was not an unacked recovery, and what came since. */
const choice = checkedApart(
  'choice',
  record({
    number: positive,
    acked: flag,
    primary: server,
    backup: nullable(server),
    /** Another one than that of the view which carries it: that view is to change it (D11). */
    durability,
    start: nullable(record({ tokenFloor: count(0), pauseMs: count(0) })),
    /** The last view that was acked; 0: none. */
    lastAcked: count(2),
    since: list(recovered),
  }),
)
const view = checkedApart(
  'view',
  record({
    group,
    /** Within its group. */
    number: positive,
    primary: server,
    backup: nullable(server),
    durability,
    /**
     * Only in view 1, in a reset's view and in a recovery view: the primary starts with an empty state, or (D4) with
     * the one that it recovers, with tokens above this floor.
     */
    start: nullable(record({ tokenFloor: count(0), pauseMs: count(0), choice: nullable(choice) })),
  }),
)
/** D2: which state a journal holds. `free`: the machine, boot and folder are the same, and no process holds it (D9). */
const imprint = checkedApart(
  'imprint',
  record({
    cluster: id,
    id,
    address,
    /** Whose state it is, and in which of its views. */
    group,
    view: positive,
    as: oneOf('primary', 'backup'),
    told: flag,
    differs: flag,
    opNumber: number,
    longestTtlMs: milliseconds,
    free: flag,
  }),
)

/** How the disk of a journal does. */
const disk = checkedApart(
  'disk',
  record({
    /** Which state counts on it, and how far it is written; null: none does yet. */
    imprint: nullable(
      record({ view: positive, as: oneOf('primary', 'backup'), told: flag, opNumber: number }),
    ),
    bytes: count(83_886_080),
    /** Null: it can't be told. */
    freeBytes: nullable(count(20_000_000_000)),
    /** Since a sync was done; null: there was none. */
    syncAgeMs: nullable(milliseconds),
    /** For how long the sync that is under way takes so far; 0: none is. */
    unsyncedMs: milliseconds,
    /** Of the last few hundred syncs, in microseconds; null: there was none. */
    syncP50Us: nullable(count(900)),
    syncP99Us: nullable(count(4_000)),
    /** Where the journal that was found at the start is spoilt (D7); null: nowhere. */
    spoilt: nullable(text('segment-000001-16777216 at 512: the checksum is wrong', 512)),
  }),
)

export type Server = ShapeType<typeof server>
export type View = ShapeType<typeof view>
export type SlotMap = ShapeType<typeof slotMap>
export type Durability = ShapeType<typeof durability>
export type Choice = ShapeType<typeof choice>
export type Recovered = ShapeType<typeof recovered>
export type Imprint = ShapeType<typeof imprint>
export type DiskFigures = ShapeType<typeof disk>
export type Role = ShapeType<typeof role>
export type Mode = ShapeType<typeof mode>
export type Manner = ShapeType<typeof manner>
export type LossReason = ShapeType<typeof lossReason>
export type Permits = ShapeType<typeof permits>
export type Terms = ShapeType<typeof terms>

// ---- hello and welcome: the first message each way on every connection

const helloFrom = anyOf(
  record({ kind: oneOf('client'), name: clientName }),
  record({
    kind: oneOf('lockserver'),
    id,
    address,
    role,
    /** The group that it has, or had last, a part in, and the newest view of it that it knows. */
    group,
    view: count(3),
    pid: count(4711, 1),
    host: text('host', 256),
    /** Of its package, for display only. */
    version,
    /** It has a journal, and in it this (D3). */
    journal: flag,
    imprint: nullable(imprint),
  }),
  record({ kind: oneOf('primary'), id, to: id, view }),
  /** Only wants to hear who is there. */
  record({ kind: oneOf('probe') }),
  /** A standby, which passes on the questions of operators (E5). All but the kind is for display only. */
  record({ kind: oneOf('viewserver'), id, address, pid: count(4711, 1), host: text('host', 256), version }),
)
export type HelloFrom = ShapeType<typeof helloFrom>

export const opening = {
  hello: message(
    'hello',
    ['wire', count(wireVersion)],
    ['cluster', nullable(id)],
    /** Of a server its secret, of a client its token, or the secret of a cluster without rules (A1). */
    ['proof', nullable(text('secret', proofLengthMax))],
    ['from', helloFrom],
  ),
}

const welcome = message('welcome', [
  'record',
  record({
    wire: count(wireVersion),
    cluster: nullable(id),
    kind: oneOf('viewserver', 'lockserver'),
    /** Null from a view server that needs none. */
    id: nullable(id),
    role: nullable(role),
    /** To a lock server from a view server: of the group that its hello names. To a client: of a lock server's own group, else of group 0. */
    view: nullable(view),
    /** From a view server: that the view is acked is on the record (D5). */
    acked: flag,
    /** The newest views of all other groups that are known. */
    others: list(view, { max: groupsMax }),
    /** Null: none is known yet. */
    map: nullable(slotMap),
    pingLimitMs: milliseconds,
    /** To a primary: the view whose snapshot this backup holds whole (0: none), and the last batch that it has received in it. */
    whole: count(0),
    sequence: count(0),
    /** From a view server: the number of its active mark (E5); 0: it is a standby. */
    mark: count(0),
  }),
])
const error = message('error', ['code', code], ['explanation', explanation])
const viewMessage = message('view', ['view', view])
/** There is a newer map (G2). */
const mapMessage = message('map', ['map', slotMap])

// ---- client and lock server

/** Of a hold or waiter, what lists and events show beside its mode; null if it has none of it. */
const shownTerms = nullable(
  checkedApart(
    'shownTerms',
    record({
      permits: nullable(permits),
      note: nullable(note),
      /** How much longer it is kept, whatever becomes of its holder (C3). */
      keptMs: nullable(milliseconds),
      /** When it is ended, its holder willing or not (C4). */
      endsMs: nullable(milliseconds),
      /** The key that it runs (C5). */
      once: nullable(onceKey),
    }),
  ),
)
export type ShownTerms = ShapeType<typeof shownTerms>

/** A hold without a client is kept for its `keptMs` (C3). */
const holdRecord = record({
  name: lockName,
  mode,
  token,
  clientId: nullable(publicId),
  clientName: nullable(clientName),
  /** Where its program runs, as it says itself (C6); null where it can't be known. */
  host: nullable(host),
  pid: nullable(count(4711, 1)),
  heldMs: milliseconds,
  terms: shownTerms,
})
const waitRecord = record({
  name: lockName,
  mode,
  clientId: publicId,
  clientName,
  host: nullable(host),
  pid: nullable(count(4711, 1)),
  waitedMs: milliseconds,
  terms: shownTerms,
})
/** What a session holds and waits for, as the list of sessions has it. `cut`: there is more. */
const clientLocks = record({
  held: list(record({ name: lockName, mode, token, heldMs: milliseconds, terms: shownTerms })),
  pending: list(record({ name: lockName, mode, waitedMs: milliseconds, terms: shownTerms })),
  cut: flag,
})
export type ClientLocks = ShapeType<typeof clientLocks>
/** One session in the list of them: who has it, since when, and how much. */
const clientRecord = record({
  clientId: publicId,
  clientName,
  host: nullable(host),
  pid: nullable(count(4711, 1)),
  version: text('1.2.3', versionLengthMax),
  address: remote,
  openMs: milliseconds,
  ttlMs: count(10_000, 1, ttlMsMax),
  held: count(2),
  waiting: count(1),
  /** Null unless a client was named. */
  locks: nullable(clientLocks),
})
export type ClientRecord = ShapeType<typeof clientRecord>
/** What a cancelled acquire had waited for: the first holder, and how many waited before it. */
const blocker = record({
  name: lockName,
  mode,
  token,
  clientId: nullable(publicId),
  clientName: nullable(clientName),
  heldMs: milliseconds,
  note: nullable(note),
  ahead: count(2),
})
export type Blocker = ShapeType<typeof blocker>
export type HoldRecord = ShapeType<typeof holdRecord>
export type WaitRecord = ShapeType<typeof waitRecord>

/** One change of one lock, for watches. */
const lockEvent = record({
  event: lockEventKind,
  name: lockName,
  mode,
  /** Null while it waits. */
  token: nullable(token),
  /** Only when it is lost, or kept after a loss. */
  reason: nullable(eventReason),
  /** Null at the end of a hold that was kept for no client; its `kept` has named the last one (C3). */
  clientId: nullable(publicId),
  clientName: nullable(clientName),
  terms: shownTerms,
  /** Wall clock of the primary, ms since 1970; for display only. */
  at: count(1_700_000_000_000),
})
export type LockEvent = ShapeType<typeof lockEvent>

/** What a lock server knows of its cluster, for a view record that was lost (E7). */
const testimony = record({
  cluster: nullable(id),
  id,
  address,
  role,
  /** The group that it has, or had last, a part in. */
  group,
  /** The newest view of it that it knows. */
  view: nullable(view),
  /** As primary: the view is in force. As backup: it was told so. */
  acked: flag,
  /** As primary: it has latched, so that its backup may have been promoted since. */
  latched: flag,
  /** It recovers a state, and is nobody's primary yet (D5). */
  recovering: flag,
  token: count(0),
  longestTtlMs: milliseconds,
  imprint: nullable(imprint),
  /** The newest that it knows. */
  map: nullable(slotMap),
  /** The active view server that it is connected to; null: none. */
  viewServer: nullable(address),
})
export type Testimony = ShapeType<typeof testimony>

export const clientToServer = {
  open: message(
    'open',
    ['id', id],
    ['key', sessionKey],
    ['count', positive],
    ['ttlMs', count(10_000, 1, ttlMsMax)],
    ['name', clientName],
    ...program,
  ),
  resume: message(
    'resume',
    ['id', id],
    ['key', sessionKey],
    ['count', positive],
    ['next', positive],
    ['unanswered', ranges],
  ),
  abandon: message('abandon', ['id', id], ['key', sessionKey]),
  renew: message('renew', ['number', number]),
  acquire: message(
    'acquire',
    ['request', positive],
    ['names', list(lockName, { min: 1, max: namesPerAcquireMax, unique: true })],
    ...claim,
  ),
  cancel: message('cancel', ['request', positive], ['target', positive]),
  release: message('release', ['request', positive], ['token', token]),
  /** As release; what ran under a key has failed, so that the key may run again (C5). */
  fail: message('fail', ['request', positive], ['token', token]),
  'set-note': message('set-note', ['request', positive], ['token', token], ['note', nullable(note)]),
  /** With a token: only this hold (C8). */
  'force-release': message(
    'force-release',
    ['request', positive],
    ['name', lockName],
    ['token', nullable(token)],
  ),
  /** A key that has run, and does not run now, may run again (C5). */
  'forget-key': message('forget-key', ['request', positive], ['name', lockName], ['key', onceKey]),
  end: message('end', ['request', positive]),
  acknowledge: message('acknowledge', ['ranges', ranges], ['tokens', list(token)]),
  query: message(
    'query',
    ['number', number],
    ['prefix', text('orders/', lockNameBytesMax)],
    ['confirmed', flag],
  ),
  /** G7: answered by any server with a copy, and never confirmed. */
  look: message('look', ['number', number], ['prefix', text('orders/', lockNameBytesMax)]),
  /** `who`: a client's name, or its public id or how that begins; empty: all. `after`: 0, or the `next` of the page before. */
  clients: message(
    'clients',
    ['number', number],
    ['who', text('billing-3', clientNameLengthMax)],
    ['confirmed', flag],
    ['after', number],
  ),
  watch: message('watch', ['number', number], ['prefix', text('orders/', lockNameBytesMax)]),
  /** How many events of this watch were seen, from its beginning. */
  seen: message('seen', ['number', number], ['events', number]),
  unwatch: message('unwatch', ['number', number]),
  testify: message('testify', ['number', number]),
  /** Alone in its frame: a newer token of the same principal, for this connection (A3). */
  token: message('token', ['proof', text('a.signed.token', proofLengthMax)]),
  echo: message('echo', ['number', number]),
}

/** Single acquires, and releases, whose request numbers follow one another: each begins with the first number. */
export const requestRuns = {
  'acquire-run': message(
    'acquire-run',
    ['first', positive],
    ['names', list(lockName, { min: 1, max: runMax })],
    ...plainClaim,
  ),
  'release-run': message('release-run', ['first', positive], ['tokens', tokenPairs]),
}

/** C5: who runs this key, or ran it last. Times are ms since 1970 by the primary's clock, for display only. */
const doneRecord = record({
  token,
  clientId: publicId,
  clientName,
  grantedAt: count(1_700_000_000_000),
  /** Null while it runs. */
  endedAt: nullable(count(1_700_000_000_000)),
})
export type DoneRecord = ShapeType<typeof doneRecord>

const reply = {
  granted: message(
    'granted',
    ['request', positive],
    ['tokens', list(token, { min: 1, max: namesPerAcquireMax })],
    ['losses', losses],
  ),
  unavailable: message('unavailable', ['request', positive]),
  'done-before': message('done-before', ['request', positive], ['record', doneRecord]),
  /** C8: nothing was done; another token holds, or none. */
  'not-this': message('not-this', ['request', positive], ['holder', nullable(token)]),
  cancelled: message('cancelled', ['request', positive]),
  'cancel-done': message(
    'cancel-done',
    ['request', positive],
    ['outcome', oneOf('cancelled', 'released', 'nothing')],
    ['blocker', nullable(blocker)],
  ),
  released: message('released', ['request', positive], ['held', flag]),
  noted: message('noted', ['request', positive], ['held', flag]),
  /** C8: for a token that does not hold, no holders, and the token that does. */
  'force-released': message(
    'force-released',
    ['request', positive],
    ['holders', count(1)],
    ['holder', nullable(token)],
  ),
  /** C5: whether it is forgotten; who has run it, or runs it; null: there is no such key. */
  'key-forgotten': message(
    'key-forgotten',
    ['request', positive],
    ['forgotten', flag],
    ['record', nullable(doneRecord)],
  ),
  refused: message('refused', ['request', positive], ['code', code], ['explanation', explanation]),
}

export const serverToClient = {
  welcome,
  error,
  view: viewMessage,
  map: mapMessage,
  opened: message(
    'opened',
    ['id', id],
    ['count', positive],
    ['ttlMs', count(10_000, 1, ttlMsMax)],
    ['clientId', publicId],
  ),
  resumed: message('resumed', ['id', id], ['count', positive]),
  'unknown-session': message('unknown-session', ['id', id]),
  'open-refused': message('open-refused', ['id', id], ['code', code], ['explanation', explanation]),
  renewed: message('renewed', ['number', number]),
  ...reply,
  ended: message('ended', ['request', positive]),
  lost: message('lost', ['token', token], ['reason', lossReason]),
  locks: message(
    'locks',
    ['number', number],
    ['part', record({ more: flag, cut: flag, confirmed: flag })],
    ['held', list(holdRecord)],
    ['pending', list(waitRecord)],
  ),
  /** G7. `asOfMs`: how old it may be; `onDisk`: whether all of it is on this server's disk; null in a cluster in memory. */
  looked: message(
    'looked',
    ['number', number],
    ['part', record({ more: flag, cut: flag, asOfMs: milliseconds, onDisk: nullable(flag) })],
    ['held', list(holdRecord)],
    ['pending', list(waitRecord)],
  ),
  /** `next`: where the next page begins; null when this is the last one. */
  clients: message(
    'clients',
    ['number', number],
    ['part', record({ next: nullable(count(3, 1)), confirmed: flag })],
    ['clients', list(clientRecord)],
  ),
  'query-refused': message('query-refused', ['number', number], ['code', code], ['explanation', explanation]),
  watching: message('watching', ['number', number]),
  'watch-refused': message('watch-refused', ['number', number], ['code', code], ['explanation', explanation]),
  event: message('event', ['number', number], ['record', lockEvent]),
  /** This many events of this watch were left out: too many were not yet seen. */
  missed: message('missed', ['number', number], ['events', positive]),
  /** For how much longer the token of this connection is good (A3); null: it has no end by itself. */
  'token-lasts': message('token-lasts', ['ms', nullable(milliseconds)]),
  testimony: message('testimony', ['number', number], ['testimony', testimony]),
  echoed: message('echoed', ['number', number]),
}

/**
 * Grants of one lock each that is not lost, whose tokens follow one another, too; and releases of what was held: first
 * number, and how many.
 */
export const replyRuns = {
  'granted-run': message(
    'granted-run',
    ['first', positive],
    ['count', count(3, 1, runMax)],
    ['firstToken', token],
  ),
  'released-run': message('released-run', ['first', positive], ['count', count(3, 1, runMax)]),
}

// ---- client and view server

const serverStatus = record({
  id,
  address,
  pid: count(4711),
  host: text('host', 256),
  role,
  /** The one whose view names it; null: none does. */
  group: nullable(group),
  inSync: flag,
  view: count(3),
  opNumber: count(12),
  lag: count(0),
  copiedPart: count(0, 0, 100),
  pingAgeMs: milliseconds,
  alive: flag,
  leaving: flag,
  /** What its journal held when it started (D3); null also without a journal. */
  imprint: nullable(imprint),
  /** Its disk is nearly full (D8). */
  low: flag,
  /** Null: it has no journal, or has not told yet. */
  disk: nullable(disk),
  /** Of its package; empty: it has not told yet. */
  version,
})
export type ServerStatus = ShapeType<typeof serverStatus>
/** While the state is lost unless it is recovered (D4). */
const recoveryStatus = record({
  /** Servers with an imprint that counts, and what proves that its writer is gone; null: nothing does yet. */
  found: list(
    record({ id, address, of: id, view: positive, opNumber: number, proof: nullable(text('refuses', 64)) }),
  ),
  /** Servers of the choice whose imprint is not there. */
  waitedFor: list(server),
  /** For how much longer at most. */
  patienceMs: milliseconds,
  /** What a reset would give up now. */
  lost: explanation,
})
export type RecoveryStatus = ShapeType<typeof recoveryStatus>
/** Pid 0, and no host or version: it is known from its mark alone. */
const viewServerStatus = record({
  id,
  address,
  active: flag,
  pid: count(4711),
  host: text('host', 256),
  version,
})
export type ViewServerStatus = ShapeType<typeof viewServerStatus>

const groupStatus = record({
  group,
  view: nullable(view),
  acked: flag,
  recovery: nullable(recoveryStatus),
  survives: count(1),
  /** Why its state is lost, or waits for its recovery; null: neither. */
  lost: nullable(explanation),
})
export type GroupStatus = ShapeType<typeof groupStatus>

const status = record({
  cluster: nullable(id),
  durability: nullable(durability),
  groups: list(groupStatus),
  map: nullable(slotMap),
  /** Those of group 0. */
  recovery: nullable(recoveryStatus),
  view: nullable(view),
  acked: flag,
  servers: list(serverStatus),
  /** How many more deaths the service survives right now: the smallest of all groups. */
  survives: count(1),
  /** Why no view is made any more; null while all is well. */
  halted: nullable(explanation),
  pid: count(4711),
  /** The one that says this, the active one, and the standbys that it knows of (E5). */
  viewServers: list(viewServerStatus),
})
export type Status = ShapeType<typeof status>

export const clientToView = {
  status: message('status', ['number', number]),
  /** Ends this group's view, forced or not. */
  reset: message('reset', ['number', number], ['group', group], ['view', count(3)], ['forced', flag]),
  /** D4: an operator's word that the process of this server is gone and won't come back to life. */
  gone: message('gone', ['number', number], ['id', id]),
  /** D11: the cluster is to be of this durability. */
  durability: message('durability', ['number', number], ['durability', durability]),
  echo: message('echo', ['number', number]),
}

export const viewToClient = {
  welcome,
  error,
  view: viewMessage,
  map: mapMessage,
  status: message('status', ['number', number], ['status', status]),
  'status-refused': message(
    'status-refused',
    ['number', number],
    ['code', code],
    ['explanation', explanation],
  ),
  'reset-done': message('reset-done', ['number', number], ['view', view]),
  'reset-refused': message('reset-refused', ['number', number], ['explanation', explanation]),
  'gone-noted': message('gone-noted', ['number', number], ['explanation', explanation]),
  'gone-refused': message('gone-refused', ['number', number], ['explanation', explanation]),
  'durability-done': message('durability-done', ['number', number], ['view', view]),
  'durability-refused': message('durability-refused', ['number', number], ['explanation', explanation]),
  echoed: message('echoed', ['number', number]),
}

// ---- lock server and view server

export const serverToView = {
  ping: message('ping', [
    'record',
    record({
      /** As in its hello. */
      group,
      view: count(3),
      role,
      /** From a primary: the view is in force, its backup in sync. */
      acked: flag,
      /** From a backup: the primary told it so, in this view. */
      inSync: flag,
      opNumber: count(12),
      lag: count(0),
      copiedPart: count(0, 0, 100),
      /** The highest token that the state has granted. */
      token,
      /** Addresses that this primary can't reach. */
      unreachable: list(address, { max: 64 }),
      leaving: flag,
      /** The longest ttl that a client has asked this primary for. */
      ttlMs: count(10_000, 0, ttlMsMax),
      /** The disk of its journal is nearly full (D8). */
      low: flag,
      /** Null: it has no journal, or knows nothing of it yet. */
      disk: nullable(disk),
    }),
  ]),
  answer: message(
    'answer',
    ['number', number],
    ['record', record({ group, view: count(3), role, inSync: flag })],
  ),
}

export const viewToServer = {
  welcome,
  error,
  /** `acked`: that it is, is on the record (D5). */
  view: message('view', ['view', view], ['acked', flag]),
  map: mapMessage,
  /** Answers a ping: the newest view of the group that it names, or of the one that names the server; that it is acked, the longest ttl in the view record, and its active mark (E5). */
  pong: message(
    'pong',
    ['view', nullable(view)],
    ['acked', flag],
    ['longestTtlMs', milliseconds],
    ['mark', count(0)],
  ),
  question: message('question', ['number', number]),
}

// ---- primary and backup

const limits: Shape<StateLimits> = record({
  sessionsMax: positive,
  locksPerSessionMax: positive,
  sharedHoldsPerLockMax: positive,
  waitersPerLockMax: positive,
  unansweredMax: positive,
  changesPerOperationMax: positive,
  holdAtLeastMsMax: positive,
  onceKeysPerNameMax: positive,
  stateBytesMax: positive,
  sessionsPerOwnerMax: nullable(positive),
  locksPerOwnerMax: nullable(positive),
  waitersPerOwnerMax: nullable(positive),
  watchesPerOwnerMax: nullable(positive),
})

/** Who a session is. */
const identity = [
  ['id', id],
  ['keyHash', keyHash],
  ['publicId', publicId],
  ['ttlMs', count(10_000, 1, ttlMsMax)],
  ['name', clientName],
  ...program,
  ['address', remote],
] as const

/** Replicated changes. All but `renew` are operations and have a number; sessions go by their ordinal. */
export const entries = {
  /** `pauseMs`: of a reset (F14); 0: no pause. */
  start: message('start', ['token', token], ['pauseMs', count(0)], ['limits', limits]),
  /** D6: a recovered state goes on, with tokens above this one. */
  recover: message('recover', ['token', token]),
  unpause: message('unpause'),
  /** G2: slots in ranges, by the map of this number; a larger counter goes on above the floor. */
  'open-slots': message('open-slots', ['number', positive], ['slots', ranges], ['floor', count(0)]),
  'close-slots': message('close-slots', ['number', positive], ['slots', ranges]),
  /** The next share of what earlier operations have begun (B2). */
  'go-on': message('go-on'),
  open: message('open', ...identity, ['owner', owner]),
  acquire: message(
    'acquire',
    ['ordinal', number],
    ['request', positive],
    ['names', list(lockName, { min: 1, max: namesPerAcquireMax })],
    ...claim,
  ),
  cancel: message('cancel', ['ordinal', number], ['request', positive], ['target', positive]),
  release: message('release', ['ordinal', number], ['request', positive], ['token', token]),
  fail: message('fail', ['ordinal', number], ['request', positive], ['token', token]),
  'set-note': message(
    'set-note',
    ['ordinal', number],
    ['request', positive],
    ['token', token],
    ['note', nullable(note)],
  ),
  'force-release': message(
    'force-release',
    ['ordinal', number],
    ['request', positive],
    ['name', lockName],
    ['token', nullable(token)],
  ),
  'forget-key': message(
    'forget-key',
    ['ordinal', number],
    ['request', positive],
    ['name', lockName],
    ['key', onceKey],
  ),
  /** A2: the session may not do this, or not have any more what it waits for (A3). */
  deny: message(
    'deny',
    ['ordinal', number],
    ['request', positive],
    ['verb', oneOf('acquire', 'steal', 'force', 'read')],
    ['name', lockName],
  ),
  acknowledge: message('acknowledge', ['ordinal', number], ['ranges', ranges], ['tokens', list(token)]),
  end: message('end', ['ordinal', number], ['request', positive]),
  abandon: message('abandon', ['ordinal', number]),
  expire: message('expire', ['ordinals', list(number, { min: 1 })]),
  /** The time for which these holds last at least is over (C3). */
  'least-over': message('least-over', ['tokens', list(token, { min: 1 })]),
  /** The time for which these holds may last at most is over (C4). */
  'most-over': message('most-over', ['tokens', list(token, { min: 1 })]),
  /** These keys may run again (C5). */
  'forget-once': message('forget-once', ['keys', list(tuple(lockName, onceKey), { min: 1 })]),
  renew: message('renew', ['ordinal', number]),
}

/** As `requestRuns`, for one session: its ordinal, the first number. */
export const entryRuns = {
  'acquire-run': message(
    'acquire-run',
    ['ordinal', number],
    ['first', positive],
    ['names', list(lockName, { min: 1, max: runMax })],
    ...plainClaim,
  ),
  'release-run': message('release-run', ['ordinal', number], ['first', positive], ['tokens', tokenPairs]),
}

/** Of a hold in a snapshot; null if it has none of it. */
const holdTimes = record({
  /** What remains of the time for which it lasts at least (C3). */
  leastMs: nullable(milliseconds),
  /** What remains of the time for which it may last at most; null also before its client knows of it (C4). */
  mostMs: nullable(milliseconds),
  /** The request whose reply tells of it and is not acknowledged; 0: none (C4). */
  untold: count(0),
  /** Whose quotas it takes from, now that it has no client (C3). */
  owner,
})

/** What a snapshot is made of. */
export const records = {
  session: message(
    'session',
    ['ordinal', number],
    ...identity,
    ['owner', owner],
    ['sinceMs', count(1_700_000_000_000)],
    ['nextRequest', positive],
    ['remainingMs', count(10_000)],
  ),
  reply: message('reply', ['ordinal', number], ['reply', anyOf(...Object.values(reply))]),
  loss: message('loss', ['ordinal', number], ['token', token], ['reason', lossReason]),
  hold: message(
    'hold',
    ['name', lockName],
    ['token', token],
    ['ordinal', number],
    ['mode', mode],
    ['sinceMs', count(1_700_000_000_000)],
    ['terms', nullable(terms)],
    ['times', nullable(holdTimes)],
  ),
  wait: message(
    'wait',
    ['ordinal', number],
    ['request', positive],
    ['names', list(lockName, { min: 1, max: namesPerAcquireMax })],
    ...claim,
    ['tokens', list(token, { max: namesPerAcquireMax })],
    ['sinceMs', count(1_700_000_000_000)],
  ),
  /** C5: a key that runs, or has run. */
  once: message(
    'once',
    ['name', lockName],
    ['key', onceKey],
    ['done', doneRecord],
    ['keepMs', count(86_400_000, 0, onceKeepMsMax)],
    ['owner', owner],
    /** What remains until it is forgotten; null while its hold goes on. */
    ['remainingMs', nullable(milliseconds)],
  ),
  /** G2: from each slot to the next one in the list, whether it is open, and since which map's number. */
  slots: message('slots', [
    'runs',
    list(tuple(count(0, 0, slotsMax - 1), flag, count(0)), { max: slotsMax }),
  ]),
  /** What is unfinished, each kind in its order (B2): a session that is over, a lock whose holders lose it, one to be served, a key whose waiters are told. */
  ending: message('ending', ['ordinal', number], ['reason', nullable(eventReason)]),
  evicting: message('evicting', ['name', lockName], ['through', token], ['reason', lossReason]),
  unserved: message('unserved', ['name', lockName]),
  telling: message('telling', ['name', lockName], ['key', onceKey]),
}

/** A message of this table inside of another one: codec.ts checks it by its own schema. */
const inner = <T>(_table: Readonly<Record<string, Shape<T>>>, { example }: Shape<T>): Shape<T> => ({
  schema: { type: 'array', items: [{ type: 'string' }], minItems: 1 },
  example,
})

export const primaryToBackup = {
  copy: message(
    'copy',
    ['view', positive],
    [
      'header',
      record({
        opNumber: number,
        sequence: number,
        token,
        digest: count(12),
        ordinal: number,
        bytes: number,
        /** What remains of a reset's pause, and its whole length. */
        paused: nullable(milliseconds),
        pauseMs: count(0),
        limits,
      }),
    ],
  ),
  chunk: message(
    'chunk',
    ['view', positive],
    ['index', number],
    ['records', list(inner<SnapshotRecord>(records, records.loss))],
  ),
  whole: message('whole', ['view', positive], ['chunks', number]),
  /** View, sequence, number of the first operation, wall clock in ms, entries. */
  replicate: message(
    'replicate',
    ['view', positive],
    ['sequence', positive],
    ['firstOp', number],
    ['wallMs', count(1_700_000_000_000)],
    ['entries', list(inner<Entry>(entries, entries.renew))],
  ),
  'in-sync': message('in-sync', ['view', positive]),
  /** View and sequence: the digests differ (R4). */
  differs: message('differs', ['view', positive], ['sequence', positive]),
  /** G7: all that was decided when this question came stands before this. */
  'as-of': message('as-of', ['view', positive], ['number', positive]),
}

export const backupToPrimary = {
  welcome,
  error,
  view: viewMessage,
  received: message('received', ['view', positive], ['chunk', number]),
  applied: message(
    'applied',
    ['view', positive],
    ['sequence', number],
    ['opNumber', number],
    ['digest', count(12)],
  ),
  heard: message('heard', ['view', positive]),
  /** G7: what is decided until now? */
  when: message('when', ['view', positive], ['number', positive]),
}

// ---- on the view server's disk

/** The view record, and the SHA-256 of its JSON text. */
const recordNonce = text('0123456789abcdef0123456789abcdef-7', 64)
const recordSum = matching('0123456789abcdef'.repeat(4), '^[0-9a-f]{64}$')
const ttlMaxMs = count(ttlMaxMsDefault, 1, ttlMsMax)
/** Of a group that has no view yet, nothing but the number is known. */
const groupPart = record({
  group,
  view: nullable(view),
  acked: flag,
  lastAcked: count(2),
  highestToken: count(0),
})

export const stored = {
  'view-record': message(
    'view-record',
    [
      'record',
      record({
        /** Grows by one with each save; also in the name of the file. */
        record: positive,
        cluster: id,
        view,
        acked: flag,
        /** The last view that was acked (D4); 0: none. */
        lastAcked: count(2),
        highestToken: count(0),
        /** All groups but the first, whose part stands in the four fields above (G1). */
        others: list(groupPart, { max: groupsMax - 1 }),
        map: slotMap,
        longestTtlMs: milliseconds,
        /** The longest ttl that this cluster grants (E6). */
        ttlMaxMs,
        /** For how long the first view of a group grants nothing (E6). */
        pauseMs: milliseconds,
        /** Which `adopt` has rebuilt this record, or one before it (E7); null: none has. */
        adopted: nullable(id),
        wire: count(wireVersion),
        format: count(recordFormat),
        /** Another one for each save, which a repeated save keeps: by it a view server knows its own (E2). */
        nonce: recordNonce,
      }),
    ],
    ['sha256', recordSum],
  ),
  /** E6: the first record of a cluster. */
  founding: message(
    'founding',
    [
      'founding',
      record({
        record: positive,
        cluster: id,
        durability,
        groups: count(1, 1, groupsMax),
        /** For how long view 1 grants nothing; 0: no server of an older cluster can have granted anything. */
        pauseMs: milliseconds,
        ttlMaxMs,
        wire: count(wireVersion),
        format: count(recordFormat),
        nonce: recordNonce,
      }),
    ],
    ['sha256', recordSum],
  ),
}

// ---- in the journal of a lock server

/** What state a journal holds (D2), and the place where it was written (D9). */
const journalImprint = record({
  cluster: id,
  id,
  address,
  group,
  view: positive,
  as: oneOf('primary', 'backup'),
  /** V4: in this view. */
  told: flag,
  /** R4: a digest did. */
  differs: flag,
  longestTtlMs: milliseconds,
  /** Of the machine and of its present boot; empty where there is none. */
  machine: text('8c6f3f6e0b6d4c0f9a2d', 128),
  boot: text('2f1b7a9c-5d1e-4e0a-9a53', 128),
  /** Device and inode. */
  folder: text('2049:131073', 64),
})
export type JournalImprint = ShapeType<typeof journalImprint>

/** What the blocks of a journal are made of, its snapshots' records excepted. */
export const journalled = {
  /** The first of a volume: what its log builds on. */
  begun: message('begun', ['on', oneOf('nothing', 'snapshot')]),
  imprint: message('imprint', ['imprint', journalImprint]),
  'given-up': message('given-up'),
  batch: message(
    'batch',
    ['view', positive],
    ['firstOp', number],
    ['wallMs', count(1_700_000_000_000)],
    ['entries', list(inner<Entry>(entries, entries.renew))],
  ),
  /** The first of a snapshot: the log goes on behind this block, whose checksum is `before`. */
  'snapshot-of': message(
    'snapshot-of',
    ['header', primaryToBackup.copy.fields[1][1]],
    ['imprint', nullable(journalImprint)],
    ['sequence', number],
    ['before', count(12)],
  ),
  /** The last of a snapshot: how many records it has, and the checksum of their text. */
  'snapshot-end': message('snapshot-end', ['records', number], ['checksum', count(12)]),
}

/** Who says it to whom; the name of a channel is the name of its table. */
export const channels = {
  opening,
  clientToServer,
  requestRuns,
  serverToClient,
  replyRuns,
  clientToView,
  viewToClient,
  serverToView,
  viewToServer,
  primaryToBackup,
  backupToPrimary,
  entries,
  entryRuns,
  records,
  stored,
  journalled,
} as const

export type Channel = keyof typeof channels
type Table<C extends Channel> = (typeof channels)[C]
type Kind<C extends Channel> = C extends Channel ? keyof Table<C> : never
/** The messages of a channel, or of several; of all kinds, or of some. */
export type MessageOf<C extends Channel, K extends Kind<C> = Kind<C>> = C extends Channel
  ? ShapeType<Table<C>[K & keyof Table<C>]>
  : never

/** Where the fields of a message stand, by their names: `{ request: 1, names: 2, ... }`, as the tables order them. */
export type Places<C extends Channel, K extends keyof Table<C>> = PlacesOf<Table<C>[K]>

export type Hello = ShapeType<typeof opening.hello>
export type Welcome = ShapeType<typeof welcome>[1]
export type Reply = ShapeType<(typeof reply)[keyof typeof reply]>
/** Of a batch; a run of them is one entry. */
export type Entry = ShapeType<
  (typeof entries)[keyof typeof entries] | (typeof entryRuns)[keyof typeof entryRuns]
>
export type SnapshotRecord = ShapeType<(typeof records)[keyof typeof records]>
export type Ping = ShapeType<typeof serverToView.ping>[1]
/** Any message at all, for code that only carries it. */
export type Message = readonly [string, ...unknown[]]
