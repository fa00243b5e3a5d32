// A snapshot: the whole state as of one operation, cut into chunks while later operations go on
// (R3). What an operation is about to change before it was streamed is kept, as it was, for the stream.

import { claimOf } from '../../wire/claim.ts'
import { chunkBytesMax, chunkRecordsMax } from '../../wire/limits.ts'
import type { MessageOf, SnapshotRecord, Terms } from '../../wire/messages.ts'
import { type Acquire, type Hold, LockEntry } from './lock.ts'
import type { Touch } from './lock-table.ts'
import { doneOf, type OnceKey } from './onces.ts'
import type { Session } from './sessions.ts'
import type { Slots } from './slots.ts'
import type { Special } from './special.ts'
import { State } from './state.ts'
import { holdBytes, lockBytes, termsBytes, waitBytes } from './tally.ts'
import type { Unfinished } from './unfinished.ts'

type UnfinishedRecord = MessageOf<'records', 'ending' | 'evicting' | 'unserved' | 'telling'>

/** What a snapshot says before its chunks. */
export interface SnapshotHeader {
  opNumber: number
  /** The last batch whose entries are inside. */
  sequence: number
  token: number
  digest: number
  ordinal: number
  /** Servers of earlier builds believe it; this one counts what comes, since the sender may have counted wrongly (B4). */
  bytes: number
  /** What remains of a reset's pause, in ms; null when there is none. */
  paused: number | null
  /** How long that pause is as a whole; 0: none (D6). */
  pauseMs: number
  limits: State['limits']
}

export function headerOf(state: State, sequence: number, pausedMs: number | null): SnapshotHeader {
  return {
    opNumber: state.opNumber,
    sequence,
    token: state.table.lastToken,
    digest: state.digest,
    ordinal: state.nextOrdinal,
    bytes: state.bytes,
    paused: pausedMs,
    pauseMs: state.pauseMs,
    limits: state.limits,
  }
}

/** What remains of a session's lease, and of the times of holds and keys, asked at the moment that they are streamed. */
export interface LeaseTimes {
  remainingMs(session: Session): number
  /** Null: no such time counts. */
  leastMs(hold: Hold): number | null
  mostMs(hold: Hold): number | null
  keptMs(key: OnceKey): number | null
}

/** The sender's side: streams the state as of its construction. */
export class Copy implements Touch {
  /** For display only: about how many sessions and locks there were, and how many are streamed. */
  readonly total: number
  streamed = 0
  recordsTaken = 0
  readonly #number: number
  readonly #leases: LeaseTimes
  readonly #sessions: Iterator<Session>
  readonly #locks: Iterator<LockEntry>
  readonly #keys: Iterator<OnceKey>
  #keptSessions: SnapshotRecord[][] = []
  #keptLocks: SnapshotRecord[][] = []
  #keptKeys: SnapshotRecord[][] = []
  /** B2: what was unfinished; it comes last. */
  #unfinished: SnapshotRecord[]
  readonly #ending: Session[]
  /** Records of one session or lock may be more than fit into a chunk. */
  #rest: SnapshotRecord[] = []
  #restFrom = 0

  constructor(state: State, leases: LeaseTimes) {
    this.#number = state.table.beginCopy(this)
    this.#leases = leases
    const { ending } = state.table.unfinished
    this.#sessions = state.sessions.values()
    this.#ending = [...ending.values()]
    this.#unfinished = [...slotsRecords(state.slots), ...unfinishedRecords(state.table.unfinished)]
    this.#locks = state.table.locks.values()
    this.#keys = state.table.onces.each()
    this.total = state.sessions.size + state.table.locks.size + state.table.onces.size
  }

  touchSession(session: Session): void {
    if (session.copied === this.#number) return
    session.copied = this.#number
    this.#keptSessions.push(this.#sessionRecords(session))
  }

  touchLock(lock: LockEntry): void {
    if (lock.copied === this.#number) return
    lock.copied = this.#number
    this.#keptLocks.push(this.#lockRecords(lock))
  }

  touchKey(key: OnceKey): void {
    if (key.copied === this.#number) return
    key.copied = this.#number
    this.#keptKeys.push([this.#keyRecord(key)])
  }

  /** The next records, or null when all are taken. */
  nextChunk(recordsMax = chunkRecordsMax): SnapshotRecord[] | null {
    const chunk: SnapshotRecord[] = []
    let bytes = 0
    while (chunk.length < recordsMax && bytes < chunkBytesMax) {
      const record = this.#nextRecord()
      if (record === null) break
      chunk.push(record)
      bytes += sizeOf(record)
    }
    this.recordsTaken += chunk.length
    return chunk.length === 0 ? null : chunk
  }

  #nextRecord(): SnapshotRecord | null {
    while (this.#restFrom >= this.#rest.length) {
      const records = this.#nextRecords()
      if (records === null) return null
      this.streamed++
      this.#rest = records
      this.#restFrom = 0
    }
    return this.#rest[this.#restFrom++] as SnapshotRecord
  }

  /**
   * Sessions before the locks that speak of them, or a backup could install those only at the end, all at once
   * (B1). Of each, kept ones first: they are held in memory only for the stream.
   */
  #nextRecords(): SnapshotRecord[] | null {
    const keptSession = this.#keptSessions.pop()
    if (keptSession !== undefined) return keptSession
    for (let next = this.#sessions.next(); !next.done; next = this.#sessions.next()) {
      if (next.value.copied === this.#number) continue
      next.value.copied = this.#number
      return this.#sessionRecords(next.value)
    }
    for (let over = this.#ending.pop(); over !== undefined; over = this.#ending.pop()) {
      if (over.copied === this.#number) continue
      over.copied = this.#number
      return this.#sessionRecords(over)
    }
    const keptLock = this.#keptLocks.pop()
    if (keptLock !== undefined) return keptLock
    for (let next = this.#locks.next(); !next.done; next = this.#locks.next()) {
      if (next.value.copied === this.#number) continue
      next.value.copied = this.#number
      return this.#lockRecords(next.value)
    }
    return this.#nextKey() ?? this.#nextUnfinished()
  }

  #nextKey(): SnapshotRecord[] | null {
    const kept = this.#keptKeys.pop()
    if (kept !== undefined) return kept
    for (let next = this.#keys.next(); !next.done; next = this.#keys.next()) {
      if (next.value.copied === this.#number) continue
      next.value.copied = this.#number
      return [this.#keyRecord(next.value)]
    }
    return null
  }

  #nextUnfinished(): SnapshotRecord[] | null {
    const unfinished = this.#unfinished
    this.#unfinished = []
    return unfinished.length > 0 ? unfinished : null
  }

  #sessionRecords(session: Session): SnapshotRecord[] {
    const records = [sessionRecord(session, Math.ceil(this.#leases.remainingMs(session)))]
    const { ordinal } = session
    if (session.endReason !== undefined) return records // No client will ask for its replies (B2).
    for (const reply of [...session.replies.values()].sort((a, b) => a[1] - b[1]))
      records.push(['reply', ordinal, reply])
    for (const [token, reason] of [...session.losses].sort((a, b) => a[0] - b[0]))
      records.push(['loss', ordinal, token, reason])
    return records
  }

  /** Holders and queue in their order; the queue's order is part of the state (L3). */
  #lockRecords(lock: LockEntry): SnapshotRecord[] {
    const records: SnapshotRecord[] = []
    for (const hold of lock.holders) {
      const { token, session, mode, since, special } = hold
      const times = special === null ? null : this.#timesOf(hold, special)
      const terms = special?.terms ?? null
      records.push(['hold', lock.name, token, session.ordinal, mode, since, terms, times])
    }
    for (const { session, request, names, claim, tokens, since } of lock.queue) {
      const { mode, manner, terms } = claim
      records.push(['wait', session.ordinal, request, [...names], mode, manner, terms, [...tokens], since])
    }
    return records
  }

  #timesOf(hold: Hold, { lasting, untold, owner, terms }: Special): HoldTimes {
    const leastMs = lasting ? upwards(this.#leases.leastMs(hold) ?? terms.holdAtLeastMs) : null
    const mostMs = untold === 0 ? upwards(this.#leases.mostMs(hold)) : null
    return { leastMs, mostMs, untold, owner: owner?.name ?? null }
  }

  #keyRecord(key: OnceKey): SnapshotRecord {
    const remainingMs = key.running ? null : upwards(this.#leases.keptMs(key) ?? key.keepMs)
    return ['once', key.name, key.key, doneOf(key), key.keepMs, key.owner?.name ?? null, remainingMs]
  }
}

type HoldTimes = MessageOf<'records', 'hold'>[7]

/** Never shorter than was promised (C3). */
function upwards(ms: number | null): number | null {
  return ms === null ? null : Math.ceil(ms)
}

function sessionRecord(session: Session, remainingMs: number): SnapshotRecord {
  const { ordinal, id, keyHash, publicId, ttlMs, name, host, pid, version, address, since } = session
  const owner = session.owner?.name ?? null
  return [
    ...(['session', ordinal, id, keyHash, publicId, ttlMs, name, host, pid, version, address] as const),
    ...([owner, since, session.nextRequest, remainingMs] as const),
  ]
}

/** G2: as of the beginning of the copy, as what is unfinished. */
function slotsRecords({ runs }: Slots): SnapshotRecord[] {
  return runs.length === 0 ? [] : [['slots', runs]]
}

function unfinishedRecords({ ending, evictions, telling, unserved }: Unfinished): SnapshotRecord[] {
  const records: SnapshotRecord[] = []
  for (const { ordinal, endReason } of ending.values()) records.push(['ending', ordinal, endReason ?? null])
  for (const [name, { through, reason }] of evictions) records.push(['evicting', name, through, reason])
  for (const name of unserved) records.push(['unserved', name])
  for (const [name, keys] of telling) for (const key of keys) records.push(['telling', name, key])
  return records
}

function sizeOf(record: SnapshotRecord): number {
  switch (record[0]) {
    case 'session':
      return 512
    case 'wait':
      return record[3].reduce(
        (sum, name) => sum + name.length,
        64 + (record[6] === null ? 0 : termsSize(record[6])),
      )
    case 'hold':
      return record[1].length + 64 + (record[6] === null ? 0 : termsSize(record[6]))
    case 'once':
      return record[1].length + record[2].length + record[3].clientName.length + 256
    case 'telling':
      return record[1].length + record[2].length + 64
    case 'evicting':
    case 'unserved':
      return record[1].length + 64
    case 'slots':
      return record[1].length * 24
    case 'reply':
      if (record[2][0] === 'granted') return 64 + record[2][2].length * 20
      return record[2][0] === 'cancel-done' && record[2][3] !== null ? 512 + record[2][3].name.length : 64
    default:
      return 128
  }
}

function termsSize({ note, once }: Terms): number {
  return 256 + (note?.length ?? 0) + (once?.key.length ?? 0)
}

/** Keeps the times of holds and keys that a copy brings. */
export interface TimesOwner {
  setLeast(token: number, until: number): void
  setMost(token: number, until: number): void
  setKey(key: OnceKey, until: number): void
}

/** The receiver's side: a state that becomes valid when it is whole, and not before. */
export class Installation {
  readonly header: SnapshotHeader
  readonly state = new State()
  /** S3: the end of each lease by this server's clock, from when its chunk came; by session ordinal. */
  readonly leases = new Map<number, number>()
  /** C3, C4: likewise the times of holds, by token, C5: and of keys, until they are given to their owner. */
  #least: (readonly [token: number, until: number])[] = []
  #most: (readonly [token: number, until: number])[] = []
  #keys: (readonly [key: OnceKey, until: number])[] = []
  chunks = 0
  #now = 0
  readonly #unfinished: UnfinishedRecord[] = []
  /** The lock whose records are coming in. */
  #last: LockEntry | null = null

  constructor(header: SnapshotHeader) {
    this.header = header
    this.state.apply(['start', header.token, header.pauseMs, header.limits])
  }

  add(records: readonly SnapshotRecord[], now: number): void {
    this.chunks++
    this.#now = now
    for (const record of records) this.#add(record)
  }

  /** Those that have come since (B1: there may be very many). */
  giveTimes(to: TimesOwner): void {
    for (const [token, until] of this.#least) to.setLeast(token, until)
    for (const [token, until] of this.#most) to.setMost(token, until)
    for (const [key, until] of this.#keys) to.setKey(key, until)
    this.#least = []
    this.#most = []
    this.#keys = []
  }

  /** The state, now that all of it is here; throws if it does not fit together. */
  finish(): State {
    const { state, header } = this
    for (const record of this.#unfinished) this.#leave(record)
    state.opNumber = header.opNumber
    state.digest = header.digest
    state.nextOrdinal = header.ordinal
    return state
  }

  /** B2: this must go on, in the order of the records. */
  #leave(record: UnfinishedRecord): void {
    const { unfinished } = this.state.table
    switch (record[0]) {
      case 'ending': {
        const session = this.state.sessions.get(record[1])
        if (session === undefined) throw new Error('R3: the snapshot ends a session that is not in it')
        this.state.leave(session, record[2])
        this.leases.delete(session.ordinal)
        return
      }
      case 'evicting':
        return unfinished.evict(record[1], record[2], record[3])
      case 'unserved':
        return void unfinished.unserved.add(record[1])
      case 'telling':
        return unfinished.tell(record[1], record[2])
    }
  }

  #add(record: SnapshotRecord): void {
    if (record[0] === 'session') return this.#addSession(record)
    if (
      record[0] === 'ending' ||
      record[0] === 'evicting' ||
      record[0] === 'unserved' ||
      record[0] === 'telling'
    )
      return void this.#unfinished.push(record)
    if (record[0] === 'slots') return this.state.slots.restore(record[1])
    if (record[0] === 'once') return this.#addKey(record)
    if (record[0] === 'hold' && record[3] === 0) return this.#addHold(this.state.table.nobody, record)
    const session = this.state.sessions.get(record[0] === 'hold' ? record[3] : record[1])
    if (session === undefined) throw new Error('R3: the snapshot speaks of a session that has not come')
    this.#addTo(session, record)
  }

  #addSession(record: MessageOf<'records', 'session'>): void {
    const [, ordinal, id, keyHash, publicId, ttlMs, name, host, pid, version, address, ...rest] = record
    const [owner, since, nextRequest, remainingMs] = rest
    const who = { id, keyHash, publicId, ttlMs, name, host, pid, version, address, since }
    const session = this.state.newSession(ordinal, who, owner)
    session.nextRequest = nextRequest
    this.state.addSession(session)
    this.leases.set(ordinal, this.#now + remainingMs)
  }

  #addTo(session: Session, record: MessageOf<'records', 'reply' | 'loss' | 'hold' | 'wait'>): void {
    switch (record[0]) {
      case 'reply':
        session.replies.keep(record[2])
        return
      case 'loss':
        session.keepLoss(record[2], record[3])
        return
      case 'hold':
        return this.#addHold(session, record)
      case 'wait': {
        const [, , request, names, mode, manner, terms, tokens, since] = record
        // The acquire's tokens grow as it goes on; the message stays as it came.
        const claim = claimOf(mode, manner, terms)
        const acquire: Acquire = {
          session,
          request,
          names,
          claim,
          tokens: [...tokens],
          since,
          ahead: null,
          behind: null,
        }
        for (const token of tokens) session.hide(token)
        this.#lock(names[tokens.length] as string).enqueue(acquire)
        session.waiting.set(request, acquire)
        this.#count(waitBytes(acquire))
        session.owner?.wait(acquire, 1)
        if (terms !== null) this.state.table.onces.wait(acquire)
      }
    }
  }

  #addHold(session: Session, record: MessageOf<'records', 'hold'>): void {
    const [, name, token, , mode, since, terms, times] = record
    const special = terms === null ? null : this.#special(terms, times)
    const hold = this.#lock(name).hold(token, session, mode, since, special)
    this.#count(holdBytes + termsBytes(terms))
    if (session.isNobody) special?.owner?.hold(hold, 1)
    else session.take(hold)
    if (special === null) return
    this.state.table.remember(hold)
    if (special.untold > 0) session.tellOf(hold, special.untold)
    if (times === null) return
    if (times.leastMs !== null) this.#least.push([token, this.#now + times.leastMs])
    if (times.mostMs !== null) this.#most.push([token, this.#now + times.mostMs])
  }

  #special(terms: Terms, times: HoldTimes): Special {
    const owner = times === null || times.owner === null ? null : this.state.owners.of(times.owner)
    return { terms, lasting: times !== null && times.leastMs !== null, untold: times?.untold ?? 0, owner }
  }

  #addKey([, name, key, done, keepMs, ownerName, remainingMs]: MessageOf<'records', 'once'>): void {
    const owner = ownerName === null ? null : this.state.owners.of(ownerName)
    const running = remainingMs === null
    const known: OnceKey = { name, key, ...done, running, keepMs, owner, copied: 0 }
    this.state.table.addKey(known)
    if (remainingMs !== null) this.#keys.push([known, this.#now + remainingMs])
  }

  #count(bytes: number): void {
    this.state.table.tally.bytes += bytes
  }

  /** The records of a lock come together, so no lock has to be looked up among all that are here. */
  #lock(name: string): LockEntry {
    if (this.#last?.name === name) return this.#last
    const { locks } = this.state.table
    this.#last = new LockEntry(name, 0)
    if (!locks.add(name, this.#last)) throw new Error(`R3: the snapshot has the lock "${name}" twice`)
    this.#count(lockBytes(name))
    return this.#last
  }
}
