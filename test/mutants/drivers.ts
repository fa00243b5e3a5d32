// Planted bugs in what runs the cores: the driver, its connections, the hello check, sessions and their
// calls, and both servers around their cores.

import type { Mutant } from './mutant.ts'

export const drivers: readonly Mutant[] = [
  {
    name: 'the end of a turn is planned once',
    breaks: 'R1',
    why: 'After the first turn no decided operation goes to the backup, and no view is decided.',
    edits: [
      {
        file: 'wire/net/driver.ts',
        find: 'this.#turnEnds = false\n      this.connections.gather',
        replace: 'this.connections.gather',
      },
    ],
  },
  {
    name: 'the tick timer is set once',
    breaks: 'V7',
    why: 'A server pings once and is believed dead.',
    edits: [
      {
        file: 'wire/net/driver.ts',
        find: 'this.every(ms, input)\n      this.stepAfterTurn(input)',
        replace: 'this.stepAfterTurn(input)',
      },
    ],
  },
  {
    name: 'what a core hears while its effects are done is dropped',
    breaks: 'R1',
    why: 'The core never learns of a connection that is closed in the middle of a step.',
    edits: [
      {
        file: 'wire/net/driver.ts',
        find: 'if (!this.#over) this.#waiting.push(input)',
        replace: 'if (this.#over) this.#waiting.push(input)',
      },
    ],
  },
  {
    name: 'the driver keeps the core that has stepped down',
    breaks: 'V5',
    why: 'The old core still gets inputs, with the state that it has given up.',
    edits: [
      {
        file: 'lockserver/running.ts',
        find: 'this.#driver.become(this.#core)',
        replace: '',
      },
    ],
  },
  {
    name: 'a step-down leaves the connections open',
    breaks: 'R5',
    why: 'Clients of the old core wait on connections on which no core answers.',
    edits: [
      {
        file: 'lockserver/running.ts',
        find: "this.#driver.connections.closeAll('STEPPED_DOWN', reason)",
        replace: '',
      },
    ],
  },
  {
    name: 'a record counts as saved when its write has failed',
    breaks: 'V6',
    why: 'The server announces a view that is not on the disk.',
    edits: [
      {
        file: 'viewservice/running.ts',
        find: '#saving: PromiseLike<void> = Promise.resolve()',
        replace: '#saving: PromiseLike<void> = Promise.resolve()\n  #last: Stored | null = null',
      },
      {
        file: 'viewservice/running.ts',
        find: 'const began = this.#runtime.monotonic()',
        replace: "const began = this.#runtime.monotonic()\n    this.#last = { record, version: '' }",
      },
      {
        file: 'viewservice/running.ts',
        find: 'else this.#fail(error)',
        replace: "else if (this.#last !== null) this.#driver.step({ is: 'written', stored: this.#last })",
      },
    ],
  },
  {
    name: 'a record counts as saved when its write begins',
    breaks: 'V6',
    why: 'A view server that dies before the end of the write makes the same view another time.',
    edits: [
      {
        file: 'viewservice/running.ts',
        find: 'const began = this.#runtime.monotonic()',
        replace:
          "const began = this.#runtime.monotonic()\n    const stored = { record, version: '' }\n    this.#runtime.afterTurn(() => this.#driver.step({ is: 'written', stored }))",
      },
      {
        file: 'viewservice/running.ts',
        find: "return { is: 'written', stored }",
        replace: "return { is: 'turn-end' }",
      },
    ],
  },
  {
    name: 'frames of one turn out of order',
    breaks: 'R2, S2',
    why: 'The last message of a turn arrives first.',
    edits: [
      {
        file: 'wire/net/connection.ts',
        find: 'this.#outgoing.push(message)\n    this.#size',
        replace: 'this.#outgoing.unshift(message)\n    this.#size',
      },
    ],
  },
  {
    name: 'a connection closes before what was to be said',
    breaks: 'F13',
    why: 'The peer learns no reason, and misses the answers of the turn.',
    edits: [
      {
        file: 'wire/net/connection.ts',
        find: 'this.flush()\n    this.#over = true\n    this.#dropKept()',
        replace: 'this.#outgoing = []\n    this.#over = true\n    this.#dropKept()',
      },
    ],
  },
  {
    name: 'something is said behind the error',
    breaks: 'F13',
    why: 'The answers of the turn come behind the error that closes the connection.',
    edits: [
      {
        file: 'wire/net/connection.ts',
        find: "this.#outgoing.push(['error', code, text.slice(0, 2_000).toWellFormed()])",
        replace: "this.#outgoing.unshift(['error', code, text.slice(0, 2_000).toWellFormed()])",
      },
    ],
  },
  {
    name: 'the flush is planned once for each connection',
    breaks: 'R1',
    why: 'From the second turn on nothing leaves but what another cause flushes.',
    edits: [
      {
        file: 'wire/net/connection.ts',
        find: 'this.#flushPlanned = false\n        this.flush()',
        replace: 'this.flush()',
      },
      {
        file: 'wire/net/connections.ts',
        find: 'if (this.#unflushed.length === 1 && !this.#gathering) this.#runtime.afterTurn(() => this.flush())',
        replace: '',
      },
      {
        file: 'wire/net/driver.ts',
        find: 'this.connections.gather(() => this.step(turnEnd))',
        replace: 'this.step(turnEnd)',
      },
    ],
  },
  {
    name: 'a turn that gathers never ends',
    breaks: 'R1',
    why: 'From the second turn on an answer leaves only with something else.',
    edits: [{ file: 'wire/net/connections.ts', find: 'this.#gathering = false\n    }', replace: '}' }],
  },
  {
    name: 'an accepted connection is forgotten',
    breaks: 'R1',
    why: 'Its messages reach no core.',
    edits: [
      {
        file: 'wire/net/connections.ts',
        find: "connection.gathered = true\n    const { principal } = proven\n    this.#open.set(number, connection)\n    if (principal !== null) this.#provenAs(number, proven)\n    this.#hear({ is: 'accepted', connection: number, cluster, from, owner, remote, principal })",
        replace:
          "connection.gathered = true\n    const { principal } = proven\n    this.#hear({ is: 'accepted', connection: number, cluster, from, owner, remote, principal })\n    this.#open.set(number, connection)",
      },
    ],
  },
  {
    name: 'the end of a connection is not told',
    breaks: 'F10',
    why: 'The core goes on speaking to a peer that is gone.',
    edits: [
      {
        file: 'wire/net/connections.ts',
        find: 'if (!this.#forget(number)) return',
        replace: 'if (this.#open.delete(number)) return',
      },
    ],
  },
  {
    name: 'a dial that failed is not told',
    breaks: 'F4',
    why: 'The core waits for a connection that never opens.',
    edits: [
      {
        file: 'wire/net/connections.ts',
        find: 'failed: (refused: boolean, trouble: Trouble) => this.#closed(number, refused, trouble),',
        replace: 'failed: () => {},',
      },
    ],
  },
  {
    name: 'of the dials of one turn only the first is made',
    breaks: 'F4',
    why: 'The others are never answered.',
    edits: [
      {
        file: 'wire/net/connections.ts',
        find: 'for (const dial of [...this.#dials.values()]) if (this.#dials.delete(dial.connection)) this.#dial(dial)',
        replace:
          'for (const dial of [...this.#dials.values()].slice(0, 1)) this.#dial(dial)\n    this.#dials.clear()',
      },
    ],
  },
  {
    name: 'a lock server is let in by another one',
    breaks: 'F13',
    why: 'The check of the hello forgets one kind of peer.',
    edits: [
      {
        file: 'wire/net/hello.ts',
        find: "if (from.kind === 'probe') return 'opening'",
        replace: "if (from.kind === 'probe' || from.kind === 'lockserver') return 'opening'",
      },
    ],
  },
  {
    name: 'the next wire version is let in',
    breaks: 'F13',
    why: 'A peer that speaks another protocol is listened to.',
    edits: [
      {
        file: 'wire/codec.ts',
        find: '!Number.isSafeInteger(version) || version === wireVersion',
        replace: '!Number.isSafeInteger(version) || (version as number) >= wireVersion',
      },
    ],
  },
  {
    name: 'a peer without a secret is let in',
    breaks: 'F13',
    why: 'A wrong secret is refused, and a missing one is not.',
    edits: [
      {
        file: 'wire/net/hello.ts',
        find: 'const proven = this.#guard.prove(from.kind, proof)',
        replace:
          'const proven = proof === null ? { principal: null, hash: null } : this.#guard.prove(from.kind, proof)',
      },
    ],
  },
  {
    name: 'calls of a turn are never passed on',
    breaks: 'S1',
    why: 'They wait until the session gets another input.',
    edits: [
      {
        file: 'client/session-driver.ts',
        find: 'this.#driver.connections.gather(() => this.#passCalls())',
        replace: 'this.#driver.connections.flush()',
      },
    ],
  },
  {
    name: 'a call overtakes those of its turn',
    breaks: 'S2',
    why: 'An end or an abort arrives before the calls that were made before it.',
    edits: [
      {
        file: 'client/session-driver.ts',
        find: 'this.#passCalls()\n    this.#driver.step(input)',
        replace: 'this.#driver.step(input)\n    this.#passCalls()',
      },
    ],
  },
  {
    name: 'a timer that was early is not set again',
    breaks: 'S4',
    why: 'The core is never woken for its renewal.',
    edits: [
      {
        file: 'client/session-driver.ts',
        find: 'if (wakeAt !== null && wakeAt > this.#runtime.monotonic()) this.#setTimer()',
        replace: 'if (wakeAt !== null && wakeAt > this.#runtime.monotonic()) return',
      },
    ],
  },
  {
    name: 'an earlier wake-up sets no earlier timer',
    breaks: 'S4',
    why: 'The session sleeps past the time that its core asked for.',
    edits: [
      {
        file: 'client/session-driver.ts',
        find: 'else if (wakeAt < this.#timerAt) {',
        replace: 'else if (this.#timer === undefined) {',
      },
    ],
  },
  {
    name: 'a call with a time limit never settles',
    breaks: 'S1',
    why: 'Its promise is left as it is when the answer comes.',
    edits: [
      {
        file: 'client/pending.ts',
        find: 'if (this.limited) this.#unwatch()\n    this.#resolve(value)',
        replace: 'if (this.limited) return this.#unwatch()\n    this.#resolve(value)',
      },
    ],
  },
  {
    name: 'a time limit passes unheard',
    breaks: 'S1',
    why: 'The call waits for as long as the lock is held.',
    edits: [
      {
        file: 'client/pending.ts',
        find: 'this.#timer = this.#runtime.after(timeout, () => this.#giveUp(true))',
        replace: 'this.#timer = this.#runtime.after(timeout, () => {})',
      },
    ],
  },
  {
    name: 'why a dial failed is lost on its way',
    breaks: 'F1',
    why: 'a user hears that a server can not be reached, and not that its certificate is not trusted',
    test: 'reasons',
    edits: [
      {
        file: 'wire/net/connections.ts',
        find: '...(trouble !== undefined && { trouble }),',
        replace: '...(trouble === undefined && { trouble: notDialable }),',
      },
    ],
  },
  {
    name: 'a lock server keeps to itself why it reaches no view server',
    breaks: 'F9',
    why: 'an operator finds nothing in its log',
    test: 'reasons',
    edits: [
      {
        file: 'lockserver/view-link.ts',
        find: "this.#out.note('warn', 'the view server is not reached', { url: this.#address, code, reason: text })",
        replace: 'void code + text',
      },
    ],
  },
  {
    name: 'what a peer sends gets into the log as it comes',
    breaks: 'B8',
    why: 'a stranger writes lines into the log, or colours into a terminal',
    test: 'reasons',
    edits: [
      {
        file: 'wire/net/trouble.ts',
        find: "replace(/\\p{Cc}/gu, '')",
        replace: "replace(/never/gu, '')",
      },
    ],
  },
  {
    name: 'a client takes every server for a lock server',
    breaks: 'F13',
    why: 'what a view server says to a client is refused as a message of no lock server',
    test: 'wire-connection',
    edits: [
      {
        file: 'wire/net/dial.ts',
        find: "=== 'serverToClient' && message?.[0] === 'welcome'",
        replace: "=== 'serverToClient' && message?.[0] === 'error'",
      },
    ],
  },
]
