// Planted bugs of durable clusters: what is recovered, from whom, after which proof, and who hears of it when.

import type { Mutant } from './mutant.ts'

const recovery = 'viewservice/recovery.ts'
const recoveries = 'viewservice/recoveries.ts'
const test = 'view-recovery'

export const durable: readonly Mutant[] = [
  {
    name: 'an old image of the primary is recovered',
    breaks: 'D4',
    why: 'a disk image from before the last acked view comes back, and all that was shown since is gone',
    test,
    edits: [
      {
        file: recovery,
        find: 'const inForce = choice.acked ? view === choice.number : view >= choice.lastAcked',
        replace: 'const inForce = view <= choice.number',
      },
    ],
  },
  {
    name: 'a backup that was never told in sync is recovered',
    breaks: 'D4',
    why: 'its copy of an unacked view lacks what the primary showed alone',
    test,
    edits: [
      {
        file: recovery,
        find: 'return isBackup && (choice.acked || told) ? { from: id, view } : undefined',
        replace: 'return isBackup ? { from: id, view } : undefined',
      },
    ],
  },
  {
    name: 'the second recovery forgets the first',
    breaks: 'D4, D5',
    why: 'the only machine that is left wrote the recovered state under an id that does not count',
    test,
    edits: [
      {
        file: recovery,
        find: 'if (since !== undefined) return { from: since.from, view: since.view }',
        replace: 'if (since !== undefined) return undefined',
      },
    ],
  },
  {
    name: 'all hear of an unacked recovery',
    breaks: 'D5',
    why: 'a backup in sync that was only cut off gives its state up for a recovery that never comes to be',
    test,
    edits: [
      {
        file: recovery,
        find: 'if (acked || !isRecovery(view)) return { view, acked }',
        replace: 'if (acked || view.number > 0) return { view, acked }',
      },
    ],
  },
  {
    name: 'a copy that differed is taken first',
    breaks: 'D4, R4',
    why: 'the copy that is known to be wrong has the larger op number',
    test,
    edits: [
      { file: recovery, find: 'Number(a.imprint.differs) - Number(b.imprint.differs) ||', replace: '' },
    ],
  },
  {
    name: 'tokens of a recovery begin where the disk left off',
    breaks: 'D4, L2',
    why: 'a disk that lost its last blocks grants tokens that were told before',
    test,
    edits: [{ file: recovery, find: 'tokenFloor: highestToken + tokenLeap,', replace: 'tokenFloor: 0,' }],
  },
  {
    name: 'recovered without a proof',
    breaks: 'D4',
    why: 'the process that wrote the copy only does not answer: it and the recovered one serve side by side',
    test,
    edits: [
      {
        file: recovery,
        find: 'lost.found.filter(({ proof }) => proof !== null)',
        replace: '[...lost.found]',
      },
    ],
  },
  {
    name: 'recovered while its writer is connected',
    breaks: 'D4',
    why: 'a free folder counts as proof against the connection of the very process',
    test,
    edits: [
      {
        file: recoveries,
        find: 'if (writer !== undefined && writer.connection !== null) return null\n    if',
        replace: 'if',
      },
    ],
  },
  {
    name: 'no patience for the other copy',
    breaks: 'D4',
    why: 'the first copy that is back is taken, though the other one may be larger, or the only whole one',
    test,
    edits: [
      { file: recoveries, find: 'return this.#ticksLeft === 0', replace: 'return this.#ticksLeft >= 0' },
    ],
  },
  {
    name: 'recovered though its backup may still answer',
    breaks: 'D4, V3',
    why: 'a backup in sync lives and is about to be promoted, and an imprint takes its place',
    test,
    edits: [
      {
        file: recoveries,
        find: 'return question.backupDenies && !(acked && question.backupInSync)',
        replace: 'return !(acked && question.backupInSync)',
      },
    ],
  },
  {
    name: 'a reset beside a copy that counts',
    breaks: 'D5',
    why: 'an operator gives up a state that two minutes later would have been back',
    test,
    edits: [
      { file: 'viewservice/reset.ts', find: '?? (reset.force ? undefined : recoverable)', replace: '' },
    ],
  },
  {
    name: 'a durable cluster takes servers without a journal',
    breaks: 'D3',
    why: 'the backup has nothing on its disk, and says that it has applied',
    test,
    edits: [
      {
        file: 'viewservice/core.ts',
        find: "if (this.#durability === 'disk' && !hello.journal)",
        replace: "if (this.#durability !== 'disk' && !hello.journal && hello.view < 0)",
      },
    ],
  },
  {
    name: 'a low backup is dropped for nothing',
    breaks: 'D8',
    why: 'no other server has room, and the primary goes on alone',
    test,
    edits: [
      {
        file: 'viewservice/view.ts',
        find: 'return primaryHeard && idleInReach !== null ?',
        replace: 'return primaryHeard ?',
      },
    ],
  },
]
