// Planted bugs of handles as data and of errors as help: what a program reads, and is told.

import type { Mutant } from './mutant.ts'

export const handles: readonly Mutant[] = [
  {
    name: 'a misspelt option of a request is ignored',
    breaks: 'S1',
    why: 'a request whose timeout is lost that way waits for ever',
    test: 'handle-data',
    edits: [
      {
        file: 'client/known-options.ts',
        find: '(helpFor(key, known) !== null || meantBy(key, known) !== null)',
        replace: 'helpFor(key, known) !== null',
      },
    ],
  },
  {
    name: 'a query is answered before the callback of a lock that it shows',
    breaks: 'Web Locks',
    why: 'a program sees that it holds what it does not have yet',
    test: 'web-locks-held',
    edits: [
      {
        file: 'client/client.ts',
        find: 'await new Promise<void>(resolve => this.#runtime.afterTurn(resolve)) return snapshot',
        replace: 'return snapshot',
      },
    ],
  },
  {
    name: 'an error shows only where it came from',
    breaks: 'errors',
    why: 'a stack of ten frames of this package, and none of the program',
    test: 'handle-data',
    edits: [
      {
        file: 'client/own-frames.ts',
        find: 'showCallers(error, retake) throw error',
        replace: 'throw error',
      },
    ],
  },
  {
    name: 'every holder is taken for the client itself',
    breaks: 'errors',
    why: 'a program that waits for another one is told to look for a mistake of its own',
    test: 'handle-data',
    edits: [
      {
        file: 'client/session/held-by.ts',
        find: 'if (clientId !== null && clientId === me)',
        replace: 'if (clientId !== null && me !== null)',
      },
    ],
  },
  {
    name: 'a cause in a log is empty',
    breaks: 'errors',
    why: 'why a client could not connect is lost in logs of JSON',
    test: 'handle-data',
    edits: [
      {
        file: 'client/errors.ts',
        find: "if (!(cause instanceof Error) || 'toJSON' in cause) return cause",
        replace: "if (!(cause instanceof Error) || !('toJSON' in cause)) return cause",
      },
    ],
  },
]
