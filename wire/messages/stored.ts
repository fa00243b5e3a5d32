// What stands on a view server's disk: the view record, or the first record of a cluster.

import { count, flag, list, matching, message, nullable, record, text } from '../shape.ts'
import { groupsMax } from '../slots.ts'
import { recordFormat, wireVersion } from '../version.ts'
import { durability, group, slotMap, view } from './cluster.ts'
import { id, milliseconds, positive, ttlMaxMs } from './words.ts'

/** The view record, and the SHA-256 of its JSON text. */
const recordNonce = text('0123456789abcdef0123456789abcdef-7', 64)
const recordSum = matching('0123456789abcdef'.repeat(4), '^[0-9a-f]{64}$')
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
        /** G8: how many groups there are to be. */
        groupsWanted: count(1, 1, groupsMax),
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
