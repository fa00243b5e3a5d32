// Planted bugs of what writes a journal beside its order: its idle block, its names, its files, its hold.

import type { Mutant } from './mutant.ts'

const folder = 'lockserver/journal'
const tidying = `${folder}/tidying.ts`
const disk = `${folder}/driver/disk.ts`
const hold = `${folder}/driver/hold.ts`
const open = `${folder}/driver/open.ts`
const read = `${folder}/driver/read.ts`
const test = 'journal-driver'

export const journalWritten: readonly Mutant[] = [
  {
    name: 'an idle log writes no block without messages',
    breaks: 'D7',
    why: 'one flipped bit in the last block passes for a torn end, however long ago it was synced',
    test: 'journal-bytes',
    edits: [
      {
        file: `${folder}/volume.ts`,
        find: "return this.stage === 'counts' && !this.#quiet",
        replace: "return this.stage === 'counts' && this.#quiet",
      },
    ],
  },
  {
    name: 'files for a state to come are made for no use',
    breaks: 'D3',
    why: 'a state that comes waits for its first segment all the same, and the files fill the disk',
    test: 'journal-rules',
    edits: [
      {
        file: `${folder}/journal.ts`,
        find: 'const volume = this.#prepared ?? this.#madeVolume()',
        replace: 'const volume = this.#madeVolume()',
      },
    ],
  },
  {
    name: 'a disk with no room for files made ahead ends its server',
    breaks: 'D8',
    why: 'a spare ends for what it does not need yet',
    test: 'journal-rules',
    edits: [
      {
        file: `${folder}/journal.ts`,
        find: 'if (volume.left || volume === this.#prepared) return false',
        replace: 'if (volume.left) return false',
      },
    ],
  },
  {
    name: 'files are made ahead beside a state that may be recovered',
    breaks: 'D3',
    why: 'a server writes before it is told what becomes of what it has found',
    test: 'durable-server',
    edits: [
      {
        file: 'lockserver/roles.ts',
        find: "if (this.role !== 'idle' || this.#recovery !== null || this.#found !== null) return",
        replace: "if (this.role !== 'idle' || this.#recovery !== null) return",
      },
    ],
  },
  {
    name: 'files are made ahead in a cluster in memory',
    breaks: 'D3, D11',
    why: 'a server writes to its disk what nobody will use',
    test: 'durable-server',
    edits: [
      {
        file: 'lockserver/roles.ts',
        find: 'this.#leaves || this.viewDisk === null) return',
        replace: 'this.#leaves || this.disk === null) return',
      },
    ],
  },
  {
    name: 'the next segment is made only when the log waits for it',
    breaks: 'D1',
    why: 'all answers wait until 64 MiB of zeros are written',
    test: 'journal-rules',
    edits: [
      {
        file: `${folder}/segments.ts`,
        find: 'if (!volume.stuck && (this.#waitTicks > 0 || !volume.log.needsNext)) return',
        replace: 'if (!volume.stuck) return',
      },
    ],
  },
  {
    name: 'a snapshot does not know of what waits that it is inside',
    breaks: 'D2',
    why: 'it gets its name before the log has all that is inside it, and the log ends before it does',
    test: 'journal-rules',
    edits: [
      {
        file: `${folder}/snapshot-file.ts`,
        find: 'this.inside = volume.added',
        replace: 'this.inside = volume.logged',
      },
    ],
  },
  {
    name: 'the sum of a snapshot is that of its last records',
    breaks: 'D2',
    why: 'no snapshot of more than one block can be read, and the batches before it are gone',
    test: 'journal-rules',
    edits: [
      {
        file: `${folder}/snapshot-file.ts`,
        find: 'checksum(block.payload, this.#checksum)',
        replace: 'checksum(block.payload)',
      },
    ],
  },
  {
    name: 'a segment does not know with which block it begins',
    breaks: 'D2',
    why: 'segments that no snapshot needs stay, and fill the disk',
    test: 'journal-rules',
    edits: [
      { file: `${folder}/log.ts`, find: 'next.firstSequence = this.sequence + 1 this', replace: 'this' },
    ],
  },
  {
    name: 'the last act of a lane is done first',
    breaks: 'D2',
    why: 'a file gets its name before it is written',
    test: 'journal-rules',
    edits: [
      {
        file: `${folder}/lanes.ts`,
        find: 'this.#waiting[lane].shift()',
        replace: 'this.#waiting[lane].pop()',
      },
    ],
  },
  {
    name: 'the oldest of those that are aside are kept',
    breaks: 'D3',
    why: 'the state that was forgotten last, and may still be wanted, is removed',
    test: 'journal-rules',
    edits: [
      {
        file: tidying,
        find: '(anyVolumeIn(b) ?? 0) - (anyVolumeIn(a) ?? 0)',
        replace: '(anyVolumeIn(a) ?? 0) - (anyVolumeIn(b) ?? 0)',
      },
    ],
  },
  {
    name: 'a volume gets a number that stood there before',
    breaks: 'D3, D5',
    why: 'a recovered state is written over the files that it was read from',
    test: 'journal-rules',
    edits: [
      {
        file: tidying,
        find: 'Math.max(0, ...this.#names.map(name => anyVolumeIn(name) ?? 0))',
        replace: '0 * this.#names.length',
      },
    ],
  },
  {
    name: 'a block is written where the last write ended',
    breaks: 'D1',
    why: 'the zeros of a new segment stand before it: nothing that was confirmed is found',
    test,
    edits: [
      {
        file: disk,
        find: 'write(descriptor, bytes, 0, bytes.length, at, (error',
        replace: 'write(descriptor, bytes, 0, bytes.length, null, (error',
      },
    ],
  },
  {
    name: 'a folder of the journal is not removed',
    breaks: 'D3',
    why: 'states that count no more fill the disk',
    test,
    edits: [
      {
        file: disk,
        find: 'return rm(this.#path(act.path), { recursive: true, force: true }, done)',
        replace: 'return rm(this.#path(act.path), { force: true }, done)',
      },
    ],
  },
  {
    name: 'what can not be made is not named',
    breaks: 'D8',
    why: 'an operator reads that the journal can not create its own folder, and not which file',
    test,
    edits: [
      {
        file: disk,
        find: "const what = 'path' in act ? act.path : 'from' in act ? act.from : (this.#open.get(act.file)?.path ?? '')",
        replace:
          "const what = 'file' in act ? (this.#open.get(act.file)?.path ?? '') : 'from' in act ? act.from : act.path",
      },
    ],
  },
  {
    name: 'a folder that is held is taken',
    breaks: 'D9',
    why: 'two processes write into one journal',
    test,
    edits: [{ file: hold, find: 'if (last > 0 && (await', replace: 'if (last < 0 && (await' }],
  },
  {
    name: 'the names of holders that are gone stay',
    breaks: 'D9',
    why: 'each start leaves one more socket in the folder',
    test,
    edits: [{ file: hold, find: 'if (old < number) await', replace: 'if (old > number) await' }],
  },
  {
    name: 'a long path is given to a socket as it is',
    breaks: 'D9',
    why: 'a server whose folder lies deep does not start, or holds a path that was cut',
    test,
    edits: [
      {
        file: 'wire/serving/folder-socket.ts',
        find: 'if (Buffer.byteLength(join(way, longest)) <= pathBytesMax)',
        replace: 'if (Buffer.byteLength(longest) <= pathBytesMax)',
      },
    ],
  },
  {
    name: 'the name of a new folder is not synced',
    breaks: 'D2, V6',
    why: 'after a loss of power the folder is gone, with all that was synced in it',
    test: 'own-folder',
    edits: [
      {
        file: 'wire/serving/own-folder.ts',
        find: 'for (const folder of foldersAbove(whole, first)) await syncFolder(folder)',
        replace: 'await syncFolder(whole)',
      },
    ],
  },
  {
    name: 'a closed journal is held on to',
    breaks: 'D9',
    why: 'no other server in the same process can open the folder again, and a look at it says that it is held',
    test,
    edits: [
      {
        file: open,
        find: 'this.#disk.close() await this.#options.held[Symbol.asyncDispose]()',
        replace: 'this.#disk.close()',
      },
    ],
  },
  {
    name: 'a start that failed holds the folder',
    breaks: 'D9',
    why: 'a program that tries again is told that another process uses the journal',
    test,
    edits: [
      {
        file: open,
        find: 'await held[Symbol.asyncDispose]() throw error',
        replace: 'throw error',
      },
    ],
  },
  {
    name: 'another format is opened all the same',
    breaks: 'D7',
    why: 'what a newer version wrote is moved aside as if nothing were in it',
    test,
    edits: [
      {
        file: open,
        find: "if (reading.reading.is === 'other format') throw",
        replace: "if (reading.reading.is === 'other format' && reading.files.length === 0) throw",
      },
    ],
  },
  {
    name: 'the state that was found is never let go of',
    breaks: 'D3',
    why: 'a server that is told to serve another state keeps the old one in memory for good',
    test,
    edits: [{ file: open, find: 'this.#found = null return found', replace: 'return found' }],
  },
  {
    name: "another file's bytes are handed over",
    breaks: 'D3',
    why: 'all files are read from the first one that was opened: a whole journal reads as spoilt',
    test,
    edits: [{ file: read, find: 'if (this.#open?.path !== path) {', replace: 'if (this.#open === null) {' }],
  },
  {
    name: 'the end of a file is read twice',
    breaks: 'D7',
    why: 'what stands in a file is read once more behind its end: each end looks torn',
    test,
    edits: [{ file: read, find: 'length - read, at + read)', replace: 'length - read, at)' }],
  },
]
