// Planted bugs of signals: an AbortSignal of another realm or of a polyfill, many calls on one, and what the system sends
// to a server or to a command that waits. And of files: what a folder must be able to do, and when no more can be opened.

import type { Mutant } from './mutant.ts'

export const signals: readonly Mutant[] = [
  {
    name: 'a polyfill without a reason ends once with undefined',
    breaks: 'C5',
    why: 'a program that catches it reads the name of undefined, and throws again',
    test: 'odd-signals',
    edits: [{ file: 'client/once.ts', find: 'throw reasonOf(signal)', replace: 'throw signal.reason' }],
  },
  {
    name: 'a polyfill without a reason ends a request with undefined',
    breaks: 'Web Locks',
    why: 'a program that catches it reads the name of undefined, and throws again',
    test: 'odd-signals',
    edits: [{ file: 'client/web-locks.ts', find: 'throw reasonOf(signal)', replace: 'throw signal.reason' }],
  },
  {
    name: 'a signal is asked to throw by itself',
    breaks: 'Web Locks',
    why: 'a polyfill has no throwIfAborted: a TypeError instead of an AbortError',
    test: 'odd-signals',
    edits: [
      {
        file: 'client/signals.ts',
        find: 'if (signal?.aborted) throw reasonOf(signal)',
        replace: 'signal?.throwIfAborted()',
      },
    ],
  },
  {
    name: 'only signals of this realm count',
    breaks: 'Web Locks',
    why: 'no call takes the signal of jsdom, of a worker that passed one on, or of a polyfill',
    test: 'odd-signals',
    edits: [
      {
        file: 'client/options.ts',
        find: "return typeof aborted === 'boolean' && typeof addEventListener === 'function'",
        replace:
          'return aborted !== undefined && addEventListener !== undefined && value instanceof AbortSignal',
      },
    ],
  },
  {
    name: 'many listeners on the signal of a term warn of a leak',
    breaks: 'C7',
    why: 'parts of the work of a leader that listen to its signal fill the log of its program with warnings',
    test: 'odd-signals',
    edits: [
      {
        file: 'client/lead.ts',
        find: 'campaign.manyListeners(term.lead.signal)',
        replace: '',
      },
    ],
  },
  {
    name: 'a string is taken for a list of signals',
    breaks: 'F12',
    why: 'each of its letters is listened to, and the signal that was meant is not',
    test: 'handles',
    edits: [
      {
        file: 'client/close-on-signals.ts',
        find: 'if (!Array.isArray(signals) || signals.length === 0)',
        replace: "if (typeof signals !== 'string' && !Array.isArray(signals))",
      },
    ],
  },
  {
    name: 'each call listens to a shared signal by itself',
    breaks: 'Web Locks',
    why: 'Node warns of a leak at the eleventh call',
    test: 'odd-signals',
    edits: [
      {
        file: 'client/signals.ts',
        find: 'if (others !== undefined) others.waiting.add(then)',
        replace: 'if (others?.waiting.has(then)) others.waiting.add(then)',
      },
    ],
  },
  {
    name: 'a term that is over goes on listening to the signal',
    breaks: 'C7',
    why: 'each term leaves a listener: a leader that is elected often leaks',
    test: 'odd-signals',
    edits: [
      {
        file: 'client/lead.ts',
        find: 'for (const unwatch of this.#watched) unwatch()',
        replace: 'for (const unwatch of this.#watched.slice(1)) unwatch()',
      },
    ],
  },
  {
    name: 'the end of its terminal kills a server',
    breaks: 'F1',
    why: 'all servers of one ssh session are gone at once, and the state with them',
    test: 'processes/server-signals',
    edits: [
      {
        file: 'cli/serving.ts',
        find: "for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)",
        replace: "for (const signal of ['SIGTERM', 'SIGINT'] as const)",
      },
    ],
  },
  {
    name: 'SIGUSR1 opens a debugger in a server',
    breaks: 'B8',
    why: 'whoever reaches its port reads the secret',
    test: 'processes/server-signals',
    edits: [
      {
        file: 'cli/serving.ts',
        find: "for (const signal of ['SIGUSR1', 'SIGUSR2'] as const)",
        replace: "for (const signal of ['SIGUSR2'] as const)",
      },
    ],
  },
  {
    name: 'SIGUSR2 ends a run that waits',
    breaks: 'F1',
    why: 'logrotate ends a cron job that has not begun',
    test: 'processes/server-signals',
    edits: [
      {
        file: 'cli/run.ts',
        find: "for (const signal of ['SIGUSR1', 'SIGUSR2'] as const)",
        replace: "for (const signal of ['SIGUSR1'] as const)",
      },
    ],
  },
  {
    name: 'a folder is not asked for hard links',
    breaks: 'B6',
    why: 'a view server starts on a share without them and ends at its first view, days later',
    test: 'view-store',
    edits: [
      {
        file: 'viewservice/stores/file.ts',
        find: "this.#reserve.check(' '.repeat(512))",
        replace: '',
      },
    ],
  },
  {
    name: 'a server does not look whether files can be opened',
    breaks: 'B3',
    why: 'clients are cut and nothing says why: Node tells nothing of it',
    test: 'files-short',
    edits: [{ file: 'wire/net/listen.ts', find: 'lookAtFiles(edge, handlers)', replace: '' }],
  },
  {
    name: 'a shortage of files is counted and not told',
    breaks: 'B3',
    why: 'an operator finds nothing in the log',
    test: 'files-short',
    edits: [{ file: 'wire/net/listen.ts', find: 'handlers.filesShort?.(code)', replace: '' }],
  },
  {
    name: 'with all files open few seem to be',
    breaks: 'B3',
    why: 'the alarm of open files ends just when there are no more',
    test: 'files-short',
    edits: [
      {
        file: 'wire/net/edge-room.ts',
        find: "return codeOf(error) === 'EMFILE' ? filesAllowed() : openByDefault",
        replace: 'return openByDefault',
      },
    ],
  },
]
