// Planted bugs of what may go on while a fault lasts, and stands still.

import type { Mutant } from './mutant.ts'

export const standing: readonly Mutant[] = [
  {
    name: 'a new session knows no servers of the view',
    breaks: 'F9',
    why: 'while the view server is away a client whose session was lost finds no primary',
    test: 'next-sessions',
    edits: [
      {
        file: 'client/group.ts',
        find: 'addresses: [...new Set([...urls, ...learnt])],',
        replace: 'addresses: learnt.length < 0 ? learnt : [...urls],',
      },
    ],
  },
  {
    name: 'one refusal ends all hope',
    breaks: 'F1, F10',
    why: 'a client gives up for one server that refuses it though others were never asked',
    test: 'client-parts',
    edits: [
      {
        file: 'client/session/addresses.ts',
        find: 'if (address.refusal === null) return null last = address.refusal',
        replace: 'if (address.refusal !== null) last = address.refusal',
      },
    ],
  },
  {
    name: 'the addresses of the caller go with the view',
    breaks: 'F9',
    why: 'when both servers of the view are gone, no view server is known any more',
    test: 'client-parts',
    edits: [
      {
        file: 'client/session/addresses.ts',
        find: '!address.seed && !urls.includes(address.url)',
        replace: '!urls.includes(address.url)',
      },
    ],
  },
  {
    name: 'a second connection to the primary watches for the next view',
    breaks: 'F6',
    why: 'no other server is asked, so a client of a deposed primary never hears of the next one',
    test: 'client-parts',
    edits: [
      {
        file: 'client/session/route.ts',
        find: "link.kind !== null && link !== this.session && link.id !== (this.session?.id ?? '')",
        replace: 'link.kind !== null && link !== this.session',
      },
    ],
  },
  {
    name: 'a session that is asked for something still stays away',
    breaks: 'F1',
    why: 'an acquire of a client that rested waits until its reconnection was due anyhow',
    test: 'client-lease',
    edits: [
      {
        file: 'client/session/route.ts',
        find: 'this.#moments.comeBackNow() this.#staysAway = false this.#stale = true',
        replace: 'this.#staysAway = false\n    this.#stale = true',
      },
    ],
  },
  {
    name: 'an open waits for a view server that makes no records',
    breaks: 'S4, F9',
    why: 'a client with a long ttl gets no session while the disk of the view server is full',
    test: 'server-parts',
    edits: [
      {
        file: 'lockserver/opens.ts',
        find: 'this.mustWait(open.request[4]) && open.ticks < this.#deadPings',
        replace: 'this.mustWait(open.request[4])',
      },
    ],
  },
  {
    name: 'only the first of several view servers is ever dialled',
    breaks: 'F9',
    why: 'a lock server never finds the view server that took over',
    test: 'server-parts',
    edits: [
      {
        file: 'lockserver/view-links.ts',
        find: 'this.#links = addresses.map(',
        replace: 'this.#links = addresses.slice(0, 1).map(',
      },
    ],
  },
  {
    name: 'the view server that was active first is pinged for ever',
    breaks: 'E5',
    why: 'the one that took over hears no server, and takes all for dead',
    test: 'server-parts',
    edits: [
      {
        file: 'lockserver/view-link.ts',
        find: 'this.#mark = message[1].mark',
        replace: 'this.#mark ||= message[1].mark',
      },
    ],
  },
]
