// What of the shipped code no seed can take, each with its reason: files that are not counted, and places
// in those that are. The report of `--coverage` compares this table with what a run has taken; a row whose
// place no longer exists fails it. This file decides nothing about a story.

export interface Uncounted {
  /** Paths from the top; one that ends in `/` is a folder. */
  readonly files: readonly string[]
  readonly why: string
}

/** Files of the four rooms that do not run under seeds at all. Every other one is counted, also if no story loads it. */
export const uncounted: readonly Uncounted[] = [
  {
    files: [
      ...['wire/net/ws-socket.ts', 'wire/net/ws-inside.ts', 'wire/net/web-socket.ts'],
      ...['wire/net/runtime-node.ts', 'wire/net/runtime-web.ts', 'wire/net/own-address.ts'],
      ...['wire/clock.ts', 'wire/id.ts'],
    ],
    why: "Node's or a page's own sockets, clocks and timers; a simulated machine stands in for them",
  },
  {
    files: [
      ...['wire/net/listen.ts', 'wire/net/visitor.ts', 'wire/net/edge.ts', 'wire/net/edge-room.ts'],
      ...['wire/net/byte-sum.ts', 'wire/net/frame-rate.ts', 'wire/net/wrong-secrets.ts'],
      'wire/net/owner.ts',
    ],
    why: 'the port of a server and what it admits by bytes, addresses and open files; the edge and hostile tests use real sockets',
  },
  {
    files: ['wire/serving/', 'lockserver/pages/', 'viewservice/pages/'],
    why: 'HTTP: pages, metrics, the dashboard; a story has no browser and no scraper',
  },
  {
    files: ['viewservice/stores/', 'viewservice/reserve.ts', 'viewservice/shortage.ts'],
    why: "the disk's own calls; a simulated disk stands in for them",
  },
  {
    files: [
      ...['lockserver/server.ts', 'viewservice/server.ts', 'client/close-on-signals.ts'],
      ...['lockserver/options.ts', 'viewservice/options.ts', 'wire/options.ts'],
    ],
    why: 'a real process: its ports, its signals, and the options of those who start a server',
  },
  {
    files: [
      ...['lockserver/rehearsal.ts', 'lockserver/rehearse.ts'],
      ...['wire/net/memory-runtime.ts', 'wire/net/memory-socket.ts'],
    ],
    why: 'the rehearsal of a process that begins: a cluster in memory of its own, and no part of a story',
  },
  {
    files: ['lockserver/journal/driver/', 'lockserver/journal/report.ts'],
    why: "the journal's own calls to a disk, and the command that reads one; a simulated disk stands in for them",
  },
  {
    files: ['wire/net/tls/', 'wire/net/open-web-socket.ts', 'wire/net/timers-node.ts'],
    why: 'TLS and its files, on sockets of Node; the tests of TLS use real ones',
  },
  {
    files: ['wire/net/dials-in-turn.ts', 'wire/net/trouble.ts'],
    why: "dials with TLS, and words for what Node's sockets say of a failed one; `dials-in-turn` and `reasons` are for these",
  },
  {
    files: [
      'wire/access/logins.ts',
      'wire/access/signed.ts',
      'wire/access/issuers.ts',
      'wire/access/gives.ts',
    ],
    why: 'log-ins of browsers, and tokens whose issuers are asked by HTTP; `log-in` and `signed-tokens` are for these',
  },
  {
    files: ['lockserver/journal/before.ts'],
    why: 'what an older version wrote, which no seed has; `formats-before` reads it',
  },
  {
    files: [
      ...['viewservice/advice.ts', 'viewservice/circles.ts', 'viewservice/why-walk.ts'],
      ...['viewservice/trend.ts', 'viewservice/past.ts'],
    ],
    why: 'what pages and the command show, and nothing decides by',
  },
  {
    files: ['viewservice/init.ts', 'viewservice/adopt.ts', 'viewservice/adoption.ts'],
    why: 'commands that write a record while no view server runs; the search of adoptions tries all that they may be told',
  },
  {
    files: ['client/opentelemetry/', 'client/cron.ts', 'client/one-class.ts'],
    why: 'what fits the client to packages of others; each has a test with them',
  },
  {
    files: ['client/lead.ts', 'client/leader.ts', 'client/leader-watch.ts'],
    why: 'what stands on the surface of the client alone, as a program would; `leading` has a cluster of its own for it',
  },
  {
    files: ['wire/compile.ts', 'wire/shape.ts', 'wire/messages.ts', 'wire/messages/'],
    why: 'the tables of the messages and what compiles them when the package is built',
  },
]

/** Those of an uncounted folder that run under seeds all the same. */
export const countedAfterAll: readonly string[] = ['wire/serving/log.ts']

export interface Untaken {
  readonly file: string
  /** The function that it stands in, or that it is. */
  readonly in: string
  /** As the report prints it; what stands inside of it is named with it. */
  readonly text: string
  /** It stands there so often; once unless told otherwise. */
  readonly times?: number
  readonly why: string
}

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: these are pieces of sources
/** At most three of a hundred branches. */
export const untaken: readonly Untaken[] = [
  {
    file: 'client/group.ts',
    in: 'told',
    text: 'default: unknownEffect(told);',
    why: 'the compiler asks for it: every kind is handled before it, and another would be a broken build',
  },
  {
    file: 'client/group.ts',
    in: '#valueOf',
    text: "not call.verb === 'acquire' : undefined",
    why: 'the compiler asks for it: every kind is handled before it, and another would be a broken build',
  },
  {
    file: 'viewservice/running.ts',
    in: '#perform',
    text: 'default: return unknownEffect(effect);',
    why: 'the compiler asks for it: every kind is handled before it, and another would be a broken build',
  },
  {
    file: 'wire/net/connections.ts',
    in: 'perform',
    text: 'default: return unknownEffect(effect);',
    why: 'the compiler asks for it: every kind is handled before it, and another would be a broken build',
  },
  {
    file: 'wire/unknown-effect.ts',
    in: 'unknownEffect',
    text: 'unknownEffect()',
    why: 'the compiler asks for it: every kind is handled before it, and another would be a broken build',
  },
  {
    file: 'client/session/core.ts',
    in: '#onMessages',
    text: 'if (link === undefined) return;',
    why: 'a connection that the core has closed is not in the table of connections any more, so nothing of it is heard',
  },
  {
    file: 'client/events.ts',
    in: 'emit',
    text: 'catch { queueMicrotask(() => { throw error; }); }',
    why: 'it ends the process of the program, as any listener that throws does: a story is one process with its judges',
  },
  {
    file: 'client/pending.ts',
    in: 'describe',
    text: "case 'end': return 'the end of the session';",
    why: 'an end and a release always settle: no call of these two fails, so none is described',
  },
  {
    file: 'client/pending.ts',
    in: 'describe',
    text: "case 'fail': return `the release of ${names}`;",
    why: 'an end and a release always settle: no call of these two fails, so none is described',
  },
  {
    file: 'client/client.ts',
    in: 'done',
    text: 'done()',
    why: 'it stands where the promise has still to be made, and is never called',
  },
  {
    file: 'client/events.ts',
    in: 'add',
    text: '() => { }',
    why: 'it stands where the promise has still to be made, and is never called',
  },
  {
    file: 'client/group.ts',
    in: 'close',
    text: '() => { }',
    why: 'it stands where the promise has still to be made, and is never called',
  },
  {
    file: 'client/index.ts',
    in: 'connect',
    text: 'connect()',
    why: "the entry of the package: it hands on Node's own runtime; stories hand in theirs",
  },
  {
    file: 'client/session-driver.ts',
    in: 'constructor',
    text: 'error => { throw error; }',
    why: 'a core of a client that throws is a bug: it ends the program',
  },
  {
    file: 'viewservice/view.ts',
    in: 'stepProblem',
    text: "if (next.number !== (before?.view.number ?? last) + 1) return 'V1: the number must grow by exactly …",
    why: 'a broken invariant of the view server, checked before anything is saved: it ends the process (V6)',
  },
  {
    file: 'viewservice/view.ts',
    in: 'stepProblem',
    text: "if (!Number.isSafeInteger(next.start?.tokenFloor ?? 0)) return 'L2: the token floor is no safe inte…",
    why: 'a broken invariant of the view server, checked before anything is saved: it ends the process (V6)',
  },
  {
    file: 'viewservice/view.ts',
    in: 'stepProblem',
    text: "if (next.primary.id === next.backup?.id) return 'V2: one server in two roles';",
    why: 'a broken invariant of the view server, checked before anything is saved: it ends the process (V6)',
  },
  {
    file: 'viewservice/view.ts',
    in: 'stepProblem',
    text: "if (next.start !== null && next.backup !== null) return 'V3: a view that starts empty names no back…",
    why: 'a broken invariant of the view server, checked before anything is saved: it ends the process (V6)',
  },
  {
    file: 'viewservice/view.ts',
    in: 'stepProblem',
    text: "if (before === null) return 'V3: view 1 must say that it is';",
    why: 'a broken invariant of the view server, checked before anything is saved: it ends the process (V6)',
  },
  {
    file: 'viewservice/view.ts',
    in: 'successorProblem',
    text: "if (!stays && next.primary.id !== view.backup?.id) return 'V2: the primary was neither primary nor …",
    why: 'a broken invariant of the view server, checked before anything is saved: it ends the process (V6)',
  },
  {
    file: 'viewservice/view.ts',
    in: 'successorProblem',
    text: "if (!stays && !(acked && backupAnswered)) return 'V3: promoted from an unacked view, or without hav…",
    why: 'a broken invariant of the view server, checked before anything is saved: it ends the process (V6)',
  },
  {
    file: 'viewservice/view.ts',
    in: 'successorProblem',
    text: "if (!acked && view.start !== null) return 'V3: a view that starts empty must be acked first';",
    why: 'a broken invariant of the view server, checked before anything is saved: it ends the process (V6)',
  },
  {
    file: 'viewservice/view.ts',
    in: 'successorProblem',
    text: "if (!acked && view.backup === null) return 'V3: an unacked view can only drop or replace its backup…",
    why: 'a broken invariant of the view server, checked before anything is saved: it ends the process (V6)',
  },
  {
    file: 'viewservice/view.ts',
    in: 'successorProblem',
    text: "if (stays && next.backup?.id === view.backup?.id) return 'V7: nothing has changed';",
    why: 'a broken invariant of the view server, checked before anything is saved: it ends the process (V6)',
  },
  {
    file: 'viewservice/core.ts',
    in: '#onSaved',
    text: "if (record === null) throw new Error('V6: saved, but nothing was being saved');",
    why: 'a broken invariant of the view server, checked before anything is saved: it ends the process (V6)',
  },
  {
    file: 'viewservice/group.ts',
    in: '#checked',
    text: 'if (problem !== undefined) throw new Error(`broken invariant: ${problem}`);',
    why: 'a broken invariant of the view server, checked before anything is saved: it ends the process (V6)',
  },
  {
    file: 'viewservice/servers.ts',
    in: 'named',
    text: 'if (server === undefined) throw new Error(`broken invariant: V5: server ${id} of the view is not kn…',
    why: 'a broken invariant of the view server, checked before anything is saved: it ends the process (V6)',
  },
  {
    file: 'viewservice/core.ts',
    in: '#onAccepted',
    text: "else this.#out.close(connection, 'UNEXPECTED_MESSAGE', `a view server takes no ${from.kind}`);",
    why: 'the check of the hello lets in no other kind of peer here',
  },
  {
    file: 'wire/codec.ts',
    in: 'wrongKind',
    text: 'tables.get(channel)?.keys() ?? []',
    why: 'the tables of all channels are there before a server listens, and a validator that refuses says why',
  },
  {
    file: 'wire/codec.ts',
    in: 'wrongFields',
    text: "first?.message ?? 'is malformed'",
    why: 'the tables of all channels are there before a server listens, and a validator that refuses says why',
  },
  {
    file: 'wire/net/connection.ts',
    in: 'violation',
    text: "code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' ? 'TOO_LARGE'",
    why: "errors of Node's and ws's own sockets",
  },
  {
    file: 'wire/net/connection.ts',
    in: 'violation',
    text: "not code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' : 'BAD_MESSAGE'",
    why: "errors of Node's and ws's own sockets",
  },
  {
    file: 'wire/net/dial.ts',
    in: 'dial',
    text: '() => connection.cut()',
    why: "errors of Node's and ws's own sockets",
  },
  {
    file: 'wire/net/hello.ts',
    in: 'messages',
    text: 'if (this.#refused !== undefined) return;',
    why: 'a gate of the edge, which counts real sockets: sockets of stories have none',
  },
  {
    file: 'wire/net/hello.ts',
    in: 'closed',
    text: 'this.#refused ? textOf(this.#refused)',
    why: 'a gate of the edge, which counts real sockets: sockets of stories have none',
  },
  {
    file: 'wire/net/hello.ts',
    in: '#admit',
    text: 'if (full !== undefined) throw full;',
    why: 'a gate of the edge, which counts real sockets: sockets of stories have none',
  },
  {
    file: 'wire/net/hello.ts',
    in: '#admit',
    text: 'error => this.#end(error)',
    why: 'a gate of the edge, which counts real sockets: sockets of stories have none',
  },
  {
    file: 'wire/net/hello.ts',
    in: '#refuse',
    text: '() => this.refuse(error)',
    why: 'a gate of the edge, which counts real sockets: sockets of stories have none',
  },
  {
    file: 'wire/net/hello.ts',
    in: '#mayTry',
    text: 'if (refusal !== undefined) throw refusal;',
    why: 'a gate of the edge, which counts real sockets: sockets of stories have none',
  },
  {
    file: 'wire/net/hello.ts',
    in: '#end',
    text: '#end()',
    why: 'a gate of the edge, which counts real sockets: sockets of stories have none',
  },
  {
    file: 'lockserver/running.ts',
    in: '#perform',
    text: 'default: return unknownEffect(effect);',
    why: 'the compiler asks for it: every kind is handled before it, and another would be a broken build',
  },
  {
    file: 'lockserver/core.ts',
    in: 'step',
    text: 'if (this.#roles.over) return [];',
    why: 'a driver drops a core that is over, or ends with it',
  },
  {
    file: 'viewservice/core.ts',
    in: '#onClosed',
    text: 'if (server === undefined) return;',
    why: 'a connection that the core has closed is not in the table of connections any more, so nothing of it is heard',
  },
  {
    file: 'lockserver/state/line.ts',
    in: 'leave',
    text: 'if (item.ahead === null && this.first !== item) return;',
    why: 'a wait or a hold leaves its line once; a list in general may be asked again',
  },
  {
    file: 'lockserver/state/name-map.ts',
    in: 'delete',
    text: 'if (place === undefined) return;',
    why: 'the table deletes only locks that are there; a map in general may be asked for others',
  },
  {
    file: 'lockserver/state/name-map.ts',
    in: '[Symbol.iterator]',
    text: 'each time: yield [name, this.#values[place]];',
    why: 'only tests walk over it',
  },
  {
    file: 'lockserver/state/name-map.ts',
    in: '[Symbol.iterator]',
    text: '[Symbol.iterator]()',
    why: 'only tests walk over it',
  },
  {
    file: 'lockserver/state/name-map.ts',
    in: 'has',
    text: 'has()',
    why: 'only tests ask for it',
  },
  {
    file: 'lockserver/state/name-map.ts',
    in: 'keys',
    text: 'keys()',
    why: 'only tests walk over it',
  },
  {
    file: 'lockserver/state/lock-table.ts',
    in: 'watched',
    text: 'watched()',
    why: 'only tests ask for it',
  },
  {
    file: 'client/session/core.ts',
    in: 'view',
    text: 'view()',
    why: 'only tests ask for it',
  },
  {
    file: 'lockserver/state/state.ts',
    in: '#open',
    text: 'if (this.sessionsById.has(id)) return;',
    why: 'the primary asks before it proposes an open',
  },
  {
    file: 'viewservice/reset.ts',
    in: 'whyNot',
    text: "not Number.isSafeInteger(start?.tokenFloor) : 'the tokens are used up'",
    why: '2^53 tokens: a story that came so far could end in no other way',
  },
  {
    file: 'viewservice/running.ts',
    in: 'constructor',
    text: 'error => this.#fail(error)',
    why: 'a broken invariant of the view server, checked before anything is saved: it ends the process (V6)',
  },
  {
    file: 'viewservice/running.ts',
    in: '#fail',
    text: 'not cause instanceof Error : new Error(String(cause))',
    why: 'a broken invariant of the view server, checked before anything is saved: it ends the process (V6)',
  },
  {
    file: 'viewservice/running.ts',
    in: '#fail',
    text: 'if (this.#over) return;',
    why: 'the process ends with its server; a write that is under way then ends unheard',
  },
  {
    file: 'viewservice/running.ts',
    in: 'saving',
    text: 'saving()',
    why: 'the process waits for it before it closes its folder; stories end at once',
  },
  {
    file: 'wire/net/connection.ts',
    in: '#receive',
    text: "not error instanceof WireError : new WireError('INTERNAL', String(error))",
    why: 'decoding throws nothing else; a bug in it must end the connection, not the server',
  },
  {
    file: 'wire/net/hello.ts',
    in: 'wireErrorOf',
    text: "not error instanceof WireError : new WireError('INTERNAL', String(error))",
    why: 'decoding throws nothing else; a bug in it must end the connection, not the server',
  },
  {
    file: 'wire/errors.ts',
    in: 'closeNumber',
    text: 'errors[code].close ?? 1000',
    why: 'every error that ends a connection has a number of its own to close with',
  },
  {
    file: 'client/session/core.ts',
    in: '#nextWake',
    text: 'next === never ? null',
    why: 'there is always an address to be dialled again, or a lease',
  },
  {
    file: 'wire/serving/log.ts',
    in: 'say',
    text: 'if (told.size >= linesMax) told.clear();',
    why: 'a story has no thousand different warnings',
  },
  {
    file: 'client/session/requests.ts',
    in: '#takeHeldUp',
    text: 'each time: queue.shift();',
    why: 'only behind 3,070 waiting requests of one client, which client-calls tells',
  },
  {
    file: 'client/session/requests.ts',
    in: '#takeHeldUp',
    text: 'from?.first === undefined || queue.first.asked < from.first.asked',
    why: 'only behind 3,070 waiting requests of one client, which client-calls tells',
  },
  {
    file: 'client/session/requests.ts',
    in: '#hasRoom',
    text: "if (kind === 'waits' && this.#waits >= waitsShareMax) return false;",
    why: 'only behind 3,070 waiting requests of one client, which client-calls tells',
  },
  {
    file: 'wire/net/connections.ts',
    in: '#dialAll',
    text: 'if (this.#dials.size > 0) this.#runtime.afterTurn(() => this.#dialAll());',
    why: 'clients wait before they dial again, and a view server dials so few in a tick; a core in general may dial at once',
  },
  {
    file: 'wire/net/connections.ts',
    in: '#dialAll',
    text: '() => this.#dialAll()',
    why: 'clients wait before they dial again, and a view server dials so few in a tick; a core in general may dial at once',
  },
  {
    file: 'wire/net/connection.ts',
    in: 'over',
    text: 'over()',
    why: 'only tests and the edge ask for it',
  },
  {
    file: 'wire/net/connection.ts',
    in: 'send',
    text: 'if (this.#over) return false;',
    why: 'a connection that is over is not in the table of connections any more',
  },
]
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: these are pieces of sources
