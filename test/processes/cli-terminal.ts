// Output for a user at a terminal: why a lock isn't available, locks sorted by urgency,
// and a status with the progress of a copy. Colours on terminals only.

import { t } from 'tap'
import { bar, table } from '../../cli/output.ts'
import { lines as statusLines } from '../../cli/status.ts'
import { sortedLocks } from '../../cli/waits.ts'
import { whyLines } from '../../cli/why.ts'
import { circleFrom } from '../../viewservice/circles.ts'
import type { HoldRecord, Status, WaitRecord } from '../../wire/messages.ts'
import { startCluster } from '../fixtures/command.ts'
import { until } from '../fixtures/deadline.ts'

const idOf = (client: string) =>
  client
    .replace(/[^a-z0-9]/g, '')
    .padStart(16, '0')
    .padEnd(32, '0')
const hold = (name: string, client: string, heldMs = 1_000, token = 1): HoldRecord => ({
  name,
  mode: 'exclusive',
  token,
  clientId: idOf(client),
  clientName: client,
  host: null,
  pid: null,
  heldMs,
  terms: null,
})
const wait = (name: string, client: string, waitedMs = 1_000): WaitRecord => ({
  name,
  mode: 'exclusive',
  clientId: idOf(client),
  clientName: client,
  host: null,
  pid: null,
  waitedMs,
  terms: null,
})

t.test('circles of waiting clients are found, and nothing else is called a circle', async t => {
  const steps = (held: HoldRecord[], pending: WaitRecord[], name: string) =>
    circleFrom({ held, pending }, name)?.map(
      ({ clientName, holds, waitsFor }) => `${clientName}:${holds}>${waitsFor}`,
    )
  const two = [hold('x', 'a'), hold('y', 'b')]
  t.same(steps(two, [wait('y', 'a'), wait('x', 'b')], 'x'), ['a:x>y', 'b:y>x'])
  t.equal(steps(two, [wait('y', 'a')], 'x'), undefined, 'a chain is no circle')
  t.equal(steps(two, [wait('y', 'a'), wait('x', 'c')], 'x'), undefined, 'nor is a queue')
  t.same(steps([hold('x', 'a')], [wait('x', 'a')], 'x'), ['a:x>x'], 'who waits for itself')
  const away = [hold('q', 'c'), ...two]
  t.same(
    steps(away, [wait('x', 'c'), wait('y', 'a'), wait('x', 'b')], 'q'),
    ['a:x>y', 'b:y>x'],
    'also one that it only leads to, without the way there',
  )
  const long = Array.from({ length: 9_900 }, (_, i) => hold(`l${i}`, `c${i}`))
  const round = long.map((_, i) => wait(`l${(i + 1) % long.length}`, `c${i}`))
  t.equal(steps(long, round, 'l0')?.length, 9_900, 'as long as an answer can hold')
})

t.test('locks by the longest wait, by the longest hold, by name', async t => {
  const listing = {
    held: [hold('b', '1', 50, 1), hold('a', '2', 10, 2), hold('c', '3', 90, 3)],
    pending: [wait('a', '4', 5), wait('b', '5', 7), wait('b', '6', 6)],
  }
  const names = (sort: Parameters<typeof sortedLocks>[1]) =>
    sortedLocks(listing, sort).map(({ name }) => name)
  t.same(names('token'), ['b', 'a', 'c'])
  t.same(names('name'), ['a', 'b', 'c'])
  t.same(names('wait'), ['b', 'a', 'c'], 'those that nobody waits for come last')
  t.same(names('held'), ['c', 'b', 'a'])
  t.same(
    sortedLocks(listing, 'wait')[0]?.queue.map(({ clientName }) => clientName),
    ['5', '6'],
    'queues keep their order',
  )
})

t.test('why: holder, since when, what it waits for, the queue, and names that try to be more', async t => {
  const listing = {
    confirmed: true,
    cut: false,
    holders: 1,
    waiters: 2,
    held: [hold('x', 'a', 61_000, 7), hold('y', 'b', 5_000, 8)],
    pending: [wait('y', 'a', 3_000), wait('x', 'evil\n\x1b[31mname', 2_000), wait('x', 'c', 1_000)],
  }
  const lines = whyLines('x', listing)
  t.equal(lines[0], '"x" is held by a (00000000) for 1 m 1 s: exclusive, token 7')
  t.equal(lines[1], '  which itself waits for "y", for 3.0 s, #1 in its queue (held by b)')
  t.equal(lines[2], '2 wait for it:')
  t.match(lines[4], /^#1 +"evil\\n\\u001b\[31mname"/)
  t.notMatch(lines.join(''), '\x1b')
  t.same(whyLines('z', listing), ['no client holds "z" or waits for it'])
  t.match(whyLines('y', { ...listing, confirmed: false })[0], /^unconfirmed/)
})

t.test('a status in the middle of a copy shows how far it is; columns are aligned', async t => {
  const server = {
    pid: 1,
    host: 'h',
    version: '0.1.0',
    view: 2,
    opNumber: 5,
    lag: 0,
    copiedPart: 0,
    pingAgeMs: 40,
    alive: true,
    leaving: false,
    inSync: false,
    group: 0,
  }
  const [a, b] = ['a', 'b'].map(id => ({ id: id.padEnd(32, '0'), address: `ws://${id}:7401` }))
  const status: Status = {
    cluster: null,
    durability: 'memory',
    groups: [],
    map: null,
    ...{ groupsWanted: 1, groupsWait: null },
    recovery: null,
    view: {
      group: 0,
      number: 2,
      primary: a as Status['servers'][0],
      backup: b as Status['servers'][0],
      durability: 'memory',
      start: null,
    },
    acked: false,
    servers: [
      { ...server, ...(a as object), role: 'primary', copiedPart: 45 } as Status['servers'][0],
      { ...server, ...(b as object), role: 'backup' } as Status['servers'][0],
    ],
    survives: 0,
    halted: null,
    pid: 3,
    viewServers: [],
  }
  const lines = statusLines(status)
  t.equal(lines[0], 'view 2, not acked yet; survives 0 more deaths right now')
  t.match(
    lines[1],
    /^The backup at ws:\/\/b:7401 is not in sync yet: the copy is under way\. .*all locks are lost\. Wait\.$/,
  )
  const row = lines.find(line => line.startsWith('backup')) ?? ''
  t.match(row, /copying █{9}░{11} 45 %/)
  t.match(row, /40 ms ago/)
  const at = (line: string | undefined) => line?.indexOf('ws://')
  t.equal(at(row), at(lines.find(line => line.startsWith('primary'))))
  t.equal(bar(0), `${'░'.repeat(20)} 0 %`)
  t.equal(bar(100), `${'█'.repeat(20)} 100 %`)
  t.same(
    table(['A', 'B'], [['\x1b[31mred\x1b[0m', 'x']]),
    ['A    B', '\x1b[31mred\x1b[0m  x'],
    'colours take no room',
  )
})

t.test('against a cluster: why, locks --sort wait, and no colours in a pipe', async t => {
  const { start, run, json, waiters } = await startCluster(t, '--servers', '2')
  const first = start('hold', 'why/a', '--json')
  await first.json(({ name }) => name === 'why/a')
  start('hold', 'why/a')
  await until('one waits', async () => (await waiters('why/')) === 1)
  start('hold', 'why/a')
  await until('two wait', async () => (await waiters('why/')) === 2)
  const free = start('hold', 'free', '--json')
  await free.json(({ name }) => name === 'free')
  const why = await run('why', 'why/a')
  t.match(why, { code: 0, stdout: /^"why\/a" is held by .* exclusive, token \d+\n2 wait for it:\n/ })
  t.match(await json('why', 'why/a'), {
    name: 'why/a',
    confirmed: true,
    holders: [{ mode: 'exclusive', waitsFor: [] }],
    queue: [{}, {}],
    circle: null,
  })
  t.match(await run('why', 'nothing'), { code: 0, stdout: /^no client holds "nothing" or waits for it\n$/ })
  t.match(await run('why', 'x'.repeat(2_000)), { code: 2 })
  const sorted = (await run('locks', '--sort', 'wait')).stdout.trim().split('\n')
  t.equal(sorted.length, 5)
  t.same(
    sorted.slice(1).map(line => line.split(/\s+/)[0]),
    ['why/a', 'why/a', 'why/a', 'free'],
  )
  const { held } = await json('locks', '--sort', 'wait')
  t.equal(held[0].name, 'why/a')
  t.match(await run('locks', '--sort', 'size'), { code: 2, stderr: /--sort.*wait/ })
  for (const { stdout } of [why, await run('status'), await run('locks')]) t.notMatch(stdout, '\x1b')
})
