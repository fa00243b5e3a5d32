// Lists for a terminal: how wide signs are, what is cut and left out to fit, and what a list of thousands says first.

import { t } from 'tap'
import { clientText } from '../cli/client-text.ts'
import { type Column, tableIn } from '../cli/columns.ts'
import { groupLines, groupsOf, linesMax, lockLines } from '../cli/locks-text.ts'
import { clip, oneLine, quoted, table, widthOf } from '../cli/output.ts'
import { columnsOf } from '../cli/width.ts'
import type { HoldRecord, WaitRecord } from '../wire/messages.ts'

const client = (number: number) => ({
  clientId: String(number).padStart(32, '0'),
  clientName: `worker ${number}`,
  host: 'app-2',
  pid: 4_711,
})
const hold = (name: string, number = 1, heldMs = 1_000): HoldRecord => ({
  ...client(number),
  name,
  mode: 'exclusive',
  token: 1_700_000_000_000_000 + number,
  heldMs,
  terms: null,
})
const wait = (name: string, number = 1, waitedMs = 1_000): WaitRecord => ({
  ...client(number),
  name,
  mode: 'exclusive',
  waitedMs,
  terms: null,
})

t.test('signs are as wide as a terminal shows them', async t => {
  for (const [text, columns] of [
    ['orders/42', 9],
    ['é', 1],
    ['e\u0301', 1],
    ['注文/42', 7],
    ['ｶﾅ', 2],
    ['カナ', 4],
    ['한글', 4],
    ['\u1112\u1161\u11ab', 2],
    ['🔒', 2],
    ['🇩🇪', 2],
    ['→', 1],
    ['a\u200bb', 2],
    ['\u00ad', 1],
    ['Ａ', 2],
    ['\ufe0f', 0],
    ['𠀀', 2],
  ] as const)
    t.equal(columnsOf(text), columns, JSON.stringify(text))
  const [head, one, two] = table(
    ['NAME', 'STATE'],
    [
      ['注文', 'held'],
      ['ab', 'held'],
    ],
  )
  t.same([head, one, two], ['NAME  STATE', '注文  held', 'ab    held'])
})

t.test('a text is cut by its width, between signs, and colours still end', async t => {
  t.equal(clip('orders/42', 9), 'orders/42')
  t.equal(clip('orders/42', 8), 'orders/…')
  t.equal(clip('注文番号', 6), '注文…', 'half a sign is none')
  t.equal(clip('e\u0301e\u0301e\u0301', 2), 'e\u0301…', 'a mark stays with its letter')
  t.equal(widthOf(clip('\x1b[31m注文番号\x1b[0m', 5)), 5)
  t.ok(clip('\x1b[31mlong text\x1b[0m', 5).endsWith('\x1b[0m…'))
})

t.test('a name can neither break a line nor turn it round, nor hide', async t => {
  t.equal(oneLine('注文 42'), '注文 42')
  t.equal(oneLine('a\nb'), '"a\\nb"')
  t.equal(oneLine('a\u202eb'), '"a\\u{202e}b"', 'right to left from here')
  t.equal(oneLine('a\u009b31mb'), '"a\\u{9b}31mb"', 'a control sequence in one sign')
  t.equal(oneLine('a\u200bb\u2028 c'), '"a\\u{200b}b\\u{2028} c"')
  t.equal(quoted('x'), '"x"')
  t.equal(quoted('say "x"'), '"say \\"x\\""')
  t.equal(quoted('a\u202e'), '"a\\u{202e}"')
})

t.test(
  'a table is as wide as the terminal: cells are cut, then columns go; in a pipe it is whole',
  async t => {
    const columns: Column[] = [
      { title: 'NAME', least: 8 },
      { title: 'STATE' },
      { title: 'CLIENT', least: 6 },
      { title: 'ID', spare: 2 },
      { title: 'NOTE', spare: 1, least: 4 },
    ]
    const rows = [
      ['n'.repeat(40), 'held', 'c'.repeat(20), '01234567', 'why'],
      ['short', 'held', 'd', '76543210', ''],
    ]
    t.equal(tableIn(null, columns, rows)[1], rows[0]?.join('  ').replace('held  ', 'held   '))
    const at = (width: number) => tableIn(width, columns, rows)
    for (const width of [200, 80, 60, 40, 30, 22]) {
      const lines = at(width)
      t.ok(
        lines.every(line => widthOf(line) <= width),
        `${width}: ${Math.max(...lines.map(widthOf))}`,
      )
      t.equal(new Set(lines.map(line => line.indexOf(line === lines[0] ? 'STATE' : 'held'))).size, 1)
    }
    t.match(at(80)[1], /^n+…? +held +c{20} +01234567 +why$/, 'the longest gives way')
    t.match(at(36)[0], /^NAME +STATE +CLIENT +NOTE$/, 'what matters least goes first')
    t.match(at(24)[0], /^NAME +STATE +CLIENT$/)
    t.equal(at(10)[0]?.length, 10, 'whatever does not fit is cut')
  },
)

t.test('locks of thousands: a sum, then some lines; in a pipe all of them and no sum', async t => {
  const held = Array.from({ length: 5_007 }, (_, i) => hold(`tenant-${i % 40}/orders/${i}`, i % 23))
  const pending = Array.from({ length: 305 }, (_, i) => wait(`tenant-29/orders/29`, i, 4_500 - i))
  const on = (width: number | null, all = false) =>
    lockLines({ held, pending }, { width, all, sort: undefined, cut: false })
  const lines = on(80)
  t.equal(lines[0], '5,007 held by 23 clients, 305 wait, longest 4.5 s (tenant-29/orders/29)')
  t.equal(lines.length, linesMax + 3)
  t.equal(lines.at(-1), '… 5,262 more; --all, --waiting, --group, or a PREFIX')
  t.ok(lines.slice(1).every(line => widthOf(line) <= 80))
  t.equal(on(80, true).length, 5_312 + 2)
  const piped = on(null)
  t.equal(piped.length, 5_312 + 1)
  t.match(piped[0], /^NAME +STATE +MODE +TOKEN +SINCE +CLIENT +CLIENT ID$/)
  t.match(piped[1], / worker 0 on app-2, pid 4711 /)
  const one = { held: [hold('a', 1, 2_000)], pending: [] }
  t.equal(
    lockLines(one, { width: 80, all: false, sort: undefined, cut: true })[0],
    'at least 1 held by 1 client, the longest for 2.0 s (a)',
  )
  t.same(lockLines({ held: [], pending: [] }, { width: 80, all: false, sort: undefined, cut: false }), [
    'no locks are held or waited for',
  ])
})

t.test('a long name is cut on a terminal, and whole in a pipe', async t => {
  const listing = { held: [hold('n'.repeat(1_000))], pending: [] }
  const print = { all: false, sort: undefined, cut: false }
  t.ok(
    lockLines(listing, { ...print, width: 80 })
      .slice(1)
      .every(line => widthOf(line) <= 80),
  )
  t.match(lockLines(listing, { ...print, width: null })[1], 'n'.repeat(1_000))
})

t.test('groups by what follows the prefix, the largest first', async t => {
  const listing = {
    held: [hold('a/x/1', 1, 5_000), hold('a/x/2', 2), hold('a/y:3', 2), hold('b/1', 3), hold('plain', 4)],
    pending: [wait('a/y:3', 5, 700), wait('b/1', 6, 900)],
  }
  const rows = (prefix: string, sort?: 'name' | 'wait') =>
    groupsOf(listing, prefix, sort).map(({ prefix, held, waiting, clients }) => [
      prefix,
      held,
      waiting,
      clients.size,
    ])
  t.same(rows(''), [
    ['a/', 3, 1, 2],
    ['b/', 1, 1, 1],
    [null, 1, 0, 1],
  ])
  t.same(rows('', 'wait')[0], ['b/', 1, 1, 1])
  t.same(
    groupsOf({ held: listing.held.slice(0, 3), pending: [] }, 'a/', 'name').map(({ prefix }) => prefix),
    ['a/x/', 'a/y:'],
  )
  const lines = groupLines(groupsOf(listing, '', undefined), listing, {
    width: 80,
    all: false,
    sort: undefined,
    cut: false,
  })
  t.match(lines[0], /^5 held by 4 clients, 2 wait, longest 900 ms \(b\/1\)$/)
  t.match(lines[2], /^a\/ +3 +1 +2 +5\.0 s +700 ms$/)
  t.match(lines.at(-1), /^\(no \/ or : in it\) +1 +0 +1 +1\.0 s +-$/)
})

t.test('a client: its name, and where it runs unless the name says so', async t => {
  t.equal(clientText({ clientName: 'billing', host: 'app-2', pid: 4711 }), 'billing on app-2, pid 4711')
  t.equal(clientText({ clientName: 'pid 4711', host: 'app-2', pid: 4711 }), 'pid 4711 on app-2')
  t.equal(
    clientText({ clientName: 'job, pid 4711 on app-2', host: 'app-2', pid: 4711 }),
    'job, pid 4711 on app-2',
  )
  t.equal(clientText({ clientName: 'page', host: null, pid: null }), 'page')
  t.equal(clientText({ clientName: null, host: null, pid: null }), '')
  t.equal(clientText({ clientName: 'x\n', host: 'h\r', pid: 1 }), '"x\\n" on "h\\r", pid 1')
})
