// Every message that travels between two ends, by channel: who may say it to whom. docs/PROTOCOL.md
// says what each one means. Types, validators and the tests' examples all come from these tables, which stand in
// messages/, a file a concept.

import { backupToPrimary, primaryToBackup } from './messages/backups.ts'
import { clientToServer, replyRuns, requestRuns, serverToClient } from './messages/clients.ts'
import { entries, entryRuns } from './messages/entries.ts'
import { opening } from './messages/hello.ts'
import { journalled } from './messages/journalled.ts'
import { records } from './messages/snapshot.ts'
import { stored } from './messages/stored.ts'
import { clientToView, serverToView, viewToClient, viewToServer } from './messages/views.ts'
import type { PlacesOf, ShapeType } from './shape.ts'

export type { DoneRecord, Reply, Testimony } from './messages/clients.ts'
export type {
  Choice,
  DiskFigures,
  Durability,
  Imprint,
  Recovered,
  Server,
  SlotMap,
  SlotMove,
  View,
} from './messages/cluster.ts'
export type { Entry } from './messages/entries.ts'
export type { Hello, HelloFrom, Welcome } from './messages/hello.ts'
export type { JournalImprint } from './messages/journalled.ts'
export type {
  Blocker,
  ClientLocks,
  ClientRecord,
  HoldRecord,
  LockEvent,
  ShownTerms,
  WaitRecord,
} from './messages/listed.ts'
export type { SnapshotRecord } from './messages/snapshot.ts'
export type {
  GroupStatus,
  RecoveryStatus,
  ServerStatus,
  Status,
  ViewServerStatus,
} from './messages/status.ts'
export type { Ping, SlotsLeft } from './messages/views.ts'
export type { LossReason, Manner, Mode, Permits, Role, Terms } from './messages/words.ts'

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
  journalled,
} as const

export type Channel = keyof typeof channels
type Table<C extends Channel> = (typeof channels)[C]
type Kind<C extends Channel> = C extends Channel ? keyof Table<C> : never
/** The messages of a channel, or of several; of all kinds, or of some. */
export type MessageOf<C extends Channel, K extends Kind<C> = Kind<C>> = C extends Channel
  ? ShapeType<Table<C>[K & keyof Table<C>]>
  : never

/** Where the fields of a message stand, by their names: `{ request: 1, names: 2, ... }`, as the tables order them. */
export type Places<C extends Channel, K extends keyof Table<C>> = PlacesOf<Table<C>[K]>
/** Any message at all, for code that only carries it. */
export type Message = readonly [string, ...unknown[]]
