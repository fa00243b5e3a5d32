// Planted bugs of limits: one too few, none at all, another one's, measured in part.

import type { Mutant } from './mutant.ts'

export const limits: readonly Mutant[] = [
  {
    name: 'finishWithin is longer than a timer can be',
    breaks: 'F12',
    why: 'a timer of more than 24 days fires at once, and nobody gets any time',
    test: 'client-parts',
    edits: [
      {
        file: 'client/options.ts',
        find: 'return Math.min(finishWithin, timeoutMsMax)',
        replace: 'return finishWithin',
      },
    ],
  },
  {
    name: 'one name less than allowed',
    breaks: 'S1',
    why: 'an acquireAll of exactly as many names as allowed is refused',
    test: 'client-parts',
    edits: [
      {
        file: 'client/options.ts',
        find: 'names.length > namesPerAcquireMax',
        replace: 'names.length >= namesPerAcquireMax',
      },
    ],
  },
  {
    name: 'an acquire of many names is weighed as one of one',
    breaks: 'B4',
    why: 'what it takes in the end is far beyond the budget',
    test: 'server-parts',
    edits: [
      {
        file: 'lockserver/state/tally.ts',
        find: 'const plain = replyBytes + names.length * (lock + holdBytes + token)',
        replace: 'const plain = replyBytes + (lock + holdBytes + token)',
      },
    ],
  },
  {
    name: 'a batch of long names grows beyond a frame',
    breaks: 'R3, B4',
    why: 'the backup closes the connection for the size of a frame, again and again',
    test: 'server-parts',
    edits: [
      {
        file: 'lockserver/stream.ts',
        find: 'return charactersOf(entry[3]) + (entry[6] === null ? 0 : termsText(entry[6]))',
        replace: 'return entry[3].length',
      },
    ],
  },
  {
    name: 'a name in a run may be of any size',
    breaks: 'B4',
    why: 'a thousand letters of three bytes each get past the limit of names',
    test: 'wire-runs',
    edits: [
      {
        file: 'wire/codec.ts',
        find: "if (kind === 'acquire-run' && channel === 'clientToServer')",
        replace: "if (kind === 'acquire-run' && channel === 'clientToServer' && index > 0)",
      },
    ],
  },
  {
    name: 'a ttl of any length',
    breaks: 'S4',
    why: 'a dead client keeps its locks for a year',
    test: ['wire-messages', 'wire-docs'],
    edits: [
      {
        file: 'wire/messages/clients.ts',
        find: "['key', sessionKey], ['count', positive], ['ttlMs', count(10_000, 1, ttlMsMax)],",
        replace: "['key', sessionKey],\n    ['count', positive],\n    ['ttlMs', count(10_000, 1)],",
      },
    ],
  },
  {
    name: 'ranges without end',
    breaks: 'B2',
    why: 'one acknowledgement of a million pairs',
    test: 'wire-messages',
    edits: [
      {
        file: 'wire/messages/words.ts',
        find: '{ ...list(count(3), { max: rangesMax }), example',
        replace: '{ ...list(count(3)), example',
      },
    ],
  },
  {
    name: 'an acquire of nothing',
    breaks: 'S1',
    why: 'an acquire without names is granted, without a token',
    test: ['wire-messages', 'wire-docs'],
    edits: [
      {
        file: 'wire/messages/clients.ts',
        find: "['names', list(lockName, { min: 1, max: namesPerAcquireMax, unique: true })]",
        replace: "['names', list(lockName, { max: namesPerAcquireMax, unique: true })]",
      },
    ],
  },
  {
    name: 'a share of frames is saved up for ever',
    breaks: 'B7',
    why: 'an address that was quiet for an hour may flood for an hour',
    test: ['edge', 'edge-sockets'],
    edits: [
      {
        file: 'wire/net/frame-rate.ts',
        find: 'Math.min(this.#perSecond, bucket.left + earned)',
        replace: 'bucket.left + earned',
      },
    ],
  },
  {
    name: 'the smallest that is allowed is refused',
    breaks: 'F1',
    why: 'each option of servers is refused at its lower bound',
    test: 'view-server',
    edits: [
      {
        file: 'wire/options.ts',
        find: 'value < min || value > max',
        replace: 'value <= min || value > max',
      },
    ],
  },
]
