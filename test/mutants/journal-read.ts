// Planted bugs of what reads a journal: bytes, blocks, snapshots, batches, and what is said of them.

import type { Mutant } from './mutant.ts'

const folder = 'lockserver/journal'
const block = `${folder}/block.ts`
const loading = `${folder}/loading.ts`
const reading = `${folder}/reading.ts`
const snapshotReading = `${folder}/snapshot-reading.ts`

export const journalRead: readonly Mutant[] = [
  {
    name: 'the payload of a block is believed unchecked',
    breaks: 'D7',
    why: 'a torn last block passes for a good one, and a flipped bit in a name for the name',
    test: 'journal-bytes',
    edits: [
      { file: block, find: 'if (checksum(payload) !== bytes.readUInt32LE(88)) return nothing', replace: '' },
    ],
  },
  {
    name: 'the head of a block is believed unchecked',
    breaks: 'D7',
    why: 'a flipped bit in a head makes another format of it, or a block that says something else',
    test: 'journal-bytes',
    edits: [
      {
        file: block,
        find: 'if (bytes.readUInt32LE(checkedBytes) !== checksum(bytes.subarray(0, checkedBytes))) return nothing',
        replace: '',
      },
    ],
  },
  {
    name: 'a torn end is taken for an empty one',
    breaks: 'D7',
    why: 'no operator learns that the last write of a process was lost',
    test: 'journal-rules',
    edits: [
      {
        file: `${folder}/bytes.ts`,
        find: 'if (!bytes.equals(zeros.subarray(0, bytes.length))) return true',
        replace: '',
      },
    ],
  },
  {
    name: 'a window that ends too early is read as the end',
    breaks: 'D7',
    why: 'a block that begins in one megabyte of a file and ends in the next one reads as rot',
    test: 'journal-bytes',
    edits: [
      {
        file: `${folder}/bytes.ts`,
        find: 'end > this.#from + this.#window.length',
        replace: 'at >= this.#from + this.#window.length',
      },
    ],
  },
  {
    name: 'a snapshot forgets the imprint that it has',
    breaks: 'D2',
    why: 'once the segment with the imprint is gone, a journal that is whole reads as spoilt',
    test: 'journal-rules',
    edits: [
      {
        file: snapshotReading,
        find: 'this.#loading.beginSnapshot(header, imprint)',
        replace: 'this.#loading.beginSnapshot(header, imprint && null)',
      },
    ],
  },
  {
    name: 'a snapshot without its end is read',
    breaks: 'D7',
    why: 'a file that was cut between two blocks gives a state in which locks are missing',
    test: 'journal-bytes',
    edits: [
      {
        file: snapshotReading,
        find: "if (this.#last?.kind !== 'end' || this.#start === null)",
        replace: 'if (this.#start === null)',
      },
    ],
  },
  {
    name: 'the older snapshot is read first',
    breaks: 'D7',
    why: 'rot that the newer snapshot does not need spoils a journal that is whole',
    test: 'journal-rules',
    edits: [
      {
        file: reading,
        find: 'numbers.sort((a, b) => b.number - a.number)',
        replace: 'numbers.sort((a, b) => a.number - b.number)',
      },
    ],
  },
  {
    name: 'a state that was given up is found again',
    breaks: 'D2, D4',
    why: 'a recovery takes a state that its server has given up for another one',
    test: 'journal-rules',
    edits: [
      {
        file: reading,
        find: 'const imprint = isGivenUp ? null : loading.imprint',
        replace: 'const imprint = isGivenUp && loading.batches < 0 ? null : loading.imprint',
      },
    ],
  },
  {
    name: 'a batch that is inside the snapshot is applied again',
    breaks: 'D2',
    why: 'it was decided before the snapshot and written behind it: a journal that is whole reads as spoilt',
    test: 'journal-rules',
    edits: [
      {
        file: loading,
        find: 'if (firstOp + size - 1 <= state.opNumber) return',
        replace: '',
      },
    ],
  },
  {
    name: 'the time of a batch is not read',
    breaks: 'D6',
    why: 'since when a lock is held is told wrong after a recovery',
    test: 'journal-rules',
    edits: [{ file: loading, find: 'state.wallMs = wallMs', replace: 'state.wallMs ||= wallMs' }],
  },
  {
    name: 'a digest that does not come out is passed over',
    breaks: 'D7, R4',
    why: 'a state that its own journal contradicts is recovered',
    test: 'journal-rules',
    edits: [
      {
        file: loading,
        find: 'if (block.lastOp === state.opNumber && block.digest !== state.digest)',
        replace: 'if (block.lastOp > state.opNumber && block.digest !== state.digest)',
      },
    ],
  },
  {
    name: 'blocks are told for operations',
    breaks: 'D3',
    why: 'an operator compares the journals of two servers, and calls the older one the newer one',
    test: 'journal-driver',
    edits: [
      {
        file: `${folder}/report.ts`,
        find: '{ ...imprint, opNumber: state.opNumber }',
        replace: '{ ...imprint, opNumber: blocks }',
      },
    ],
  },
  {
    name: 'one holder of each lock is listed',
    breaks: 'D3',
    why: 'an operator who looks at a journal after an accident misses whoever else held a shared lock',
    test: 'journal-rules',
    edits: [
      {
        file: `${folder}/report.ts`,
        find: 'for (const { mode, token, session, since } of holders)',
        replace: 'for (const { mode, token, session, since } of holders.slice(0, 1))',
      },
    ],
  },
]
