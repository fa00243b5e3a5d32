// Planted bugs of what travels: shapes, runs, the names of fields in errors.

import type { Mutant } from './mutant.ts'

export const frames: readonly Mutant[] = [
  {
    name: 'what is copied is never whole',
    breaks: 'V4',
    why: "a primary whose copy is done can't say so: its ping is malformed",
    edits: [
      {
        file: 'wire/messages/views.ts',
        find: 'opNumber: count(12), lag: count(0), copiedPart: count(0, 0, 100), /** The highest',
        replace:
          'opNumber: count(12),\n      lag: count(0),\n      copiedPart: count(0, 0, 99),\n      /** The highest',
      },
    ],
  },
  {
    name: 'an event of a wait has a token',
    breaks: 'R1 watch',
    why: 'a watch ends with the first event of a waiter, which is malformed',
    edits: [
      {
        file: 'wire/messages/listed.ts',
        find: '/** Null while it waits. */ token: nullable(token),',
        replace: '/** Null while it waits. */\n  token,',
      },
    ],
  },
  {
    name: 'a cancel always finds something',
    breaks: 'S1',
    why: 'the answer that there was nothing to cancel is malformed',
    edits: [
      {
        file: 'wire/messages/clients.ts',
        find: "oneOf('cancelled', 'released', 'nothing')",
        replace: "oneOf('cancelled', 'released')",
      },
    ],
  },
  {
    name: 'a record may have more fields',
    breaks: 'B4',
    why: 'a peer sends what no schema measures',
    test: ['wire-messages', 'hostile-frames'],
    edits: [
      {
        file: 'wire/shape.ts',
        find: 'additionalProperties: false',
        replace: 'additionalProperties: true',
      },
    ],
  },
  {
    name: 'a message may be longer than its fields',
    breaks: 'B4',
    why: 'a peer sends what no schema measures',
    test: ['wire-messages', 'hostile-frames'],
    edits: [
      {
        file: 'wire/shape.ts',
        find: 'minItems: parts.length, maxItems: parts.length,',
        replace: 'minItems: parts.length,',
      },
    ],
  },
  {
    name: 'an error names the field behind the wrong one',
    breaks: 'F13',
    why: 'who writes a client is sent to the wrong place',
    test: ['wire-messages', 'hostile-frames'],
    edits: [
      {
        file: 'wire/compile.ts',
        find: 'names[place - 1]',
        replace: 'names[place]',
      },
    ],
  },
  {
    name: 'a run forgets who must not wait',
    breaks: 'L3',
    why: 'an acquire behind another one waits although it asked not to',
    edits: [
      {
        file: 'wire/runs.ts',
        find: 'return message[at.mode] === first[at.mode] && message[at.manner] === first[at.manner]',
        replace: 'return message[at.mode] === first[at.mode]',
      },
    ],
  },
  {
    name: 'a run of grants leaves their losses out',
    breaks: 'S5',
    why: 'a client believes in locks that were stolen before it learned of its grant',
    test: 'wire-runs',
    edits: [
      {
        file: 'wire/runs.ts',
        find: 'return listIn(message, at.tokens).length === 1 && listIn(message, at.losses).length === 0',
        replace: 'return listIn(message, at.tokens).length === 1',
      },
    ],
  },
  {
    name: 'a run of releases says that all were held',
    breaks: 'S5',
    why: 'a release of a lock that was lost is answered as if it had been held',
    test: 'wire-runs',
    edits: [
      {
        file: 'wire/runs.ts',
        find: 'return message[at.held] === true',
        replace: 'return true',
      },
    ],
  },
  {
    name: 'tokens of a run that skip some are told as if they followed one another',
    breaks: 'S5',
    why: 'a release frees a lock that its client still holds, and leaves another one held',
    test: 'wire-runs',
    edits: [
      {
        file: 'wire/runs.ts',
        find: 'token === (pairs[last] as number) + (pairs[last + 1] as number)',
        replace: 'token > (pairs[last] as number)',
      },
    ],
  },
  {
    name: 'what may be null never is',
    breaks: 'F13',
    why: 'a server without a view, or a lock without a holder, can not be told of',
    test: 'wire-messages',
    edits: [
      {
        file: 'wire/compile.ts',
        find: "type: [second.type, 'null'] }",
        replace: 'type: second.type }',
      },
    ],
  },
  {
    name: 'a primary that reaches all others only',
    breaks: 'V7',
    why: 'a ping that reports an address is malformed, and its server cut',
    test: 'wire-messages',
    edits: [
      {
        file: 'wire/messages/views.ts',
        find: 'unreachable: list(address, { max: 64 })',
        replace: 'unreachable: list(address, { max: 0 })',
      },
    ],
  },
  {
    name: 'a lock with an empty name',
    breaks: 'B4',
    why: 'a peer takes a lock that no client can name',
    test: 'wire-messages',
    edits: [
      {
        file: 'wire/messages/words.ts',
        find: "const lockName = text('orders/42', lockNameBytesMax, 1)",
        replace: "const lockName = text('orders/42', lockNameBytesMax)",
      },
    ],
  },
]
