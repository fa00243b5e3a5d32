// The words that messages are made of: ids, names, claims, tokens, reasons. They stand in no message by themselves.

import {
  addressLengthMax,
  clientNameLengthMax,
  holdMsMax,
  hostLengthMax,
  lockNameBytesMax,
  noteBytesMax,
  onceKeepMsMax,
  onceKeyBytesMax,
  permitsMax,
  rangesMax,
  runMax,
  ttlMaxMsDefault,
  ttlMsMax,
  versionLengthMax,
} from '../limits.ts'
import {
  checkedApart,
  count,
  list,
  matching,
  nullable,
  oneOf,
  record,
  type Shape,
  type ShapeType,
  text,
  tuple,
} from '../shape.ts'

export const number = count(17)
export const positive = count(17, 1)
export const token = count(1_700_000_000_000_001)
/** The longest ttl that a cluster grants (E6). */
export const ttlMaxMs = count(ttlMaxMsDefault, 1, ttlMsMax)
export const milliseconds = count(10_000)
export const lockName = text('orders/42', lockNameBytesMax, 1)
export const clientName = text('billing-3', clientNameLengthMax)
/** Whose quotas a session takes from, a principal's (A4) or an address's; null for none (B7). */
export const owner = nullable(text('192.0.2.7', 128, 1))
/** 128 random bits: a session, server or cluster id. */
export const id = matching('0123456789abcdef0123456789abcdef', '^[0-9a-f]{32}$')
/** 128 random bits that show whose a session is; its client says them to servers, and nobody else ever does (C9). */
export const sessionKey = matching('fedcba9876543210fedcba9876543210', '^[0-9a-f]{32}$')
/** SHA-256 of a session's key (C9). */
export const keyHash = matching('0123456789abcdef'.repeat(4), '^[0-9a-f]{64}$')
/** What others see of a session; neither its id nor its key can be had from it (C9). */
export const publicId = matching('89abcdef0123456789abcdef01234567', '^[0-9a-f]{32}$')
export const host = text('app-1', hostLengthMax, 1)
/** Of a package, for display only. */
export const version = text('1.2.3', versionLengthMax)
/** Which program has a session, for display only; null where it can't be known, as in a page. */
export const program = [
  ['host', nullable(host)],
  ['pid', nullable(count(4711, 1))],
  ['version', text('1.2.3', versionLengthMax)],
] as const
/** The machine at the other end of a connection. */
export const remote = text('192.0.2.7', addressLengthMax)
export const address = text('ws://127.0.0.1:7401', 512, 1)
/** The last one exactly if the terms name permits (C1). */
export const mode = oneOf('exclusive', 'shared', 'permits')
/** Of a run: its claims have no terms. */
const plainMode = oneOf('exclusive', 'shared')
/** What an acquire does when the lock is not free. */
const manner = oneOf('wait', 'ifAvailable', 'steal')
/** C1: `take` of `of`; no more than it. */
export const permits = record({ of: count(5, 1, permitsMax), take: count(2, 1, permitsMax) })
export const note = text('nightly report', noteBytesMax)
export const onceKey = text('2026-11-30T03:00', onceKeyBytesMax, 1)
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
export const terms: typeof termsFields = {
  ...termsFields,
  example: { ...termsFields.example, permits: null, victim: null },
}
/** What an acquire asks for: of each of its locks, and its own patience. Everywhere the same three fields, in this order. */
export const claim = [
  ['mode', mode],
  ['manner', manner],
  ['terms', nullable(terms)],
] as const
/** Likewise of all acquires of a run. */
export const plainClaim = [
  ['mode', plainMode],
  ['manner', manner],
] as const
export const lossReason = oneOf('STOLEN', 'FORCED', 'HELD_TOO_LONG')
export const role = oneOf('idle', 'backup', 'primary')
/** Numbers as pairs of first and last: [3, 5, 9, 9] is 3, 4, 5, 9. */
export const ranges: Shape<readonly number[]> = {
  ...list(count(3), { max: rangesMax }),
  example: [3, 5, 9, 9],
}
/** Tokens as pairs of a token and how many follow one another from it: [17, 2, 40, 1] is 17, 18, 40. */
export const tokenPairs: Shape<readonly number[]> = {
  ...list(number, { min: 2, max: 2 * runMax }),
  example: [1_700_000_000_000_001, 2],
}
export const losses = list(tuple(token, lossReason))
/** What may happen to a lock: a wait or a hold begins or ends. */
export const lockEventKind = oneOf('waiting', 'granted', 'cancelled', 'released', 'lost', 'kept', 'noted')
/** Why a watched hold was lost: by another's doing, for its own time, or with its session. */
export const eventReason = oneOf('STOLEN', 'FORCED', 'HELD_TOO_LONG', 'EXPIRED')
export const code = text('LOCKS_LIMIT', 64, 1)
export const explanation = text('what was wrong, where, and what would be right', 2_048)
export type Role = ShapeType<typeof role>
export type Mode = ShapeType<typeof mode>
export type Manner = ShapeType<typeof manner>
export type LossReason = ShapeType<typeof lossReason>
export type Permits = ShapeType<typeof permits>
export type Terms = ShapeType<typeof terms>
