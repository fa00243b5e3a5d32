// Planted bugs of a client of several groups (G3, G4, G5): sessions, several names at once, and answers of all groups.

import type { Mutant } from './mutant.ts'

const test = 'client-groups'

export const clientGroups: readonly Mutant[] = [
  {
    name: 'close ends the session of the first group alone',
    breaks: 'G3',
    why: 'locks in other groups are held until their leases end',
    test,
    edits: [
      {
        file: 'client/groups.ts',
        find: 'await Promise.all(this.opened().map(group => group.close()))',
        replace: 'await this.first.close()',
      },
    ],
  },
  {
    name: 'every name is asked for in the first group',
    breaks: 'G2, G3',
    why: 'one group does the work of all',
    test,
    edits: [
      {
        file: 'client/groups.ts',
        find: 'return this.#only ?? this.#get(this.#map === null ? 0 : groupOf(this.#map, name))',
        replace: 'return this.#only ?? this.#get(groupOf(this.#map as SlotMap, name) * 0)',
      },
    ],
  },
  {
    name: 'names of several groups are taken in the order of the caller',
    breaks: 'G4',
    why: 'two clients lock each other out across groups',
    test,
    edits: [{ file: 'client/groups.ts', find: '.sort(([a], [b]) => a.number - b.number)', replace: '' }],
  },
  {
    name: 'an acquireAll keeps what it took after a failure',
    breaks: 'G4',
    why: 'no handle knows of that lock, and no client gets it any more',
    test,
    edits: [
      {
        file: 'client/take-in-order.ts',
        find: 'for (const lock of taken.values()) void lock.release()',
        replace: '',
      },
    ],
  },
  {
    name: 'an acquireAll goes on without the session of an earlier group',
    breaks: 'G4',
    why: 'the program gets handles of which some are lost, and holds the rest for nothing',
    test,
    edits: [
      {
        file: 'client/take-in-order.ts',
        find: 'sessionEnds.has(reason.code)) stop.abort(reason)',
        replace: "sessionEnds.has(reason.code) && reason.code === 'TIMEOUT') stop.abort(reason)",
      },
    ],
  },
  {
    name: 'a token of one group is given back in another',
    breaks: 'G3',
    why: 'the lock stays held, and one that has the same token by chance is freed',
    test,
    edits: [
      {
        file: 'client/group.ts',
        find: 'return new SessionDriver(this.#runtime, options, proofs, this)',
        replace:
          'const driver = new SessionDriver(this.#runtime, { ...options, group: 0, view: null }, proofs, this)\n    return driver',
      },
    ],
  },
  {
    name: 'a call that was asked of the wrong group fails',
    breaks: 'G2',
    why: 'while a slot moves, programs get errors that no time limit or signal of theirs asked for',
    test,
    edits: [
      {
        file: 'client/group.ts',
        find: "told.code === 'WRONG_GROUP' && name !== undefined",
        replace: "told.code === 'WRONG_GROUP' && name === ''",
      },
    ],
  },
  {
    name: 'a query leaves out a group without saying so',
    breaks: 'G5',
    why: 'what is held there looks free',
    test,
    edits: [
      {
        file: 'client/merged.ts',
        find: 'missing: missing.length > 0 ? { missing } : {}',
        replace: 'missing: missing.length < 0 ? { missing } : {}',
      },
    ],
  },
  {
    name: 'a watch has begun when one group has',
    breaks: 'G5',
    why: 'the reader asks for the state, and hears nothing of what happens in the others until they begin',
    test,
    edits: [
      {
        file: 'client/watch.ts',
        find: 'return this.#beginning.size === 0 && kept.event.event',
        replace: 'return this.#beginning.size >= 0 && kept.event.event',
      },
    ],
  },
]
