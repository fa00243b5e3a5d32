// The changes of a state that a primary replicates, and their runs.

import { namesPerAcquireMax, runMax, type StateLimits, ttlMsMax } from '../limits.ts'
import { count, list, message, nullable, oneOf, record, type Shape, type ShapeType, tuple } from '../shape.ts'
import {
  claim,
  clientName,
  id,
  keyHash,
  lockName,
  note,
  number,
  onceKey,
  owner,
  plainClaim,
  positive,
  program,
  publicId,
  ranges,
  remote,
  token,
  tokenPairs,
} from './words.ts'

export const limits: Shape<StateLimits> = record({
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
export const identity = [
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
  /** G2, G8: slots in ranges, by the map of this number; a larger counter goes on above the floor. */
  'open-slots': message('open-slots', ['number', positive], ['slots', ranges], ['floor', count(0)]),
  /** G2: another group has these slots. */
  'close-slots': message('close-slots', ['number', positive], ['slots', ranges]),
  /** G8: these are under way to another group since the map of this number; those in which nothing is are closed. */
  'leave-slots': message('leave-slots', ['number', positive], ['slots', ranges]),
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
/** Of a batch; a run of them is one entry. */
export type Entry = ShapeType<
  (typeof entries)[keyof typeof entries] | (typeof entryRuns)[keyof typeof entryRuns]
>
