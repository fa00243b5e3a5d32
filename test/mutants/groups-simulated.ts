// Planted bugs of several groups that only whole stories show: sessions, copies, resets and spares of one group beside
// those of another, and clients that have to do with all of them.

import type { Mutant } from './mutant.ts'

const theme = 'groups'

export const groupsSimulated: readonly Mutant[] = [
  {
    name: 'close ends no session with a group in which nothing is held',
    breaks: 'G3',
    why: 'what is owed to it, and what it waits for, stays until its lease ends',
    theme,
    edits: [
      {
        file: 'client/groups.ts',
        find: 'await Promise.all(this.opened().map(group => group.close()))',
        replace:
          'await Promise.all(this.opened().map(group => (group.holds || group === this.first ? group.close() : undefined)))',
      },
    ],
  },
  {
    name: 'several names are taken in the order of the groups, or backwards if they are many',
    breaks: 'G4',
    why: 'two clients lock each other out across groups',
    theme,
    edits: [
      {
        file: 'client/groups.ts',
        find: '.sort(([a], [b]) => a.number - b.number)',
        replace: '.sort(([a], [b]) => (names.length > 2 ? b.number - a.number : a.number - b.number))',
      },
    ],
  },
  {
    name: 'an acquireAll that is given up keeps the locks of all but its last group',
    breaks: 'G4',
    why: 'no handle knows of them, and no client gets them any more',
    theme,
    edits: [
      {
        file: 'client/take-in-order.ts',
        find: 'for (const lock of this.#taken.values()) void lock.release()',
        replace:
          'if (!this.#stop.signal.aborted) for (const lock of this.#taken.values()) void lock.release()',
      },
    ],
  },
  {
    name: 'a merged query forgets who did not answer',
    breaks: 'G5',
    why: 'what is held in a group that is away looks free',
    theme,
    edits: [
      {
        file: 'client/merged.ts',
        find: 'confirmed: answers.every(({ confirmed }) => confirmed), cut: answers.some(({ cut }) => cut), ...missing,',
        replace:
          'confirmed: answers.every(({ confirmed }) => confirmed), cut: answers.some(({ cut }) => cut),',
      },
    ],
  },
  {
    name: 'a nearest read says half of its age',
    breaks: 'G7',
    why: 'what was given back long before is still shown as held',
    theme,
    edits: [
      {
        file: 'lockserver/as-of.ts',
        find: 'return Math.max(0, Math.ceil(now - this.#at))',
        replace: 'return Math.max(0, Math.ceil((now - this.#at) / 2))',
      },
    ],
  },
  {
    name: 'a deposed primary shows what it has decided alone',
    breaks: 'G7',
    why: 'a lock that is held is shown as free, as of a moment at which it was held',
    test: 'nearest-copies',
    edits: [
      {
        file: 'lockserver/audience.ts',
        find: 'return isBehind && age.asOfMs > this.#pingLimitMs ? null : age',
        replace: 'return isBehind && age.asOfMs > 1e9 * this.#pingLimitMs ? null : age',
      },
    ],
  },
  {
    name: 'nearest reads of several groups are as old as the newest',
    breaks: 'G7',
    why: 'the age covers one group alone',
    theme,
    edits: [
      {
        file: 'client/merged.ts',
        find: 'Math.max(...answers.map(answer => answer.asOfMs))',
        replace: 'Math.min(...answers.map(answer => answer.asOfMs))',
      },
    ],
  },
  {
    name: 'spares are given to groups in two places at once',
    breaks: 'G1',
    why: 'a server is in two groups, and can have a part in one only',
    theme,
    edits: [
      {
        file: 'viewservice/spares.ts',
        find: 'this.#free = this.#free.filter(({ id }) => id !== primary.id && id !== backup?.id)',
        replace: 'this.#free = this.#free.filter(({ id }) => id !== primary.id || id === backup?.id)',
      },
      {
        file: 'viewservice/core.ts',
        find: 'if (problem !== undefined) throw',
        replace: 'if (problem === "") throw',
      },
    ],
  },
  {
    name: 'what one group saves takes back what another one has saved',
    breaks: 'G1, V1',
    why: 'the record names a view that was left long ago, and its successor is unknown',
    theme,
    edits: [
      {
        file: 'viewservice/core.ts',
        find: 'this.#record = record this.#saving = null',
        replace: 'this.#record ??= record\n    this.#saving = null',
      },
      {
        file: 'viewservice/core.ts',
        find: 'this.#saving = { ...record, record: record.record + 1, longestTtlMs }',
        replace:
          'this.#saving = { ...record, record: (this.#last = Math.max(this.#last, record.record) + 1), longestTtlMs }',
      },
      {
        file: 'viewservice/core.ts',
        find: 'readonly #resets: Resets',
        replace: 'readonly #resets: Resets\n  #last = 0',
      },
    ],
  },
  {
    name: 'tokens of all groups raise the floor of the first',
    breaks: 'L2, G1',
    why: 'a reset of another group begins below tokens that it has given',
    theme,
    edits: [
      {
        file: 'viewservice/core.ts',
        find: 'if (group === own.number) own.believe(token)',
        replace: 'if (group === own.number) this.#groups[0]?.believe(token)',
      },
    ],
  },
  {
    name: 'a reset of one group is made in the first',
    breaks: 'F14, G1',
    why: 'a state that is well is given up, and the lost one stays lost',
    theme,
    edits: [
      {
        file: 'viewservice/core.ts',
        find: "this.#resets.ask({ connection, number, group, view, force, stage: 'asked' }, this.#cannotBegin ?? lacks)",
        replace:
          "this.#resets.ask({ connection, number, group: 0, view, force, stage: 'asked' }, this.#cannotBegin ?? lacks)",
      },
    ],
  },
  {
    name: 'a backup is chosen by its host alone while another group waits',
    breaks: 'G1',
    why: 'both copies of a state stand on one machine beside a server that idles elsewhere',
    theme,
    edits: [
      {
        file: 'viewservice/spares.ts',
        find: 'const best = elsewhere.length > 0 ? elsewhere : fitting',
        replace: 'const best = fitting',
      },
    ],
  },
  {
    name: 'a session hears nothing of views that another one has learned',
    breaks: 'G3',
    why: 'after a failover its client goes on asking the server that is gone',
    theme,
    edits: [
      {
        file: 'client/groups.ts',
        find: 'if (from !== view.group) this.#opened.get(view.group)?.tell(view)',
        replace: 'if (from === view.group) this.#opened.get(view.group)?.tell(view)',
      },
    ],
  },
  {
    name: 'a loss in one group is told as that of another',
    breaks: 'G3',
    why: 'a program drops locks that it holds, and goes on with those that it has lost',
    theme,
    edits: [
      {
        file: 'client/group.ts',
        find: "this.#reports.emit('lost', { group: this.number, code, locks: [describeLost(lock)] })",
        replace: "this.#reports.emit('lost', { group: 0, code, locks: [] })",
      },
    ],
  },
]
