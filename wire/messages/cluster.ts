// What messages say of a cluster: its servers, groups, views and map, and what a journal holds of them.

import {
  checkedApart,
  count,
  flag,
  list,
  nullable,
  oneOf,
  record,
  type ShapeType,
  text,
  tuple,
} from '../shape.ts'
import { groupsMax, slotsMax } from '../slots.ts'
import { address, id, milliseconds, number, positive, ranges } from './words.ts'

export const server = checkedApart('server', record({ id, address }))
/** One of the cluster's groups (G1): the first is 0. */
export const group = count(0, 0, groupsMax - 1)
/** G8: slots under way from one group to another, since the map of this number; they are still the first one's. */
const slotMove = record({ number: positive, from: group, to: group, slots: ranges })
/** G2: which group has which slots. Each start is a first slot and the group that has all from there to the next start. */
export const slotMap = checkedApart(
  'map',
  record({
    number: positive,
    /** Those that have slots, or get some. */
    groups: count(1, 1, groupsMax),
    starts: list(tuple(count(0, 0, slotsMax - 1), group), { min: 1, max: slotsMax }),
    moves: list(slotMove, { max: slotsMax }),
    /** G8, L2: in a slot that it is given the tokens of this group go on above this one. */
    floors: list(tuple(group, count(0)), { max: groupsMax }),
    /** G8: of a group that has ended, the last view. */
    ended: list(tuple(group, positive), { max: groupsMax }),
  }),
)
/** What becomes of the state when all machines lose power at once: lost, or on the disks (D1). */
export const durability = oneOf('memory', 'disk')
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
export const view = checkedApart(
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
export const imprint = checkedApart(
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
export const disk = checkedApart(
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
export type SlotMove = ShapeType<typeof slotMove>
export type Durability = ShapeType<typeof durability>
export type Choice = ShapeType<typeof choice>
export type Recovered = ShapeType<typeof recovered>
export type Imprint = ShapeType<typeof imprint>
export type DiskFigures = ShapeType<typeof disk>
