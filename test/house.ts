// The house: which room may import what, and that what decides knows no clock, chance, socket or log.
// (That rooms do not import one another is the linter's business; this is about the files inside.)

import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const root = fileURLToPath(new URL('../../', import.meta.url))
const sources = (room: string) =>
  readdirSync(`${root}${room}`)
    .filter(name => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .map(name => `${room}/${name}`)
const textOf = (file: string) => readFileSync(`${root}${file}`, 'utf8')
const codeOf = (file: string) => textOf(file).replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
const importsOf = (file: string) =>
  [...textOf(file).matchAll(/ from '([^']+)'/g)].map(match => match[1] as string)

/** The drivers and their entries; everything else in these rooms decides. */
const drivers: Record<string, readonly string[]> = {
  viewservice: [
    'server.ts',
    'running.ts',
    'store.ts',
    'reserve.ts',
    'shortage.ts',
    'index.ts',
    'options.ts',
    'metrics.ts',
    'pages.ts',
    'peer-pages.ts',
    'dashboard-files.ts',
    'play.ts',
  ],
  lockserver: [
    'server.ts',
    'running.ts',
    'options.ts',
    'rehearsal.ts',
    'rehearse.ts',
    'index.ts',
    'metrics.ts',
    'pages.ts',
    'table-page.ts',
  ],
  client: [
    'client.ts',
    'session.ts',
    'index.ts',
    'lock.ts',
    'web-locks.ts',
    'options.ts',
    'signals.ts',
    'events.ts',
    'pending.ts',
    'watch.ts',
    'close-on-signals.ts',
  ],
}
const cores = Object.entries(drivers).flatMap(([room, acting]) =>
  sources(room).filter(file => !acting.includes(file.slice(room.length + 1))),
)

/** What a core may take from the wire: words, numbers and pure functions. */
const pure = new Set(
  [
    'clock',
    'codec',
    'effects',
    'errors',
    'histogram',
    'limits',
    'messages',
    'name',
    'number-map',
    'version',
  ].map(name => `../wire/${name}.ts`),
)

t.test('cores import each other and the pure part of the wire, no driver and no package', async t => {
  t.ok(cores.length > 20)
  for (const file of cores) {
    const room = file.slice(0, file.indexOf('/'))
    for (const from of importsOf(file)) {
      const inside = from.startsWith('./') && !drivers[room]?.includes(from.slice(2))
      t.ok(inside || pure.has(from), `${file} imports ${from}`)
    }
  }
})

t.test('cores read no clock, draw no chance, wait for nothing and log nothing', async t => {
  const forbidden =
    /Date\.now|new Date|performance\.|Math\.random|crypto|setTimeout|setInterval|setImmediate|\bawait\b|\basync\b|Promise|console\.|process\./
  for (const file of cores) {
    t.notMatch(codeOf(file), forbidden, file)
  }
  t.match('const now = Date.now()', forbidden, 'and this would be seen')
})

/** What stands below the runtime, the socket and the store, or serves HTTP: the only files that may wait and draw. */
const belowTheSeams = new Set([
  'wire/runtime-node.ts',
  'wire/runtime-web.ts',
  'wire/memory-runtime.ts',
  'wire/clock.ts',
  'wire/id.ts',
  'wire/ws-socket.ts',
  'wire/web-socket.ts',
  'wire/listen.ts',
  'wire/process-metrics.ts',
  'wire/page-budget.ts',
  'wire/page-turns.ts',
  'wire/peer-page.ts',
  'wire/shared-page.ts',
  'lockserver/pages.ts',
  'viewservice/pages.ts',
  'viewservice/reserve.ts',
  'viewservice/shortage.ts',
  'viewservice/store.ts',
])

t.test('time, chance, timers and sockets come from the runtime that a driver is given', async t => {
  const forbidden =
    /\b(setTimeout|setInterval|setImmediate|clearTimeout|clearInterval|readClock|readMonotonic|randomId)\b|Date\.now|performance\.|Math\.random|getRandomValues|randomBytes|AbortSignal\.timeout|timers\/promises|new WebSocket\b/
  for (const file of ['wire', 'viewservice', 'lockserver', 'client', 'testing'].flatMap(sources)) {
    if (!belowTheSeams.has(file)) t.notMatch(codeOf(file), forbidden, file)
  }
  t.match('setTimeout(() => give(true), timeout)', forbidden, 'and this would be seen')
})

t.test('the runtime of this process is taken where programs begin, and handed on from there', async t => {
  const all = ['wire', 'viewservice', 'lockserver', 'client', 'testing'].flatMap(sources)
  t.strictSame(
    all.filter(file => importsOf(file).includes('#runtime')),
    [
      'wire/dial.ts',
      'wire/listen.ts',
      'viewservice/server.ts',
      'lockserver/server.ts',
      'client/client.ts',
      'testing/cluster.ts',
    ],
  )
})

t.test('each perform and its like ends in unknownEffect, so that no effect is forgotten', async t => {
  const performing = ['wire/links.ts', 'lockserver/running.ts', 'viewservice/running.ts', 'client/client.ts']
  for (const file of performing) t.match(codeOf(file), /default:\s+(return )?unknownEffect\(/, file)
})

t.test('lock-table.ts, lock.ts and sessions.ts know no clock, view, peer or lease', async t => {
  const allowed = new Set([
    '../wire/messages.ts',
    '../wire/number-map.ts',
    './sessions.ts',
    './lock.ts',
    './name-map.ts',
  ])
  for (const file of ['lockserver/lock-table.ts', 'lockserver/lock.ts', 'lockserver/sessions.ts']) {
    for (const from of importsOf(file)) t.ok(allowed.has(from), `${file} imports ${from}`)
  }
})

t.test('the dashboard takes types of other rooms and no code, and makes no markup of text', async t => {
  const files = sources('dashboard')
  t.ok(files.length > 10)
  for (const file of files) {
    for (const [line, from = ''] of textOf(file).matchAll(/^(?:import|export) .* from '([^']+)'/gm)) {
      const isType = /^(import|export) type /.test(line)
      t.ok(
        from.startsWith('./') || from === 'uplot' || (isType && from.startsWith('../')),
        `${file}: ${line}`,
      )
    }
    t.notMatch(textOf(file), /innerHTML|outerHTML|insertAdjacentHTML|document\.write|setHTML|\beval\b/, file)
  }
})

t.test('one file reads the time, one draws ids; ws, ajv and pino are imported where they belong', async t => {
  const all = ['wire', 'viewservice', 'lockserver', 'client', 'testing', 'cli'].flatMap(sources)
  const users = (pattern: RegExp) => all.filter(file => pattern.test(textOf(file)))
  t.strictSame(users(/Date\.now\(\)|performance\.now\(\)/), ['wire/clock.ts'])
  t.strictSame(users(/getRandomValues/), ['wire/id.ts'])
  t.strictSame(users(/^import (?!type).*from 'ws'/m), [], 'ws is loaded as wire/ws.cjs says')
  t.strictSame(users(/from '\.+\/(wire\/)?ws\.cjs'/), ['wire/listen.ts', 'wire/runtime-node.ts'])
  t.strictSame(users(/from 'ajv/), ['wire/compile.ts'])
  t.strictSame(users(/from 'pino'/), ['cli/serving.ts'])
  t.strictSame(users(/from 'prom-client'/), ['wire/metrics.ts'])
})

t.test('every file says at its head what it is', async t => {
  const benches = ['bench', 'bench/failover', 'bench/peers', 'bench/scale']
  const rooms = ['wire', 'viewservice', 'lockserver', 'client', 'testing', 'cli', 'dashboard', ...benches]
  for (const file of rooms.flatMap(sources)) {
    t.match(textOf(file), /^(#!.*\n)?\/\/ \S/, file)
  }
})
