// Planted bugs of takeovers among view servers that share a store: what counts as gone, what a term begins with,
// and what is made of a save whose outcome is not known. The stories in test/seats.ts and the seeds of several view
// servers (`--theme 'view servers'`) find them.

import type { Mutant } from './mutant.ts'

export const takeovers: readonly Mutant[] = [
  {
    name: 'what is found at an address counts for any mark',
    breaks: 'E3',
    why: 'the greeting of the one that was active before makes a standby take the mark of its living successor',
    test: 'seats',
    theme: 'view servers',
    edits: [
      {
        file: 'viewservice/active-link.ts',
        find: 'return to?.version === this.#to?.version',
        replace: 'return (to === null) === (this.#to === null)',
      },
    ],
  },
  {
    name: 'another process at the address counts only at its first word',
    breaks: 'E3',
    why: 'a lone view server that starts again waits for its own old mark to end',
    test: 'seats',
    theme: 'view servers',
    edits: [
      {
        file: 'viewservice/seat.ts',
        find: 'this.#allow() this.#judgeFound(this.#now.monotonic)',
        replace: 'this.#allow()',
      },
      {
        file: 'viewservice/seat.ts',
        find: 'const silentFor = this.#keepLink(now) this.#judgeFound(now)',
        replace: 'const silentFor = this.#keepLink(now)',
      },
    ],
  },
  {
    name: 'a refusal that comes while the store is asked is forgotten',
    breaks: 'F17',
    why: 'the takeover comes a ping interval late',
    test: 'seats',
    edits: [
      {
        file: 'viewservice/candidacy.ts',
        find: 'if (this.#asking !== null) this.#gone = mark else',
        replace: 'if (this.#asking === null)',
      },
    ],
  },
  {
    name: 'the view that is being saved is one from the future',
    breaks: 'E2',
    why: 'after a save of unknown outcome the active one halts for good, and keeps the mark',
    test: 'seats',
    theme: 'view servers',
    search: 'killed at a save',
    edits: [
      {
        file: 'viewservice/core.ts',
        find: 'if (view > (partOf(this.#saving, group)?.view.number ?? 0)) return true',
        replace: 'if (view > 0) return true',
      },
    ],
  },
  {
    name: 'a term begins with what was known before',
    breaks: 'E2',
    why: 'one that has not heard of the last records tells of old views, and decides by them',
    test: 'seats',
    theme: 'view servers',
    search: 'frozen at a save',
    edits: [
      {
        file: 'viewservice/keeping.ts',
        find: 'return this.isRead && !this.#looks && this.#asking === null',
        replace: 'return this.isRead',
      },
    ],
  },
  {
    name: 'one that halts keeps the mark that it takes',
    breaks: 'F19',
    why: 'it decides nothing, and no other can',
    test: 'seats',
    theme: 'view servers',
    edits: [
      {
        file: 'viewservice/candidacy.ts',
        find: "if (this.#may) return 'active' this.giveUp()",
        replace: "if (this.#may) return 'active'",
      },
    ],
  },
  {
    name: 'at a standby any server may say that it is another',
    breaks: 'V5',
    why: 'a stranger with the secret, or a wrong --advertise, cuts a server off from the standby again and again',
    test: 'seats',
    theme: 'view servers',
    edits: [
      {
        file: 'viewservice/standby.ts',
        find: 'if (known !== address) {',
        replace: "if (known === '') {",
      },
    ],
  },
  {
    name: 'a save of unknown outcome is taken for a failed one',
    breaks: 'E2',
    why: 'what was decided is dropped and decided anew, though the store has it',
    test: 'keeping',
    theme: 'view servers',
    search: 'killed at a save',
    edits: [
      {
        file: 'viewservice/keeping.ts',
        find: "if (input.trouble !== 'away') this.look() return undefined",
        replace:
          "if (input.trouble === 'unknown') this.#wanted = null\n        if (input.trouble !== 'away') this.look()\n        return input.trouble === 'unknown' ? { is: 'found', record: this.record } : undefined",
      },
    ],
  },
  {
    name: 'a save that another was before counts as saved',
    breaks: 'E2',
    why: 'peers learn of a view that is nowhere, and another one of its number is in force',
    test: 'keeping',
    theme: 'view servers',
    search: 'frozen at a save',
    edits: [
      {
        file: 'viewservice/keeping.ts',
        find: "case 'not written':",
        replace:
          "case 'not written':\n        if (input.trouble === 'taken' && this.#wanted !== null) return this.#written({ record: this.#wanted, version: 'v' })",
      },
    ],
  },
  {
    name: 'whoever lost the race for a record goes on',
    breaks: 'E2',
    why: 'it goes on telling of its own last view, and waits for ever for a save that was dropped',
    test: 'seats',
    theme: 'view servers',
    search: 'frozen at a save',
    edits: [
      {
        file: 'viewservice/seat.ts',
        find: 'if (this.#inner instanceof ViewCore) return this.#becomeStandby()',
        replace: 'if (this.#inner instanceof ViewCore) return',
      },
    ],
  },
  {
    name: 'a new term goes on with the core of the last one',
    breaks: 'E4',
    why: 'who was heard before the takeover counts as heard, and what was decided then is decided still',
    theme: 'view servers',
    search: 'frozen at a save',
    edits: [
      {
        file: 'viewservice/seat.ts',
        find: '#saysEmpty = false constructor',
        replace: '#saysEmpty = false\n  #last: ViewCore | undefined\n\n  constructor',
      },
      {
        file: 'viewservice/seat.ts',
        find: 'this.#inner = new ViewCore({ ...this.#options, record, standing })',
        replace:
          'this.#last ??= new ViewCore({ ...this.#options, record, standing })\n    this.#inner = this.#last',
      },
    ],
  },
]
