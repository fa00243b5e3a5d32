// Planted bugs of standby view servers and of the active mark in a folder: who decides, and who tells whom.

import type { Mutant } from './mutant.ts'

export const standby: readonly Mutant[] = [
  {
    name: 'lock servers stay where the mark has lapsed',
    breaks: 'E5',
    why: 'the next active view server waits in vain for servers that ping the old one',
    test: 'seats',
    edits: [
      {
        file: 'viewservice/seat.ts',
        find: "if (standing === 'lapsed') this.#sendServersAway()",
        replace: "if (standing === 'active') this.#sendServersAway()",
      },
    ],
  },
  {
    name: 'a standby answers operators by itself',
    breaks: 'E5',
    why: 'a reset is refused though the active view server could do it',
    test: 'seats',
    edits: [
      {
        file: 'viewservice/standby.ts',
        find: 'if (this.#asksTooMuch(connection) || this.#owner.passOn(connection, message)) return',
        replace: 'if (this.#asksTooMuch(connection)) return',
      },
    ],
  },
  {
    name: 'a refusal at the address of the active one shows nothing',
    breaks: 'E3',
    why: 'standbys wait though no process listens there',
    test: 'seats',
    edits: [
      {
        file: 'viewservice/active-link.ts',
        find: "if (refused) return { is: 'refused' }",
        replace: 'if (refused) return undefined',
      },
    ],
  },
  {
    name: 'an answer that is passed back has the number of the standby',
    breaks: 'E5',
    why: 'an operator gets an answer to a question that it has not asked',
    test: 'seats',
    edits: [
      {
        file: 'viewservice/active-link.ts',
        find: "message: ['status', asked.number, message[2]]",
        replace: "message: ['status', number, message[2]]",
      },
    ],
  },
  {
    name: 'a mark is set whatever stands there',
    breaks: 'E3',
    why: 'two view servers with one folder are active after one another, and neither knows',
    test: 'store-contract',
    edits: [
      {
        file: 'viewservice/stores/file-marks.ts',
        find: 'if (last !== (instead?.number ?? this.#gone)) throw taken()',
        replace: '',
      },
    ],
  },
]
