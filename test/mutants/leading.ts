// Planted bugs of leading: what a leader learns too late, and what a follower believes wrongly or never learns (C7).

import type { Mutant } from './mutant.ts'

export const leading: readonly Mutant[] = [
  {
    name: 'a leader is told after it lost',
    breaks: 'C7',
    why: 'the callback works on beside the next leader',
    test: 'leading',
    edits: [
      {
        file: 'client/lead.ts',
        find: 'const sources = given === undefined ? [lock.signal] : [given, lock.signal]',
        replace: 'const sources = given === undefined ? [] : [given]',
      },
    ],
  },
  {
    name: 'what a leader throws after its loss is thrown away',
    breaks: 'C7',
    why: 'a mistake of the program is retried for ever, and never seen',
    test: 'leading',
    edits: [
      {
        file: 'client/lead.ts',
        find: 'if (!this.isOver) return false if (error === reason) return true',
        replace:
          'if (!this.isOver) return false\n    if (reason !== undefined || error === reason) return true',
      },
    ],
  },
  {
    name: 'a follower misses the last change over a reconnect',
    breaks: 'C7',
    why: 'it believes in a leader that is long gone, until the next change',
    test: 'leading',
    edits: [
      {
        file: 'client/leader-watch.ts',
        find: "if (event.event === 'watching' || event.event === 'missed') void this.#asks()",
        replace: "if (this.current === undefined || event.event === 'missed') void this.#asks()",
      },
    ],
  },
  {
    name: 'an old answer deposes a leader',
    breaks: 'C7',
    why: 'a query from before its grant shows nobody, and a follower believes it',
    test: 'leading',
    edits: [
      {
        file: 'client/leader.ts',
        find: '(hold?.token ?? granted)',
        replace: '(hold?.token ?? this.#last?.token ?? granted)',
      },
    ],
  },
  {
    name: "a leader's note is that of the one before",
    breaks: 'C7, C6',
    why: 'followers turn to the address of a leader that is gone',
    test: 'leading',
    edits: [
      {
        file: 'client/leader.ts',
        find: 'this.#leads({ clientId, clientName, token, note: terms?.note ?? null })',
        replace:
          'this.#leads({ clientId, clientName, token, note: terms?.note ?? this.#last?.note ?? null })',
      },
    ],
  },
  {
    name: 'a follower ends without its reason',
    breaks: 'C7',
    why: 'a program takes the end of its watch for the end of its client',
    test: 'leading',
    edits: [
      {
        file: 'client/leader-watch.ts',
        find: 'this.#end({ reason })',
        replace: 'this.#end(reason === undefined ? { reason } : null)',
      },
    ],
  },
]
