// Every message that travels between two ends, by channel: who may say it to whom. docs/PROTOCOL.md
// says what each one means. Types, validators and the tests' examples all come from these tables.

import {
  clientNameLengthMax,
  lockNameBytesMax,
  namesPerAcquireMax,
  rangesMax,
  runMax,
  type StateLimits,
  ttlMsMax,
} from './limits.ts'
import {
  anyOf,
  count,
  flag,
  list,
  matching,
  message,
  nullable,
  oneOf,
  record,
  type Shape,
  type ShapeType,
  text,
  tuple,
} from './shape.ts'
import { wireVersion } from './version.ts'

// ---- the words that messages are made of

const number = count(17)
const positive = count(17, 1)
const token = count(1_700_000_000_000_001)
const milliseconds = count(10_000)
const lockName = text('orders/42', lockNameBytesMax, 1)
const clientName = text('billing-3', clientNameLengthMax)
/** 128 random bits: a session, server or cluster id. */
const id = matching('0123456789abcdef0123456789abcdef', '^[0-9a-f]{32}$')
const address = text('ws://127.0.0.1:7401', 512, 1)
const mode = oneOf('exclusive', 'shared')
/** What an acquire does when the lock is not free. */
const manner = oneOf('wait', 'ifAvailable', 'steal')
const lossReason = oneOf('STOLEN', 'FORCED')
const role = oneOf('idle', 'backup', 'primary')
/** Numbers as pairs of first and last: [3, 5, 9, 9] is 3, 4, 5, 9. */
const ranges: Shape<number[]> = { ...list(count(3), { max: rangesMax }), example: [3, 5, 9, 9] }
const losses = list(tuple(token, lossReason))
/** What may happen to a lock: a wait or a hold begins or ends. */
const lockEventKind = oneOf('waiting', 'granted', 'cancelled', 'released', 'lost')
/** Why a watched hold was lost: by another's doing, or with its session. */
const eventReason = oneOf('STOLEN', 'FORCED', 'EXPIRED')
const code = text('LOCKS_LIMIT', 64, 1)
const explanation = text('what was wrong, where, and what would be right', 2_048)

const server = record({ id, address })
const view = record({
  number: positive,
  primary: server,
  backup: nullable(server),
  /** Only in view 1 and in a reset's view: the primary starts with an empty state, from these. */
  start: nullable(record({ tokenFloor: count(0), pauseMs: count(0) })),
})

export type Server = ShapeType<typeof server>
export type View = ShapeType<typeof view>
export type Role = ShapeType<typeof role>
export type Mode = ShapeType<typeof mode>
export type Manner = ShapeType<typeof manner>
export type LossReason = ShapeType<typeof lossReason>

// ---- hello and welcome: the first message each way on every connection

const helloFrom = anyOf(
  record({ kind: oneOf('client'), name: clientName }),
  record({
    kind: oneOf('lockserver'),
    id,
    address,
    role,
    view: count(3),
    pid: count(4711, 1),
    host: text('host', 256),
  }),
  record({ kind: oneOf('primary'), id, to: id, view }),
  /** Only wants to hear who is there. */
  record({ kind: oneOf('probe') }),
)
export type HelloFrom = ShapeType<typeof helloFrom>

export const opening = {
  hello: message('hello', count(wireVersion), nullable(id), nullable(text('secret', 1_024)), helloFrom),
}

const welcome = message(
  'welcome',
  record({
    wire: count(wireVersion),
    cluster: nullable(id),
    kind: oneOf('viewserver', 'lockserver'),
    /** The lock server's id; null from a view server. */
    id: nullable(id),
    role: nullable(role),
    view: nullable(view),
    pingLimitMs: milliseconds,
    /** To a primary: the view whose snapshot this backup holds whole (0: none), and the last batch that it has received in it. */
    whole: count(0),
    sequence: count(0),
  }),
)
const error = message('error', code, explanation)
const viewMessage = message('view', view)

// ---- client and lock server

const holdRecord = record({
  name: lockName,
  mode,
  token,
  clientId: id,
  clientName,
  heldMs: milliseconds,
})
const waitRecord = record({ name: lockName, mode, clientId: id, clientName, waitedMs: milliseconds })
/** What a cancelled acquire had waited for: the first holder, and how many waited before it. */
const blocker = record({
  name: lockName,
  mode,
  token,
  clientId: id,
  clientName,
  heldMs: milliseconds,
  ahead: count(2),
})
export type Blocker = ShapeType<typeof blocker>
export type HoldRecord = ShapeType<typeof holdRecord>
export type WaitRecord = ShapeType<typeof waitRecord>

/** One change of one lock, for who watches. */
const lockEvent = record({
  event: lockEventKind,
  name: lockName,
  mode,
  /** Null while it waits. */
  token: nullable(token),
  /** Only when it is lost. */
  reason: nullable(eventReason),
  clientId: id,
  clientName,
  /** Wall clock of the primary, ms since 1970; for people. */
  at: count(1_700_000_000_000),
})
export type LockEvent = ShapeType<typeof lockEvent>

export const clientToServer = {
  open: message('open', id, positive, count(10_000, 1, ttlMsMax), clientName),
  resume: message('resume', id, positive, positive, ranges),
  abandon: message('abandon', id),
  renew: message('renew', number),
  acquire: message(
    'acquire',
    positive,
    list(lockName, { min: 1, max: namesPerAcquireMax, unique: true }),
    mode,
    manner,
  ),
  cancel: message('cancel', positive, positive),
  release: message('release', positive, token),
  'force-release': message('force-release', positive, lockName),
  end: message('end', positive),
  acknowledge: message('acknowledge', ranges, list(token)),
  query: message('query', number, text('orders/', lockNameBytesMax), flag),
  watch: message('watch', number, text('orders/', lockNameBytesMax)),
  /** How many events of this watch were seen, from its beginning. */
  seen: message('seen', number, number),
  unwatch: message('unwatch', number),
  echo: message('echo', number),
}

/** Single acquires, and releases, whose request numbers follow one another: each begins with the first number. */
export const requestRuns = {
  'acquire-run': message('acquire-run', positive, list(lockName, { min: 1, max: runMax }), mode, manner),
  'release-run': message('release-run', positive, list(token, { min: 1, max: runMax })),
}

const reply = {
  granted: message('granted', positive, list(token, { min: 1, max: namesPerAcquireMax }), losses),
  unavailable: message('unavailable', positive),
  cancelled: message('cancelled', positive),
  'cancel-done': message(
    'cancel-done',
    positive,
    oneOf('cancelled', 'released', 'nothing'),
    nullable(blocker),
  ),
  released: message('released', positive, flag),
  'force-released': message('force-released', positive, count(1)),
  refused: message('refused', positive, code, explanation),
}

export const serverToClient = {
  welcome,
  error,
  view: viewMessage,
  opened: message('opened', id, positive, count(10_000, 1, ttlMsMax)),
  resumed: message('resumed', id, positive),
  'unknown-session': message('unknown-session', id),
  'open-refused': message('open-refused', id, code, explanation),
  renewed: message('renewed', number),
  ...reply,
  ended: message('ended', positive),
  lost: message('lost', token, lossReason),
  locks: message(
    'locks',
    number,
    record({ more: flag, cut: flag, confirmed: flag }),
    list(holdRecord),
    list(waitRecord),
  ),
  watching: message('watching', number),
  'watch-refused': message('watch-refused', number, code, explanation),
  event: message('event', number, lockEvent),
  /** So many events of this watch were not told: too many were not seen. */
  missed: message('missed', number, positive),
  echoed: message('echoed', number),
}

/** Grants of one lock each that is not lost, and releases of what was held: first number, and tokens or how many. */
export const replyRuns = {
  'granted-run': message('granted-run', positive, list(token, { min: 1, max: runMax })),
  'released-run': message('released-run', positive, count(3, 1, runMax)),
}

// ---- client and view server

const serverStatus = record({
  id,
  address,
  pid: count(4711),
  host: text('host', 256),
  role,
  inSync: flag,
  view: count(3),
  opNumber: count(12),
  lag: count(0),
  copiedPart: count(0, 0, 100),
  pingAgeMs: milliseconds,
  alive: flag,
  leaving: flag,
})
export type ServerStatus = ShapeType<typeof serverStatus>
const status = record({
  cluster: nullable(id),
  view: nullable(view),
  acked: flag,
  servers: list(serverStatus),
  /** How many more deaths the service survives right now. */
  survives: count(1),
  /** Why no view is made any more; null while all is well. */
  halted: nullable(explanation),
  pid: count(4711),
})
export type Status = ShapeType<typeof status>

export const clientToView = {
  status: message('status', number),
  /** Ends this view, forced or not. */
  reset: message('reset', number, count(3), flag),
  echo: message('echo', number),
}

export const viewToClient = {
  welcome,
  error,
  view: viewMessage,
  status: message('status', number, status),
  'reset-done': message('reset-done', number, view),
  'reset-refused': message('reset-refused', number, explanation),
  echoed: message('echoed', number),
}

// ---- lock server and view server

export const serverToView = {
  ping: message(
    'ping',
    record({
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
    }),
  ),
  answer: message('answer', number, record({ view: count(3), role, inSync: flag })),
}

export const viewToServer = {
  welcome,
  error,
  view: viewMessage,
  /** Answers a ping: the newest view, and the longest ttl in the view record. */
  pong: message('pong', nullable(view), milliseconds),
  question: message('question', number),
}

// ---- primary and backup

const limits: Shape<StateLimits> = record({
  sessionsMax: positive,
  locksPerSessionMax: positive,
  waitersPerLockMax: positive,
  unansweredMax: positive,
})

/** Replicated changes. All but `renew` are operations and have a number; sessions go by their ordinal. */
export const entries = {
  start: message('start', token, flag, limits),
  unpause: message('unpause'),
  open: message('open', id, count(10_000, 1, ttlMsMax), clientName),
  acquire: message(
    'acquire',
    number,
    positive,
    list(lockName, { min: 1, max: namesPerAcquireMax }),
    mode,
    manner,
  ),
  cancel: message('cancel', number, positive, positive),
  release: message('release', number, positive, token),
  'force-release': message('force-release', number, positive, lockName),
  acknowledge: message('acknowledge', number, ranges, list(token)),
  end: message('end', number, positive),
  abandon: message('abandon', number),
  expire: message('expire', list(number, { min: 1 })),
  renew: message('renew', number),
}

/** As `requestRuns`, for one session: its ordinal, the first number. */
export const entryRuns = {
  'acquire-run': message(
    'acquire-run',
    number,
    positive,
    list(lockName, { min: 1, max: runMax }),
    mode,
    manner,
  ),
  'release-run': message('release-run', number, positive, list(token, { min: 1, max: runMax })),
}

/** What a snapshot is made of. */
export const records = {
  session: message('session', number, id, count(10_000, 1, ttlMsMax), clientName, positive, count(10_000)),
  reply: message('reply', number, anyOf(...Object.values(reply))),
  loss: message('loss', number, token, lossReason),
  hold: message('hold', lockName, token, number, mode, count(1_700_000_000_000)),
  wait: message(
    'wait',
    number,
    positive,
    list(lockName, { min: 1, max: namesPerAcquireMax }),
    mode,
    manner,
    list(token, { max: namesPerAcquireMax }),
    count(1_700_000_000_000),
  ),
}

/** Messages inside of a message: codec.ts checks each by its own schema. */
const inner = (example: [string, ...unknown[]]): Shape<[string, ...unknown[]]> => ({
  schema: { type: 'array', items: [{ type: 'string' }], minItems: 1 },
  example,
})

export const primaryToBackup = {
  copy: message(
    'copy',
    positive,
    record({
      opNumber: number,
      sequence: number,
      token,
      digest: count(12),
      ordinal: number,
      paused: nullable(milliseconds),
      limits,
    }),
  ),
  chunk: message('chunk', positive, number, list(inner(records.loss.example))),
  whole: message('whole', positive, number),
  /** View, sequence, number of the first operation, wall clock in ms, entries. */
  replicate: message(
    'replicate',
    positive,
    positive,
    number,
    count(1_700_000_000_000),
    list(inner(entries.renew.example)),
  ),
  'in-sync': message('in-sync', positive),
  /** View and sequence: the digests differ (R4). */
  differs: message('differs', positive, positive),
}

export const backupToPrimary = {
  welcome,
  error,
  view: viewMessage,
  received: message('received', positive, number),
  applied: message('applied', positive, number, number, count(12)),
  heard: message('heard', positive),
}

// ---- on the view server's disk

/** The view record, and the SHA-256 of its JSON text. */
export const stored = {
  'view-record': message(
    'view-record',
    record({
      /** Grows by one with each save; also in the name of the file. */
      record: positive,
      cluster: id,
      view,
      acked: flag,
      highestToken: count(0),
      longestTtlMs: milliseconds,
      wire: count(wireVersion),
    }),
    matching('0123456789abcdef'.repeat(4), '^[0-9a-f]{64}$'),
  ),
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
} as const

export type Channel = keyof typeof channels
export type MessageOf<C extends Channel> = ShapeType<(typeof channels)[C][keyof (typeof channels)[C]]>

export type Hello = ShapeType<typeof opening.hello>
export type Welcome = ShapeType<typeof welcome>[1]
export type ClientRequest = MessageOf<'clientToServer'>
export type ServerReply = MessageOf<'serverToClient'>
export type Reply = ShapeType<(typeof reply)[keyof typeof reply]>
export type Entry = MessageOf<'entries'>
export type SnapshotRecord = MessageOf<'records'>
export type Ping = ShapeType<typeof serverToView.ping>[1]
/** Any message at all, for code that only carries it. */
export type Message = readonly [string, ...unknown[]]
