// Planted bugs in whose a session is (C9): keys that are not looked at, lost or shown, and ids where only public ones
// may stand.

import type { Mutant } from './mutant.ts'

const hashing = 'lockserver/session-key.ts'
const snapshot = 'lockserver/state/snapshot.ts'
const query = 'lockserver/query.ts'
const table = 'lockserver/state/lock-table.ts'
const list = 'lockserver/client-list.ts'
const byId = "(key === '' ? undefined : this.#state.sessionsById.get(id))"

export const keys: readonly Mutant[] = [
  {
    name: 'a resume needs no key',
    breaks: 'C9',
    why: 'who knows the id of a session takes it over',
    edits: [
      {
        file: 'lockserver/session-requests.ts',
        find: 'const session = this.#sessionFor(client, id, key) if (session === undefined) return this.#audience.unknown(client, id)',
        replace: `const session = ${byId}\n    if (session === undefined) return this.#audience.unknown(client, id)`,
      },
    ],
  },
  {
    name: 'an abandon needs no key',
    breaks: 'C9',
    why: 'who knows the id of a session ends it',
    edits: [
      {
        file: 'lockserver/session-requests.ts',
        find: 'const session = this.#sessionFor(client, id, key) if (session !== undefined) this.#proposals.propose',
        replace: `const session = ${byId}\n    if (session !== undefined) this.#proposals.propose`,
      },
    ],
  },
  {
    name: 'a repeated open with another key binds',
    breaks: 'C9',
    why: 'who knows the id of a session opens it again, and has it',
    edits: [
      {
        file: 'lockserver/session-requests.ts',
        find: 'const session = this.#sessionFor(client, id, key) if (session === undefined) this.#audience.unknown',
        replace: `const session = ${byId}\n    if (session === undefined) this.#audience.unknown`,
      },
    ],
  },
  {
    name: 'a wrong key unbinds the session',
    breaks: 'C9',
    why: 'a peer without the key keeps a client from its grants',
    test: 'session-keys',
    edits: [
      {
        file: 'lockserver/session-requests.ts',
        find: "if (session !== undefined) this.#out.count({ is: 'wrong key' })",
        replace:
          "if (session !== undefined) this.#clients.forget(session)\n    this.#out.count({ is: 'wrong key' })",
      },
    ],
  },
  {
    name: 'a wrong key is answered otherwise than an unknown id',
    breaks: 'C9',
    why: 'a peer learns which ids there are',
    test: 'session-keys',
    edits: [
      {
        file: 'lockserver/session-requests.ts',
        find: 'if (session === undefined) this.#audience.unknown(client, id) else this.#opened',
        replace:
          "if (session === undefined) this.#audience.close(client, 'UNEXPECTED_MESSAGE', 'another key')\n    else this.#opened",
      },
    ],
  },
  {
    name: 'wrong keys cost nothing',
    breaks: 'C9, B1',
    why: 'a peer tries thousands of keys in a turn',
    test: 'session-keys',
    edits: [
      {
        file: 'lockserver/session-requests.ts',
        find: 'this.#proposals.spend(unknownSessionCost)',
        replace: 'this.#proposals.spend(0 * unknownSessionCost)',
      },
    ],
  },
  {
    name: 'a beginning of the hash is enough',
    breaks: 'C9',
    why: 'one key in 256 opens every session',
    test: 'session-keys',
    edits: [
      {
        file: hashing,
        find: "timingSafeEqual(hash(key), Buffer.from(keyHash, 'hex'))",
        replace: "timingSafeEqual(hash(key).subarray(0, 1), Buffer.from(keyHash, 'hex').subarray(0, 1))",
      },
    ],
  },
  {
    name: 'the public id is made from the id alone',
    breaks: 'C9',
    why: 'who opens a session under the id of another has its public id',
    test: 'session-keys',
    edits: [
      {
        file: hashing,
        // biome-ignore lint/suspicious/noTemplateCurlyInString: a piece of the source.
        find: 'holdfast public id ${id} ${key}',
        // biome-ignore lint/suspicious/noTemplateCurlyInString: a piece of the source.
        replace: 'holdfast public id ${id} ${key.slice(32)}',
      },
    ],
  },
  {
    name: 'the hash of a key is lost in a copy',
    breaks: 'C9, R3',
    why: 'after a promotion no client has its session any more',
    edits: [
      {
        file: snapshot,
        find: 'const who = { id, keyHash, publicId,',
        replace: "const who = { id, keyHash: keyHash.slice(1).concat('0'), publicId,",
      },
    ],
  },
  {
    name: 'a copy shows the ids of its sessions',
    breaks: 'C9, R3',
    why: 'after a promotion every list has what takes sessions over',
    edits: [
      {
        file: snapshot,
        find: 'const who = { id, keyHash, publicId,',
        replace: 'const who = { id, keyHash, publicId: publicId && id,',
      },
    ],
  },
  {
    name: 'a copy forgets since when a session is open',
    breaks: 'C9, R3',
    why: 'after a promotion the list of clients is wrong',
    edits: [
      {
        file: snapshot,
        find: 'ttlMs, name, host, pid, version, address, since } const session = this.state.newSession',
        replace:
          'ttlMs, name, host, pid, version, address, since: 0 * since }\n    const session = this.state.newSession',
      },
    ],
  },
  {
    name: 'a query shows the ids of holders',
    breaks: 'C9',
    why: 'every client is shown what takes sessions over',
    edits: [{ file: query, find: 'client?.publicId ?? null', replace: 'client?.id ?? null' }],
  },
  {
    name: 'a query shows the ids of waiters',
    breaks: 'C9',
    why: 'every client is shown what takes sessions over',
    edits: [
      {
        file: query,
        find: '{ publicId: clientId, name: clientName, host, pid }: Session',
        replace: '{ id: clientId, name: clientName, host, pid }: Session',
      },
    ],
  },
  {
    name: 'an event shows the id of a session',
    breaks: 'C9',
    why: 'every watcher is told what takes sessions over',
    edits: [{ file: table, find: 'null : session.publicId', replace: 'null : session.id' }],
  },
  {
    name: 'the answer to a cancel shows the id of the holder',
    breaks: 'C9',
    why: 'who waits in vain is told what takes the session of the holder over',
    edits: [
      {
        file: 'lockserver/state/state.ts',
        find: 'clientId: client?.publicId ?? null',
        replace: 'clientId: client?.id ?? null',
      },
    ],
  },
  {
    name: 'a page of locks shows the ids of holders',
    breaks: 'C9',
    why: 'who reads a page has what takes sessions over',
    test: 'session-takeover',
    edits: [
      {
        file: 'lockserver/pages/table-page.ts',
        find: 'null : hold.session.publicId',
        replace: 'null : hold.session.id',
      },
    ],
  },
  {
    name: 'the list of clients shows the ids of sessions',
    breaks: 'C9',
    why: 'every client is shown what takes sessions over',
    test: 'client-list',
    edits: [{ file: list, find: 'clientId: publicId,', replace: 'clientId: publicId && session.id,' }],
  },
  {
    name: 'a page of clients begins with the last of the page before',
    breaks: 'C9',
    why: 'who asks for page after page counts clients twice, and never comes to an end',
    test: 'client-list',
    edits: [{ file: list, find: 'ordinal <= after', replace: 'ordinal < after' }],
  },
  {
    name: 'the list of clients counts names that are waited for, not waits',
    breaks: 'C9',
    why: 'an operator is told wrong counts',
    test: 'client-list',
    edits: [{ file: list, find: 'waiting: session.waiting.size', replace: 'waiting: session.awaited' }],
  },
  {
    name: 'a key may be empty',
    breaks: 'C9',
    why: 'a client without a key has a session that anybody can take over',
    test: ['session-takeover', 'hostile-clients'],
    edits: [
      {
        file: 'wire/messages/words.ts',
        find: "matching('fedcba9876543210fedcba9876543210', '^[0-9a-f]{32}$')",
        replace: "matching('fedcba9876543210fedcba9876543210', '^[0-9a-f]*$')",
      },
    ],
  },
  {
    name: 'a client resumes with its id for a key',
    breaks: 'C9, F1',
    why: 'no session outlives its connection',
    edits: [
      {
        file: 'client/session/sending.ts',
        find: "'resume', this.#options.sessionId, this.#options.sessionKey,",
        replace: "'resume',\n      this.#options.sessionId,\n      this.#options.sessionId,",
      },
    ],
  },
  {
    name: 'what was given up is abandoned with the key of the next session',
    breaks: 'C9, S4',
    why: 'a session that no client wants stays for as long as a lease lasts',
    test: ['client-lease', 'given-up'],
    edits: [
      {
        file: 'client/session/sending.ts',
        find: "for (const [id, key] of this.#abandoned) this.send(['abandon', id, key])",
        replace: "for (const [id] of this.#abandoned) this.send(['abandon', id, this.#options.sessionKey])",
      },
    ],
  },
  {
    name: 'only a hello of the right shape is refused by its version',
    breaks: 'F13',
    why: 'a peer of the version before is told that its message is malformed, and not why',
    test: 'edge-sockets',
    edits: [
      {
        file: 'wire/codec.ts',
        find: "if (channel === 'opening') checkWire(frame[0])",
        replace:
          "if (channel === 'opening' && frame.length === 1 && frame[0].length === 5) checkWire(frame[0])",
      },
    ],
  },
]
