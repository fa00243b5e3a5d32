// Planted bugs of the edge: what strangers cost (B3), what all hold together (B4), what one address may have (B7).
// Neither the simulator nor the search has ports, files or memory that runs out; for each, the test that does see it.

import type { Mutant } from './mutant.ts'

export const edge: readonly Mutant[] = [
  {
    name: 'pages at their own address are outside of the edge',
    breaks: 'B5, B3',
    why: 'sockets there take all files of the process',
    test: 'pages-budget',
    edits: [
      {
        file: 'wire/serving/pages-listener.ts',
        find: "http.on('connection', peers.visit)",
        replace: '',
      },
    ],
  },
  {
    name: 'guesses at pages are answered at once',
    breaks: 'B5, B3',
    why: 'thousands of secrets a second are tried over HTTP',
    test: 'pages-budget',
    edits: [
      {
        file: 'wire/serving/http.ts',
        find: 'if (slowMs > 0) return this.#answerLate(request, response, wish, slowMs)',
        replace: '',
      },
    ],
  },
  {
    name: 'sockets are read however much they bring in one turn',
    breaks: 'B1',
    why: 'thousands of pings, ends or small frames in one moment stop the server for longer than the ping limit',
    test: 'reading-turns',
    edits: [
      {
        file: 'wire/net/reading-turns.ts',
        find: 'one.stopReading()\n      if',
        replace: 'if',
      },
    ],
  },
  {
    name: 'who brings much is read first again',
    breaks: 'B1, B7',
    why: 'those who never stop are read in each turn, and others never',
    test: 'reading-turns',
    edits: [
      {
        file: 'wire/net/reading-turns.ts',
        find: 'if (one.broughtIn === this.#turn) this.#waiting.add(one)',
        replace: 'if (one.broughtIn > this.#turn) this.#waiting.add(one)',
      },
    ],
  },
  {
    name: 'the servers of the cluster wait for their turn to be read',
    breaks: 'B1',
    why: 'a crowd keeps their pings from the view server',
    test: 'reading-turns',
    edits: [
      {
        file: 'wire/net/reading-turns.ts',
        find: 'if (one.exempt ||',
        replace: 'if (',
      },
    ],
  },
  {
    name: 'all sockets that had to wait are read in the next turn',
    breaks: 'B1',
    why: 'each turn stops and starts thousands of them',
    test: 'reading-turns',
    edits: [
      {
        file: 'wire/net/reading-turns.ts',
        find: 'let left = takenUpPerTurnMax',
        replace: 'let left = 1e9',
      },
    ],
  },
  {
    name: 'a large piece counts as little as a small one',
    breaks: 'B1',
    why: 'some dozen sockets with 64 KiB of small frames each are read in one turn',
    test: 'reading-turns',
    edits: [
      {
        file: 'wire/net/reading-turns.ts',
        find: 'this.#brought += 1 + bytes / bytesOfOne',
        replace: 'this.#brought += 1 + 0 * bytes',
      },
    ],
  },
  {
    name: 'a socket that is to wait is read all the same',
    breaks: 'B1',
    why: 'no turn ends before all that has come is read',
    test: 'reading-turns',
    edits: [{ file: 'wire/net/handle-inside.ts', find: 'handleOf(socket)?.readStop()', replace: '' }],
  },
  {
    name: 'all that have gone quiet end in one turn',
    breaks: 'B1',
    why: 'thousands of clients that came together and said nothing stop the server when they must go',
    test: 'edge',
    edits: [{ file: 'wire/net/edge.ts', find: 'if (left-- <= 0) return true', replace: '' }],
  },
  {
    name: 'a hello as large as any frame',
    breaks: 'B3',
    why: 'a stranger has 4 MiB parsed before its secret is looked at',
    test: 'edge-sockets',
    edits: [
      {
        file: 'wire/net/listen.ts',
        find: 'maxPayload: limits.helloBytesMax,',
        replace: 'maxPayload: limits.frameBytesMax,',
      },
      {
        file: 'wire/net/connection.ts',
        find: "if (this.channel === 'opening' && text.length > helloBytesMax)",
        replace: 'if (text.length < 0)',
      },
    ],
  },
  {
    name: 'a hello is parsed before it is measured',
    breaks: 'B3',
    why: 'where no port bounds it, a hello costs what its sender likes',
    test: 'hello',
    edits: [
      {
        file: 'wire/net/connection.ts',
        find: "if (this.channel === 'opening' && text.length > helloBytesMax)",
        replace: 'if (text.length < 0)',
      },
    ],
  },
  {
    name: 'another version is malformed first',
    breaks: 'B3',
    why: 'a newer program is told that it is broken, not that it is newer',
    test: 'edge-sockets',
    edits: [{ file: 'wire/codec.ts', find: "if (channel === 'opening') checkWire(frame[0])", replace: '' }],
  },
  {
    name: 'frames stay as small as a hello',
    breaks: 'B3',
    why: 'a client that was let in may say no more than a stranger',
    test: 'edge-sockets',
    edits: [
      {
        file: 'wire/net/visitor.ts',
        find: "if (this.#webSocket !== undefined && from.kind !== 'probe')",
        replace: 'if (this.#webSocket !== undefined && this.#paused)',
      },
    ],
  },
  {
    name: 'as many strangers as come',
    breaks: 'B3',
    why: 'sockets without a handshake take all files of the process',
    test: 'edge',
    edits: [
      {
        file: 'wire/net/edge.ts',
        find: 'if (this.counts.stranger > this.room.strangers) this.#cutStranger()',
        replace: '',
      },
    ],
  },
  {
    name: 'the newest stranger goes',
    breaks: 'B3',
    why: 'whoever came first keeps all others out',
    test: 'edge',
    edits: [
      {
        file: 'wire/net/edge.ts',
        find: "for (const guest of most) return this.#cut(guest, 'strangers')",
        replace: "for (const guest of [...most].reverse()) return this.#cut(guest, 'strangers')",
      },
    ],
  },
  {
    name: 'sockets for all files',
    breaks: 'B3',
    why: 'no file is left for the record',
    test: 'edge',
    edits: [{ file: 'wire/net/edge-room.ts', find: 'files - open - own', replace: 'files' }],
  },
  {
    name: 'guesses at full speed',
    breaks: 'B3',
    why: 'a secret of few letters is found in minutes',
    test: 'edge-sockets',
    edits: [
      {
        file: 'wire/net/hello.ts',
        find: 'const ms = isWrong ? this.#gate.wrongSecret() : 0',
        replace: 'const ms = isWrong ? 0 : 0',
      },
    ],
  },
  {
    name: 'a peer with the secret waits for those that guess',
    breaks: 'B3',
    why: 'one who guesses from the address of others keeps them out',
    test: 'edge',
    edits: [
      {
        file: 'wire/net/wrong-secrets.ts',
        find: 'if (loopback || this.#known.has(address)) return true',
        replace: '',
      },
    ],
  },
  {
    name: 'each address that a hello names is dialled at once',
    breaks: 'B3',
    why: 'one peer makes the view server dial thousands of times a second',
    test: 'verifying',
    edits: [
      {
        file: 'viewservice/verifying.ts',
        find: "if (this.#begun >= verifyingMax || this.#probes.asked('verify') >= verifyingMax) return",
        replace: '',
      },
    ],
  },
  {
    name: 'an address that never answers is dialled for ever',
    breaks: 'B3',
    why: 'each tick, for each lock server of which a peer only says that it exists',
    test: 'verifying',
    edits: [
      {
        file: 'viewservice/verifying.ts',
        find: 'server.triedNext = this.#tick + pauseAfter(server.tries)',
        replace: 'server.triedNext = this.#tick + 1',
      },
    ],
  },
  {
    name: 'servers that answer nowhere keep others out',
    breaks: 'B3',
    why: 'a new lock server is refused while somebody makes up others',
    test: 'verifying',
    edits: [
      {
        file: 'viewservice/verifying.ts',
        find: 'return idle.sort((a, b) => b.tries - a.tries)[0]',
        replace: 'return idle[all.length]',
      },
    ],
  },
  {
    name: 'frames that are not whole have no bound together',
    breaks: 'B4',
    why: 'a hundred connections hold what each of them may',
    test: 'edge-sockets',
    edits: [{ file: 'wire/net/visitor.ts', find: 'this.#edge.receiving.note(this)', replace: '{}' }],
  },
  {
    name: 'what is not read has no bound together',
    breaks: 'B4',
    why: 'a hundred peers that do not read fill the memory',
    test: 'edge-sockets',
    edits: [{ file: 'wire/net/connection.ts', find: 'this.#limits.sent?.(0)', replace: '' }],
  },
  {
    name: 'the smallest is cut first',
    breaks: 'B4',
    why: 'many who behave go for one who does not',
    test: 'edge',
    edits: [
      {
        file: 'wire/net/byte-sum.ts',
        find: '.sort(([, a], [, b]) => b - a)',
        replace: '.sort(([, a], [, b]) => a - b)',
      },
    ],
  },
  {
    name: 'servers are cut for what others hold',
    breaks: 'B4',
    why: 'slow clients cost the cluster its backup',
    test: 'edge',
    edits: [
      {
        file: 'wire/net/byte-sum.ts',
        find: '.filter(([{ exempt }]) => !exempt)',
        replace: '',
      },
    ],
  },
  {
    name: 'clients take the places of servers',
    breaks: 'B7',
    why: 'a lock server does not reach its view server when clients are many',
    test: 'edge',
    edits: [
      {
        file: 'wire/net/edge.ts',
        find: 'return this.counts.server < servers ?',
        replace: 'return this.counts.server + this.counts.client < servers ?',
      },
    ],
  },
  {
    name: 'no place for an operator',
    breaks: 'B7',
    why: 'a cluster that is full of clients can not be looked at',
    test: 'edge',
    edits: [
      {
        file: 'wire/net/edge.ts',
        find: 'guest.loopback ? this.room.clients : this.room.distantClients',
        replace: 'this.room.clients',
      },
    ],
  },
  {
    name: 'an address is never full again',
    breaks: 'B7',
    why: 'its connections are counted out as strangers, so that one address takes all places in the end',
    test: 'edge',
    edits: [
      {
        file: 'wire/net/edge.ts',
        find: '(this.#clients.get(payerOf(guest)) ?? 0) < own',
        replace: '(this.#clients.get(payerOf(guest)) ?? 0) <= own',
      },
    ],
  },
  {
    name: 'too many frames are read all the same',
    breaks: 'B7',
    why: 'one address has the server work for it alone',
    test: 'edge-sockets',
    edits: [
      {
        file: 'wire/net/visitor.ts',
        find: 'if (ms === 0 || this.#paused) return',
        replace: 'if (ms >= 0) return',
      },
    ],
  },
  {
    name: 'what came in one piece with too many frames is forgiven',
    breaks: 'B7',
    why: 'frames in large pieces pass by the quota',
    test: 'edge-sockets',
    edits: [
      {
        file: 'wire/net/visitor.ts',
        find: 'if (more > 0) return this.#resumeIn(more, reading)',
        replace: 'if (more < 0) return',
      },
    ],
  },
  {
    name: 'silent clients stay for ever',
    breaks: 'B7',
    why: 'places are lost to those who only said hello',
    test: 'edge',
    edits: [{ file: 'wire/net/edge.ts', find: 'this.#silent.add(guest)', replace: '' }],
  },
]
