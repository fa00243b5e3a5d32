// What a snapshot of a state is made of.

import { namesPerAcquireMax, onceKeepMsMax } from '../limits.ts'
import { anyOf, count, flag, list, message, nullable, record, type ShapeType, tuple } from '../shape.ts'
import { slotsMax } from '../slots.ts'
import { doneRecord, reply } from './clients.ts'
import { identity } from './entries.ts'
import {
  claim,
  eventReason,
  lockName,
  lossReason,
  milliseconds,
  mode,
  number,
  onceKey,
  owner,
  positive,
  terms,
  token,
} from './words.ts'

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
export type SnapshotRecord = ShapeType<(typeof records)[keyof typeof records]>
