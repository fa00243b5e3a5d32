// Planted bugs of a client of several groups (G3, G4, G5): sessions, several names at once, and answers of all groups.

import type { Mutant } from './mutant.ts'

const test = 'client-groups'

export const clientGroups: readonly Mutant[] = [
  {
    name: 'a circle is found among the sessions of one group only',
    breaks: 'G5',
    why: 'who waits with another session than the one that holds is in no circle',
    test: 'why-groups',
    edits: [
      {
        file: 'viewservice/circles.ts',
        find: 'const waits = waitsOf.get(clientOf(clientId)) ?? []',
        replace: 'const waits = clientId.length < 0 ? (waitsOf.get(clientOf(clientId)) ?? []) : []',
      },
    ],
  },
  {
    name: 'why asks for one client more than a primary takes',
    breaks: 'G5, B5',
    why: 'the question is refused, and the circle is not found',
    test: 'why-groups',
    edits: [
      {
        file: 'viewservice/why-walk.ts',
        find: 'left.slice(0, whyClientsMax)',
        replace: 'left.slice(0, whyClientsMax + 1)',
      },
    ],
  },
  {
    name: 'the page adds up no waits of other groups',
    breaks: 'G5',
    why: 'an operator sees the locks of the first group alone',
    test: 'dashboard-groups',
    edits: [
      {
        file: 'viewservice/pages/merged-pages.ts',
        find: 'held: sum(({ vitals }) => vitals.held),',
        replace: 'held: all[0]?.vitals.held ?? 0,',
      },
    ],
  },
  {
    name: 'the page sorts locks of several groups by name alone',
    breaks: 'G5',
    why: 'who sorts by the longest wait sees it on some later page',
    test: 'dashboard-groups',
    edits: [
      {
        file: 'viewservice/pages/merged-pages.ts',
        find: 'rank(a) === rank(b) ?',
        replace: 'rank(a) === rank(b) || all.length > 0 ?',
      },
    ],
  },
  {
    name: 'a watch begins again for no group that goes',
    breaks: 'G8',
    why: 'a release that was still on its way from a group that is gone is told to nobody',
    test: 'client-moves',
    edits: [{ file: 'client/watch-parts.ts', find: 'this.watch.leaves(part)', replace: 'void part' }],
  },
  {
    name: 'a call that waits for a slot forgets its time limit',
    breaks: 'G8',
    why: 'a program waits for ever for a lock that it wanted within a second',
    test: 'client-moves',
    edits: [
      {
        file: 'client/groups.ts',
        find: "pause.end() pending.fail('TIMEOUT', true, movingText)",
        replace: 'movingText.at(0)',
      },
    ],
  },
  {
    name: 'a call that waits for a slot outlives its client',
    breaks: 'G8',
    why: 'a lock is asked for by a client that is closed, and its call is never answered',
    test: 'client-moves',
    edits: [
      { file: 'client/pauses.ts', find: 'for (const { closed } of this.#take()) closed()', replace: '' },
    ],
  },
  {
    name: 'a group without locks is kept',
    breaks: 'G8',
    why: 'a client looks for the servers of a group that is gone, for ever',
    test: 'client-moves',
    edits: [
      {
        file: 'client/groups.ts',
        find: 'if (!this.#inMap.includes(group.number)) this.#leave(group)',
        replace: 'if (group.number < 0) this.#leave(group)',
      },
    ],
  },
  {
    name: 'names that are parted anew are taken in any order of groups',
    breaks: 'G4, G8',
    why: 'two clients lock each other out while slots move',
    test: 'client-moves',
    edits: [
      {
        file: 'client/take-in-order.ts',
        find: 'if (part.group.number <= this.#group) return this.#giveBack()',
        replace: 'if (part.group.number < 0) return this.#giveBack()',
      },
    ],
  },
  {
    name: 'a watch stays with the groups of its beginning',
    breaks: 'G8',
    why: 'what happens in a group that has come is told to no reader',
    test: 'client-moves',
    edits: [
      { file: 'client/groups.ts', find: 'for (const watch of this.#watches) watch.follow()', replace: '' },
    ],
  },
  {
    name: 'a list leaves out groups that have come',
    breaks: 'G8',
    why: 'a lock that is held all the time is in no list, since its name moved before it was taken',
    test: 'client-moves',
    edits: [
      {
        file: 'client/merged.ts',
        find: 'more = groups().filter(group => !all.includes(group))',
        replace: 'more = groups().filter(() => false)',
      },
    ],
  },
  {
    name: 'why looks into one group alone',
    breaks: 'G5',
    why: 'two clients that wait for one another through two groups are told of no deadlock',
    test: 'why-groups',
    edits: [
      {
        file: 'viewservice/why-walk.ts',
        find: 'if (this.#groups === 1) return []',
        replace: 'if (this.#groups > 0) return []',
      },
    ],
  },
  {
    name: 'the sessions of one client are strangers',
    breaks: 'G5',
    why: 'who holds a lock of one group and waits for one of another is taken for two clients',
    test: 'why-groups',
    edits: [
      {
        file: 'client/group.ts',
        find: 'sessionKey: this.#owner.key,',
        replace: 'sessionKey: this.#runtime.newKey(),',
      },
    ],
  },
  {
    name: 'why is found out for locks that the caller may not read',
    breaks: 'G5, A2',
    why: 'what a client waits for is told to who may not know of it',
    test: 'why-groups',
    edits: [
      {
        file: 'lockserver/pages/why-page.ts',
        find: "if (++seen % looksPerTurn === 0) await nextTurn() if (allows(principal, 'read', nameOf(waited)))",
        replace: 'if (++seen % looksPerTurn === 0) await nextTurn()\n      if (names.size >= 0)',
      },
    ],
  },
  {
    name: 'the page shows one order of locks for each group',
    breaks: 'G5',
    why: 'the second page of a list leaves out locks of another group',
    test: 'dashboard-groups',
    edits: [
      {
        file: 'lockserver/pages/table-page.ts',
        find: 'if (rank !== undefined) return { name, rank }',
        replace: '',
      },
    ],
  },
  {
    name: 'advice for the first group alone',
    breaks: 'G5',
    why: 'an operator is not told that another group has no backup',
    test: 'cli-groups',
    edits: [
      {
        file: 'viewservice/advice.ts',
        find: 'if (groups.length < 2) return halted === null || only === undefined',
        replace: 'if (groups.length > 0) return halted === null || only === undefined',
      },
    ],
  },
  {
    name: 'a backup of another group counts as holder of the state',
    breaks: 'G1',
    why: 'the last server with the state of a group is killed without a question',
    test: 'cli-groups',
    edits: [
      {
        file: 'cli/kill.ts',
        find: '(server.inSync && (server.group ?? 0) === group)',
        replace: 'server.inSync',
      },
    ],
  },
  {
    name: 'a list asks once more who is primary',
    breaks: 'G5',
    why: 'each list dials the view server twice, and waits twice for one that is away',
    test: 'cli-groups',
    edits: [
      {
        file: 'cli/primary.ts',
        find: 'let view = known === undefined ? await findView(reach, group) : known',
        replace: 'let view = (await findView(reach, group)) ?? known ?? null',
      },
    ],
  },
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
        find: 'for (const lock of this.#taken.values()) void lock.release()',
        replace: '',
      },
    ],
  },
  {
    name: 'an acquireAll that was given up before it was called goes on',
    breaks: 'G4',
    why: 'it waits for ever, and its signal can end it no more',
    test,
    edits: [{ file: 'client/take-in-order.ts', find: 'throwIfAborted(signal)', replace: '' }],
  },
  {
    name: 'the last part of an acquireAll is given a part of a ms too little',
    breaks: 'G4',
    why: 'it says that it waited for its time limit, and did not',
    test,
    edits: [
      {
        file: 'client/take-in-order.ts',
        find: 'Math.ceil(this.#end - this.#taker.monotonic())',
        replace: 'this.#end - this.#taker.monotonic()',
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
        find: 'sessionEnds.has(reason.code)) this.#stop.abort(reason)',
        replace: "sessionEnds.has(reason.code) && reason.code === 'TIMEOUT') this.#stop.abort(reason)",
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
        find: 'else this.#owner.askAgain(pending, locks[0], this)',
        replace: "else pending.fail('WRONG_GROUP', definite, text)",
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
