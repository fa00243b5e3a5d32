// What lists, events and refusals show of holds, waits and sessions.

import { ttlMsMax, versionLengthMax } from '../limits.ts'
import { checkedApart, count, flag, list, nullable, record, type ShapeType, text } from '../shape.ts'
import {
  clientName,
  eventReason,
  host,
  lockEventKind,
  lockName,
  milliseconds,
  mode,
  note,
  onceKey,
  permits,
  publicId,
  remote,
  token,
} from './words.ts'

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
export const holdRecord = checkedApart(
  'hold',
  record({
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
  }),
)
export const waitRecord = checkedApart(
  'wait',
  record({
    name: lockName,
    mode,
    clientId: publicId,
    clientName,
    host: nullable(host),
    pid: nullable(count(4711, 1)),
    waitedMs: milliseconds,
    terms: shownTerms,
  }),
)
/** What a session holds and waits for, as the list of sessions has it. `cut`: there is more. */
const clientLocks = record({
  held: list(record({ name: lockName, mode, token, heldMs: milliseconds, terms: shownTerms })),
  pending: list(record({ name: lockName, mode, waitedMs: milliseconds, terms: shownTerms })),
  cut: flag,
})
export type ClientLocks = ShapeType<typeof clientLocks>
/** One session in the list of them: who has it, since when, and how much. */
export const clientRecord = record({
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
export const blocker = record({
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
export const lockEvent = record({
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
