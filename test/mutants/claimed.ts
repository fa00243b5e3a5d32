// Planted bugs of claims that no story is asked about: the simulator's seeds or the search must find them.

import type { Mutant } from './mutant.ts'

const table = 'lockserver/state/lock-table.ts'
const state = 'lockserver/state/state.ts'
const times = 'lockserver/times.ts'
const requests = 'client/session/requests.ts'

export const claimed: readonly Mutant[] = [
  {
    name: 'what a steal leaves goes to nobody',
    breaks: 'C1, L3',
    why: 'a thief takes three permits and wants one, and who waits for another waits on',
    edits: [
      {
        file: table,
        find: "if (acquire.claim.manner === 'steal' && lock.waiters > 0) this.serve(lock, wallMs)",
        replace: '',
      },
    ],
  },
  {
    name: 'one who tries is not told that N differs',
    breaks: 'C1',
    why: 'a program that asks for another number is told that the lock is not free, and tries for ever',
    edits: [
      {
        file: state,
        find: 'if (differs !== undefined) return this.#refuse(session, request, differs)\n      return',
        replace: 'return',
      },
    ],
  },
  {
    name: 'a permit is given back as one, whatever was taken',
    breaks: 'C1',
    why: 'the sum of what is taken never comes down again, and the lock is used up for ever',
    edits: [
      {
        file: 'lockserver/state/lock.ts',
        find: 'this.#crowd.taken -= takeOf(hold.special)',
        replace: 'this.#crowd.taken -= Math.min(1, takeOf(hold.special))',
      },
    ],
  },
  {
    name: 'an exact steal takes from all',
    breaks: 'C8',
    why: 'of five holders all lose the lock, where one was named',
    edits: [
      {
        file: table,
        find: "this.#remove(victim, wallMs, 'STOLEN', 'STOLEN')",
        replace: "this.#evict(lock, 'STOLEN', wallMs)",
      },
    ],
  },
  {
    name: 'an exact forced release takes from all',
    breaks: 'C8',
    why: 'an operator ends one hold, and all holders are told that they lost it',
    edits: [
      {
        file: table,
        find: "this.#remove(hold, wallMs, 'FORCED', 'FORCED')\n    this.serve(hold.lock, wallMs)",
        replace: 'this.force(hold.lock.name, wallMs)',
      },
    ],
  },
  {
    name: 'an exact steal takes whoever holds now',
    breaks: 'C8',
    why: 'between a look and a steal a healthy successor came, and loses its lock',
    search: 'exactly this',
    edits: [
      {
        file: state,
        find: 'const victim = this.#holdOf(name, token)',
        replace:
          'const victim = this.#holdOf(name, token) ?? this.table.locks.get(name)?.holder ?? undefined',
      },
    ],
  },
  {
    name: 'a forced release forgets its token on the way',
    breaks: 'C8',
    why: 'the server ends all holds, where one was named',
    edits: [
      {
        file: requests,
        find: "return ['force-release', number, what.name, what.token]",
        replace: "return ['force-release', number, what.name, null]",
      },
    ],
  },
  {
    name: 'a failure is told as a release',
    breaks: 'C5',
    why: 'what has failed is done for everybody, and nobody runs it again',
    edits: [
      {
        file: requests,
        find: "return ['fail', number, what.token]",
        replace: "return ['release', number, what.token]",
      },
    ],
  },
  {
    name: 'what throws has run all the same',
    breaks: 'C5',
    why: 'a function that throws has done nothing, and nobody runs its key again',
    test: 'claims-program',
    edits: [
      {
        file: 'client/once.ts',
        find: 'await lock.fail()\n    throw error',
        replace: 'await lock.release()\n    throw error',
      },
    ],
  },
  {
    name: 'the first note stays',
    breaks: 'C6',
    why: 'lists show what a holder did long ago',
    search: 'note',
    edits: [
      {
        file: table,
        find: 'special.terms = { ...special.terms, note }',
        replace: 'special.terms = { ...special.terms, note: special.terms.note ?? note }',
      },
    ],
  },
  {
    name: 'a note is dropped when it is set again',
    breaks: 'C6',
    why: 'the second note of a holder is never seen',
    edits: [
      {
        file: requests,
        find: "return ['set-note', number, what.token, what.note]",
        replace: "return ['set-note', number, what.token, number % 2 === 0 ? what.note : null]",
      },
    ],
  },
  {
    name: 'a client holds on for as long as the servers let it',
    breaks: 'C4',
    why: 'the servers give the lock to the next one while its holder still believes in it',
    edits: [
      {
        file: 'client/session/hold-times.ts',
        find: 'const over = now + atMostMs * clientLeasePart',
        replace: 'const over = now + atMostMs * 1.5',
      },
    ],
  },
  {
    name: 'keys are kept for ever',
    breaks: 'C5',
    why: 'a scheduler runs each of its keys once in its life, and the name fills up',
    edits: [
      {
        file: times,
        find: 'return this.setKey(fact.key, now + fact.key.keepMs)',
        replace: 'return undefined',
      },
    ],
  },
  {
    name: 'a promotion forgets how long things last',
    breaks: 'C3',
    why: 'what is kept when its primary dies is never free again',
    search: 'kept to its end',
    edits: [
      {
        file: times,
        find: 'promote(now: number, state: State): void {',
        replace:
          'promote(now: number, state: State): void {\n    for (const token of [...state.table.timed.keys()]) this.#least.delete(token)',
      },
    ],
  },
  {
    name: 'a promotion forgets how long keys are kept',
    breaks: 'C5',
    why: 'a key that ran before a death can never run again, and the name fills up',
    search: 'a key runs again',
    edits: [
      {
        file: times,
        find: 'promote(now: number, state: State): void {',
        replace:
          'promote(now: number, state: State): void {\n    for (const token of [...this.#ended.keys()]) this.#keys.delete(token)',
      },
    ],
  },
  {
    name: 'keys are over at a promotion',
    breaks: 'C5',
    why: 'the second machine, a little late, runs the nightly job again when a server dies',
    search: 'a key to its end',
    edits: [
      {
        file: times,
        find: 'promote(now: number, state: State): void {',
        replace:
          'promote(now: number, state: State): void {\n    for (const token of [...this.#ended.keys()]) this.#keys.set(token, now)',
      },
    ],
  },
  {
    name: 'what lasts is over at a promotion',
    breaks: 'C3',
    why: 'a job that must not run twice in a minute does, when a server dies',
    search: 'kept',
    edits: [
      {
        file: times,
        find: 'promote(now: number, state: State): void {',
        replace:
          'promote(now: number, state: State): void {\n    for (const token of [...state.table.timed.keys()])\n      if (this.#least.get(token) !== undefined) this.#least.set(token, now)',
      },
    ],
  },
]
