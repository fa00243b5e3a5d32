// The keys of the live picture, and its looks: without a terminal.

import { t } from 'tap'
import { keyRows, onKey, type Scene } from '../cli/live-keys.ts'
import { type Picture, pictureLines } from '../cli/live-picture.ts'
import { clip } from '../cli/output.ts'
import { keysOf } from '../cli/screen.ts'
import type { ServerStatus, Status } from '../wire/messages.ts'

const server = (n: number, about: Partial<ServerStatus>): ServerStatus => ({
  id: String(n).repeat(32),
  address: `ws://127.0.0.1:740${n}`,
  pid: 100 + n,
  host: 'here',
  role: 'idle',
  group: null,
  inSync: false,
  view: 2,
  opNumber: 7,
  lag: 0,
  copiedPart: 100,
  pingAgeMs: 10,
  alive: true,
  leaving: false,
  imprint: null,
  low: false,
  disk: null,
  version: '0.1.0',
  ...about,
})

const primary = server(1, { role: 'primary' })
const backup = server(2, { role: 'backup', inSync: true })
const idle = server(3, {})

function statusOf(servers: readonly ServerStatus[]): Status {
  const named = (role: string) => servers.find(server => server.role === role) ?? null
  return {
    cluster: 'c'.repeat(32),
    durability: 'memory',
    groups: [],
    map: null,
    ...{ groupsWanted: 1, groupsWait: null },
    recovery: null,
    view: {
      group: 0,
      number: 2,
      primary: named('primary') ?? primary,
      backup: named('backup'),
      durability: 'memory',
      start: null,
    },
    acked: true,
    servers: [...servers],
    survives: 1,
    halted: null,
    pid: 100,
    viewServers: [],
  }
}

function scene(about: Partial<Scene> = {}, ...servers: ServerStatus[]): Scene {
  return {
    status: statusOf(servers.length === 0 ? [primary, backup, idle] : servers),
    pids: new Map([1, 2, 3].map(n => [`ws://127.0.0.1:740${n}`, 100 + n])),
    running: new Set([100, 101, 102, 103]),
    frozen: new Set(),
    doomed: null,
    ...about,
  }
}

t.test('a key acts on the server that has the role now', async t => {
  t.match(onKey('p', scene()), { act: 'kill', pid: 101, who: 'the primary at ws://127.0.0.1:7401' })
  t.match(onKey('b', scene()), { act: 'kill', pid: 102, who: 'the backup at ws://127.0.0.1:7402' })
  t.match(onKey('f', scene()), { act: 'freeze', pid: 101 })
  t.match(onKey('t', scene({ frozen: new Set([101]) })), { act: 'thaw', pids: [101] })
  t.match(onKey('t', scene()), { act: 'say', text: /nothing is frozen/ })
  t.same(
    ['a', 'o', 'q', '\x03', '\x1a', 'x', 'y', 'P', '\x1b[A'].map(key => onKey(key, scene()).act),
    ['add', 'open', 'quit', 'quit', 'suspend', 'nothing', 'nothing', 'nothing', 'nothing'],
  )
  for (const { key } of keyRows.flat())
    t.not(onKey(key, scene()).act, 'nothing', `${key}, which is shown, does something`)
})

t.test('a server that is not there is not killed', async t => {
  const says = (key: string, about: Partial<Scene>, ...servers: ServerStatus[]) => {
    const act = onKey(key, scene(about, ...servers))
    return act.act === 'say' ? act.text : act
  }
  t.match(says('p', { status: null }), /view server does not answer/)
  t.match(says('b', {}, primary, idle), /no backup right now/)
  t.match(says('p', { running: new Set([102]) }), /dead already/)
  t.match(says('f', { running: new Set([102]), frozen: new Set([101]) }), /frozen: t thaws it/)
})

t.test('B8: a pid that a server only claims is not killed', async t => {
  const liar = server(1, { role: 'primary', pid: 103 })
  const stranger = server(9, { role: 'primary', pid: 103 })
  for (const primary of [liar, stranger])
    for (const key of ['p', 'f'])
      t.match(onKey(key, scene({}, primary, backup, idle)), { act: 'say', text: /dead already/ })
})

t.test('the last holder of the state is killed only when the key is pressed twice', async t => {
  const asks = (key: string, about: Partial<Scene>, ...servers: ServerStatus[]) =>
    t.match(onKey(key, scene(about, ...servers)), {
      act: 'ask',
      text: /^y: kill the last one .*All locks are lost/,
    })
  asks('p', {}, primary, idle)
  asks('p', {}, primary, { ...backup, inSync: false })
  asks('p', {}, primary, { ...backup, alive: false })
  asks('p', { running: new Set([101, 103]) }) // the backup has died, which the view server does not know yet
  asks('b', { running: new Set([102, 103]) })
  t.match(onKey('b', scene({}, primary, { ...backup, inSync: false })), { act: 'kill', pid: 102 })
  t.match(onKey('y', scene({ doomed: 101 }, primary)), { act: 'kill', pid: 101 })
  t.match(onKey('y', scene({ doomed: 101, running: new Set() }, primary)), { act: 'say' })
  t.match(onKey('n', scene({ doomed: 101 }, primary)), { act: 'nothing' })
})

t.test("the picture shows each server's role, what is known here first, and breaks no line", async t => {
  const picture: Picture = {
    status: statusOf([
      { ...primary, copiedPart: 40, lag: 3 },
      { ...backup, inSync: false },
    ]),
    members: [0, 1, 2, 3, 4].map(n => ({
      name: n === 0 ? 'viewserver' : `lockserver-${n}`,
      url: `ws://127.0.0.1:740${n}`,
      pid: n === 4 ? undefined : 100 + n,
    })),
    frozen: new Set([101]),
    gap: { ms: 26.91, agoMs: 12_000 },
    load: { operationsPerSecond: 12_345.6, held: 7, waiting: 1_000 },
    note: '',
  }
  const shown = pictureLines(picture)
  const row = (name: string) => shown.find(line => line.startsWith(name))
  t.equal(shown[2], '12,346 operations/s · 7 held · 1,000 waiting · last gap 26.9 ms, 12.0 s ago')
  t.match(row('viewserver'), /^viewserver +alive +ws:\/\/127.0.0.1:7400 +100$/)
  t.match(row('lockserver-1'), /primary +frozen +.* 101 +3$/)
  t.match(row('lockserver-2'), /backup +copying █{2}░{4} 40 % +ws:/)
  t.match(row('lockserver-3'), /starting/)
  t.match(row('lockserver-4'), /dead +ws:\/\/127.0.0.1:7404$/)
  t.equal(new Set(shown.flatMap(line => (line.includes('ws://') ? line.indexOf('ws://') : []))).size, 1)
  for (const { key, does } of keyRows.flat())
    t.ok(
      shown.some(line => line.includes(`${key} ${does}`)),
      does,
    )
  for (const line of shown) t.ok(line.length < 80, 'an ordinary terminal shows all of it')
  const away = pictureLines({ ...picture, status: null, load: null, gap: null, note: 'killed' })
  t.match(away.join('\n'), /the view server does not answer\noperations: not known.*no gap yet/)
  t.equal(away.at(-1), 'killed')
})

t.test('lines are cut without cutting colours; keys are recognised one by one', async t => {
  t.equal(clip('short', 5), 'short')
  t.equal(clip('\x1b[31mlonger\x1b[0m than that', 5), '\x1b[31mlong\x1b[0m…')
  t.same(keysOf('pq\x1b[A\x1b[3~\x1bOPb\x1b'), ['p', 'q', '\x1b[A', '\x1b[3~', '\x1bOP', 'b', '\x1b'])
})
