// The primary's stream to its backup: snapshot, batches, acknowledgements, and the latch (V4). It
// holds back what clients may not see yet (R1) and says when they may. It knows no locks or requests.

import {
  chunksInFlightMax,
  joinBacklogMax,
  latchLagMax,
  replicateEntriesMax,
  replicateTextMax,
} from '../wire/limits.ts'
import type { Entry, Message, View } from '../wire/messages.ts'
import type { Leases } from './leases.ts'
import type { Outbox } from './outbox.ts'
import type { Session } from './sessions.ts'
import type { Showing } from './showing.ts'
import { Copy, headerOf, type LeaseTimes } from './snapshot.ts'
import type { State } from './state.ts'

interface Batch {
  readonly sequence: number
  readonly message: Message
  readonly entries: number
  /** R4: what the backup's digest must be once it has applied this. */
  readonly digest: number
}

interface Held {
  /** R1: shown once the backup has applied this batch. */
  readonly sequence: number
  readonly showings: readonly Showing[]
}

/**
 * How far the backup of this view is. `none`: nothing is streamed. `copying`: chunks and batches go
 * out. `sent`: all chunks did. `installed`: the backup holds the whole snapshot. `latched`: from here
 * on, with no way back in the view, nothing is shown that the backup has not applied (V4).
 */
type Phase = 'none' | 'copying' | 'sent' | 'installed' | 'latched'

/** Whoever does what clients may see now. */
export interface Shower {
  show(showing: Showing): void
}

export class Replication implements LeaseTimes {
  readonly #out: Outbox
  readonly #state: State
  readonly #leases: Leases
  #view: View
  #phase: Phase = 'none'
  /** The connection to the backup, once it is welcomed. */
  #link: number | null = null
  #copy: Copy | null = null
  #chunksSent = 0
  #chunksReceived = 0
  /** Entries that were sent beside the chunks. */
  #entriesBeside = 0
  /** R3: above this many unapplied entries new operations wait. */
  #parkAbove = joinBacklogMax
  #latchedAt = 0
  #toldInSync = false
  /** V4: the backup knows that it is in sync. */
  #knowsInSync = false
  /** R4: once digests differ nothing is shown any more in this view. */
  #differs = false

  #sequence = 0
  #applied = 0
  #entries: Entry[] = []
  /** Characters of lock names in the open batch: a frame has a limit. */
  #text = 0
  #firstOp = 0
  /** Somebody waits for what is in the open batch. */
  #urgent = false
  #unapplied: Batch[] = []
  #unappliedEntries = 0
  /** What the open batch lets clients see; then by batch. */
  #showings: Showing[] = []
  #held: Held[] = []
  readonly #shower: Shower

  constructor(out: Outbox, state: State, leases: Leases, view: View, shower: Shower) {
    this.#out = out
    this.#state = state
    this.#leases = leases
    this.#view = view
    this.#shower = shower
  }

  get latched(): boolean {
    return this.#phase === 'latched'
  }

  get differs(): boolean {
    return this.#differs
  }

  /** V4: the backup is in sync and knows it. */
  get inSync(): boolean {
    return this.#knowsInSync && !this.#differs
  }

  /** Entries that the backup has not applied. */
  get lag(): number {
    return this.#unappliedEntries + this.#entries.length
  }

  /** The last batch that went out. */
  get sequence(): number {
    return this.#sequence
  }

  /** The last batch that the backup has applied. */
  get applied(): number {
    return this.#applied
  }

  get copiedPart(): number {
    if (this.#phase === 'installed' || this.#phase === 'latched') return 100
    if (this.#phase === 'sent') return 99
    if (this.#copy === null || this.#copy.total === 0) return 0
    return Math.min(99, Math.floor((100 * this.#copy.streamed) / this.#copy.total))
  }

  /** The snapshot under way, which wants to know of every change. */
  get copy(): Copy | null {
    return this.#copy
  }

  /** R3: new operations wait for a joining backup that falls behind; reads and renewals never do. */
  get mustPark(): boolean {
    if (this.#phase === 'none' || this.#phase === 'latched') return false
    if (this.#copy !== null) return this.#entriesBeside > this.#copy.recordsTaken + latchLagMax
    return this.#unappliedEntries > this.#parkAbove
  }

  // ---- what the primary has decided

  /** Before the state applies an operation: states the wall clock of the batch that it goes into. */
  beforeOperation(): void {
    if (this.#firstOp !== 0) return
    this.#firstOp = this.#state.opNumber + 1
    this.#state.wallMs = Math.floor(this.#out.now.wall)
  }

  /** `idle`: nobody waits for it. */
  add(entry: Entry, idle = false): void {
    if (this.#phase === 'none') {
      this.#firstOp = 0
      return
    }
    this.#entries.push(entry)
    if (!idle) this.#urgent = true
    this.#text += textOf(entry)
    if (this.#entries.length >= replicateEntriesMax || this.#text >= replicateTextMax) this.flush()
  }

  /** R1: shows it now, or when the backup has applied all that was decided until now. */
  show(showing: Showing, idle = false): void {
    if (this.#phase !== 'latched') return this.#shower.show(showing)
    this.#showings.push(showing)
    if (!idle) this.#urgent = true
  }

  /** Sends what was decided in this turn; if nobody waits for it, with the next tick. */
  endTurn(): void {
    if (this.#urgent) this.flush()
  }

  /** Sends the open batch; an empty one only asks the backup for its word (R1). */
  flush(): void {
    if (this.#entries.length > 0 || this.#showings.length > 0) this.#sendBatch()
  }

  #sendBatch(): void {
    const entries = this.#entries
    const firstOp = this.#firstOp === 0 ? this.#state.opNumber + 1 : this.#firstOp
    const sequence = ++this.#sequence
    this.#entries = []
    this.#text = 0
    this.#firstOp = 0
    this.#urgent = false
    const message: Message = ['replicate', this.#view.number, sequence, firstOp, this.#state.wallMs, entries]
    this.#unapplied.push({ sequence, message, entries: entries.length, digest: this.#state.digest })
    this.#unappliedEntries += entries.length
    if (this.#showings.length > 0) this.#held.push({ sequence, showings: this.#showings })
    this.#showings = []
    if (this.#copy !== null) this.#entriesBeside += entries.length
    if (this.#link !== null) this.#out.send(this.#link, message)
    if (this.#phase === 'latched') this.#out.counts?.batchSent(sequence, this.#out.now.monotonic)
  }

  /** Once a tick: asks a silent backup for a sign of life. */
  probe(): void {
    if (this.#phase !== 'none' && this.#unapplied.length === 0) this.#sendBatch()
    else this.flush()
  }

  // ---- the connection to the backup

  /**
   * The backup has welcomed us: it holds the whole snapshot of view `whole`, and has received the
   * batches up to `sequence`. False if that can't be: then it is not the one that we copied to.
   */
  connected(link: number, whole: number, sequence: number): boolean {
    if (this.#differs) return false
    this.#link = link
    if (whole === this.#view.number && this.#phase !== 'none') {
      this.#resend(sequence)
      return true
    }
    if (this.#phase === 'installed' || this.#phase === 'latched' || whole === this.#view.number) return false
    this.#startCopy() // V5: a copy that was cut before it was whole starts afresh
    return true
  }

  disconnected(): void {
    this.#link = null
    if (this.#phase === 'copying') this.#stopCopy() // R3: it lives and dies with its connection
  }

  /** R2: a new connection is no gap; what was not received goes out again. */
  #resend(received: number): void {
    const link = this.#link as number
    for (const batch of this.#unapplied) if (batch.sequence > received) this.#out.send(link, batch.message)
    if (this.#toldInSync && !this.#knowsInSync) this.#out.send(link, ['in-sync', this.#view.number])
  }

  #startCopy(): void {
    this.#stopCopy()
    this.#phase = 'copying'
    this.#out.counts?.transferBegun(this.#out.now.monotonic)
    this.#entriesBeside = 0
    this.#chunksSent = 0
    this.#chunksReceived = 0
    this.#applied = this.#sequence
    this.#copy = new Copy(this.#state, this)
    const paused = this.#state.table.paused
      ? (this.#leases.pauseRemainingMs(this.#out.now.monotonic) ?? 0)
      : null
    const header = headerOf(this.#state, this.#sequence, paused)
    this.#out.send(this.#link as number, ['copy', this.#view.number, header])
    this.#sendChunks()
  }

  remainingMs(session: Session): number {
    return this.#leases.remainingMs(session, this.#out.now.monotonic)
  }

  #stopCopy(): void {
    this.#phase = 'none'
    this.#out.counts?.streamEnded()
    this.#copy = null
    this.#entries = []
    this.#firstOp = 0
    this.#unapplied = []
    this.#unappliedEntries = 0
  }

  #sendChunks(): void {
    const link = this.#link as number
    while (this.#copy !== null && this.#chunksSent - this.#chunksReceived < chunksInFlightMax) {
      const records = this.#copy.nextChunk()
      if (records !== null) this.#out.send(link, ['chunk', this.#view.number, this.#chunksSent++, records])
      else {
        this.#copy = null
        this.#phase = 'sent'
        this.#parkAbove = Math.max(joinBacklogMax, this.#unappliedEntries)
        this.#out.send(link, ['whole', this.#view.number, this.#chunksSent])
      }
    }
  }

  // ---- what the backup says

  onReceived(chunk: number): void {
    this.#chunksReceived = Math.max(this.#chunksReceived, chunk + 1)
    this.#sendChunks()
  }

  /** The backup has applied this batch and all before it. */
  onApplied(sequence: number, digest: number): void {
    if (this.#phase === 'none' || this.#phase === 'copying' || sequence > this.#sequence) return
    if (this.#phase === 'sent') this.#installed()
    this.#out.counts?.batchesApplied(sequence, this.#out.now.monotonic)
    this.#applied = Math.max(this.#applied, sequence)
    const last = this.#forgetApplied(sequence)
    if (last !== undefined && last.sequence === sequence && last.digest !== digest)
      this.#digestDiffers(sequence)
    this.#release(sequence)
    this.#advanceJoin()
  }

  #installed(): void {
    this.#phase = 'installed'
    this.#out.counts?.transferred(this.#out.now.monotonic)
  }

  /** V4: the backup knows that it is in sync. */
  onHeard(): void {
    if (this.#toldInSync) this.#knowsInSync = true
  }

  #forgetApplied(sequence: number): Batch | undefined {
    let done = 0
    let entries = 0
    while (done < this.#unapplied.length && (this.#unapplied[done] as Batch).sequence <= sequence) {
      entries += (this.#unapplied[done++] as Batch).entries
    }
    if (done === 0) return undefined
    this.#unappliedEntries -= entries
    // R3: two entries go for one that comes, so that the backup catches up.
    this.#parkAbove = Math.max(joinBacklogMax, this.#parkAbove - Math.ceil(entries / 2))
    return this.#unapplied.splice(0, done)[done - 1]
  }

  #digestDiffers(sequence: number): void {
    this.#differs = true
    if (this.#link !== null) this.#out.send(this.#link, ['differs', this.#view.number, sequence])
    this.#out.note('error', 'the digest of the backup differs', { view: this.#view.number, sequence })
  }

  #release(sequence: number): void {
    if (this.#differs) return
    let done = 0
    while (done < this.#held.length && (this.#held[done] as Held).sequence <= sequence) {
      for (const showing of (this.#held[done++] as Held).showings) this.#shower.show(showing)
    }
    if (done > 0) this.#held.splice(0, done)
  }

  /** V4: latch once the backup is nearly level; tell it once it is level with the latch. */
  #advanceJoin(): void {
    if (this.#differs || this.#link === null) return
    if (this.#phase === 'installed' && this.#unappliedEntries <= latchLagMax) {
      this.flush()
      this.#phase = 'latched'
      this.#latchedAt = this.#sequence
    }
    if (this.#phase === 'latched' && !this.#toldInSync && this.#applied >= this.#latchedAt) {
      this.#toldInSync = true
      this.#out.send(this.#link, ['in-sync', this.#view.number])
    }
  }

  // ---- views

  /** R2: under a new view that names this primary again it goes on, and answers what waited. */
  enter(view: View): void {
    this.#view = view
    this.#link = null
    this.#stopCopy()
    this.#toldInSync = false
    this.#knowsInSync = false
    this.#differs = false
    const waiting = [...this.#held.flatMap(({ showings }) => showings), ...this.#showings]
    this.#held = []
    this.#showings = []
    for (const showing of waiting) this.#shower.show(showing)
  }
}

/** About how many characters an entry has beside its few numbers. */
function textOf(entry: Entry): number {
  switch (entry[0]) {
    case 'acquire':
      return entry[3].reduce((sum, name) => sum + name.length, 0)
    case 'acknowledge':
      return 17 * (entry[2].length + entry[3].length)
    case 'force-release':
      return entry[3].length
    default:
      return 0
  }
}
