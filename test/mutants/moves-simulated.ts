// Planted bugs of slots that move (G8) that whole stories show: what groups, the view server and clients do about a move
// beside deaths, waits and other moves.

import type { Mutant } from './mutant.ts'

const theme = 'moves'

export const movesSimulated: readonly Mutant[] = [
  {
    name: 'a group opens slots that are still under way to it',
    breaks: 'G8',
    why: 'two groups serve them until the first one has left them',
    theme,
    edits: [
      {
        file: 'lockserver/levelling.ts',
        find: 'const own = groupOfSlot(map, slot) === group',
        replace:
          'const own =\n      groupOfSlot(map, slot) === group ||\n      map.moves.some(move => move.to === group && slotsIn(move.slots).includes(slot))',
      },
      {
        file: 'lockserver/levelling.ts',
        find: 'else if (!moving.has(slot)) opened.push(slot)',
        replace: 'else if (!moving.has(slot) || groupOfSlot(map, slot) !== group) opened.push(slot)',
      },
    ],
  },
  {
    name: 'a state opens slots without their floor',
    breaks: 'L2, G8',
    why: 'the next token of a lock is smaller than one that it had in its last group',
    theme,
    edits: [
      {
        file: 'lockserver/state/state.ts',
        find: 'this.table.raiseToken(operation[3])',
        replace: 'this.table.raiseToken(0 * operation[3])',
      },
    ],
  },
  {
    name: 'a slot is left while one who waits for several names will want it',
    breaks: 'G8',
    why: 'what comes next for the waiter is granted by a group that does not have the lock any more',
    theme,
    edits: [
      {
        file: 'lockserver/state/slot-use.ts',
        find: 'if (acquire.names.length > 1 && this.#isCounted(lock.name)) this.#addLater(acquire, by)',
        replace: 'if (acquire.names.length > 9 && this.#isCounted(lock.name)) this.#addLater(acquire, by)',
      },
      {
        file: 'lockserver/state/slot-use.ts',
        find: 'this.#addLater(acquire, 1)\n        work',
        replace: 'if (acquire.names.length > 9) this.#addLater(acquire, 1)\n        work',
      },
    ],
  },
  {
    name: 'slots are left whatever is in them',
    breaks: 'G8',
    why: 'a lock is granted by the next group while a client of the last one holds it',
    theme,
    edits: [
      {
        file: 'lockserver/state/lock-table.ts',
        find: 'return this.#use?.inUse(slot) ?? true',
        replace: 'return this.#use?.inUse(slot - slot) ?? true',
      },
    ],
  },
  {
    name: 'a report of slots overtakes the word of the backup',
    breaks: 'R1, G8',
    why: 'the primary dies with it, and the promoted backup serves a slot that another group has',
    theme,
    edits: [
      {
        file: 'lockserver/served-slots.ts',
        find: "if (left !== null) this.#audience.show({ is: 'left', left })",
        replace: 'if (left !== null) this.#audience.left = left',
      },
    ],
  },
  {
    name: 'a promoted primary says no more what its slots are waiting for',
    breaks: 'G8',
    why: 'slots that were left stay between two groups',
    theme,
    edits: [
      {
        file: 'lockserver/served-slots.ts',
        find: 'this.#proposals.propose(operation)\n    this.report()\n  }\n\n  /** G8, step 2',
        replace: 'this.#proposals.propose(operation)\n  }\n\n  /** G8, step 2',
      },
    ],
  },
  {
    name: 'a move is decided once more after it was done',
    breaks: 'G8',
    why: 'a slot that came back since is given away again, while its group serves it',
    theme,
    edits: [
      {
        file: 'viewservice/moves.ts',
        find: 'return rest.length === 0 ? [] : [{ ...move, slots: toRanges(rest) }]',
        replace: 'return rest.length === 0 ? [] : [{ ...move }]',
      },
    ],
  },
  {
    name: 'slots begin to move as soon as the new group has a view',
    breaks: 'G8',
    why: 'the first death of its only server loses them',
    theme,
    edits: [
      {
        file: 'viewservice/moving.ts',
        find: 'if (part.view.backup === null || !part.acked)',
        replace: 'if (part.view.number < 1)',
      },
    ],
  },
  {
    name: 'a group that begins again goes on below its old tokens',
    breaks: 'L2, G8',
    why: 'a token that was granted years ago is granted again',
    theme,
    edits: [
      {
        file: 'viewservice/core.ts',
        find: 'const tokenFloor = last === 0 ? 0 : highestTokenOf(record, group) + tokenLeap',
        replace: 'const tokenFloor = last === 0 ? 0 : Math.min(1, highestTokenOf(record, group) + tokenLeap)',
      },
    ],
  },
  {
    name: 'the servers of a group that has ended wait for its next view',
    breaks: 'G8',
    why: 'they keep a state that counts no more, and are spares of no group',
    theme,
    edits: [
      {
        file: 'lockserver/roles.ts',
        find: 'if (this.#hasEnded) this.#leaveEnded()\n    else this.#primary?.level()',
        replace: 'if (!this.#hasEnded) this.#primary?.level()',
      },
    ],
  },
  {
    name: 'a call that was refused asks the same group again',
    breaks: 'G2, G8',
    why: 'a lock whose slot has moved is granted to no client any more that asked before',
    theme,
    edits: [
      {
        file: 'client/groups.ts',
        find: 'const group = this.of(name)\n      group.take',
        replace: 'const group = refusedBy\n      group.take',
      },
    ],
  },
  {
    name: 'clients are told of no map while slots move',
    breaks: 'G8',
    why: 'lists leave out what is held in a group that has come',
    theme,
    edits: [
      {
        file: 'wire/slots.ts',
        find: 'return begins || ends || map.moves.length === 0 || map.groups !== before?.groups',
        replace: 'return map.moves.length < 0 && (begins || ends || map.groups !== before?.groups)',
      },
    ],
  },
  {
    name: 'a query asks the groups that there were',
    breaks: 'G5, G8',
    why: 'what is held in a group that has come looks free',
    theme,
    edits: [
      {
        file: 'client/groups.ts',
        find: 'return this.#inMap.map(group => this.#get(group))',
        replace: 'return this.#inMap.filter(group => this.#opened.has(group)).map(group => this.#get(group))',
      },
    ],
  },
  {
    name: 'a copy wants the slots of all that its waiters ever asked for',
    breaks: 'R4, G8',
    why: 'a server whose copy is right takes it for wrong, and ends itself',
    test: 'rules-moves',
    edits: [
      {
        file: 'lockserver/state/check.ts',
        find: 'waiter.names.slice(waiter.tokens.length).every',
        replace: 'waiter.names.every',
      },
    ],
  },
  {
    name: 'a group that begins again is counted as a reset',
    breaks: 'G8',
    why: 'an operator sees a state given up that was not',
    test: 'view-moves',
    edits: [
      {
        file: 'viewservice/counts.ts',
        find: "return before === null ? 'first' : 'reset'",
        replace: "return view.number === 1 ? 'first' : 'reset'",
      },
    ],
  },
  {
    name: 'a view is told of a group that is still to come',
    breaks: 'G8',
    why: 'a program hears of a group that its client does not list',
    test: 'client-moves',
    edits: [
      {
        file: 'client/groups.ts',
        find: 'return this.#isShown(view.group)',
        replace: 'return view.group >= 0',
      },
    ],
  },
]
