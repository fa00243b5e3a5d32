// What a core asks of its journal, and how far that is on the disk (D1, D2). Each write has a number; what a write
// has for consequence waits until its number is synced. And how the disk does (D8). It knows no files and no locks.

import type { DiskFigures, Entry, SnapshotRecord, View } from '../wire/messages.ts'
import type { Witness } from './holdback.ts'
import type { Imprint, JournalWrite } from './journal/asked.ts'
import type { ServerOutbox } from './outbox.ts'
import type { Situation } from './situation.ts'
import type { SnapshotHeader } from './state/snapshot.ts'
import type { Batch } from './stream.ts'

export interface DiskOwner {
  readonly id: string
  readonly address: string
}

type Marks = Partial<Pick<Imprint, 'told' | 'differs'>>

export class OwnDisk {
  readonly #out: ServerOutbox
  readonly #situation: Readonly<Situation>
  readonly #owner: DiskOwner
  #written = 0
  #synced = 0
  /** D8 */
  #low = false
  #figures: DiskFigures | null = null

  constructor(out: ServerOutbox, situation: Readonly<Situation>, owner: DiskOwner) {
    this.#out = out
    this.#situation = situation
    this.#owner = owner
  }

  /** D8: it has less room than the reserve. */
  get low(): boolean {
    return this.#low
  }

  /** How it does, for operators. */
  get figures(): DiskFigures | null {
    return this.#figures
  }

  room(low: boolean): void {
    if (low !== this.#low)
      this.#out.note(low ? 'warn' : 'info', low ? 'the disk is nearly full' : 'the disk has room')
    this.#low = low
  }

  measured(figures: DiskFigures): void {
    this.#figures = figures
  }

  /** D1: all writes up to this one are on the disk. */
  synced(number: number): void {
    this.#synced = Math.max(this.#synced, number)
  }

  has(number: number): boolean {
    return number <= this.#synced
  }

  /** Returns the number of the write. */
  write(write: JournalWrite): number {
    this.#out.do({ do: 'journal', number: ++this.#written, write })
    return this.#written
  }

  begin(view: View): number {
    return this.write({ is: 'begin', imprint: this.#imprint(view, 'primary', {}) })
  }

  imprint(view: View, as: Imprint['as'], marks: Marks = {}): number {
    return this.write({ is: 'imprint', imprint: this.#imprint(view, as, marks) })
  }

  install(header: SnapshotHeader): number {
    return this.write({ is: 'install', header })
  }

  records(records: readonly SnapshotRecord[]): number {
    return this.write({ is: 'records', records })
  }

  /** D2: the state and its imprint count from the same sync on. */
  installed(view: View, as: Imprint['as']): number {
    return this.write({ is: 'installed', imprint: this.#imprint(view, as, {}) })
  }

  /** D2: renewals are not kept; 0 if nothing else is in it. */
  batch(view: View, { firstOp, wallMs, entries, digest }: Omit<Batch, 'sequence' | 'size'>): number {
    const kept = entries.some(isRenewal) ? entries.filter(entry => !isRenewal(entry)) : entries
    if (kept.length === 0) return 0
    return this.write({ is: 'batch', view: view.number, firstOp, wallMs, entries: kept, digest })
  }

  #imprint({ group, number }: View, as: Imprint['as'], { told = false, differs = false }: Marks): Imprint {
    const { cluster, longestTtlMs } = this.#situation
    if (cluster === null)
      throw new Error('broken invariant: D3: a server in a view does not know its cluster')
    return { cluster, ...this.#owner, group, view: number, as, told, differs, longestTtlMs }
  }
}

function isRenewal(entry: Entry): boolean {
  return entry[0] === 'renew'
}

/** D1: how far the batches of one role in one view are on this server's disk; nothing is before its imprint is. */
export class OnDisk implements Witness {
  readonly #disk: OwnDisk
  readonly #imprint: number
  /** Batches whose writes are not synced, oldest first. */
  readonly #pending: { readonly sequence: number; readonly number: number }[] = []
  #last: number

  constructor(disk: OwnDisk, imprint: number, last: number) {
    this.#disk = disk
    this.#imprint = imprint
    this.#last = last
  }

  /** D2: the view that this server operates in is in its journal. */
  get begun(): boolean {
    return this.#disk.has(this.#imprint)
  }

  /** `number`: of its write; 0: it has nothing to write, and waits only for what was written before. */
  add(sequence: number, number: number): void {
    this.#last = sequence
    if (number > 0) this.#pending.push({ sequence, number })
  }

  get confirmed(): number {
    if (!this.begun) return -1
    let done = 0
    while (done < this.#pending.length && this.#disk.has(this.#pending[done]?.number ?? 0)) done++
    if (done > 0) this.#pending.splice(0, done)
    const [first] = this.#pending
    return first === undefined ? this.#last : first.sequence - 1
  }
}
