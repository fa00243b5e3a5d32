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
    ],
    why: "Node's or a page's own sockets, clocks and timers; a simulated machine stands in for them",
  },
  {
    files: [
      ...['wire/net/listen.ts', 'wire/net/visitor.ts', 'wire/net/edge.ts', 'wire/net/edge-room.ts'],
      ...['wire/net/byte-sum.ts', 'wire/net/frame-rate.ts', 'wire/net/wrong-secrets.ts'],
    ],
    why: 'the port of a server and what it admits by bytes, addresses and open files; the edge and hostile tests use real sockets',
  },
  {
    files: ['wire/serving/', 'lockserver/pages/', 'viewservice/pages/'],
    why: 'HTTP: pages, metrics, the dashboard; a story has no browser and no scraper',
  },
  {
    files: ['viewservice/store.ts', 'viewservice/reserve.ts', 'viewservice/shortage.ts'],
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
    files: ['wire/compile.ts', 'wire/shape.ts', 'wire/messages.ts'],
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

/** At most three of a hundred branches. */
export const untaken: readonly Untaken[] = []
