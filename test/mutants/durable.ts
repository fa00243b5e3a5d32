// Planted bugs of durable clusters: what is recovered, from whom, after which proof, and who hears of it when.

import type { Mutant } from './mutant.ts'

const recovery = 'viewservice/recovery.ts'
const recoveries = 'viewservice/recoveries.ts'
const test = 'view-recovery'

const change = 'view-durability'

export const durable: readonly Mutant[] = [
  {
    name: 'a change to disk writes only an imprint',
    breaks: 'D11, D2',
    why: 'the journal says that it has a state of which it has nothing',
    test: 'durability-change',
    edits: [
      {
        file: 'lockserver/roles.ts',
        find: "own !== undefined && view.start?.choice?.durability === 'disk'",
        replace: 'own !== undefined',
      },
    ],
  },
  {
    name: 'a change that came to nothing holds for the next view',
    breaks: 'D11',
    why: 'a backup whose disk has nothing is primary of a view on disk, or the state on disks is given up',
    test: change,
    edits: [
      {
        file: recovery,
        find: 'durability: choice.durability,',
        replace: 'durability: record.view.durability,',
      },
    ],
  },
  {
    name: 'an imprint counts for a choice in memory',
    breaks: 'D11, D4',
    why: 'what was granted in memory since is granted again',
    test: change,
    edits: [
      {
        file: recoveries,
        find: "choice.durability === 'disk' ? this.#found(choice) : []",
        replace: 'this.#found(choice)',
      },
      {
        file: recovery,
        find: "if (!lost.waited || choiceOf(record).durability === 'memory') return undefined",
        replace: 'if (!lost.waited) return undefined',
      },
    ],
  },
  {
    name: 'a lock server without a journal is no hindrance',
    breaks: 'D11, D3',
    why: 'the next backup of a cluster on disk has no disk',
    test: change,
    edits: [
      {
        file: 'viewservice/durability.ts',
        find: 'if (withoutJournal.length > 0)',
        replace: 'if (withoutJournal.length > 9)',
      },
    ],
  },
  {
    name: 'the durability changes with any view',
    breaks: 'D11',
    why: 'a promotion would bring in a durability for which nothing was written',
    test: change,
    edits: [
      {
        file: 'viewservice/view.ts',
        find: 'next.durability !== choiceOf(before).durability',
        replace: 'next.number === 0',
      },
    ],
  },
  {
    name: 'nothing goes on after a change that was lost with its primary',
    breaks: 'D11',
    why: 'a cluster in memory halts beside a backup in sync',
    test: change,
    edits: [
      {
        file: recovery,
        find: "return choiceOf(record).durability === 'disk' || (isRecovery(record.view) && !record.acked)",
        replace: "return choiceOf(record).durability === 'disk'",
      },
    ],
  },
  {
    name: 'the last batch before a change is one of the view that changes',
    breaks: 'D5, D11',
    why: 'the old backup hears of a view of which only its primary may hear before the ack',
    test: 'durability-change',
    edits: [
      {
        file: 'lockserver/join.ts',
        find: "this.#out.send(link, ['replicate', this.#view, sequence",
        replace: "this.#out.send(link, ['replicate', this.#situation.view.number, sequence",
      },
    ],
  },
  {
    name: 'the shorter of two copies is recovered',
    breaks: 'D4, D7',
    why: 'a bit flips in the last block of one copy, which reads as a shorter one: what it held is gone, though the other copy has it',
    test,
    edits: [
      {
        file: recovery,
        find: 'b.imprint.opNumber - a.imprint.opNumber',
        replace: 'a.imprint.opNumber - b.imprint.opNumber',
      },
    ],
  },
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
    edits: [{ file: 'viewservice/reset.ts', find: '?? (reset.force ? undefined : givenUp)', replace: '' }],
  },
  {
    name: 'a reset while machines are off',
    breaks: 'D5, F14',
    why: 'an operator who is faster than a machine that boots gives up what is on its disk, without --force',
    test,
    edits: [
      {
        file: recoveries,
        find: 'return recoverable(known) ?? (away === undefined ? null : notBack(away))',
        replace: 'return recoverable(known) ?? (away === undefined || known !== null ? null : notBack(away))',
      },
      {
        file: 'viewservice/reset.ts',
        find: 'if (this.#reset?.onDisk !== true) return undefined',
        replace: 'if (this.#reset?.onDisk !== false) return undefined',
      },
    ],
  },
  {
    name: 'a reset that is faster than the hello of a server that is back',
    breaks: 'D5, F14',
    why: 'another id at the address is taken for the end of the state, which that very server has on its disk',
    test,
    edits: [
      {
        file: 'viewservice/reset.ts',
        find: 'return next !== undefined && next.ping !== null && this.#servers.lives(next) ? undefined : notBack(server)',
        replace: "return next !== undefined || outcome.is === 'answered' ? undefined : notBack(server)",
      },
    ],
  },
  {
    name: 'a reset that is faster than the death it follows',
    breaks: 'D5, F14',
    why: 'the recovery that died is not missed yet, so that no server looks which copies are there, and the reset goes through',
    test,
    edits: [
      {
        file: recoveries,
        find: 'const known = lost ?? { living: null, found: this.#found(choice), waited: false }',
        replace: 'const known = lost ?? { living: null, found: [], waited: false }',
      },
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
  {
    name: 'shown before its own sync',
    breaks: 'D1',
    why: 'the backup has it on its disk and never comes back; the primary has lost what was shown',
    search: 'power, walks',
    edits: [
      {
        file: 'lockserver/disk.ts',
        find: 'return first === undefined ? this.#last : first.sequence - 1',
        replace: 'return first === undefined ? this.#last : this.#last',
      },
    ],
  },
  {
    name: 'applied is said before it is synced',
    breaks: 'D1',
    why: 'both lose their power; only the backup comes back, and what was shown is not on its disk',
    search: 'power, walks',
    edits: [
      {
        file: 'lockserver/backup.ts',
        find: 'if (onDisk === null || applied.length === 0) return const { confirmed } = onDisk',
        replace: 'if (onDisk === null || applied.length === 0) return\n    const confirmed = this.#applied',
      },
    ],
  },
  {
    name: 'told in sync, and not synced',
    breaks: 'D2',
    why: 'the view is acked by what a disk has lost; the imprint of its backup does not count',
    test: 'durable-server',
    edits: [
      {
        file: 'lockserver/backup.ts',
        find: 'if (this.#disk === null) this.#sayHeard() else this.#waits.told',
        replace: 'this.#sayHeard()\n    if (this.#disk !== null) this.#waits.told',
      },
    ],
  },
  {
    name: 'a synced copy leaves what waited for it',
    breaks: 'D1',
    why: 'a batch that came during the sync is applied with the next one only; a quiet cluster sends none, and the backup passes for silent',
    test: 'durable-server',
    edits: [
      {
        file: 'lockserver/core.ts',
        find: '    if (!this.#workPlanned) this.#work()\n    this.#roles.recovery?.synced()',
        replace: '    this.#roles.recovery?.synced()',
      },
    ],
  },
  {
    name: 'whole before it is on the disk',
    breaks: 'D1, R3',
    why: 'the backup of an acked view has half of a copy on its disk',
    search: 'power while young, walks',
    test: 'durable-server',
    edits: [
      {
        file: 'lockserver/backup.ts',
        find: "if (this.#disk === null) this.#install(installation) else this.#waits.whole = this.#disk.installed(this.#situation.view, 'backup')",
        replace: "this.#disk?.installed(this.#situation.view, 'backup')\n    this.#install(installation)",
      },
    ],
  },
  {
    name: 'a new view shows before its imprint is synced',
    breaks: 'D2',
    why: 'a lone primary shows in view 3 what its disk has only of view 2: its imprint does not count',
    search: 'power, walks',
    test: 'durable-server',
    edits: [
      {
        file: 'lockserver/disk.ts',
        find: 'return this.#disk.has(this.#imprint)',
        replace: 'return this.#disk.has(0)',
      },
    ],
  },
  {
    name: 'a backup moves its old copy into the new view',
    breaks: 'D2',
    why: 'its imprint says that it has what only the whole copy of this view would bring',
    test: 'durable-server',
    edits: [
      {
        file: 'lockserver/backup.ts',
        find: 'this.state = before?.state ?? null',
        replace:
          "this.state = before?.state ?? null\n    if (this.state !== null) disk?.imprint(situation.view, 'backup', { told: true })",
      },
    ],
  },
  {
    name: 'a recovered primary answers before its ack',
    breaks: 'D5',
    why: 'it dies again before the record knows it, and the second recovery takes the older copy',
    search: 'power, walks',
    test: 'durable-server',
    edits: [
      {
        file: 'lockserver/core.ts',
        find: 'this.#roles.recovery?.synced()',
        replace:
          'this.#roles.recovery?.synced()\n    if (this.#roles.recovery?.ackable) this.#roles.acked(this.#roles.recovery.view)',
      },
    ],
  },
  {
    name: 'a recovery is acked before it is written',
    breaks: 'D5',
    why: 'what it read was perhaps never synced, and the power fails again',
    test: 'durable-server',
    edits: [
      {
        file: 'lockserver/recovery.ts',
        find: 'return this.#counts !== null && (this.#disk?.has(this.#counts) ?? true)',
        replace: 'return true || this.#counts',
      },
    ],
  },
  {
    name: 'a recovery tells clients of its view',
    breaks: 'D5',
    why: 'others hear of a view that may never come to be, and give up their states for it',
    test: 'durable-server',
    edits: [
      {
        file: 'lockserver/roles.ts',
        find: 'return this.#recovery === null || view === null ? view : choiceView(view)',
        replace: 'return view ?? choiceView(this.#inView.view)',
      },
    ],
  },
  {
    name: 'recovered leases are over at once',
    breaks: 'D6, S4',
    why: 'clients resume within their leases and find their sessions expired',
    test: 'durable-server',
    edits: [
      {
        file: 'lockserver/state-writing.ts',
        find: 'leases.renew(session, now)',
        replace: 'leases.set(session.ordinal, now)',
      },
    ],
  },
  {
    name: 'a pause is over with the power',
    breaks: 'D6, F14',
    why: 'clients of the state before the reset still believe in their locks',
    test: 'durable-server',
    edits: [
      {
        file: 'lockserver/state-writing.ts',
        find: 'if (state.pauseMs > 0) leases.startPause(now + state.pauseMs)',
        replace: 'if (state.pauseMs > 0) leases.startPause(now)',
      },
    ],
  },
  {
    name: 'a recovered token counter goes on where it was',
    breaks: 'D6, L2',
    why: 'its disk may have lost the last grants, whose tokens are given again',
    test: 'durable-server',
    edits: [
      {
        file: 'lockserver/state/lock-table.ts',
        find: 'this.#lastToken = Math.max(this.#lastToken, token)',
        replace: 'this.#lastToken = Math.max(this.#lastToken, 0 * token)',
      },
    ],
  },
  {
    name: 'a copy for the disk beside one for a backup',
    breaks: 'D2, R3',
    why: 'the two take each other for done: entries are in neither',
    test: 'durable-server',
    edits: [
      {
        file: 'lockserver/disk-copy.ts',
        find: 'this.#copy !== null || state.table.isCopied) return',
        replace: 'this.#copy !== null) return',
      },
    ],
  },
  {
    name: 'a copy for the disk goes on without its marks',
    breaks: 'D2, R3',
    why: 'a copy for a backup has begun since, and learns of the changes in its place',
    test: 'durable-server',
    edits: [
      {
        file: 'lockserver/disk-copy.ts',
        find: 'if (this.#copy.state !== state || !state.table.isCopiedBy(copy)) return this.#drop()',
        replace: 'if (this.#copy.state !== state) return this.#drop()',
      },
    ],
  },
  {
    name: 'a second wish for a durability takes the place of the first',
    breaks: 'D11',
    why: 'the operator who asked first is never answered',
    test: 'view-durability',
    edits: [
      {
        file: 'viewservice/changing.ts',
        find: "impossible ?? (this.#wish === null ? null : 'another change is under way')",
        replace: 'impossible',
      },
    ],
  },
]
