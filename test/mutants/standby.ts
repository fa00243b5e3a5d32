// Planted bugs of standby view servers and of the active mark in a folder: who decides, and who tells whom.

import type { Mutant } from './mutant.ts'

export const standby: readonly Mutant[] = [
  {
    name: 'marks of two owners are one if their versions are',
    breaks: 'E3',
    why: 'after its store was put back, a standby takes the mark from an active one that it never met',
    test: 'seats',
    edits: [
      {
        file: 'viewservice/active-link.ts',
        find: 'return to?.version === this.#to?.version && to?.address === this.#to?.address',
        replace: 'return to?.version === this.#to?.version',
      },
    ],
  },
  {
    name: 'a save is tried again before the mark is looked at',
    breaks: 'E3',
    why: 'a view server whose mark has lapsed asks the store once more to save what it has decided',
    test: 'seats',
    edits: [
      {
        file: 'viewservice/seat.ts',
        find: `    this.#allow()
    this.#onStanding(this.#candidacy.tick(now))
    this.#keeping.tick()
`,
        replace: `    this.#keeping.tick()
    this.#allow()
    this.#onStanding(this.#candidacy.tick(now))
`,
      },
    ],
  },
  {
    name: 'lock servers stay where the mark has lapsed',
    breaks: 'E5',
    why: 'the next active view server waits in vain for servers that ping the old one',
    test: 'seats',
    edits: [
      {
        file: 'viewservice/seat.ts',
        find: "if (standing === 'lapsed') this.#sendServersAway()",
        replace: "if (standing === 'lapsed') this.#candidacy.giveUp()",
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
        find: 'if (this.#owner.passOn(connection, message)) return',
        replace: '',
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
  {
    name: 'a standby keeps new records to itself',
    breaks: 'E5',
    why: 'who is connected to a standby never learns of the next view',
    test: 'seats',
    edits: [
      {
        file: 'viewservice/seat.ts',
        find: "if (kept.is === 'found') this.#give(this.#inner.follow(kept.record))",
        replace: "if (kept.is === 'found') this.#inner.follow(kept.record)",
      },
    ],
  },
  {
    name: 'a standby does not read the store for a later view',
    breaks: 'V6',
    why: 'it tells of an old view for as long as the store says nothing',
    test: 'seats',
    edits: [
      {
        file: 'viewservice/standby.ts',
        find: 'if (ping.view > this.#viewNumber(ping.group)) this.#owner.look()',
        replace: 'if (ping.view < 0) this.#owner.look()',
      },
    ],
  },
  {
    name: 'a standby tells only lock servers of a new view',
    breaks: 'E5',
    why: 'clients at a standby go on with the primary that is dead',
    test: 'seats',
    edits: [
      {
        file: 'viewservice/standby.ts',
        find: "if (this.#clients.has(connection)) this.#send(connection, ['view', view])",
        replace: 'if (this.#clients.has(connection)) return',
      },
    ],
  },
  {
    name: 'one that becomes a standby knows none of its peers',
    breaks: 'E5',
    why: 'who is connected gets no answer any more',
    test: 'seats',
    edits: [
      {
        file: 'viewservice/seat.ts',
        find: 'this.#inner = this.#newStandby() this.#introduceAll() this.#note',
        replace: 'this.#inner = this.#newStandby()\n    this.#note',
      },
    ],
  },
  {
    name: 'a standby that starts dials the active one with its first tick only',
    breaks: 'E5',
    why: 'until then it can answer no operator, and says that no view is made',
    test: 'seats',
    edits: [
      {
        file: 'viewservice/seat.ts',
        find: 'if (!this.#link.connected || !this.#link.isTo(this.#candidacy.other)) this.#keepLink(monotonic) return',
        replace: 'return',
      },
    ],
  },
  {
    name: 'a connection to the active one that ends is dialled with the next tick only',
    breaks: 'E3',
    why: 'a kill is found out a ping interval late: the failover takes that much longer',
    test: 'seats',
    edits: [
      {
        file: 'viewservice/active-link.ts',
        find: 'if (this.#to !== null && this.#cuts++ < cutsMax)',
        replace: 'if (this.#to !== null && this.#cuts++ < 0)',
      },
    ],
  },
  {
    name: 'a standby says that it has the mark',
    breaks: 'E5',
    why: 'lock servers ping it, and the active one takes them for dead',
    test: 'seats',
    edits: [
      {
        file: 'viewservice/standby.ts',
        find: 'longestTtlMs, 0, ttlMaxMs])',
        replace: 'longestTtlMs, 1, ttlMaxMs])',
      },
    ],
  },
  {
    name: 'a standby overlooks that a lock server knows a later view',
    breaks: 'V6',
    why: 'it tells its peers old views for as long as no change is seen in the store',
    test: 'seats',
    edits: [
      {
        file: 'viewservice/standby.ts',
        find: 'if (hello.view > this.#viewNumber(hello.group)) this.#owner.look()',
        replace: 'if (hello.view > this.#viewNumber(hello.group)) this.#now = this.#now + 0',
      },
    ],
  },
  {
    name: 'who came before the first record learns no cluster',
    breaks: 'E5',
    why: 'a lock server gets a view of a cluster that it was never welcomed to, and closes the connection',
    test: 'seats',
    edits: [
      {
        file: 'viewservice/standby.ts',
        find: 'if (this.#cluster !== before) this.#welcome(connection)\n      else {',
        replace: "if (this.#cluster === 'x') this.#welcome(connection)\n      else {",
      },
    ],
  },
  {
    name: 'a mark in a folder stands for ever once it was set',
    breaks: 'E3',
    why: 'one that froze goes on as if it were active, and no lock server of its own leaves it',
    test: 'store-contract',
    edits: [
      {
        file: 'viewservice/stores/file-marks.ts',
        find: 'if (this.#last() !== mark.number) throw taken()',
        replace: 'if (this.#last() < mark.number) throw taken()',
      },
    ],
  },
  {
    name: 'a mark in a folder outlives its process',
    breaks: 'E3',
    why: 'after a crash of the active one no view is made any more',
    test: 'store-contract',
    edits: [
      {
        file: 'viewservice/stores/file-marks.ts',
        find: 'if (found !== null && (await this.#isListenedTo(found.socket))) return',
        replace: 'if (found !== null) return',
      },
    ],
  },
]
