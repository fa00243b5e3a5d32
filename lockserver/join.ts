// How far the backup of one view is: copied to, installed, latched, informed. A new view is a new Join, so no
// code clears one. It answers for the backup as a witness (R1), and knows no clients, locks or requests.

import { chunksInFlightMax, joinBacklogMax, latchLagMax } from '../wire/limits.ts'
import { Backlog } from './backlog.ts'
import type { Witness } from './holdback.ts'
import type { Leases } from './leases.ts'
import type { ServerOutbox } from './outbox.ts'
import type { InView } from './situation.ts'
import type { Hold } from './state/lock.ts'
import type { OnceKey } from './state/onces.ts'
import type { Session } from './state/sessions.ts'
import { Copy, headerOf, type LeaseTimes } from './state/snapshot.ts'
import type { State } from './state/state.ts'
import type { Batch } from './stream.ts'

/**
 * `none`: nothing is streamed; `asked`: the backup was asked what it has (D12). `copying`: chunks and batches go out. `sent`: all chunks did. `installed`:
 * the backup holds the whole snapshot. `latched`: from here on, with no way back in the view, nothing is
 * shown that the backup has not applied (V4).
 */
type Phase =
  | { readonly is: 'none' }
  | { readonly is: 'asked' }
  /** Counts chunks that were sent and received, and entries that were sent beside them. */
  | { readonly is: 'copying'; readonly copy: Copy; sent: number; received: number; beside: number }
  /** R3: above this many unapplied entries new operations wait. */
  | { readonly is: 'sent' | 'installed'; parkAbove: number }
  /** V4: the backup must apply the batches up to `at`; then it gets `in-sync`, and confirms that it knows. */
  | { readonly is: 'latched'; readonly at: number; told: boolean; knows: boolean }

export class Join implements Witness, LeaseTimes {
  readonly #out: ServerOutbox
  readonly #situation: InView
  readonly #state: State
  readonly #leases: Leases
  /** Of which this is; D5: what it says last is of this view, too, when its primary hears of a view that others may not hear of. */
  readonly #view: number
  #phase: Phase = { is: 'none' }
  /** The connection to the backup, once it is welcomed. */
  #link: number | null = null
  #backlog = new Backlog()
  /** The last batch that went to the backup, and the last that it has applied. */
  #sent = 0
  #applied = 0
  /** Batches before the copy that went to no backup: they have no number on the wire. */
  #unsent = 0
  /** R4: once digests differ nothing is shown any more in this view. */
  #differs = false

  constructor(out: ServerOutbox, situation: InView, state: State, leases: Leases) {
    this.#out = out
    this.#situation = situation
    this.#state = state
    this.#leases = leases
    this.#view = situation.view.number
    this.#become({ is: 'none' })
  }

  /** The only way from phase to phase; the fields of the old phase go with it. */
  #become(phase: Phase): void {
    this.stopCopy()
    this.#phase = phase
    switch (phase.is) {
      case 'none':
      case 'asked':
        this.#backlog = new Backlog()
        return this.#out.count({ is: 'stream ended' })
      case 'copying':
        return this.#out.count({ is: 'transfer begun' })
      case 'installed':
        return this.#out.count({ is: 'transferred' })
    }
  }

  /** A copy that is under way ends: its view is over, or all of it is sent. */
  stopCopy(): void {
    if (this.#phase.is === 'copying') this.#state.table.endCopy(this.#phase.copy)
  }

  // ---- how far it is

  /** Batches go to the backup. */
  get streams(): boolean {
    return this.#phase.is !== 'none' && this.#phase.is !== 'asked'
  }

  get latched(): boolean {
    return this.#phase.is === 'latched'
  }

  get differs(): boolean {
    return this.#differs
  }

  /** R1, R4: a backup whose digest differs confirms nothing. */
  get confirmed(): number {
    return this.#differs ? 0 : this.#applied
  }

  /** V4: the backup is in sync and knows it. */
  get inSync(): boolean {
    return this.#phase.is === 'latched' && this.#phase.knows && !this.#differs
  }

  /** Entries that were sent, and that the backup has not applied. */
  get lag(): number {
    return this.#backlog.entries
  }

  /** Nothing is on its way: a silent backup would not have to say anything. */
  get level(): boolean {
    return this.#backlog.empty
  }

  get copiedPart(): number {
    if (!this.streams) return 0
    if (this.#phase.is === 'sent') return 99
    if (this.#phase.is !== 'copying') return 100
    const { streamed, total } = this.#phase.copy
    return Math.min(99, Math.floor((100 * streamed) / Math.max(1, total)))
  }

  /** R3: new operations wait for a joining backup that falls behind; reads and renewals never do. */
  get mustPark(): boolean {
    const phase = this.#phase
    if (phase.is === 'none' || phase.is === 'asked' || phase.is === 'latched') return false
    if (this.#link === null) return false // R1: a backup that is away can't catch up, and is not asked yet
    if (phase.is === 'copying') return phase.beside > phase.copy.recordsTaken + latchLagMax
    return this.#backlog.entries > phase.parkAbove
  }

  // ---- the connection to the backup

  /**
   * The backup has welcomed us: it holds the whole snapshot of view `whole`, and has received the
   * batches up to `received`. `other`: it is not the one that we copied to.
   */
  connected(link: number, whole: number, received: number): 'goes on' | 'copy it' | 'other' {
    if (this.#differs) return 'other'
    this.#link = link
    const { is } = this.#phase
    const ours = whole === this.#view
    if (ours && this.streams) {
      this.#resend(link, received + this.#unsent)
      return 'goes on'
    }
    if (is === 'installed' || is === 'latched' || ours) return 'other'
    this.#become({ is: 'none' }) // V5: a copy that was cut before it was whole starts afresh
    return 'copy it'
  }

  disconnected(): void {
    this.#link = null
    const { is } = this.#phase
    if (is === 'copying' || is === 'asked') this.#become({ is: 'none' }) // R3: it lives and dies with its connection
  }

  /** R2: a new connection is no gap; what was not received goes out again. */
  #resend(link: number, received: number): void {
    for (const batch of this.#backlog.after(received)) this.#send(link, batch)
    if (this.#phase.is === 'latched' && this.#phase.told && !this.#phase.knows) this.#tell(link)
  }

  /** D12 */
  ask(): void {
    this.#become({ is: 'asked' })
    this.#out.send(this.#link as number, ['seek', this.#view])
  }

  get hasAsked(): boolean {
    return this.#phase.is === 'asked'
  }

  /** D12: the backup has the state of this operation. `since`: the batches after it; the last one that was closed is `sequence`. */
  keep(opNumber: number, sequence: number, since: readonly Omit<Batch, 'sequence'>[]): void {
    const entries = since.reduce((sum, { size }) => sum + size, 0)
    this.#out.count({ is: 'transfer begun' })
    this.#become({ is: 'sent', parkAbove: Math.max(joinBacklogMax, entries) })
    this.#unsent = sequence - since.length
    this.#applied = this.#unsent
    this.#sent = this.#unsent
    this.#out.send(this.#link as number, ['keep', this.#view, opNumber])
    for (const batch of since) this.take({ ...batch, sequence: this.#sent + 1 })
  }

  /** Begins a copy of the state as of this batch. `unsent`: batches that went to no backup. */
  copy(sequence: number, unsent: number): void {
    const copy = new Copy(this.#state, this)
    this.#become({ is: 'copying', copy, sent: 0, received: 0, beside: 0 })
    this.#unsent = unsent
    this.#sent = sequence
    this.#applied = sequence
    const { monotonic } = this.#situation.now
    const paused = this.#leases.pauseRemainingMs(monotonic)
    const header = headerOf(this.#state, sequence - unsent, paused)
    this.#out.send(this.#link as number, ['copy', this.#view, header])
    this.#sendChunks()
  }

  remainingMs(session: Session): number {
    return this.#leases.remainingMs(session, this.#situation.now.monotonic)
  }

  leastMs(hold: Hold): number | null {
    return this.#leases.times.leastMs(hold, this.#situation.now.monotonic)
  }

  mostMs(hold: Hold): number | null {
    return this.#leases.times.mostMs(hold, this.#situation.now.monotonic)
  }

  keptMs(key: OnceKey): number | null {
    return this.#leases.times.keptMs(key, this.#situation.now.monotonic)
  }

  #sendChunks(): void {
    const link = this.#link as number
    const number = this.#view
    const phase = this.#phase
    while (
      this.#phase === phase &&
      phase.is === 'copying' &&
      phase.sent - phase.received < chunksInFlightMax
    ) {
      const records = phase.copy.nextChunk()
      if (records !== null) this.#out.send(link, ['chunk', number, phase.sent++, records])
      else {
        this.#become({ is: 'sent', parkAbove: Math.max(joinBacklogMax, this.#backlog.entries) })
        this.#out.send(link, ['whole', number, phase.sent])
      }
    }
  }

  /** A batch that was closed just now. */
  take(batch: Batch): void {
    this.#sent = batch.sequence
    this.#backlog.add(batch)
    if (this.#phase.is === 'copying') this.#phase.beside += batch.size
    if (this.#link !== null) this.#send(this.#link, batch)
    else this.#waitNoLonger()
    if (this.#phase.is === 'latched') this.#out.count({ is: 'batch sent', sequence: batch.sequence })
  }

  /** R3: a backup is given up once it is away and lags too far; it gets no second snapshot in this view. */
  #waitNoLonger(): void {
    const phase = this.#phase
    if (phase.is !== 'sent' && phase.is !== 'installed') return
    if (this.#backlog.entries > phase.parkAbove) this.#become({ is: 'none' })
  }

  #send(link: number, { sequence, firstOp, wallMs, entries }: Batch): void {
    this.#out.send(link, ['replicate', this.#view, sequence - this.#unsent, firstOp, wallMs, entries])
  }

  // ---- what the backup says

  onReceived(chunk: number): void {
    if (this.#phase.is !== 'copying') return
    this.#phase.received = Math.max(this.#phase.received, chunk + 1)
    this.#sendChunks()
  }

  /** The backup has applied this batch and all before it. */
  onApplied(received: number, digest: number): void {
    const sequence = received + this.#unsent
    const phase = this.#phase
    if (!this.streams || phase.is === 'copying' || sequence > this.#sent) return
    if (phase.is === 'sent') this.#become({ is: 'installed', parkAbove: phase.parkAbove })
    this.#out.count({ is: 'batches applied', sequence })
    this.#applied = Math.max(this.#applied, sequence)
    const last = this.#forgetApplied(sequence)
    if (last !== undefined && last.sequence === sequence && last.digest !== digest)
      this.#digestDiffers(received)
  }

  #forgetApplied(sequence: number): Batch | undefined {
    const before = this.#backlog.entries
    const last = this.#backlog.applied(sequence)
    // R3: for each new entry two must be applied, so that the backup catches up.
    if (this.#phase.is === 'installed') {
      const caughtUp = Math.ceil((before - this.#backlog.entries) / 2)
      this.#phase.parkAbove = Math.max(joinBacklogMax, this.#phase.parkAbove - caughtUp)
    }
    return last
  }

  #digestDiffers(sequence: number): void {
    this.#differs = true
    if (this.#link !== null) this.#out.send(this.#link, ['differs', this.#view, sequence])
    this.#out.note('error', 'the digest of the backup differs', { view: this.#view, sequence })
  }

  /** G7: all that was decided until now has been sent. */
  answer(question: number): void {
    if (this.#link !== null && this.streams) this.#out.send(this.#link, ['as-of', this.#view, question])
  }

  // ---- in sync

  /** V4: the backup is nearly level. */
  get mayLatch(): boolean {
    if (this.#differs || this.#link === null) return false
    return this.#phase.is === 'installed' && this.#backlog.entries <= latchLagMax
  }

  /** V4: this batch is the last that clients could see before the backup has applied it. */
  latch(at: number): void {
    this.#become({ is: 'latched', at, told: false, knows: false })
  }

  /** V4: tells the backup that it is in sync once it is level with the latch, and this server's disk is (D1). */
  tell(onDisk: number): void {
    if (this.#differs || this.#link === null || this.#phase.is !== 'latched') return
    if (this.#phase.told || this.#applied < this.#phase.at || onDisk < this.#phase.at) return
    this.#phase.told = true
    this.#tell(this.#link)
  }

  #tell(link: number): void {
    this.#out.send(link, ['in-sync', this.#view])
  }

  /** V4: the backup knows that it is in sync. */
  onHeard(): void {
    if (this.#phase.is === 'latched' && this.#phase.told) this.#phase.knows = true
  }
}
