// Planted bugs of nearest reads (G7): what a copy shows, how old it says it is, and who asks it.

import type { Mutant } from './mutant.ts'

const test = ['nearest-copies', 'nearest-reads']

export const nearest: readonly Mutant[] = [
  {
    name: 'the welcome of a nearest read tells of no map',
    breaks: 'G7, G8',
    why: 'its answer lacks all that has moved to groups of which the client has not heard, and does not say so',
    test: 'client-moves',
    edits: [
      {
        file: 'client/session/nearest.ts',
        find: "if (map !== null) this.#out.push({ do: 'map', map })",
        replace: 'void map',
      },
    ],
  },
  {
    name: 'a nearest read hears of no map on a connection that it has',
    breaks: 'G7, G8',
    why: 'its answer lacks all that has moved since it was connected',
    test,
    edits: [
      {
        file: 'client/session/nearest.ts',
        find: "return void this.#out.push({ do: 'map', map: message[1] })",
        replace: 'return',
      },
    ],
  },
  {
    name: 'a nearest read is as of now',
    breaks: 'G7',
    why: 'a copy that was cut off hours ago looks fresh',
    test,
    edits: [
      {
        file: 'lockserver/as-of.ts',
        find: 'return Math.max(0, Math.ceil(now - this.#at))',
        replace: 'return Math.max(0, Math.ceil(now - now))',
      },
    ],
  },
  {
    name: 'a copy is as of the answer, not of the question',
    breaks: 'G7',
    why: 'what the primary decided while the answer was on its way is missing, and the age does not cover it',
    test,
    edits: [
      {
        file: 'lockserver/shown-copy.ts',
        find: 'this.#asOf.expect(this.#copy.received, this.#asked.at)',
        replace: 'this.#asOf.expect(this.#copy.received, this.#situation.now.monotonic)',
      },
    ],
  },
  {
    name: 'a copy is as new as what it has received',
    breaks: 'G7',
    why: 'batches that wait to be applied are not shown, and the age does not cover them',
    test,
    edits: [
      {
        file: 'lockserver/as-of.ts',
        find: 'if (this.#due === null || sequence < this.#due.sequence) return',
        replace: 'if (this.#due === null || sequence < 0) return',
      },
    ],
  },
  {
    name: 'a primary answers what a copy is as of before it sends what it has decided',
    breaks: 'G7',
    why: 'the batch that is open comes behind the answer',
    test,
    edits: [
      {
        file: 'lockserver/replication.ts',
        find: 'this.flush() this.#join.answer(question)',
        replace: 'this.#join.answer(question)\n    this.flush()',
      },
    ],
  },
  {
    name: 'a copy asks again before it has its answer',
    breaks: 'G7',
    why: 'where an answer takes longer than a tick none ever counts, and the copy looks older and older',
    test,
    edits: [
      {
        file: 'lockserver/shown-copy.ts',
        find: 'if (connection === null || this.#asked !== null) return',
        replace: 'if (connection === null) return',
      },
    ],
  },
  {
    name: 'a nearest read has no limits',
    breaks: 'G7',
    why: 'a program that gives it up waits all the same',
    test,
    edits: [
      {
        file: 'client/nearest-reads.ts',
        find: 'if (pending.limited) pending.watch',
        replace: 'if (call.call < 0) pending.watch',
      },
    ],
  },
  {
    name: 'a copy half received answers',
    breaks: 'G7, R3',
    why: 'locks that are held look free',
    test,
    edits: [
      {
        file: 'lockserver/backup.ts',
        find: 'this.#installation.add(records, this.#situation.now.monotonic)',
        replace:
          'this.#installation.add(records, this.#situation.now.monotonic)\n    this.#show(this.#installation.finish())',
      },
    ],
  },
  {
    name: 'the right to read is not asked at a copy',
    breaks: 'G7, A2',
    why: 'whoever may not read a lock asks the backup',
    test,
    edits: [
      {
        file: 'lockserver/query-desk.ts',
        find: 'client.principal === null ? undefined : unreadable(client.principal, request)',
        replace:
          "client.principal === null || request[0] === 'look' ? undefined : unreadable(client.principal, request)",
      },
    ],
  },
  {
    name: 'what is on no disk is shown as if it were',
    breaks: 'G7, D1',
    why: 'a reader takes for safe what a loss of power undoes',
    test,
    edits: [
      {
        file: 'lockserver/backup.ts',
        find: '(this.#waits.onDisk?.confirmed ?? 0) >= this.#applied',
        replace: '(this.#waits.onDisk?.confirmed ?? 0) >= 0',
      },
    ],
  },
  {
    name: 'looks that wait at a promoted copy are forgotten',
    breaks: 'G7',
    why: 'their callers wait for ever',
    test,
    edits: [{ file: 'lockserver/roles.ts', find: 'this.#backup?.shown?.end()', replace: '' }],
  },
  {
    name: 'nearest reads ask the primary first',
    breaks: 'G7',
    why: 'what should take nothing from the primary takes all from it',
    test,
    edits: [
      {
        file: 'client/session/nearest.ts',
        find: 'const copies = [backup, primary].flatMap',
        replace: 'const copies = [primary, backup].flatMap',
      },
    ],
  },
  {
    name: 'half an answer of one copy goes on with that of another',
    breaks: 'G7',
    why: 'a list shows a lock twice',
    test,
    edits: [{ file: 'client/session/nearest.ts', find: 'look.held = [] look.pending = []', replace: '' }],
  },
  {
    name: 'a nearest read waits for a server that is frozen',
    breaks: 'G7',
    why: 'one server that stands still keeps a list from all who ask it',
    test,
    edits: [
      {
        file: 'client/session/nearest.ts',
        find: "if (link.id === null || link.echoAt !== null) return this.#giveUp('does not answer')",
        replace: "if (link.id === null) return this.#giveUp('does not answer')",
      },
    ],
  },
  {
    name: 'a nearest read stays with a server that has no part any more',
    breaks: 'G7',
    why: 'what was deposed long ago goes on being shown, older and older',
    test,
    edits: [
      {
        file: 'client/session/nearest.ts',
        find: "this.#giveUp('has no part in the newest view')",
        replace: 'return',
      },
    ],
  },
  {
    name: 'the nearest copy says who leads',
    breaks: 'G7, C7',
    why: 'a program follows a leader that is none any more',
    test,
    edits: [
      {
        file: 'client/client.ts',
        find: 'this.#query(groups, { prefix: name, signal })',
        replace: "this.query({ prefix: name, signal, from: 'nearest' })",
      },
    ],
  },
]
