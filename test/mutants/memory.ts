// Planted bugs of what is kept though it is over, or forgotten though it is not.

import type { Mutant } from './mutant.ts'

export const memory: readonly Mutant[] = [
  {
    name: 'a listener that was taken back keeps its signal',
    breaks: 'S5',
    why: 'the signal of a long life collects a listener for each that came and went',
    test: 'client-parts',
    edits: [
      {
        file: 'client/events.ts',
        find: 'listeners.get(listener)?.unwatch()',
        replace: 'if (!listeners.has(listener)) return',
      },
    ],
  },
  {
    name: 'the guard forgets the name that came first, not the one used longest ago',
    breaks: 'F12',
    why: 'a name in constant use is forgotten, and its holder may be refused',
    test: 'client-parts',
    edits: [
      {
        file: 'client/fence-guard.ts',
        find: 'this.#seen.delete(name) this.#seen.set(name, seen)',
        replace: 'this.#seen.set(name, seen)',
      },
    ],
  },
  {
    name: 'the guard measures unknown names by what was forgotten in any slot',
    breaks: 'G3',
    why: 'a group whose tokens are behind those of another one is refused for good',
    test: 'fencing',
    edits: [
      {
        file: 'client/fence-guard.ts',
        find: 'this.#forgotten.get(slotOf(name)) ?? nothing',
        replace: '[...this.#forgotten.values()].reduce(floorOf, nothing)',
      },
    ],
  },
  {
    name: 'the guard remembers only the name of a slot that it forgot last',
    breaks: 'F12',
    why: 'an old token of a name that it forgot before is taken',
    test: 'fencing',
    edits: [
      {
        file: 'client/fence-guard.ts',
        find: 'floorOf(this.#forgotten.get(slot) ?? nothing, seen)',
        replace: 'floorOf(nothing, seen)',
      },
    ],
  },
  {
    name: 'a watch that is left keeps what it had',
    breaks: 'R1 watch',
    why: 'events that no reader will ever take stay in memory, and the next step still gets one',
    test: ['watch', 'watch-reader'],
    edits: [
      {
        file: 'client/watch.ts',
        find: 'this.#kept.length = 0 this.end()',
        replace: 'this.end()',
      },
    ],
  },
  {
    name: 'the newest unreachable address is forgotten, not the oldest',
    breaks: 'V7',
    why: 'with many strangers the backup itself is not reported',
    test: 'server-parts',
    edits: [
      {
        file: 'lockserver/backup-link.ts',
        find: 'const [oldest] = this.#unreachable.keys()',
        replace: 'const oldest = [...this.#unreachable.keys()].at(-1)',
      },
    ],
  },
  {
    name: 'a session that was heard while it was ended is never looked at again',
    breaks: 'S3',
    why: 'its lease is never over, should its client die just then',
    test: 'server-parts',
    edits: [
      {
        file: 'lockserver/expiry.ts',
        find: 'leases.lookAgain() continue',
        replace: 'continue',
      },
    ],
  },
  {
    name: 'sessions that rested are remembered for ever',
    breaks: 'S4',
    why: 'a server keeps a number for each client that it ever had',
    test: 'server-parts',
    edits: [
      {
        file: 'lockserver/leases.ts',
        find: 'this.#until.delete(session.ordinal) this.#resting.delete(session.ordinal)',
        replace: 'this.#until.delete(session.ordinal)',
      },
    ],
  },
  {
    name: 'the list of facts is emptied one fact early',
    breaks: 'R1',
    why: 'the last thing that an operation has done is told to nobody',
    test: 'server-parts',
    edits: [
      {
        file: 'lockserver/state/facts.ts',
        find: 'if (this.#taken === this.#count) {',
        replace: 'if (this.#taken >= Math.max(1, this.#count - 1)) {',
      },
    ],
  },
  {
    name: 'a name that is added twice is new twice',
    breaks: 'B4',
    why: 'two entries of one name take each other away',
    test: 'name-and-number-maps',
    edits: [
      {
        file: 'lockserver/state/name-map.ts',
        find: 'this.#places.set(name, place).size > sizeBefore',
        replace: 'this.#places.set(name, place).size >= sizeBefore',
      },
    ],
  },
  {
    name: 'a name that has its own place is added among the others, too',
    breaks: 'R3',
    why: 'a copy that has a lock twice is taken for whole',
    test: 'name-and-number-maps',
    edits: [
      {
        file: 'lockserver/state/name-map.ts',
        find: 'if (this.#places.has(name)) return false',
        replace: '',
      },
    ],
  },
  {
    name: 'a lock that comes where a search has been is not in the list',
    breaks: 'B1',
    why: 'a list of very many locks leaves out what was held before it was made',
    test: 'walk',
    edits: [
      {
        file: 'lockserver/state/lock-table.ts',
        find: 'this.#walker?.comes(lock)',
        replace: '',
      },
    ],
  },
  {
    name: 'of very many numbers a share leaves some out',
    breaks: 'B2, R4',
    why: 'a session that ends keeps some of its holds',
    test: 'name-and-number-maps',
    edits: [
      {
        file: 'lockserver/state/in-order.ts',
        find: 'limit = found[most - 1] as number',
        replace: 'limit = found[most >> 1] as number',
      },
    ],
  },
  {
    name: 'all parts of a table grow at once',
    breaks: 'B1',
    why: 'with a million entries one turn builds the whole table again',
    test: 'name-and-number-maps',
    edits: [
      {
        file: 'wire/parts.ts',
        find: 'Math.floor(parts * Math.log2(1 + slot / slots))',
        replace: 'Math.floor((parts * slot) / slots)',
      },
    ],
  },
  {
    name: 'names of one part have no bound',
    breaks: 'B1',
    why: 'who chooses names by their hash stops a server for as long as a table of all of them takes to grow',
    test: 'name-and-number-maps',
    edits: [
      {
        file: 'lockserver/state/name-parts.ts',
        find: 'if (part.size < namesMax) part.set(name, value)',
        replace: 'if (part.size < 1e9) part.set(name, value)',
      },
      {
        file: 'lockserver/state/name-parts.ts',
        find: 'sizeBefore < namesMax',
        replace: 'sizeBefore < 1e9',
      },
    ],
  },
  {
    name: 'a name that found no room in its part is not found again',
    breaks: 'S1',
    why: 'a lock that is held is granted once more',
    test: 'name-and-number-maps',
    edits: [
      {
        file: 'lockserver/state/name-parts.ts',
        find: 'return value === undefined && this.#behind !== null ? this.#behind.get(name) : value',
        replace: 'return value',
      },
    ],
  },
  {
    name: 'a number is put among the very many although it is there',
    breaks: 'S1',
    why: 'it is found after it was removed',
    test: 'name-and-number-maps',
    edits: [
      {
        file: 'wire/number-map.ts',
        find: 'if (this.#parts?.of(key).has(key)) return this.#parts.of(key).set(key, value)',
        replace: '',
      },
    ],
  },
  {
    name: 'a probe that no server answered is never asked again',
    breaks: 'V7',
    why: 'a lost server whose first probe was silent is found dead only by its pings',
    test: 'server-parts',
    edits: [
      {
        file: 'viewservice/probes.ts',
        find: 'this.#byConnection.delete(connection) this.#byPurpose[purpose].delete(server.id)',
        replace:
          "this.#byConnection.delete(connection)\n    if (purpose !== 'lost') this.#byPurpose[purpose].delete(server.id)",
      },
    ],
  },
  {
    name: 'old records stay in the folder',
    breaks: 'V6',
    why: 'the disk fills with one file for each view',
    test: ['view-store', 'view-reserve'],
    edits: [
      {
        file: 'viewservice/stores/file.ts',
        find: 'if (number > 0 && number <= upTo) remove',
        replace: 'if (number > 0 && number < upTo - keptMax) remove',
      },
    ],
  },
  {
    name: 'what is taken twice shrinks the map',
    breaks: 'S1',
    why: 'a map that is not empty says that it is',
    test: 'name-and-number-maps',
    edits: [
      {
        file: 'wire/number-map.ts',
        find: 'if (isHere) this.#remove(slot)',
        replace: 'if (isHere || this.#parts === null) this.#remove(slot)',
      },
    ],
  },
  {
    name: 'a removed entry takes its neighbour along',
    breaks: 'S1',
    why: 'an entry that stood behind the gap is not found any more',
    test: 'name-and-number-maps',
    edits: [
      {
        file: 'wire/number-map.ts',
        find: '((next - home) & mask) < ((next - gap) & mask)',
        replace: '((next - home) & mask) <= ((next - gap) & mask)',
      },
    ],
  },
  {
    name: 'a log keeps each line that it ever wrote',
    breaks: 'B4',
    why: 'a server with many strangers grows',
    test: 'processes/logs',
    edits: [
      {
        file: 'wire/serving/log.ts',
        find: 'if (told.size >= linesMax) told.clear()',
        replace: '',
      },
    ],
  },
]
