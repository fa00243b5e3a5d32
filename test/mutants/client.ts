// Planted bugs of the client: requests, replies, acknowledgements, views.

import type { Mutant } from './mutant.ts'

const core = 'client/session/core.ts'
const requests = 'client/session/requests.ts'

export const client: readonly Mutant[] = [
  {
    name: 'reply to the wrong request',
    breaks: 'S1',
    why: 'a reply is taken for the answer to the oldest request',
    edits: [
      {
        file: 'client/session/answers.ts',
        find: 'const request = this.#requests.answer(reply[1])',
        replace:
          'const request = this.#requests.answer(this.#requests.unansweredInOrder()[0]?.number ?? reply[1])',
      },
    ],
  },
  {
    name: 'a timed-out acquire is forgotten',
    breaks: 'S1',
    why: 'no client takes the grant of the waiter, and its lease is renewed for ever',
    edits: [
      {
        file: 'client/session/calls.ts',
        find: 'if (waits && !request.cancelling) this.#requests.cancel(request)',
        replace: '',
      },
    ],
  },
  {
    name: 'a grant is acknowledged before its cancel',
    breaks: 'S1',
    why: 'the server finds nothing to take back: the lock is held, and no client knows of it',
    edits: [
      {
        file: requests,
        find: 'if (request.cancelling) return undefined',
        replace: `if (request.cancelling) {
      this.#answered(number)
      return undefined
    }`,
      },
    ],
  },
  {
    name: 'unanswered requests are not sent again',
    breaks: 'F1, F10',
    why: 'what was in flight when the primary died is never answered',
    edits: [
      {
        file: 'client/session/sending.ts',
        find: 'for (const { what, number } of again) this.send(messageOf(what, number))',
        replace: '',
      },
    ],
  },
  {
    name: 'requests sent again under new numbers',
    breaks: 'S1, F3',
    why: 'a retry is a new request for the servers, and happens a second time',
    edits: [
      {
        file: 'client/session/sending.ts',
        find: 'for (const { what, number } of again) this.send(messageOf(what, number))',
        replace: `const { unanswered } = this.#requests
    for (const request of again) {
      unanswered.delete(request.number)
      request.number = this.#requests.next++
      unanswered.set(request.number, request)
      this.send(messageOf(request.what, request.number))
    }`,
      },
    ],
  },
  {
    name: 'a low-water mark acknowledges replies',
    breaks: 'S1',
    why: 'behind one long wait the replies of all later calls pile up at the servers',
    edits: [
      {
        file: requests,
        find: "const message: MessageOf<'clientToServer'> = ['acknowledge', toRanges(this.#acknowledged), this.#told]",
        replace: `const oldest = this.unansweredInOrder()[0]?.number ?? this.next
    const low = this.#acknowledged.filter(number => number < oldest)
    const message: MessageOf<'clientToServer'> = ['acknowledge', toRanges(low), this.#told]`,
      },
    ],
  },
  {
    name: 'a reply acknowledged before it came',
    breaks: 'S1',
    why: 'a resume names nothing as unanswered: the servers forget replies that no client has received',
    edits: [
      {
        file: 'client/session/sending.ts',
        find: 'toRanges(again.map(({ number }) => number))',
        replace: 'toRanges([])',
      },
    ],
  },
  {
    name: 'losses are not acknowledged',
    breaks: 'S5, S1',
    why: 'each steal leaves a loss behind at the servers for as long as the session lives',
    edits: [{ file: requests, find: 'this.#told.push(token)', replace: '' }],
  },
  {
    name: 'a loss that is told is not believed',
    breaks: 'S5',
    why: 'the victim of a steal goes on as if it held the lock',
    edits: [
      {
        file: 'client/session/answers.ts',
        find: "if (this.#holds.drop(token) && !isTold) this.#out.do({ do: 'lost', token, reason })",
        replace: 'void isTold',
      },
    ],
  },
  {
    name: 'client stays with the primary it knows',
    search: 'stranded',
    breaks: 'F6',
    why: 'a deposed primary never answers again, and its client never looks elsewhere',
    edits: [
      {
        file: core,
        find: 'if (session === null || session.id === view.primary.id) return',
        replace: 'if (session === null || session.id !== "") return',
      },
    ],
  },
  {
    name: 'a sent call is failed as definite',
    breaks: 'F10',
    why: 'the client reports that a call surely did not happen, and it did',
    edits: [
      {
        file: 'client/session/calls.ts',
        find: 'else if (!endsWithHold(verb)) this.#out.fail(request.call, code, !sent, text)',
        replace: 'else if (!endsWithHold(verb)) this.#out.fail(request.call, code, true, text)',
      },
    ],
  },
  {
    name: 'tokens in the order of the server',
    breaks: 'L2',
    why: "of several names each gets another one's token",
    edits: [
      {
        file: 'client/session/answers.ts',
        find: 'tokens: inOrderOf(request.what.names, tokens)',
        replace: 'tokens',
      },
    ],
  },
  {
    name: 'the end of a session taken for its loss',
    search: 'resumes',
    breaks: 'S1',
    why: 'the answer to the end was lost, and the client reports that the servers gave its session up',
    edits: [
      {
        file: core,
        find: 'if (this.#end.wished) this.#end.done()',
        replace: 'if (false) this.#end.done()',
      },
    ],
  },
  {
    name: 'the ttl that was asked for',
    search: 'shorter ttl',
    breaks: 'S4',
    why: 'the servers gave a shorter one, as the view record does not cover more: the client believes for too long',
    edits: [
      {
        file: core,
        find: 'this.#lease.begin(ttlMs, this.#sending.openSent)',
        replace: 'this.#lease.begin(this.askedMs, this.#sending.openSent)',
      },
      {
        file: core,
        find: 'readonly #group: number',
        replace: 'readonly #group: number\n  askedMs = 0',
      },
      {
        file: core,
        find: 'this.#group = options.group ?? 0',
        replace: 'this.#group = options.group ?? 0\n    this.askedMs = options.ttlMs',
      },
    ],
  },
]
