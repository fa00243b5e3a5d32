// What a primary and its backup say to each other.

import { count, list, message, nullable, record, type Shape } from '../shape.ts'
import { type Entry, entries, limits } from './entries.ts'
import { error, viewMessage, welcome } from './hello.ts'
import { records, type SnapshotRecord } from './snapshot.ts'
import { milliseconds, number, positive, token } from './words.ts'

/** A message of this table inside of another one: codec.ts checks it by its own schema. */
export const inner = <T>(_table: Readonly<Record<string, Shape<T>>>, { example }: Shape<T>): Shape<T> => ({
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
  /** D12: what does your journal hold? */
  seek: message('seek', ['view', positive]),
  /** D12: that is this primary's state of then: only what came since follows. */
  keep: message('keep', ['view', positive], ['opNumber', number]),
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
  /** D12: answers `seek`; null: nothing that can be kept. */
  has: message(
    'has',
    ['view', positive],
    ['asOf', nullable(record({ view: positive, opNumber: number, digest: count(12) }))],
  ),
  /** G7: what is decided until now? */
  when: message('when', ['view', positive], ['number', positive]),
}
