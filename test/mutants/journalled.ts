// Planted bugs of the journal: what a disk may do to a server that writes in the wrong order, or reads too kindly.

import type { Mutant } from './mutant.ts'

const journal = 'lockserver/journal/journal.ts'
const snapshots = 'lockserver/journal/snapshots.ts'
const segments = 'lockserver/journal/segments.ts'
const volume = 'lockserver/journal/volume.ts'
const log = 'lockserver/journal/log.ts'
const reading = 'lockserver/journal/log-reading.ts'
const test = ['journal-rules', 'journal-power', 'journal-bytes']

export const journalled: readonly Mutant[] = [
  {
    name: 'a block counts unsynced',
    breaks: 'D1',
    why: 'what was confirmed is in no file after a loss of power',
    test,
    edits: [
      {
        file: journal,
        find: "const act = { do: 'write', file, at, bytes, sync: true } as const",
        replace: "const act = { do: 'write', file, at, bytes, sync: false } as const",
      },
    ],
  },
  {
    name: 'two blocks are under way at once',
    breaks: 'D7',
    why: 'the second one is kept and the first one is not: a torn end reads as rot',
    test,
    edits: [
      {
        file: journal,
        find: "if (!this.#work.lanes.idle('log')) return for",
        replace: 'for',
      },
    ],
  },
  {
    name: 'a state counts before its imprint is synced',
    breaks: 'D2',
    why: 'a volume without an imprint has the name of one that counts',
    test,
    edits: [{ file: journal, find: '|| !volume.has.imprint) return', replace: ') return' }],
  },
  {
    name: 'a base is not synced before its name',
    breaks: 'D2',
    why: 'the trap of a file that is renamed in before its content is synced',
    test,
    edits: [
      {
        file: snapshots,
        find: "this.#work.do({ do: 'write', file, at, bytes, sync: true }, { is: 'based', volume }, snapshot)",
        replace:
          "this.#work.do({ do: 'write', file, at, bytes, sync: false }, { is: 'based', volume }, snapshot)",
      },
    ],
  },
  {
    name: "a volume's folder is not synced before its name",
    breaks: 'D2',
    why: 'the volume is there, and its files are not',
    test,
    edits: [
      { file: journal, find: "this.#work.do({ do: 'sync folder', path: from }, null, null)", replace: '' },
      {
        file: segments,
        find: "this.#work.do({ do: 'sync folder', path: volume.path }, { is: 'made', making }, making)",
        replace: "this.#work.do({ do: 'sync', file: segment.file }, { is: 'made', making }, making)",
      },
    ],
  },
  {
    name: 'a state is confirmed before its name is synced',
    breaks: 'D2',
    why: 'the name is lost, and with it all that was confirmed',
    test,
    edits: [
      {
        file: journal,
        find: "const counts = volume.stage === 'counts' || volume.left",
        replace: 'const counts = true',
      },
    ],
  },
  {
    name: 'the folder is not synced after a new segment',
    breaks: 'D7',
    why: 'the log goes on in a file that is not there after a loss of power',
    test,
    edits: [
      {
        file: segments,
        find: "this.#work.do({ do: 'sync folder', path: volume.path }, { is: 'made', making }, making)",
        replace: "this.#work.do({ do: 'sync', file: segment.file }, { is: 'made', making }, making)",
      },
    ],
  },
  {
    name: 'a snapshot gets its name before it is synced',
    breaks: 'D2',
    why: 'older batches go, and the snapshot that replaces them is torn',
    test,
    edits: [
      {
        file: snapshots,
        find: "this.#work.do({ do: 'write', file, at, bytes, sync: true }, null, snapshot)",
        replace: "this.#work.do({ do: 'write', file, at, bytes, sync: false }, null, snapshot)",
      },
    ],
  },
  {
    name: 'a snapshot is ahead of its log',
    breaks: 'D2',
    why: 'the log ends before the block behind which the snapshot says that it goes on',
    test,
    edits: [{ file: snapshots, find: '|| volume.logged < inside) return', replace: ') return' }],
  },
  {
    name: 'a segment goes that the older snapshot needs',
    breaks: 'D2',
    why: 'when the newer snapshot is unreadable, nothing is left',
    test,
    edits: [
      {
        file: volume,
        find: 'const oldest = this.bases[0] as Base',
        replace: 'const oldest = this.bases.at(-1) as Base',
      },
    ],
  },
  {
    name: 'a segment is not known to be the last',
    breaks: 'D7',
    why: 'the newest segment is gone, and a shorter history looks whole',
    test: 'journal-bytes',
    edits: [
      { file: log, find: "...{ kind: 'log', last, volume", replace: "...{ kind: 'log', last: false, volume" },
    ],
  },
  {
    name: 'a segment that was cut is read as it is',
    breaks: 'D7',
    why: 'the cut falls between two blocks, and a shorter history looks whole',
    test: 'journal-bytes',
    edits: [
      {
        file: reading,
        find: 'if (segment.actualBytes !== segment.bytes) {',
        replace: 'if (segment.actualBytes > segment.bytes) {',
      },
    ],
  },
  {
    name: 'rot is taken for a torn end',
    breaks: 'D7',
    why: 'what stands behind a bad block is not looked for: an older state is read',
    test: 'journal-bytes',
    edits: [
      {
        file: reading,
        find: 'at = yield* bytes.next(at + 512, block => this.#isLater(block))',
        replace: 'at = undefined',
      },
    ],
  },
  {
    name: 'rot is stepped over',
    breaks: 'D7',
    why: 'a hole in the log: batches are applied without those before them',
    test: ['journal-bytes', 'journal-rules'],
    edits: [
      {
        file: reading,
        find: 'if (block.sequence > needed) throw new SpoiltLog(this.#gap)',
        replace: 'if (block.sequence < 0) throw new SpoiltLog(this.#gap)',
      },
    ],
  },
  {
    name: 'any later block makes rot of a torn end',
    breaks: 'D7',
    why: 'a block of another process, behind a torn one, spoils a journal that is whole',
    test: 'journal-rules',
    edits: [{ file: reading, find: 'block.boot === boot', replace: 'block.boot !== null' }],
  },
  {
    name: 'a failed sync is tried again',
    breaks: 'D8',
    why: 'what the kernel threw away passes for written',
    test: 'journal-rules',
    edits: [{ file: journal, find: 'this.#over = true', replace: 'this.#over = false' }],
  },
  {
    name: 'a segment is in place before it is full',
    breaks: 'D7',
    why: 'a segment that a loss of power left short reads as one that was cut',
    test,
    edits: [
      {
        file: segments,
        find: "const path = volume.stage === 'counts' ? unfinished(name) : name",
        replace: 'const path = volume.making === null ? name : unfinished(name)',
      },
    ],
  },
]
