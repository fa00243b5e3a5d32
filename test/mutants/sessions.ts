// Planted bugs of sessions at the servers: numbers, stored replies, cancels, losses, connections.

import type { Mutant } from './mutant.ts'

const state = 'lockserver/state/state.ts'
const repliesFile = 'lockserver/state/replies.ts'
const sessionsFile = 'lockserver/state/sessions.ts'
const clients = 'lockserver/clients.ts'

export const sessions: readonly Mutant[] = [
  {
    name: 'repeat executed again',
    breaks: 'S1, F3',
    why: 'a re-sent request happens a second time',
    edits: [
      {
        file: 'lockserver/numbered.ts',
        find: 'if (number < session.nextRequest) return this.#repeat(client, session, number)',
        replace:
          'if (number < session.nextRequest && !session.waiting.has(number)) session.nextRequest = number',
      },
    ],
  },
  {
    name: 'refusals are not remembered',
    search: 'refused again',
    breaks: 'S1',
    why: 'a repeat of a request that was answered "no" is done again, after others have acted on the lock',
    edits: [
      {
        file: 'lockserver/numbered.ts',
        find: 'if (number < session.nextRequest) return this.#repeat(client, session, number)',
        replace: `const stored = session.replies.get(number)
    const no = stored?.[0] === 'unavailable' || (stored?.[0] === 'released' && !stored[2])
    if (number < session.nextRequest && no) {
      const [verb] = request
      if (verb === 'acquire' && request[2].every(name => this.#state.table.available(name, { mode: request[3], manner: request[4], terms: null })))
        return this.#audience.answer(client, ['granted', number, [this.#state.table.lastToken + 1], []])
    }
    if (number < session.nextRequest) return this.#repeat(client, session, number)`,
      },
    ],
  },
  {
    name: 'a repeat is answered with a constant',
    breaks: 'S1, F3',
    why: 'the answer to a repeat is not the answer that was given first',
    edits: [
      {
        file: 'lockserver/numbered.ts',
        find: 'if (stored !== undefined) this.#audience.answer(client, stored)',
        replace:
          "if (stored !== undefined) this.#audience.answer(client, stored[0] === 'released' ? ['released', number, false] : stored[0] === 'granted' ? ['unavailable', number] : stored)",
      },
    ],
  },
  {
    name: 'repeats told by their content',
    breaks: 'S1',
    why: 'a new request that equals an earlier one gets the earlier answer',
    edits: [
      {
        file: 'lockserver/numbered.ts',
        find: 'this.#proposals.propose(operationOf(session, request)) }',
        replace: `if (request[0] === 'acquire' && request[4] === 'ifAvailable') {
      for (const old of session.replies.values())
        if (old[0] === 'unavailable') {
          this.#proposals.propose(['acquire', session.ordinal, number, request[2], request[3], request[4], request[5]])
          session.replies.keep(['unavailable', number])
          return
        }
    }
    this.#proposals.propose(operationOf(session, request))
  }`,
      },
    ],
  },
  {
    name: 'new requests overtake re-sent ones',
    breaks: 'S2',
    why: 'after a resume a new request takes effect before one that was called earlier',
    edits: [
      {
        file: 'client/session/sending.ts',
        find: 'for (const { what, number } of again) this.send(messageOf(what, number))',
        replace: `this.pump(now)
    for (const { what, number } of again) this.send(messageOf(what, number))`,
      },
      {
        file: 'lockserver/numbered.ts',
        find: 'if (number > session.nextRequest) {',
        replace: 'if (number > session.nextRequest) session.nextRequest = number\n    if (number < 0) {',
      },
    ],
  },
  {
    name: 'reads take request numbers',
    breaks: 'S1',
    why: 'the promoted backup expects a smaller number than comes, and takes no request any more',
    edits: [
      {
        file: 'client/session/requests.ts',
        find: 'this.queries.set(++this.#queryNumber, query) return messageOf(query.what, this.#queryNumber)',
        replace: 'this.queries.set(this.next, query)\n    return messageOf(query.what, this.next++)',
      },
      {
        file: 'lockserver/queries.ts',
        find: "if (++client.queries > queriesWaitingMax) return 'too many'",
        replace: `if (client.session !== null) client.session.nextRequest++
    if (++client.queries > queriesWaitingMax) return 'too many'`,
      },
    ],
  },
  {
    name: 'a limit refuses without an operation',
    breaks: 'S1',
    why: 'a refusal is not replicated, and the next number is',
    edits: [
      {
        file: 'lockserver/numbered.ts',
        find: 'this.#proposals.propose(operationOf(session, request)) }',
        replace: `const lock = request[0] === 'acquire' ? this.#state.table.locks.get(request[2][0] as string) : undefined
    if (lock !== undefined && lock.waiters >= this.#state.limits.waitersPerLockMax) {
      session.nextRequest++
      return this.#audience.answer(client, ['refused', number, 'WAITERS_LIMIT', ''])
    }
    this.#proposals.propose(operationOf(session, request))
  }`,
      },
    ],
  },
  {
    name: 'cancel racing a grant',
    breaks: 'S1',
    why: 'the grant crossed the cancel: the lock is held, and no client knows of it',
    edits: [
      {
        file: state,
        find: "this.table.dropAll([], holds, this.wallMs) this.#takeFacts() } this.#reply(session, ['cancel-done'",
        replace: "}\n    this.#reply(session, ['cancel-done'",
      },
    ],
  },
  {
    name: 'cancel gives back everything',
    breaks: 'S1',
    why: 'a cancel that came too late releases other locks of its session as well',
    edits: [
      {
        file: state,
        find: "this.table.dropAll([], holds, this.wallMs) this.#takeFacts() } this.#reply(session, ['cancel-done'",
        replace:
          "this.table.dropAll([], holds.length > 0 ? session.holdsInOrder(0, 1e6) : [], this.wallMs)\n      this.#takeFacts()\n    }\n    this.#reply(session, ['cancel-done'",
      },
    ],
  },
  {
    name: 'a cancelled wait stays',
    breaks: 'S1, L3',
    why: 'the cancel is answered, and the waiter is granted the lock later, although no client waits',
    edits: [
      {
        file: state,
        find: 'this.table.cancel(waiting, this.wallMs)',
        replace: 'session.waiting.set(waiting.request, waiting)',
      },
    ],
  },
  {
    name: 'loss told once',
    search: 'loss and reply',
    breaks: 'S5',
    why: 'the connection is cut with the message in flight: the victim believes in its lock for good',
    edits: [{ file: sessionsFile, find: 'this.losses.set(token, reason)', replace: '' }],
  },
  {
    name: "loss missing in the grant's own reply",
    breaks: 'S5',
    why: 'a re-sent acquire is answered with its grant, and without the news that the lock is lost since',
    edits: [
      {
        file: repliesFile,
        find: "    if (reply?.[0] === 'granted')\n      this.#kept",
        replace: "    if (reply?.[0] === 'granted' && token < 0)\n      this.#kept",
      },
      {
        file: 'lockserver/session-requests.ts',
        find: "if (!session.isWaitingWith(token)) this.#audience.answer(client, ['lost', token, reason])",
        replace: '',
      },
    ],
  },
  {
    name: 'replies kept for ever',
    breaks: 'S1',
    why: 'the table of replies grows by one with each request',
    edits: [
      {
        file: state,
        find: 'for (let n = first; n <= last; n++) this.#heard(session, n)',
        replace: '',
      },
    ],
  },
  {
    name: 'a late frame of a replaced connection',
    breaks: 'S2',
    why: 'an older connection still speaks for its session: answers go where no client listens',
    edits: [
      {
        file: clients,
        find: "client.deaf = true this.#out.close(client.connection, 'REPLACED', 'a newer connection of this session has taken over')",
        replace: '',
      },
      {
        file: clients,
        find: 'this.#bindings.set(session.ordinal, { client, count })',
        replace: 'if (old === undefined) this.#bindings.set(session.ordinal, { client, count })',
      },
    ],
  },
  {
    name: 'the last connection to arrive is the newest',
    search: 'resumes',
    breaks: 'S2',
    why: 'a resume that was delayed replaces the live connection',
    edits: [
      {
        file: clients,
        find: 'if (old !== undefined && old.count >= count) return false',
        replace: '',
      },
    ],
  },
  {
    name: 'a loss is acknowledged with its reply',
    search: 'loss and reply',
    breaks: 'S5',
    why: 'the reply was sent before the steal: acknowledging it forgets a loss that no client has received',
    edits: [
      {
        file: state,
        find: 'for (let n = first; n <= last; n++) this.#heard(session, n)',
        replace: `for (let n = first; n <= last; n++) {
          const reply = session.replies.get(n)
          if (reply?.[0] === 'granted') session.forgetLosses(reply[2])
          this.#heard(session, n)
        }`,
      },
    ],
  },
  {
    name: 'a loss told before its grant',
    search: 'loss and grant',
    breaks: 'S5',
    why: 'one of several names is stolen while the next is waited for: the client acknowledges a token that it does not know, and believes in the grant later',
    edits: [
      {
        file: state,
        find: "if (!session.isWaitingWith(token)) this.#show(session, ['lost', token, reason])",
        replace: "this.#show(session, ['lost', token, reason])",
      },
    ],
  },
  {
    name: 'a late resume acknowledges later replies',
    search: 'resumes',
    breaks: 'S1, S2',
    why: 'a resume that was delayed knows nothing of later numbers, and the servers forget their replies',
    edits: [
      {
        file: 'lockserver/session-requests.ts',
        find: 'filter(n => n < next && !waiting.has(n))',
        replace: 'filter(n => !waiting.has(n))',
      },
    ],
  },
]
