// Planted bugs in the log-in of the dashboard (A9): one that outlives what it stands for, or is good for more than that.

import type { Mutant } from './mutant.ts'

const door = 'wire/serving/door.ts'
const pages = 'viewservice/pages/door-pages.ts'

export const atTheDoor: readonly Mutant[] = [
  {
    name: 'a log-in outlives its token',
    breaks: 'A9, A3',
    why: 'who has left the company looks on, and ends servers, from a browser that was open',
    test: 'log-in',
    edits: [
      {
        file: door,
        find: 'const proven = this.#guard.again(kept.proven)',
        replace: 'const proven = this.#guard.again(kept.proven) ?? kept.proven',
      },
    ],
  },
  {
    name: 'the POST of a button needs no right',
    breaks: 'A9, A2',
    why: 'the button is hidden from who may not press it, and the request is taken all the same',
    test: 'log-in',
    edits: [
      {
        file: 'viewservice/pages/pages.ts',
        find: "needs: 'operate', changes: 'by page',",
        replace: "changes: 'by page',",
      },
    ],
  },
  {
    name: 'the page of the locks names what may not be read',
    breaks: 'A9, A2',
    why: 'who may read one name is shown those of all other programs',
    test: 'log-in',
    edits: [
      {
        file: 'lockserver/pages/pages.ts',
        find: 'only: readable(principal, asked.prefix)',
        replace: 'only: readable(null, asked.prefix ?? principal)',
      },
    ],
  },
  {
    name: 'other sites may send the cookie',
    breaks: 'A9',
    why: 'a page of another site asks in the name of whoever is logged in',
    test: 'log-in',
    edits: [{ file: door, find: '; HttpOnly; SameSite=Strict', replace: '; HttpOnly' }],
  },
  {
    name: 'a cookie from a port of TLS goes over plain connections, too',
    breaks: 'A9, A5',
    why: 'whoever listens on the network gets the log-in from the first link to the host without TLS',
    test: 'tls-cluster',
    edits: [
      {
        file: 'wire/serving/http.ts',
        find: "'encrypted' in socket || headers.origin?.startsWith('https:') === true",
        replace: "'encrypted' in socket && headers.origin === 'https:'",
      },
    ],
  },
  {
    name: 'scripts may read the cookie',
    breaks: 'A9',
    why: 'a script that got into the page, or an extension, takes the log-in along',
    test: 'log-in',
    edits: [{ file: door, find: '; HttpOnly; SameSite=Strict', replace: '; SameSite=Strict' }],
  },
  {
    name: 'a log-in by a log-in',
    breaks: 'A9',
    why: 'a cookie that was stolen makes itself a new one before it ends, for ever',
    test: 'log-in',
    edits: [
      {
        file: pages,
        find: '|| authorization === undefined || byCookie',
        replace: '|| authorization === undefined',
      },
    ],
  },
  {
    name: 'a log-in lasts as long as it is used',
    breaks: 'A9',
    why: 'a page that stays open, or a program with the cookie, is logged in for good',
    test: 'log-in',
    edits: [
      {
        file: 'wire/access/logins.ts',
        find: 'now - begunAt >= loginMs || now - usedAt >= loginIdleMs',
        replace: 'now - Math.max(begunAt, usedAt) >= Math.min(loginMs, loginIdleMs)',
      },
    ],
  },
  {
    name: 'a log-out only in the browser',
    breaks: 'A9',
    why: 'the cookie that was copied goes on working',
    test: 'log-in',
    edits: [{ file: door, find: 'if (key !== null) this.#logins.end(hashOf(key))', replace: '' }],
  },
  {
    name: 'one principal pushes out the log-ins of all others',
    breaks: 'A9',
    why: 'a program that logs in again and again logs the operator out',
    test: 'log-in',
    edits: [
      {
        file: 'wire/access/logins.ts',
        find: 'if (own.length >= loginsPerOwnerMax) this.#dropFirst(own)',
        replace: 'if (own.length >= loginsPerOwnerMax) this.#dropFirst(this.#open)',
      },
    ],
  },
  {
    name: 'a page of another site presses buttons',
    breaks: 'A9, B5',
    why: 'an address on the same machine, or a browser that knows no SameSite, sends the cookie along',
    test: 'log-in',
    edits: [
      {
        file: 'wire/serving/http.ts',
        find: "if (changes === 'by page') return origin !== ",
        replace: "if (changes === 'by page') return origin === undefined && origin !== ",
      },
    ],
  },
  {
    name: 'the pages of a server have no door',
    breaks: 'A9',
    why: 'no browser can log in',
    test: 'log-in',
    edits: [
      {
        file: 'wire/serving/front.ts',
        find: '...(door !== undefined && { door }),',
        replace: '',
      },
    ],
  },
  {
    name: 'a server reads its access file once',
    breaks: 'A3',
    why: 'a token that was taken away goes on being taken',
    test: 'revocation',
    edits: [
      {
        file: 'wire/serving/front.ts',
        find: 'this.access.start(log, heard, pingIntervalMs)',
        replace: '',
      },
    ],
  },
]
