// Builds a state from a journal: a snapshot's records, then the batches behind it. It throws at whatever does not come
// out: a digest, a number, an invariant (D7). What remained of leases is not on a disk, so it isn't taken (D6).

import { decode } from '../../wire/codec.ts'
import '../../wire/server-channels.ts'
import type { JournalImprint, MessageOf, SnapshotRecord } from '../../wire/messages.ts'
import { inEntries, sizeOf } from '../../wire/runs.ts'
import { Recent } from '../state/recent.ts'
import { Installation, type SnapshotHeader } from '../state/snapshot.ts'
import { State } from '../state/state.ts'
import { ofThisFormat } from './before.ts'
import type { Block } from './block.ts'

export class Loading {
  #installation: Installation | null = null
  #state: State | null = null
  #recent: Recent | null = null
  imprint: JournalImprint | null = null
  isGivenUp = false
  /** Batches behind the snapshot. */
  batches = 0

  /** Without this, the state begins as a new one. */
  beginSnapshot(header: SnapshotHeader, imprint: JournalImprint | null): void {
    this.#installation = new Installation(header)
    this.imprint = imprint
  }

  addRecords(records: readonly SnapshotRecord[]): void {
    this.#installation?.add(records, 0)
  }

  finishSnapshot(): void {
    this.#state = this.#installation?.finish() ?? null
  }

  get state(): State {
    this.#state ??= new State()
    return this.#state
  }

  /** D12 */
  get recent(): Recent {
    const { opNumber, digest } = this.state
    this.#recent ??= new Recent(opNumber, digest)
    return this.#recent
  }

  take(block: Block): void {
    const { state } = this
    const messages = decode(textOf(block), 'journalled')
    for (const message of messages) this.#message(message)
    if (block.lastOp > state.opNumber)
      throw new Error(`D7: operation ${block.lastOp} is not there, the last one is ${state.opNumber}`)
    if (block.lastOp === state.opNumber && block.digest !== state.digest)
      throw new Error(`R4: the digest after operation ${block.lastOp} does not come out`)
  }

  #message(message: MessageOf<'journalled'>): void {
    switch (message[0]) {
      case 'begun':
        if (message[1] === 'snapshot' && this.#installation === null)
          throw new Error('D7: the snapshot that the log builds on is missing or unreadable')
        return
      case 'imprint':
        this.imprint = message[1]
        this.isGivenUp = false
        return
      case 'given-up':
        this.isGivenUp = true
        return
      case 'batch':
        return this.#batch(message)
      default:
        throw new Error(`D7: "${message[0]}" stands in a log`)
    }
  }

  /** The first ones may be inside the snapshot. */
  #batch([, , firstOp, wallMs, entries]: MessageOf<'journalled', 'batch'>): void {
    const { state, recent } = this
    const size = sizeOf(entries, inEntries)
    if (firstOp + size - 1 <= state.opNumber) return
    if (firstOp !== state.opNumber + 1)
      throw new Error(`R2: operation ${firstOp} came, ${state.opNumber + 1} is next`)
    state.wallMs = wallMs
    this.batches++
    for (const entry of entries) {
      if (entry[0] === 'renew') throw new Error('D2: a renewal stands in a journal')
      state.apply(entry)
    }
    state.facts.drop()
    recent.add({ firstOp, wallMs, entries, size, digest: state.digest }, state.opNumber)
  }

  /** D7: an invariant that fails. */
  check(): void {
    const problem = this.state.problem()
    if (problem !== undefined) throw new Error(problem)
  }
}

/** As this format has it. */
export function textOf(block: Block): string {
  const { buffer, byteOffset, length } = block.payload
  return ofThisFormat(block, Buffer.from(buffer, byteOffset, length).toString('utf8'))
}
