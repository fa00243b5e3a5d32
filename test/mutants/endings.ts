// Planted bugs of what runs the cores: connections that are closed, dialled, paused, servers that end.

import type { Mutant } from './mutant.ts'

export const endings: readonly Mutant[] = [
  {
    name: 'a client that was refused goes on',
    breaks: 'S1, F13',
    why: 'its calls never end, though it was told why they can not be done',
    edits: [
      {
        file: 'client/session/end.ts',
        find: 'this.over = true',
        replace: "this.over = reason !== 'refused'",
      },
    ],
  },
  {
    name: 'a session that was refused is abandoned by each later one',
    breaks: 'S4, B1',
    why: 'a client that a full cluster refuses asks for more work with each try',
    test: 'given-up',
    edits: [
      {
        file: 'client/session/end.ts',
        find: 'sending.count > answered',
        replace: 'sending.count > 0 * answered',
      },
    ],
  },
  {
    name: 'a refusal answers all opens of its session',
    breaks: 'S4',
    why: 'a session that an earlier open may have opened stays for as long as a lease lasts',
    test: 'given-up',
    edits: [
      {
        file: 'client/session/end.ts',
        find: 'sending.count > answered',
        replace: 'sending.count > 0 && answered === 0',
      },
    ],
  },
  {
    name: 'an open that was not answered is never ended',
    breaks: 'S4',
    why: 'the session stays on the servers until its lease ends, with all that it takes',
    test: 'given-up',
    edits: [
      {
        file: 'client/session/end.ts',
        find: 'if (!links.opened && sending.count > answered) this.#abandon()',
        replace: 'if (sending.count < 0) this.#abandon()',
      },
    ],
  },
  {
    name: 'a client that gives up while its open is under way ends nothing',
    breaks: 'S4',
    why: 'each connect that is given up leaves a session',
    test: 'given-up',
    edits: [
      {
        file: 'client/session/end.ts',
        find: 'unopened(): void { this.#sayAbandon()',
        replace: 'unopened(): void {',
      },
    ],
  },
  {
    name: 'a session that ran out is not ended by the next one',
    breaks: 'S4',
    why: 'the locks that it gave up stay held until the servers miss it',
    test: 'next-sessions',
    edits: [
      {
        file: 'client/session/end.ts',
        find: "if (reason === 'EXPIRED') this.#abandon()",
        replace: "if (reason !== 'EXPIRED') this.#abandon()",
      },
    ],
  },
  {
    name: 'a server that has shown life is given up all the same',
    breaks: 'F10',
    why: 'every quiet connection is closed after its question was answered',
    test: 'client-connections',
    edits: [
      {
        file: 'client/session/route.ts',
        find: 'link.heardAt = now.monotonic link.echoAt = null',
        replace: 'link.heardAt = now.monotonic',
      },
    ],
  },
  {
    name: 'a peer that the core has closed is still heard',
    breaks: 'R5',
    why: 'what comes of a closed connection is taken for its peer',
    test: 'server-parts',
    edits: [
      {
        file: 'lockserver/outbox.ts',
        find: "this.#peers.delete(connection) this.#effects.push({ do: 'close'",
        replace: "this.#effects.push({ do: 'close'",
      },
    ],
  },
  {
    name: 'the rehearsal lets the first primary live',
    breaks: 'V7',
    why: 'a failover is done for the first time when it counts',
    test: 'rehearsal',
    edits: [
      {
        file: 'lockserver/rehearsal.ts',
        find: 'first.running.kill() this.#tell',
        replace: 'this.#tell',
      },
    ],
  },
  {
    name: 'the rehearsal asks for nothing again',
    breaks: 'S1',
    why: 'no backup ever answered a repeat before it had to',
    test: 'rehearsal',
    edits: [
      {
        file: 'lockserver/rehearsal.ts',
        find: 'this.#number + 1, [from, to]], ...unheard]',
        replace: 'this.#number + 1, [from, to]]]',
      },
    ],
  },
  {
    name: 'the rehearsal ends without a new backup',
    breaks: 'R3',
    why: 'the copy of a state is made for the first time when it counts',
    test: 'rehearsal',
    edits: [
      {
        file: 'lockserver/rehearsal.ts',
        find: 'this.#enter(4, second, third)',
        replace: 'this.#enter(4, second, null)',
      },
    ],
  },
  {
    name: 'a server that found its state broken ends as if in order',
    breaks: 'R4',
    why: 'a supervisor that restarts what has failed leaves it down',
    test: 'server-parts',
    edits: [
      {
        file: 'lockserver/running.ts',
        find: "this.#end(1, 'INTERNAL', 'the server found its own state broken')",
        replace: "this.#end(0, 'INTERNAL', 'the server found its own state broken')",
      },
    ],
  },
  {
    name: 'a server says that it has ended while it still listens',
    breaks: 'F8',
    why: 'a restart at the same address finds the port taken',
    test: 'processes/cli-servers',
    edits: [
      {
        file: 'lockserver/server.ts',
        find: 'Promise.all([closed, journal]).then(() => this.#setEnded(status))',
        replace: 'Promise.all([closed, journal]).then(() => {})\n    this.#setEnded(status)',
      },
    ],
  },
  {
    name: 'a server dials out under the address that it listens on',
    breaks: 'V5',
    why: "behind a proxy its peers are told an address that they can't reach",
    test: 'processes/cli-servers',
    edits: [
      {
        file: 'lockserver/server.ts',
        find: 'address: this.advertised,',
        replace: 'address: this.address,',
      },
    ],
  },
  {
    name: 'a view server that is gone still counts as connected',
    breaks: 'F9',
    why: 'a primary waits for a record that nobody makes',
    test: 'server-parts',
    edits: [
      {
        file: 'lockserver/view-link.ts',
        find: 'this.#connection = null this.#welcomed = false this.#mark = 0',
        replace: 'this.#connection = null\n    this.#mark = 0',
      },
    ],
  },
  {
    name: 'the probes of a view server name no cluster',
    breaks: 'V5',
    why: 'a server of another cluster at the address answers, instead of refusing',
    test: 'server-parts',
    edits: [
      {
        file: 'viewservice/outbox.ts',
        find: 'address: server.address,\n      cluster,',
        replace: "address: server.address,\n      cluster: cluster === '' ? cluster : null,",
      },
    ],
  },
  {
    name: 'a dial that was cut shows that the process is gone',
    breaks: 'V7',
    why: 'one lost packet takes a living server for dead',
    test: 'server-parts',
    edits: [
      {
        file: 'viewservice/probes.ts',
        find: "outcome: refused ? { is: 'refused' }",
        replace: "outcome: refused || probe.ticks > 0 ? { is: 'refused' }",
      },
    ],
  },
  {
    name: 'a view server is closed before its last record is written',
    breaks: 'V6',
    why: 'the next one in the folder begins while this one writes',
    test: 'view-server',
    edits: [
      {
        file: 'viewservice/server.ts',
        find: 'await this.running.saving await kept',
        replace: 'await kept',
      },
    ],
  },
  {
    name: 'an embedder is not told that its view server has ended',
    breaks: 'V6',
    why: 'a program with a view server in it goes on without one',
    test: ['view-server', 'view-store'],
    edits: [
      {
        file: 'viewservice/server.ts',
        find: 'this.#closed.then( () => this.#options.onFatal(error), () => this.#options.onFatal(error), )',
        replace: 'this.#closed.catch(() => this.#options.onFatal(error))',
      },
    ],
  },
  {
    name: 'a record under another number is believed',
    breaks: 'V6',
    why: 'a file that was copied by hand is taken for the newest record',
    test: ['view-store', 'view-record'],
    edits: [
      {
        file: 'viewservice/stores/file.ts',
        find: 'if (record.record !== number) throw',
        replace: 'if (record.record > number) throw',
      },
    ],
  },
  {
    name: 'a store that was closed fills its reserve again',
    breaks: 'V6',
    why: 'a view server that is gone still writes to its folder',
    test: ['view-store', 'view-reserve'],
    edits: [
      {
        file: 'viewservice/stores/file.ts',
        find: 'if (this.#isClosed) return',
        replace: '',
      },
    ],
  },
  {
    name: 'an error of a newer server counts as definite',
    breaks: 'S1',
    why: 'a program asks again for what was done already',
    test: 'client-calls',
    edits: [
      {
        file: 'wire/errors.ts',
        find: 'return Object.hasOwn(errors, code) && errors[code as ErrorCode].definite',
        replace: 'return !Object.hasOwn(errors, code) || errors[code as ErrorCode].definite',
      },
    ],
  },
  {
    name: 'one refused address of several is a refusal',
    breaks: 'V7',
    why: 'a server whose name has an IPv6 address that refuses is taken for gone',
    test: 'sockets-alone',
    edits: [
      {
        file: 'wire/net/trouble.ts',
        find: 'error.errors.every(isRefused)',
        replace: 'error.errors.some(isRefused)',
      },
    ],
  },
  {
    name: 'a server waits for peers that do not answer its close',
    breaks: 'F8',
    why: "a server can't be restarted while one client hangs",
    test: ['wire-connection', 'driver'],
    edits: [
      {
        file: 'wire/net/listen.ts',
        find: 'const cut = setTimeout(() => { for (const socket of sockets.clients) socket.terminate()',
        replace: 'const cut = setTimeout(() => {',
      },
    ],
  },
  {
    name: 'a turn of a rehearsal runs at once',
    breaks: 'F1',
    why: 'a core is stepped in the middle of its own step',
    test: 'rehearsal',
    edits: [
      {
        file: 'wire/net/memory-runtime.ts',
        find: 'this.#turns.push(run)',
        replace: 'run()',
      },
    ],
  },
  {
    name: 'all rehearsed servers have one id',
    breaks: 'V5',
    why: 'a primary and its backup are taken for one server',
    test: 'rehearsal',
    edits: [
      {
        file: 'wire/net/memory-runtime.ts',
        find: 'return randomId()',
        replace: "return randomId().replace(/./g, '7')",
      },
    ],
  },
  {
    name: 'a rehearsed dial opens before its owner listens',
    breaks: 'F1',
    why: 'the client of a rehearsal never says hello',
    test: 'rehearsal',
    edits: [
      {
        file: 'wire/net/memory-socket.ts',
        find: 'dialling.afterTurn(() => dialled.begin())',
        replace: 'dialled.begin()',
      },
    ],
  },
  {
    name: 'a quiet timer keeps a process alive',
    breaks: 'F12',
    why: 'a program does not end until each of its timers has fired',
    test: ['processes/signals', 'edge-sockets'],
    edits: [
      {
        file: 'wire/net/runtime-node.ts',
        find: 'setTimeout(run, ms).unref()',
        replace: 'setTimeout(run, ms)',
      },
    ],
  },
  {
    name: 'a page cancels no timer',
    breaks: 'F12',
    why: 'each call in a page that has its answer still times out later',
    test: 'sockets-alone',
    edits: [
      {
        file: 'wire/net/runtime-web.ts',
        find: 'clearTimeout((timer as PageTimer | undefined)?.number)',
        replace: 'clearTimeout(timer as unknown as number)',
      },
    ],
  },
  {
    name: 'a page gives up a connection that is open',
    breaks: 'F1',
    why: 'after five seconds each connection of a page is closed',
    test: 'sockets-alone',
    edits: [
      {
        file: 'wire/net/web-socket.ts',
        find: 'clearTimeout(timer) handlers.opened()',
        replace: 'handlers.opened()',
      },
    ],
  },
  {
    name: 'what is paused for one reason is read for the other',
    breaks: 'B1, B7',
    why: 'a client that was paused by the core is read as soon as its address has a share again',
    test: 'sockets-alone',
    edits: [
      {
        file: 'wire/net/ws-socket.ts',
        find: 'if (this.#wanted && !this.#held)',
        replace: 'if (this.#wanted || !this.#held)',
      },
    ],
  },
  {
    name: 'a peer that does not answer a close keeps its socket',
    breaks: 'B4',
    why: 'a server collects sockets of peers that hang',
    test: 'sockets-alone',
    edits: [
      {
        file: 'wire/net/ws-socket.ts',
        find: 'setTimeout(() => this.#socket.terminate(), closeWithinMs).unref()',
        replace: '',
      },
    ],
  },
  {
    name: 'a server that was welcomed before the view is never a stranger',
    breaks: 'G1, F1',
    why: 'a client waits for its primary on a connection to another server, which says nothing of the next view',
    test: 'client-connections',
    edits: [
      {
        file: 'client/session/core.ts',
        find: 'this.#adopt(message[1]) this.#leaveStrangers(now, chance)',
        replace: 'this.#adopt(message[1])',
      },
    ],
  },
]
