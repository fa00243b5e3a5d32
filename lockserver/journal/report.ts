// What a journal holds, as plain data for people and scripts: `holdfast journal` prints it.

import type { Mode } from '../../wire/messages.ts'
import type { Session } from '../state/sessions.ts'
import type { State } from '../state/state.ts'
import type { Named } from './bytes.ts'
import { asideIn } from './names.ts'
import type { FolderReading, WholeJournal } from './reading.ts'

export interface DumpedLock {
  readonly name: string
  readonly mode: Mode
  /** Null: it waits. */
  readonly token: number | null
  readonly clientId: string | null
  readonly clientName: string
  readonly host: string | null
  readonly pid: number | null
  /** By the primary's wall clock. */
  readonly sinceMs: number
}

export interface JournalReport {
  readonly is: 'empty' | 'whole' | 'spoilt' | 'other format'
  /** Its volume's folder; null if there is none. */
  readonly volume: string | null
  readonly files: number
  readonly bytes: number
  readonly imprint: (NonNullable<WholeJournal['imprint']> & { opNumber: number }) | null
  /** The state in it was given up: it is no source of a recovery. */
  readonly givenUp: boolean
  /** Where it is spoilt, or of which other format. */
  readonly problem: { readonly file: string; readonly at: number; readonly problem: string } | null
  readonly torn: { readonly file: string; readonly at: number } | null
  readonly damage: WholeJournal['damage']
  readonly log: { readonly blocks: number; readonly batches: number; readonly snapshot: string | null } | null
  readonly state: {
    readonly sessions: number
    readonly locks: number
    readonly waiters: number
    readonly lastToken: number
    readonly paused: boolean
  } | null
  /** Moved aside, and kept for an operator. */
  readonly aside: readonly string[]
}

export function reportOf({ names, files, reading }: FolderReading, volume: string | null): JournalReport {
  const aside = names.flatMap(({ name }) => (asideIn(name) === undefined ? [] : name))
  const about = { volume, files: files.length, bytes: bytesOf(files), aside: aside.sort() }
  const none = {
    ...{ imprint: null, givenUp: false, problem: null, torn: null, damage: [], log: null, state: null },
    ...about,
  }
  switch (reading.is) {
    case 'empty':
      return { is: 'empty', ...none }
    case 'spoilt':
      return { is: 'spoilt', ...none, problem: reading.spot }
    case 'other format': {
      const problem = `it has format ${reading.format}, which this version can't read`
      return { is: 'other format', ...none, problem: { file: reading.file, at: 0, problem } }
    }
    case 'whole':
      return { is: 'whole', ...none, ...wholeOf(reading) }
  }
}

function wholeOf({ imprint, state, torn, damage, blocks, batches, snapshot }: WholeJournal) {
  return {
    imprint: imprint === null ? null : { ...imprint, opNumber: state.opNumber },
    givenUp: imprint === null,
    torn: torn === null ? null : { file: torn.file, at: torn.at },
    damage,
    log: { blocks, batches, snapshot },
    state: {
      sessions: state.sessions.size,
      locks: state.table.locks.size,
      waiters: [...state.table.locks.values()].reduce((sum, { waiters }) => sum + waiters, 0),
      lastToken: state.table.lastToken,
      paused: state.table.paused,
    },
  }
}

const bytesOf = (files: readonly Named[]) => files.reduce((sum, { bytes }) => sum + bytes, 0)

/** Who held what, and who waited for it, in order. */
export function dumpOf(state: State): { held: DumpedLock[]; pending: DumpedLock[] } {
  const held: DumpedLock[] = []
  const pending: DumpedLock[] = []
  for (const { name, holders, queue } of state.table.locks.values()) {
    for (const { mode, token, session, since } of holders)
      held.push({ name, mode, token, ...clientOf(session), sinceMs: since })
    for (const { claim, session, since } of queue)
      pending.push({
        name,
        mode: claim.mode,
        token: null,
        ...clientOf(session),
        sinceMs: since,
      })
  }
  held.sort((a, b) => (a.token ?? 0) - (b.token ?? 0))
  return { held, pending }
}

function clientOf(session: Session) {
  const { publicId, name, host, pid, isNobody } = session
  if (isNobody) return { clientId: null, clientName: '', host: null, pid: null }
  return { clientId: publicId, clientName: name, host, pid }
}
