// What a backup does with what its primary sends: installs the snapshot, applies the batches in
// order, and says so (R2, R3). It decides nothing and shows nothing to clients.

import { appliedPerTurnMax } from '../wire/limits.ts'
import type { MessageOf, SnapshotRecord } from '../wire/messages.ts'
import { inEntries, lengthOf, sizeOf } from '../wire/runs.ts'
import type { Clients } from './clients.ts'
import { OnDisk, type OwnDisk } from './disk.ts'
import type { Found } from './journal/asked.ts'
import { Leases } from './leases.ts'
import type { ServerOutbox } from './outbox.ts'
import { type CopyState, ShownCopy } from './shown-copy.ts'
import type { InView } from './situation.ts'
import type { Point } from './state/recent.ts'
import { Installation, type SnapshotHeader } from './state/snapshot.ts'
import type { State } from './state/state.ts'
import { StateWriting, wholeLeases } from './state-writing.ts'
import { Times } from './times.ts'

type Replicate = MessageOf<'primaryToBackup', 'replicate'>

/** What `applied` says: a batch, and what the state was when it was applied. */
interface Applied {
  readonly sequence: number
  readonly opNumber: number
  readonly digest: number
}

/** A chunk of the snapshot, and its write. */
interface Chunk {
  readonly index: number
  readonly number: number
}

/** D1: what waits for this server's disk; each field is null in between. */
interface Waiting {
  /** Chunks of the snapshot that are not written, oldest first. */
  readonly chunks: Chunk[]
  /** The write that makes the snapshot count. */
  whole: number | null
  /** The write that says that this backup was told in sync. */
  told: number | null
  onDisk: OnDisk | null
  readonly applied: Applied[]
}

export class Backup implements CopyState {
  readonly #out: ServerOutbox
  readonly #clients: Clients
  readonly #situation: InView
  /** The state as it stands; one from an older view is kept until the new snapshot is whole (V5). */
  state: State | null
  leases: Leases
  /** The view whose snapshot is whole here; 0: none. */
  whole = 0
  /** V4: the primary has said, in this view, that this backup is in sync. */
  toldInSync = false
  /** G7: what clients may see of it; null: not the whole copy of this view is here. */
  shown: ShownCopy | null = null
  #connection: number | null = null
  /** All that the primary had decided until then is in the copy that came on this connection. */
  #acceptedAt = 0
  #installation: Installation | null = null
  /** Of what has been installed. */
  #times = new Times()
  #installedAt = 0
  /** D12: what its journal held when it started; null: nothing, or it has another state. */
  found: Found | null
  /** D12: that state while it is written anew; null: it is not, or all of it was handed over. */
  #writing: StateWriting | null = null
  /** D12: the whole copy of this view will be what was found. */
  #keeps = false
  /** Batches that were received in order and are not yet applied. */
  #waiting: Replicate[] = []
  #received = 0
  #applied = 0
  /** B1: what may still be applied in this turn, however many frames it reads. */
  #left = appliedPerTurnMax
  /** D1: null in a cluster in memory. */
  readonly #disk: OwnDisk | null
  #waits: Waiting = nothing()
  /** What it has said last. */
  #said: Applied | null = null

  /** V5: each view that names this backup is a new one of these, with what it has: not in sync. */
  constructor(
    out: ServerOutbox,
    situation: InView,
    clients: Clients,
    before: Pick<Backup, 'state' | 'leases'> | null,
    disk: OwnDisk | null = null,
    found: Found | null = null,
  ) {
    this.found = found
    this.#disk = disk
    this.#out = out
    this.#situation = situation
    this.#clients = clients
    this.state = before?.state ?? null
    this.leases = before?.leases ?? new Leases()
  }

  get connection(): number | null {
    return this.#connection
  }

  /** The last batch that was received in order in this view. */
  get received(): number {
    return this.#received
  }

  /** The last one that was applied. */
  get applied(): number {
    return this.#applied
  }

  /** D1: what was applied is on this server's disk; null: the cluster keeps nothing there. */
  get onDisk(): boolean | null {
    return this.#disk === null ? null : (this.#waits.onDisk?.confirmed ?? 0) >= this.#applied
  }

  get lag(): number {
    return this.#waiting.reduce((sum, batch) => sum + sizeOf(batch[5], inEntries), 0)
  }

  accepted(connection: number): void {
    this.#connection = connection
    this.#acceptedAt = this.#situation.now.monotonic
    this.#dropInstallation() // R3: a snapshot lives and dies with its connection
    if (this.whole !== 0) this.#sayAgain()
  }

  closed(connection: number): void {
    if (connection !== this.#connection) return
    this.#connection = null
    this.shown?.disconnected()
  }

  message(message: MessageOf<'primaryToBackup'>): void {
    switch (message[0]) {
      case 'replicate':
        return this.#replicate(message)
      case 'copy':
        return this.#copy(message[2])
      case 'seek':
        return this.#seek()
      case 'keep':
        return this.#keep(message[2])
      case 'chunk':
        return this.#chunk(message[2], message[3])
      case 'whole':
        return this.#whole(message[2])
      case 'in-sync':
        return this.#inSync()
      case 'differs':
        return this.#differs(message[2])
      case 'as-of':
        return this.shown?.answered(message[2])
    }
  }

  startTurn(): void {
    this.#left = appliedPerTurnMax
    this.shown?.turn()
  }

  /** B1: applies what this turn has room for, and one batch more at most; true when more is left. */
  work(): boolean {
    if (this.whole === 0) return false
    let done = 0
    while (done < this.#waiting.length && this.#left > 0) {
      const batch = this.#waiting[done++] as Replicate
      this.#left -= sizeOf(batch[5], inEntries) + this.#apply(batch)
    }
    if (done > 0) this.#waiting.splice(0, done)
    return this.#waiting.length > 0
  }

  /** Promoted: everything that was received is applied (it was decided), whatever the budget. */
  finish(): void {
    do this.#left = appliedPerTurnMax
    while (this.work())
  }

  // ---- the snapshot

  #copy(header: SnapshotHeader): void {
    if (this.whole !== 0) return // R3: at most once per view
    this.#dropInstallation()
    this.found = null
    this.#installation = new Installation(header)
    this.#times = new Times()
    this.#disk?.install(header)
    this.#installedAt = this.#situation.now.monotonic
    this.#received = header.sequence
    this.#applied = header.sequence
  }

  /** D12: what the imprint is of, two copies have from the same primary (R2). */
  #seek(): void {
    if (this.#connection === null) return
    const asOf = this.#disk === null ? null : pointOf(this.found)
    this.#out.send(this.#connection, ['has', this.#situation.view.number, asOf])
  }

  /** D12: the primary has found that this is its own state of then. */
  #keep(opNumber: number): void {
    if (this.whole !== 0) return
    this.#dropInstallation()
    if (this.#disk === null || this.found?.state.opNumber !== opNumber) return this.#gap('keep', opNumber)
    this.#keeps = true
    this.#writing = new StateWriting(this.#disk, this.found.state)
    this.#write(this.#disk)
  }

  /** D5: what it has read was perhaps never synced. */
  #write(disk: OwnDisk): void {
    if (!this.#writing?.goOn()) return
    this.#writing = null
    this.#waits.whole = disk.installed(this.#situation.view, 'backup')
  }

  #chunk(index: number, records: readonly SnapshotRecord[]): void {
    if (this.#installation === null || index !== this.#installation.chunks) return this.#gap('chunk', index)
    this.#installation.add(records, this.#situation.now.monotonic)
    this.#installation.giveTimes(this.#times)
    if (this.#disk === null) this.#sayReceived(index)
    else this.#waits.chunks.push({ index, number: this.#disk.records(records) })
  }

  #sayReceived(index: number): void {
    if (this.#connection !== null)
      this.#out.send(this.#connection, ['received', this.#situation.view.number, index])
  }

  #whole(chunks: number): void {
    const installation = this.#installation
    if (installation === null || chunks !== installation.chunks) return this.#gap('whole', chunks)
    if (this.#disk === null) this.#install(installation)
    else this.#waits.whole = this.#disk.installed(this.#situation.view, 'backup')
  }

  /** D2: in a durable cluster only once state and imprint are on the disk. */
  #install(installation: Installation): void {
    this.#have(installation.finish(), this.#leasesOf(installation))
  }

  #have(state: State, leases: Leases): void {
    this.state = state
    this.leases = leases
    this.#installation = null
    this.#keeps = false
    this.found = null
    this.whole = this.#situation.view.number
    this.#show(this.state)
    if (this.#disk !== null) this.#waits.onDisk = new OnDisk(this.#disk, 0, this.#applied)
    this.#sayApplied()
  }

  /** G7: the primary began the copy behind the welcome that it got from here. */
  #show(state: State): void {
    const shown = { state, times: this.leases.times }
    const at = this.#acceptedAt
    this.shown = new ShownCopy(this.#out, this.#situation, this.#clients, shown, this, at)
  }

  /** S3: what remained of each lease, counted from when its chunk came. */
  #leasesOf(installation: Installation): Leases {
    const leases = new Leases(this.#times)
    for (const [ordinal, until] of installation.leases) leases.set(ordinal, until)
    const { paused } = installation.header
    if (paused !== null) leases.startPause(this.#installedAt + paused)
    return leases
  }

  #dropInstallation(): void {
    const isUnderWay = this.#installation !== null || this.#keeps
    if (isUnderWay && this.#waits.whole === null) this.#disk?.write({ is: 'dropped' })
    if (this.whole === 0) this.#waits = nothing()
    this.#installation = null
    this.#writing?.end()
    this.#writing = null
    this.#keeps = false
    if (this.whole === 0) {
      this.#waiting = []
      this.#received = 0
      this.#applied = 0
    }
  }

  // ---- batches

  /** R2: batches come in order, without gaps; one that came already is only acknowledged again. */
  #replicate(batch: Replicate): void {
    const sequence = batch[2]
    if (this.whole === 0 && this.#installation === null && !this.#keeps)
      return this.#gap('replicate', sequence)
    if (sequence <= this.#received) return
    if (sequence !== this.#received + 1) return this.#gap('replicate', sequence)
    this.#received = sequence
    this.#waiting.push(batch)
  }

  /** How many holds and waits have begun or ended. */
  #apply([, , sequence, firstOp, wallMs, entries]: Replicate): number {
    const state = this.state as State
    let changes = 0
    state.wallMs = wallMs
    let next = firstOp
    for (const entry of entries) {
      if (entry[0] === 'renew') this.#renew(entry[1])
      else {
        if (next !== state.opNumber + 1)
          throw new Error(`R2: operation ${next} came, ${state.opNumber + 1} is next`)
        state.apply(entry)
        next += lengthOf(entry, inEntries)
        changes += state.changes
        this.#mind(state)
        if (entry[0] === 'unpause') this.leases.endPause()
      }
    }
    this.#applied = sequence
    if (this.#disk !== null) this.#journal(sequence, firstOp, wallMs, entries)
    this.#sayApplied()
    return changes
  }

  /** S3: of an operation's facts, a backup handles only leases and times; it shows nothing to clients (R1). */
  #mind({ facts }: State): void {
    for (let fact = facts.take(); fact !== undefined; fact = facts.take()) {
      if (fact.is === 'opened') this.leases.renew(fact.session, this.#situation.now.monotonic)
      else if (fact.is === 'dropped') this.leases.forget(fact.session)
      else this.leases.times.note(fact, this.#situation.now.monotonic)
    }
  }

  /** S3: by this server's own clock. */
  #renew(ordinal: number): void {
    const session = this.state?.sessions.get(ordinal)
    if (session !== undefined) this.leases.renew(session, this.#situation.now.monotonic)
  }

  /** D1: it says *applied* only of what is applied and synced. */
  #sayApplied(): void {
    if (this.state === null) return
    const { opNumber, digest } = this.state
    const applied = { sequence: this.#applied, opNumber, digest }
    if (this.#disk === null) return this.#say(applied)
    this.#waits.applied.push(applied)
    this.#saySynced()
  }

  #saySynced(): void {
    const { onDisk, applied } = this.#waits
    if (onDisk === null || applied.length === 0) return
    const { confirmed } = onDisk
    let done = 0
    while (done < applied.length && (applied[done] as Applied).sequence <= confirmed) done++
    const last = applied.splice(0, done).at(-1)
    if (last !== undefined) this.#say(last)
  }

  #say(applied: Applied): void {
    this.#said = applied
    const { sequence, opNumber, digest } = applied
    const { number } = this.#situation.view
    if (this.#connection !== null)
      this.#out.send(this.#connection, ['applied', number, sequence, opNumber, digest])
  }

  /** On a new connection. */
  #sayAgain(): void {
    if (this.#said !== null) this.#say(this.#said)
  }

  // ---- the disk (D1, D2)

  #journal(sequence: number, firstOp: number, wallMs: number, entries: Replicate[5]): void {
    const { view } = this.#situation
    const { digest } = this.state as State
    this.#waits.onDisk?.add(
      sequence,
      (this.#disk as OwnDisk).batch(view, { firstOp, wallMs, entries, digest }),
    )
  }

  /** D8: a slow disk only slows answers: what is said here is no news, and a sign of life. */
  tick(): void {
    this.shown?.tick(this.#connection)
    const { chunks, whole, told, applied } = this.#waits
    const copies = chunks.length > 0 || this.#writing !== null || whole !== null
    const waits = copies || told !== null || applied.length > 0
    if (waits && this.#connection !== null) this.#out.send(this.#connection, ['view', this.#situation.view])
  }

  /** More of it is on the disk. */
  synced(): void {
    const disk = this.#disk as OwnDisk
    const { chunks, whole, told } = this.#waits
    while (chunks[0] !== undefined && disk.has(chunks[0].number))
      this.#sayReceived((chunks.shift() as Chunk).index)
    this.#write(disk)
    if (whole !== null && disk.has(whole)) this.#isWritten()
    if (told !== null && disk.has(told)) {
      this.#waits.told = null
      this.#sayHeard()
    }
    this.#saySynced()
  }

  /** D2: state and imprint count from now on. */
  #isWritten(): void {
    const { monotonic } = this.#situation.now
    if (this.#installation === null && !this.#keeps) return
    this.#waits.whole = null
    if (this.#installation !== null) this.#install(this.#installation)
    else if (this.found !== null) this.#have(this.found.state, wholeLeases(this.found.state, monotonic))
  }

  /**
   * TCP makes no gaps, so one of the two is wrong: the primary reports this server, which keeps its state
   * until a view drops it (V5).
   */
  #gap(kind: string, at: number): void {
    const connection = this.#connection as number
    this.#out.close(connection, 'OUT_OF_ORDER', `"${kind}" ${at} is not the next one here`)
    this.closed(connection)
  }

  // ---- in sync

  #inSync(): void {
    if (this.whole === 0) return
    if (this.#disk === null) this.#sayHeard()
    else this.#waits.told = this.#disk.imprint(this.#situation.view, 'backup', { told: true })
  }

  /** D2: what it was told is on its disk before it says that it knows. */
  #sayHeard(): void {
    this.toldInSync = true
    if (this.#connection !== null) this.#out.send(this.#connection, ['heard', this.#situation.view.number])
  }

  /** R4: a server that fails its own check ends itself; else the primary is believed, this copy dropped. */
  #differs(sequence: number): void {
    this.shown?.end()
    this.shown = null
    const problem = this.state?.problem()
    if (this.whole !== 0)
      this.#disk?.imprint(this.#situation.view, 'backup', { told: this.toldInSync, differs: true })
    this.#out.note('error', 'digest differs from the primary', {
      sequence,
      problem: problem ?? 'none found here',
    })
    if (problem !== undefined)
      this.#out.do({ do: 'exit', status: 1, reason: `digest differs, and ${problem}` })
  }
}

/** Null: nothing that can be kept. */
function pointOf(found: Found | null): Point | null {
  if (found === null || found.state.opNumber === 0) return null
  const { imprint, state } = found
  return { view: imprint.view, opNumber: state.opNumber, digest: state.digest }
}

function nothing(): Waiting {
  return { chunks: [], whole: null, told: null, onDisk: null, applied: [] }
}
