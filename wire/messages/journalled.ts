// What the blocks of a journal are made of.

import { count, flag, list, message, nullable, oneOf, record, type ShapeType, text } from '../shape.ts'
import { inner, primaryToBackup } from './backups.ts'
import { group } from './cluster.ts'
import { type Entry, entries } from './entries.ts'
import { address, id, milliseconds, number, positive } from './words.ts'

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
