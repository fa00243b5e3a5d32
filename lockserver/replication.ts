// Fits together what a primary decides (stream.ts), how far its backup is (join.ts), and what clients may not
// see yet (holdback.ts). It says what may be shown and shows nothing. It knows no locks or requests.

import type { Entry } from '../wire/messages.ts'
import { AsOf } from './as-of.ts'
import { OnDisk, type OwnDisk } from './disk.ts'
import { Holdback } from './holdback.ts'
import { Join } from './join.ts'
import type { Leases } from './leases.ts'
import type { ServerOutbox } from './outbox.ts'
import type { CopyAge } from './queries.ts'
import type { Showing } from './showing.ts'
import type { InView } from './situation.ts'
import type { Point, Recent } from './state/recent.ts'
import type { State } from './state/state.ts'
import { Stream } from './stream.ts'

const none: readonly Showing[] = []

export class Replication {
  readonly #out: ServerOutbox
  readonly #situation: InView
  readonly #state: State
  readonly #leases: Leases
  readonly #stream: Stream
  /** Both belong to one view. */
  #join: Join
  #holdback = new Holdback()
  /** The last batch in which something was decided. */
  #decided = 0
  /** G7: what the state is as of, as far as this server can know. */
  readonly #asOf: AsOf
  /** Batches that went to no backup. */
  #unsent = 0
  /** D1: null in a cluster in memory. */
  readonly #disk: OwnDisk | null
  /** D12: until a backup is in sync; null: its state was not read from a journal. */
  #recent: Recent | null
  #onDisk: OnDisk | null

  /** `imprint`: the write of this view's imprint (D2). */
  constructor(
    out: ServerOutbox,
    situation: InView,
    state: State,
    leases: Leases,
    disk: OwnDisk | null = null,
    imprint = 0,
    recent: Recent | null = null,
  ) {
    this.#out = out
    this.#situation = situation
    this.#state = state
    this.#leases = leases
    this.#stream = new Stream(situation, state)
    this.#asOf = new AsOf(situation.now.monotonic)
    this.#join = this.#newJoin()
    this.#disk = disk
    this.#recent = recent
    this.#onDisk = disk === null ? null : new OnDisk(disk, imprint, 0)
    if (this.#onDisk !== null) this.#holdback.ask(this.#onDisk)
  }

  #newJoin(): Join {
    return new Join(this.#out, this.#situation, this.#state, this.#leases)
  }

  /** How far the backup of this view is. */
  get join(): Pick<Join, 'latched' | 'differs' | 'inSync' | 'copiedPart' | 'mustPark'> {
    return this.#join
  }

  /** Entries that the backup has not applied. */
  get lag(): number {
    return this.#join.streams ? this.#join.lag + this.#stream.open : 0
  }

  /** The last batch that was closed. */
  get sequence(): number {
    return this.#stream.sequence
  }

  /** The last batch that all witnesses have confirmed. */
  get confirmed(): number {
    return this.#holdback.confirmed
  }

  // ---- what the primary has decided

  /** Alone, a batch costs nothing, so each operation gets the present wall clock; else a batch shares one. */
  beforeOperation(): void {
    if (!this.#join.streams && this.#onDisk === null && this.#stream.late) this.flush()
    this.#stream.beforeOperation()
  }

  /** `idle`: no client waits for it. */
  add(entry: Entry, idle = false, changes = 0): void {
    this.#stream.add(entry, idle, changes)
    if (this.#stream.full) this.flush()
  }

  /** R1: whether this is kept until all that was decided until now is confirmed; if not, show it now. */
  holds(showing: Showing, idle = false): boolean {
    if (!this.#holdback.holds) return false
    this.#holdback.add(showing)
    if (!idle) this.#stream.ask()
    return true
  }

  /** Sends what was decided in this turn; if no client waits for it, with the next tick. */
  endTurn(): void {
    if (this.#stream.urgent) this.flush()
  }

  /** Closes the open batch; an empty batch only asks the backup to confirm (R1). */
  flush(): void {
    if (this.#stream.open > 0 || this.#holdback.waits) this.#closeBatch()
  }

  #closeBatch(): void {
    const batch = this.#stream.close()
    this.#holdback.close(batch.sequence)
    if (batch.entries.length > 0) this.#decided = batch.sequence
    if (this.#join.latched) this.#asOf.expect(batch.sequence, this.#situation.now.monotonic)
    if (this.#disk !== null) this.#onDisk?.add(batch.sequence, this.#disk.batch(this.#situation.view, batch))
    this.#recent?.add(batch, this.#state.opNumber)
    if (this.#join.streams) this.#join.take(batch)
    else this.#unsent++
  }

  /** Once a tick: asks a silent backup for a sign of life. */
  probe(): void {
    if (this.#join.latched) this.#asOf.done(this.confirmed)
    else this.#asOf.sure(this.#situation.now.monotonic)
    if (this.#join.streams && this.#join.level) this.#closeBatch()
    else this.flush()
  }

  /** Something that was decided is not confirmed. */
  get isBehind(): boolean {
    return this.#decided > this.confirmed
  }

  /** G7: R1 turned round: it was the primary when it sent the last batch that all witnesses have confirmed. */
  get age(): CopyAge {
    const { monotonic } = this.#situation.now
    if (!this.#join.latched) this.#asOf.sure(monotonic)
    this.#asOf.done(this.confirmed)
    const onDisk = this.#onDisk === null ? null : this.#stream.open === 0 && this.isOnDisk(this.sequence)
    return { asOfMs: this.#asOf.ageMs(monotonic), onDisk }
  }

  // ---- the backup

  /** False if this backup is not the one that we copied to. */
  connected(link: number, whole: number, received: number): boolean {
    const answer = this.#join.connected(link, whole, received)
    if (answer === 'copy it' && this.#recent !== null) this.#join.ask()
    else if (answer === 'copy it') this.#startCopy()
    return answer !== 'other'
  }

  /** R3: all that was decided so far is in the snapshot. */
  #startCopy(): void {
    this.flush()
    this.#join.copy(this.#stream.sequence, this.#unsent)
  }

  /** D12: what the backup's journal holds is this state as it was, or it gets all of it. */
  onHas(asOf: Point | null): void {
    if (!this.#join.hasAsked) return
    this.flush()
    const since = asOf === null ? undefined : this.#recent?.since(asOf)
    if (asOf === null || since === undefined) this.#join.copy(this.#stream.sequence, this.#unsent)
    else this.#join.keep(asOf.opNumber, this.#stream.sequence, since)
  }

  disconnected(): void {
    this.#join.disconnected()
  }

  onReceived(chunk: number): void {
    this.#join.onReceived(chunk)
  }

  /** The backup has applied this batch and all before it. */
  onApplied(sequence: number, digest: number): void {
    this.#join.onApplied(sequence, digest)
  }

  /** What may be shown now, but no more than this. R4: nothing while the copies differ. */
  release(most: number): readonly Showing[] {
    return this.#join.differs ? none : this.#holdback.release(most)
  }

  /** Something may be shown that was not yet. */
  get toShow(): boolean {
    return !this.#join.differs && this.#holdback.more
  }

  /** G7: what is decided until now goes out in front of the answer. */
  onWhen(question: number): void {
    this.flush()
    this.#join.answer(question)
  }

  onHeard(): void {
    this.#join.onHeard()
  }

  /** V4: latches once the backup is nearly level; tells the backup once it is level with the latch. */
  advanceJoin(): void {
    if (this.#join.mayLatch) {
      this.flush()
      this.#recent = null
      this.#join.latch(this.#stream.sequence)
      this.#holdback.ask(this.#join)
    }
    this.#join.tell(this.#onDisk?.confirmed ?? Number.POSITIVE_INFINITY)
  }

  /** R2: under a new view that names this primary again it goes on, and answers what waited. */
  enter(): void {
    this.#holdback = new Holdback(this.#holdback.all())
    this.#join.stopCopy()
    this.#join = this.#newJoin()
    this.flush()
    this.#enterOnDisk()
  }

  /** D2: what waited waits for the imprint of the new view, which all of it stands before. */
  #enterOnDisk(): void {
    if (this.#disk === null) return
    const imprint = this.#disk.imprint(this.#situation.view, 'primary')
    this.#onDisk = new OnDisk(this.#disk, imprint, this.#stream.sequence)
    this.#holdback.ask(this.#onDisk)
  }

  /** D1: what is decided is shown only once it is on this server's disk. */
  get durable(): boolean {
    return this.#onDisk !== null
  }

  /** D2: the imprint of this view is on the disk. */
  get begun(): boolean {
    return this.#onDisk?.begun ?? true
  }

  /** D10: all batches up to this one are on this server's disk. */
  isOnDisk(sequence: number): boolean {
    return this.#onDisk !== null && this.#onDisk.confirmed >= sequence
  }
}
