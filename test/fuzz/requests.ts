// HTTP requests, valid and broken, and the statuses that each may get; no status: the socket is closed. Pure.

import type { Random } from '../fixtures/random.ts'

export interface Request {
  readonly what: string
  readonly text: string
  /** Any of these; 0: closed without an answer. */
  readonly statuses: readonly number[]
}

/** Where each kind of server has a page. 503: too many requests are waiting at the moment. */
const pages = {
  lockserver: ['/healthz', '/readyz', '/metrics', '/locks', '/stats'],
  viewserver: ['/healthz', '/readyz', '/metrics', '/view'],
}
export type Kind = keyof typeof pages
const asked = [200, 503]

const known = ['GET', 'HEAD'] as const
const others = ['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH'] as const
const host = 'Host: 127.0.0.1\r\n'
const letters = [...'abcxyz019-._~%20/?&=#[]']

type Maker = (kind: Kind, dice: Random) => Request
const makers: readonly Maker[] = [
  (kind, dice) => {
    const path = dice.pick(pages[kind])
    return { what: 'a page', text: `${dice.pick(known)} ${path} HTTP/1.1\r\n${host}\r\n`, statuses: asked }
  },
  (kind, dice) => {
    const path = dice.pick(pages[kind])
    return {
      what: 'another method',
      text: `${dice.pick(others)} ${path} HTTP/1.1\r\n${host}\r\n`,
      statuses: [405],
    }
  },
  (_, dice) => {
    const path = `/no-such-${Array.from({ length: dice.below(40) }, () => dice.pick(letters)).join('')}`
    return { what: 'no page', text: `GET ${path} HTTP/1.1\r\n${host}\r\n`, statuses: [400, 404] }
  },
  (kind, dice) => {
    const path = dice.pick(pages[kind].filter(one => one !== '/healthz' && one !== '/readyz'))
    return {
      what: 'another host',
      text: `GET ${path} HTTP/1.1\r\nHost: evil.example\r\n\r\n`,
      statuses: [421],
    }
  },
  (_, dice) => refused('a broken header', `GET / HTTP/1.1\r\n${host}${dice.pick(brokenHeaders)}\r\n\r\n`),
  (_, dice) => refused('a broken first line', `${dice.pick(brokenLines)}\r\n${host}\r\n`),
  (_, dice) => refused('too much', `GET /${'x'.repeat(20_000 + dice.below(20_000))} HTTP/1.1\r\n${host}\r\n`),
  (_, dice) =>
    refused(
      'noise',
      `${Array.from({ length: 50 }, () => String.fromCharCode(128 + dice.below(128))).join('')}\r\n\r\n`,
    ),
  (_, dice) => ({
    what: 'a broken upgrade',
    text: upgrade(dice.pick(brokenUpgrades)),
    statuses: [400, 405, 426],
  }),
  () => ({ what: 'another origin', text: upgrade({ Origin: 'http://evil.example' }), statuses: [403] }),
]

const refused = (what: string, text: string): Request => ({
  what,
  text,
  statuses: [0, 400, 405, 414, 417, 431, 501, 505],
})
const brokenHeaders = [
  'Content-Length: 4\r\nContent-Length: 5',
  'Content-Length: -1',
  'A B: c',
  'A : b',
  ': b',
  'A: \u0000',
  'Transfer-Encoding: chunked\r\nContent-Length: 4',
  'Content-Length: 1e3',
  `A: ${'a'.repeat(100_000)}`,
]
const brokenLines = [
  'GET / HTTP/9.9',
  'GET',
  'GET  HTTP/1.1',
  'EAT / HTTP/1.1',
  'GET /\u0000 HTTP/1.1',
  'PRI * HTTP/2.0',
  'GET / HTTP',
  'get / HTTP/1.1',
]
const brokenUpgrades: readonly Record<string, string>[] = [
  { 'Sec-WebSocket-Version': '7' },
  { 'Sec-WebSocket-Key': '' },
  { 'Sec-WebSocket-Key': 'short' },
  { Upgrade: 'h2c' },
]

function upgrade(change: Record<string, string>): string {
  const headers = {
    Host: '127.0.0.1',
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version': '13',
    ...change,
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `GET / HTTP/1.1\r\n${lines.join('')}\r\n`
}

export function drawRequest(kind: Kind, dice: Random): Request {
  return dice.pick(makers)(kind, dice)
}
