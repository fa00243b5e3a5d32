// Planted bugs of quotas by address (B7): what is counted wrongly, forgotten in a copy, or asked of the wrong one.

import type { Mutant } from './mutant.ts'

export const quotas: readonly Mutant[] = [
  {
    name: 'sessions of an address without a quota',
    breaks: 'B7',
    why: 'one address opens every session that there is',
    test: 'quotas',
    edits: [
      {
        file: 'lockserver/state/owners.ts',
        find: "if ((owner?.sessions ?? 0) >= most) return 'sessions'",
        replace: '',
      },
    ],
  },
  {
    name: 'nothing kept for operators',
    breaks: 'B7',
    why: 'addresses together take the last session, and no operator gets in',
    test: 'quotas',
    edits: [
      {
        file: 'lockserver/state/owners.ts',
        find: 'return Math.min(operatorsKept, max >> 3)',
        replace: 'return 0',
      },
    ],
  },
  {
    name: 'a copy without owners',
    breaks: 'B7, R4',
    why: 'after a promotion every address may take its fill again',
    test: 'quotas',
    edits: [
      {
        file: 'lockserver/state/snapshot.ts',
        find: 'this.state.newSession(ordinal, who, owner)',
        replace: 'this.state.newSession(ordinal, who, null)',
      },
    ],
  },
  {
    name: 'waits of a copy are not counted',
    breaks: 'B7, R4',
    why: 'a promoted server grants what the others would refuse',
    test: 'quotas',
    edits: [{ file: 'lockserver/state/snapshot.ts', find: 'session.owner?.wait(acquire, 1)', replace: '' }],
  },
  {
    name: 'a lock that is given back still counts',
    breaks: 'B7',
    why: 'an address that works for long enough gets nothing any more',
    test: 'quotas',
    edits: [
      {
        file: 'lockserver/state/sessions.ts',
        find: 'this.owner?.hold(hold, -1)',
        replace: '',
      },
    ],
  },
  {
    name: 'a wait that is served still counts',
    breaks: 'B7',
    why: 'an address that has waited often may wait no more',
    test: 'quotas',
    edits: [
      {
        file: 'lockserver/state/lock-table.ts',
        find: 'acquire.session.owner?.wait(acquire, -1)',
        replace: '',
      },
    ],
  },
  {
    name: 'memory by address without a quota',
    breaks: 'B7, B4',
    why: 'one address fills the state with long names, and no other gets a lock',
    test: 'quotas',
    edits: [
      {
        file: 'lockserver/state/owners.ts',
        find: "return owner.bytes + moreBytes > bytesLeft(limits, bytes) ? 'memory' : undefined",
        replace: 'return undefined',
      },
    ],
  },
  {
    name: 'each address of an IPv6 network is another owner',
    breaks: 'B7',
    why: 'one machine has as many quotas as it likes',
    test: 'quotas',
    edits: [
      {
        file: 'wire/net/owner.ts',
        find: 'return isIPv6(plain) ? networkOf(plain) : plain',
        replace: 'return plain',
      },
    ],
  },
  {
    name: 'loopback has quotas by default',
    breaks: 'B7',
    why: 'programs behind a proxy on the same machine, and operators, are refused',
    test: 'quotas',
    edits: [
      {
        file: 'wire/net/owner.ts',
        find: 'if (!counted && isLoopbackAddress(remote)) return null',
        replace: '',
      },
    ],
  },
  {
    name: 'watches of an address without a quota',
    breaks: 'B7',
    why: 'one address takes every watch',
    test: 'quotas',
    edits: [
      {
        file: 'lockserver/watches.ts',
        find: 'if (owner === null || this.#watchesOf(owner) < this.#most(this.#size)) return undefined',
        replace: 'if (owner === null || this.#size >= 0) return undefined',
      },
    ],
  },
  {
    name: 'a list of locks outlives a change',
    breaks: 'B7, R1',
    why: 'who asks after an acquire does not find it',
    edits: [
      {
        file: 'lockserver/listings.ts',
        find: 'return opNumber === this.#state.opNumber && Math.abs(wall - at) < listingMs',
        replace: 'return opNumber > 0 && Math.abs(wall - at) < listingMs',
      },
    ],
  },
  {
    name: 'a list is cut by locks that have come and gone',
    breaks: 'B1',
    why: 'where locks come and go, a list shows few of those that are held, and says that there are more',
    test: 'walk',
    edits: [
      {
        file: 'lockserver/walk.ts',
        find: 'if (this.#isOver) this.#recount()',
        replace: 'if (most < 0) this.#recount()',
      },
    ],
  },
  {
    name: 'a list is made of the first share alone',
    breaks: 'B1',
    why: 'a lock that is held is missing in the list',
    test: 'walk',
    edits: [
      {
        file: 'lockserver/listings.ts',
        find: 'return this.#walk.goOn(locksWalkedPerTurnMax)',
        replace: 'this.#walk.goOn(locksWalkedPerTurnMax)\n    return true',
      },
    ],
  },
  {
    name: 'a whole table is looked at in one turn',
    breaks: 'B1',
    why: 'a query about a prefix that no lock has stops a server with a million locks for longer than a turn may take',
    test: 'walk',
    edits: [
      {
        file: 'lockserver/listings.ts',
        find: 'return this.#walk.goOn(locksWalkedPerTurnMax)',
        replace: 'return this.#walk.goOn(Number.POSITIVE_INFINITY)',
      },
    ],
  },
  {
    name: 'a query looks at the whole table in one turn',
    breaks: 'B1',
    why: 'with a million locks a list about a few of them keeps the server from its pings',
    test: 'walk',
    edits: [
      {
        file: 'lockserver/queries.ts',
        find: "if (first.request[0] !== 'clients' && !this.#listings.find(scopeOf(first), wall)) {",
        replace:
          "if (first.request[0] !== 'clients' && this.#looked < 0 && !this.#listings.find(scopeOf(first), wall)) {",
      },
    ],
  },
  {
    name: 'queries in the order in which they came',
    breaks: 'B7',
    why: 'one address that asks all the time keeps every other one waiting',
    test: 'told-alike',
    edits: [
      {
        file: 'lockserver/queries.ts',
        find: 'this.#waiting.delete(owner) this.#waiting.set(owner, waiting)',
        replace: '',
      },
    ],
  },
  {
    name: 'an event becomes text for each watcher',
    breaks: 'B7',
    why: '256 watchers cost 256 times what one costs',
    test: 'told-alike',
    edits: [{ file: 'wire/shared.ts', find: 'if (known === null) texts.set(part, text)', replace: '' }],
  },
  {
    name: 'an event goes out under the number of another watch',
    breaks: 'B7',
    why: 'a reader is told nothing, or what it did not ask for',
    test: 'told-alike',
    edits: [
      {
        file: 'lockserver/event-log.ts',
        find: 'if (kept.message?.[1] === number)',
        replace: 'if (kept.message !== null)',
      },
    ],
  },
  {
    name: 'a row of the lock table copies its crowd',
    breaks: 'B2',
    why: 'a page of a few rows walks over hundreds of thousands of holders',
    test: 'crowd-pages',
    edits: [
      {
        file: 'lockserver/pages/table-page.ts',
        find: 'firstOf(queue).map(',
        replace: '[...queue].slice(0, peoplePerLockMax).map(',
      },
    ],
  },
  {
    name: 'why follows every wait of every holder',
    breaks: 'B2',
    why: 'thousands of holders with thousands of waits each are walked for one page',
    test: 'crowd-pages',
    edits: [
      {
        file: 'lockserver/pages/why-page.ts',
        find: 'if (names.size > whyMax || waitsLeft-- <= 0) break',
        replace: '',
      },
    ],
  },
  {
    name: 'connections of a principal count for its address',
    breaks: 'B7',
    why: 'one principal on many machines takes all connections, and those of one machine stand in for each other',
    test: 'edge',
    edits: [
      {
        file: 'wire/net/edge.ts',
        find: 'return principal === undefined ? address :',
        replace: 'return principal === undefined || principalPrefix !== null ? address :',
      },
    ],
  },
  {
    name: 'no edge hears whose a connection is',
    breaks: 'B7',
    why: 'the quotas of principals hold nowhere',
    test: 'principal-quotas',
    edits: [
      {
        file: 'wire/net/visitor.ts',
        find: 'this.#edge.admit(this, from, this.#runtime.monotonic(), principal)',
        replace: 'this.#edge.admit(this, from, this.#runtime.monotonic(), principal === null ? null : null)',
      },
    ],
  },
]
