// Planted bugs of what goes well once, and wrong the second time: closes, sessions, losses, watches, rests.

import type { Mutant } from './mutant.ts'

export const twice: readonly Mutant[] = [
  {
    name: 'a second close waits for the first',
    breaks: 'F12',
    why: 'a program that closes at once while it finishes waits for its holders all the same',
    edits: [
      {
        file: 'client/client.ts',
        find: 'if (finishWithinMs > 0) return this.#finish(finishWithinMs) this.#finished()',
        replace:
          'if (finishWithinMs > 0 || this.#finishing) return this.#finish(finishWithinMs)\n    this.#finished()',
      },
    ],
  },
  {
    name: 'the number of a watch that has ended is given a second time',
    breaks: 'R1',
    why: 'a later watch that still runs is replaced by the new one, and its reader hears nothing any more',
    test: 'client-surface',
    edits: [
      {
        file: 'client/group.ts',
        find: 'return ++this.#lastWatch',
        replace: 'void ++this.#lastWatch\n    return this.#watches.size + 1',
      },
    ],
  },
  {
    name: 'a second loss tells the locks of the first again',
    breaks: 'S5',
    why: 'the event names locks that were lost, and told, long ago',
    test: 'next-sessions',
    edits: [
      {
        file: 'client/group.ts',
        find: 'locks: this.#lostWithSession.splice(0).map(describeLost)',
        replace: 'locks: this.#lostWithSession.map(describeLost)',
      },
    ],
  },
  {
    name: 'the sessions that were given up are forgotten with the next one',
    breaks: 'S4',
    why: 'a session that no client wants stays for as long as a lease lasts',
    test: 'next-sessions',
    edits: [
      {
        file: 'client/group.ts',
        find: 'abandoned: last?.core.abandoned ?? new Map<string, string>(),',
        replace: 'abandoned: new Map<string, string>(),',
      },
    ],
  },
  {
    name: 'events that were missed twice are counted once',
    breaks: 'R1 watch',
    why: 'a reader that stood still learns only of its last gap',
    test: 'watch-reader',
    edits: [
      {
        file: 'client/watch.ts',
        find: 'events: last.events + events }',
        replace: 'events }',
      },
    ],
  },
  {
    name: 'a beginning is told as a gap without events',
    breaks: 'R1 watch',
    why: 'a reader that stood still hears that it has missed 0 events, and not that its watch began again',
    test: 'watch-reader',
    edits: [
      {
        file: 'client/watch.ts',
        find: "if (events === 0 && last?.event !== 'missed') {",
        replace: "if (events < 0 && last?.event !== 'missed') {",
      },
    ],
  },
  {
    name: 'a watch that was ended with an error ends with it again and again',
    breaks: 'R1 watch',
    why: 'a loop that goes on after the error never comes to an end',
    test: ['watch', 'watch-reader'],
    edits: [
      {
        file: 'client/watch.ts',
        find: 'const { reason } = this.#error this.#error = null',
        replace: 'const { reason } = this.#error',
      },
    ],
  },
  {
    name: 'a lease that rested is given its rest again by the next primary',
    breaks: 'S4',
    why: 'a dead client keeps its session one rest longer for each failover',
    test: 'server-parts',
    edits: [
      {
        file: 'lockserver/leases.ts',
        find: '(this.#until.get(session.ordinal) ?? now) - rest - now',
        replace: '(this.#until.get(session.ordinal) ?? now) - now + 0 * rest',
      },
    ],
  },
  {
    name: 'who has left a line may leave it again',
    breaks: 'L3',
    why: 'a second end of one hold takes a neighbour out of the line with it',
    test: 'server-parts',
    edits: [
      {
        file: 'lockserver/state/line.ts',
        find: 'item.ahead = null item.behind = null this.size--',
        replace: 'this.size--',
      },
    ],
  },
]
