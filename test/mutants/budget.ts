// Planted bugs of the budgets: what one peer may cost, and what is half ended.

import type { Mutant } from './mutant.ts'

const table = 'lockserver/state/lock-table.ts'

export const budget: readonly Mutant[] = [
  {
    name: 'a session that is half ended is granted what it waits for',
    breaks: 'B2, L3',
    why: 'a lock goes to a session that is over, and is taken away again',
    test: 'budget',
    edits: [
      {
        file: table,
        find: 'next === null || next.session.endReason !== undefined',
        replace: 'next === null',
      },
    ],
  },
  {
    name: 'a copy without what is unfinished',
    breaks: 'B2, R3',
    why: 'the new backup has locks of sessions that it does not know to be over, for good',
    edits: [
      {
        file: 'lockserver/state/snapshot.ts',
        find: '...unfinishedRecords(state.table.unfinished)]',
        replace: ']',
      },
    ],
  },
  {
    name: 'a run of releases is one operation, however many wait for each',
    breaks: 'B1',
    why: 'a client that gives many wanted locks back at once keeps the primary from its pings',
    test: 'stalls',
    edits: [
      {
        file: 'lockserver/run-requests.ts',
        find: 'return waiters <= limits.changesPerOperationMax',
        replace: 'return waiters <= limits.changesPerOperationMax * 1000',
      },
    ],
  },
  {
    name: 'a run of steals is one operation, however many each of them evicts',
    breaks: 'B1',
    why: 'a client that steals many shared locks at once keeps the primary from its pings',
    test: 'stalls',
    edits: [
      {
        file: 'lockserver/run-requests.ts',
        find: "return run[4] !== 'steal'",
        replace: 'return true',
      },
    ],
  },
  {
    name: 'a copy believes how its sender counted',
    breaks: 'B4',
    why: 'a wrong count goes from copy to copy, and the limit is reached too early or never',
    test: 'rules-snapshot',
    edits: [
      {
        file: 'lockserver/state/snapshot.ts',
        find: '    state.opNumber = header.opNumber',
        replace: '    state.table.tally.bytes = header.bytes\n    state.opNumber = header.opNumber',
      },
    ],
  },
  {
    name: 'a promoted primary does not go on',
    breaks: 'B2',
    why: 'what a dead session holds is held for ever',
    test: 'budget',
    edits: [
      {
        file: 'lockserver/overdue.ts',
        find: 'if (!this.#state.table.isUnfinished) return',
        replace: 'if (!this.#state.table.isUnfinished || !this.#proposals.went) return',
      },
      {
        file: 'lockserver/proposals.ts',
        find: "case 'dropped': this.#leases.forget(fact.session)",
        replace: "case 'dropped':\n        this.went = true\n        this.#leases.forget(fact.session)",
      },
      {
        file: 'lockserver/proposals.ts',
        find: '#cost = 0 constructor',
        replace: '#cost = 0\n  went = false\n\n  constructor',
      },
    ],
  },
  {
    name: 'a steal from a crowd does not wait',
    breaks: 'B2, L1',
    why: 'the thief has the lock while others hold it still',
    test: 'budget',
    edits: [
      {
        file: table,
        find: 'return false\n    }\n    for (const hold of lock.holders)',
        replace: 'return true\n    }\n    for (const hold of lock.holders)',
      },
    ],
  },
  {
    name: 'a client has no budget',
    breaks: 'B1',
    why: 'one frame keeps everybody else waiting',
    test: 'budget',
    edits: [
      {
        file: 'lockserver/turns.ts',
        find: 'frame.next < frame.requests.length && spent < clientTurnCostMax && this.#left > 0',
        replace: 'frame.next < frame.requests.length',
      },
    ],
  },
  {
    name: 'a turn has a second for what peers ask',
    breaks: 'B1',
    why: 'many frames at once, each within its limits, keep a server from its pings',
    test: 'turn-time',
    edits: [
      {
        file: 'wire/limits.ts',
        find: 'export let turnMsMax = 8',
        replace: 'export let turnMsMax = 1_000',
      },
    ],
  },
  {
    name: 'a turn takes as long as it likes',
    breaks: 'B1',
    why: 'many frames at once, each within its limits, keep a server from its pings',
    test: 'turn-time',
    edits: [
      {
        file: 'wire/net/turn-time.ts',
        find: 'return this.#runtime.monotonic() - this.#began >= turnMsMax',
        replace: 'return this.#runtime.monotonic() < this.#began',
      },
    ],
  },
  {
    name: 'a frame that waits is read as soon as its client is heard again',
    breaks: 'B1',
    why: 'a client that the core has paused is read on',
    test: 'turn-time',
    edits: [
      {
        file: 'wire/net/connection.ts',
        find: 'if (!this.#paused) this.#socket.unpause?.()',
        replace: 'this.#socket.unpause?.()',
      },
    ],
  },
  {
    name: 'the end overtakes frames that wait',
    breaks: 'B1, S1',
    why: 'a release that was sent is never done',
    test: 'turn-time',
    edits: [
      {
        file: 'wire/net/connection.ts',
        find: 'if (this.#kept.length === 0) this.#ended(reason, error)',
        replace: 'if (this.#kept.length >= 0) this.#ended(reason, error)',
      },
    ],
  },
  {
    name: 'a long answer goes out in one turn',
    breaks: 'B1',
    why: 'an answer of 11 MB takes a fifth of a second to encode',
    test: 'turn-time',
    edits: [
      {
        file: 'wire/net/connection.ts',
        find: 'if (this.#outgoing.length > 0 && !this.#maySend) return true',
        replace: '',
      },
    ],
  },
  {
    name: 'the first frame of each connection goes out at once',
    breaks: 'B1',
    why: 'answers for some thousand clients are encoded and written in one turn',
    test: 'turn-time',
    edits: [
      {
        file: 'wire/net/connection.ts',
        find: 'if (!this.#maySend) {',
        replace: 'if (this.#over) {',
      },
    ],
  },
  {
    name: 'what is due waits behind what is to be read',
    breaks: 'B1',
    why: 'a server that is late with its answers reads ever more questions',
    test: 'turn-time',
    edits: [
      {
        file: 'wire/net/turn-time.ts',
        find: '[this.#due, this.#quick, this.#slow]',
        replace: '[this.#quick, this.#slow, this.#due]',
      },
    ],
  },
  {
    name: 'what comes is read before what waits',
    breaks: 'B1, B7',
    why: 'a turn has its time twice, and those who wait are overtaken for ever',
    test: 'turn-time',
    edits: [
      {
        file: 'wire/net/turn-time.ts',
        find: 'return !this.#over && this.#waiting === 0',
        replace: 'return !this.#over',
      },
    ],
  },
  {
    name: 'a turn has its time anew in its middle',
    breaks: 'B1',
    why: 'a turn reads, does pieces and sends for as long as each of them may',
    test: 'turn-time',
    edits: [{ file: 'wire/net/turn-time.ts', find: 'if (!this.#open) this.end()', replace: 'this.end()' }],
  },
  {
    name: 'what took long waits beside the rest',
    breaks: 'B7',
    why: 'a client with one small question waits for 150 large ones',
    test: 'turn-time',
    edits: [
      {
        file: 'wire/net/turn-time.ts',
        find: 'what.large === true || this.#tookLong.has(what)',
        replace: 'what.large === true',
      },
    ],
  },
  {
    name: 'what is large waits beside the rest',
    breaks: 'B1, B7',
    why: 'a client with one small question waits for a piece of each of 120 long answers',
    test: 'turn-time',
    edits: [
      {
        file: 'wire/net/turn-time.ts',
        find: 'what.large === true || this.#tookLong.has(what)',
        replace: 'this.#tookLong.has(what)',
      },
    ],
  },
  {
    name: 'a server that steps down closes when it has time',
    breaks: 'R5',
    why: 'clients of a primary that was deposed wait for it',
    test: 'turn-time',
    edits: [
      {
        file: 'wire/net/connection.ts',
        find: 'if (closing === null) return const reason',
        replace: 'if (closing === null || closing.number > 0) return\n    const reason',
      },
    ],
  },
  {
    name: 'events for all watchers go out in one turn',
    breaks: 'B1',
    why: '256 watches of everything keep a primary from its pings',
    test: 'watch-shares',
    edits: [
      {
        file: 'lockserver/watches.ts',
        find: 'let left = eventsTurnMax',
        replace: 'let left = Number.POSITIVE_INFINITY + 0 * eventsTurnMax',
      },
    ],
  },
  {
    name: 'the watcher that was told last is told first',
    breaks: 'B7',
    why: 'a watcher with much to hear keeps the others waiting',
    test: 'watch-shares',
    edits: [
      {
        file: 'lockserver/watches.ts',
        find: 'this.#watchers.delete(watcher.client) this.#watchers.set(watcher.client, watcher)',
        replace: '',
      },
    ],
  },
  {
    name: 'whoever falls behind is not told how much it misses',
    breaks: 'B7, R1',
    why: 'a reader believes to know all that happened',
    test: 'watch-shares',
    edits: [
      {
        file: 'lockserver/watches.ts',
        find: 'if (concerns(watch, watcher.next, name)) watch.missed++',
        replace: 'if (concerns(watch, watcher.next, name)) watch.told++',
      },
    ],
  },
  {
    name: 'the answer of a query overtakes events',
    breaks: 'R1',
    why: 'a reader is told of what it has seen in the answer already, as if it were new',
    test: 'watch',
    edits: [
      {
        file: 'lockserver/audience.ts',
        find: "if (message[0] === 'locks') this.#watches.catchUp(client)",
        replace: '',
      },
    ],
  },
  {
    name: 'what had come before a connection ended is dropped',
    breaks: 'B1, S1',
    why: 'a release that was sent is never done',
    test: 'budget',
    edits: [
      {
        file: 'lockserver/turns.ts',
        find: 'if (waiting !== undefined) waiting.closed = true return waiting === undefined',
        replace: 'this.#waiting.delete(client)\n    return true',
      },
    ],
  },
  {
    name: 'a state without a limit',
    breaks: 'B4',
    why: 'both copies die of the same allocation',
    test: 'budget',
    edits: [
      {
        file: 'lockserver/state/state.ts',
        find: 'if (this.bytes + bytes > this.limits.stateBytesMax) return',
        replace: 'if (this.bytes < 0) return',
      },
    ],
  },
]
