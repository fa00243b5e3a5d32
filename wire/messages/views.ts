// What a view server hears and says: to clients, and to lock servers.

import { ttlMsMax } from '../limits.ts'
import { count, flag, list, message, nullable, record, type ShapeType } from '../shape.ts'
import { groupsMax, slotsMax } from '../slots.ts'
import { disk, durability, group, slotMap, view } from './cluster.ts'
import { error, mapMessage, viewMessage, welcome } from './hello.ts'
import { status } from './status.ts'
import {
  address,
  code,
  explanation,
  id,
  milliseconds,
  number,
  positive,
  ranges,
  role,
  token,
  ttlMaxMs,
} from './words.ts'

export const clientToView = {
  status: message('status', ['number', number]),
  /** Ends this group's view, forced or not. */
  reset: message('reset', ['number', number], ['group', group], ['view', count(3)], ['forced', flag]),
  /** D4: an operator's word that the process of this server is gone and won't come back to life. */
  gone: message('gone', ['number', number], ['id', id]),
  /** D11: the cluster is to be of this durability. */
  durability: message('durability', ['number', number], ['durability', durability]),
  /** G8: there are to be this many groups. */
  groups: message('groups', ['number', number], ['groups', count(2, 1, groupsMax)]),
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
  /** That it is to be so is on the record; slots move from now on. */
  'groups-done': message('groups-done', ['number', number], ['map', slotMap]),
  'groups-refused': message('groups-refused', ['number', number], ['explanation', explanation]),
  echoed: message('echoed', ['number', number]),
}

/** By the number of their move; the tokens granted in them are not above the floor (L2). */
const slotsLeft = record({
  floor: count(0),
  moves: list(record({ number: positive, slots: ranges }), { min: 1, max: slotsMax }),
})
export type SlotsLeft = ShapeType<typeof slotsLeft>

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
      /** G8: from a primary: of slots that move from its group, those that its state has left, in this view. */
      left: nullable(slotsLeft),
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
  /**
   * Answers a ping: the newest view of the group that it names, or of the one that names the server; that it is acked, the longest ttl in
   * the view record, its active mark (E5), and the longest ttl that the cluster grants (E6).
   */
  pong: message(
    'pong',
    ['view', nullable(view)],
    ['acked', flag],
    ['longestTtlMs', milliseconds],
    ['mark', count(0)],
    ['ttlMaxMs', ttlMaxMs],
  ),
  question: message('question', ['number', number]),
}
export type Ping = ShapeType<typeof serverToView.ping>[1]
