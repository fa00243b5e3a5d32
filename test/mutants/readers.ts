// Planted bugs of clients that read slowly: what waits for them, and what that costs others.

import type { Mutant } from './mutant.ts'

const connection = 'wire/net/connection.ts'

export const readers: readonly Mutant[] = [
  {
    name: 'a client that does not read is sent all the same',
    breaks: 'B4',
    why: 'an answer of 11 MB becomes bytes for each of those who ask for it',
    test: 'slow-readers',
    edits: [
      {
        file: connection,
        find: 'if (this.#isBehind && this.#reader.mustRead())',
        replace: 'if (this.#over)',
      },
    ],
  },
  {
    name: 'a client that must read first is forgotten',
    breaks: 'B4',
    why: 'nothing more is ever sent to a client that was slow once',
    test: 'slow-readers',
    edits: [{ file: 'wire/net/reader.ts', find: 'this.#hasRead()', replace: '' }],
  },
  {
    name: 'a client may take any time to read',
    breaks: 'B4',
    why: 'what waits for it waits for ever',
    test: 'slow-readers',
    edits: [{ file: 'wire/net/reader.ts', find: 'this.#tooSlow()', replace: '' }],
  },
  {
    name: 'the end of a connection waits for its reader',
    breaks: 'B4, R5',
    why: 'whoever does not read cannot be closed',
    test: 'slow-readers',
    edits: [
      {
        file: connection,
        find: 'if (this.#reader.awaited) this.#closeNow() else this.#closeIfSent()',
        replace: 'this.#closeIfSent()',
      },
    ],
  },
  {
    name: 'what waits for a reader counts for nothing',
    breaks: 'B4',
    why: 'echoes that a client asks for and never reads fill the memory',
    test: 'slow-readers',
    edits: [{ file: connection, find: 'this.#size * waitingMessageBytes', replace: '0' }],
  },
  {
    name: 'an answer whose client must read first keeps its place',
    breaks: 'B4, B7',
    why: 'four who do not read keep all others from their answers',
    test: 'slow-readers',
    edits: [
      {
        file: 'lockserver/telling.ts',
        find: 'this.#lessBusy() this.#stuckCount++',
        replace: 'this.#stuckCount++',
      },
    ],
  },
  {
    name: 'any number of answers wait for their readers',
    breaks: 'B4',
    why: 'each keeps a list of its own in memory',
    test: 'slow-readers',
    edits: [
      {
        file: 'lockserver/telling.ts',
        find: 'if (this.#stuckCount <= answersStuckMax) return null',
        replace: 'if (this.#stuckCount > 0) return null',
      },
    ],
  },
]
