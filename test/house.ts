// The house as one table: what each room may import, and words that its code must not
// contain. A row names a folder, or one file in it with more or fewer rights than its
// folder; the longest row that fits a file counts.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import ts from 'typescript'

interface Room {
  /** Rooms and packages that it may import; `types of` a room or package allows only its types. */
  readonly imports: readonly string[]
  readonly never?: RegExp
}

/** Forbidden in code that decides: clocks, chance, waiting, logs, the process. */
const acting =
  /Date\.now|new Date|performance\.|Math\.random|crypto|setTimeout|setInterval|setImmediate|\bawait\b|\basync\b|Promise|console\.|process\./
/** Code that acts takes these from its runtime, so that it also runs on a simulated one. */
const untimed =
  /\b(setTimeout|setInterval|setImmediate|clearTimeout|clearInterval|readClock|readMonotonic|randomId)\b|Date\.now|performance\.|Math\.random|getRandomValues|randomBytes|AbortSignal\.timeout|timers\/promises|new WebSocket\b/
const markup = /innerHTML|outerHTML|insertAdjacentHTML|document\.write|setHTML|\beval\b/

const node = ['node:*']
const servers = ['wire', 'wire/access', 'wire/net', 'wire/net/tls', 'wire/serving', ...node]

const house: Readonly<Record<string, Room>> = {
  // What both ends of a connection must agree on.
  wire: { imports: ['types of wire/access', 'wire/messages'], never: acting },
  'wire/messages': { imports: ['wire'], never: acting },
  'wire/access': { imports: ['wire'], never: acting },
  'wire/clock.ts': { imports: [] },
  'wire/id.ts': { imports: [] },
  'wire/options.ts': { imports: ['wire'] },
  'wire/compile.ts': { imports: ['wire', 'ajv', ...node] },
  'wire/net': {
    imports: ['wire', 'wire/access', 'types of wire/net/tls', 'types of ws', ...node],
    never: untimed,
  },
  // Of Node alone, but for its options; a page loads those.
  'wire/net/tls': { imports: ['wire', 'wire/net/tls/options.ts', 'wire/net/timers-node.ts', ...node] },
  'wire/net/tls/options.ts': { imports: [] },
  'wire/net/open-web-socket.ts': { imports: ['wire', 'wire/net', 'types of wire/net/tls', ...node] },
  // Below the seams of runtime and socket.
  'wire/net/timers-node.ts': { imports: [...node] },
  'wire/net/runtime-node.ts': { imports: ['wire', 'wire/net', 'wire/net/tls', ...node] },
  'wire/net/runtime-web.ts': { imports: ['wire', 'wire/net'] },
  'wire/net/memory-runtime.ts': { imports: ['wire', 'wire/net'] },
  'wire/net/ws-socket.ts': { imports: ['wire/net', 'types of ws'] },
  'wire/net/web-socket.ts': { imports: ['wire', 'wire/net'] },
  'wire/net/visitor.ts': {
    imports: ['wire', 'wire/net/ws-socket.ts', 'types of wire/net/tls', 'types of ws', ...node],
    never: untimed,
  },
  'wire/net/listen.ts': { imports: ['wire', 'wire/net', 'wire/net/tls', 'types of ws', ...node] },
  'wire/serving': {
    imports: ['wire', 'wire/access', 'wire/net', 'wire/net/tls', 'prom-client', 'jose', ...node],
  },

  // Code that decides: no clock, chance, sockets, waiting or log.
  viewservice: { imports: ['wire', 'wire/access', 'types of viewservice/stores'], never: acting },
  lockserver: {
    imports: [
      'wire',
      'wire/access',
      'lockserver/state',
      'lockserver/session-key.ts',
      'types of lockserver/journal',
    ],
    never: acting,
  },
  // Only durable clusters load it: others know its types.
  'lockserver/journal': { imports: ['wire', 'lockserver/state', 'node:zlib'], never: acting },
  // A hash is a pure function; drawing a key or an id is not, and stays forbidden.
  'lockserver/session-key.ts': { imports: ['wire', 'node:crypto'], never: untimed },
  'lockserver/journal/driver': {
    imports: [
      'lockserver/journal',
      'wire',
      'types of wire/net',
      'wire/serving/folder-socket.ts',
      'wire/serving/own-folder.ts',
      ...node,
    ],
    never: untimed,
  },
  'lockserver/state': { imports: ['wire', 'wire/access'], never: acting },
  'client/session': { imports: ['wire'], never: acting },

  // Code that acts.
  'viewservice/index.ts': { imports: ['viewservice', 'types of wire', 'types of wire/net/tls'] },
  'viewservice/options.ts': {
    imports: ['viewservice', 'types of viewservice/pages', 'viewservice/stores', ...servers],
  },
  'viewservice/adopt.ts': { imports: ['viewservice', 'viewservice/stores', ...servers] },
  'viewservice/init.ts': { imports: ['viewservice', 'viewservice/stores', ...servers] },
  'viewservice/running.ts': {
    imports: ['viewservice', 'viewservice/stores/store.ts', 'wire', 'wire/net', 'wire/serving'],
    never: untimed,
  },
  'viewservice/server.ts': {
    imports: ['viewservice', 'viewservice/pages', 'viewservice/stores', ...servers],
    never: untimed,
  },
  'viewservice/stores': {
    imports: ['viewservice', 'viewservice/reserve.ts', 'viewservice/shortage.ts', ...servers],
  },
  // The disk and its retries are below the store's seam.
  'viewservice/reserve.ts': { imports: ['viewservice/shortage.ts', ...servers] },
  'viewservice/shortage.ts': { imports: ['wire', 'wire/net/timers-node.ts'] },
  'viewservice/pages': { imports: ['viewservice', ...servers] },
  'lockserver/index.ts': { imports: ['lockserver', 'types of wire', 'types of wire/net/tls'] },
  'lockserver/options.ts': { imports: ['lockserver', ...servers] },
  'lockserver/running.ts': {
    imports: [
      'lockserver',
      'lockserver/state',
      'types of lockserver/journal',
      'wire',
      'wire/net',
      'wire/serving',
    ],
    never: untimed,
  },
  'lockserver/rehearsal.ts': {
    imports: ['lockserver', 'lockserver/state', 'wire', 'wire/net', 'wire/serving'],
    never: untimed,
  },
  'lockserver/server.ts': {
    imports: ['lockserver', 'lockserver/pages', 'lockserver/journal/driver', ...servers],
    never: untimed,
  },
  'lockserver/rehearse.ts': { imports: ['lockserver', ...servers] },
  'lockserver/pages': { imports: ['lockserver', 'lockserver/state', ...servers] },
  'client/opentelemetry': { imports: ['client', 'wire', 'wire/net', '@opentelemetry/api', ...node] },
  client: { imports: ['client/session', 'wire', 'wire/net', 'wire/net/tls/options.ts'], never: untimed },
  testing: {
    imports: ['viewservice/index.ts', 'lockserver/index.ts', 'wire', 'wire/net', 'wire/serving', ...node],
  },

  // The parts that users use directly.
  dashboard: { imports: ['uplot', 'types of *'], never: markup },
  cli: {
    imports: [
      'viewservice',
      'lockserver',
      'lockserver/journal/driver',
      'viewservice/stores/file.ts',
      'client',
      'bench',
      'pino',
      ...servers,
    ],
  },
  bench: { imports: ['*'] },
  build: { imports: ['esbuild', ...node] },
}

const root = fileURLToPath(new URL('../../', import.meta.url))
const textOf = (file: string) => readFileSync(`${root}${file}`, 'utf8')
const codeOf = (file: string) => textOf(file).replace(/\/\*[\s\S]*?\*\/|(?<!:)\/\/.*$/gm, '')

const tops = [...new Set(Object.keys(house).map(place => place.split('/')[0] as string))]
const files = tops.flatMap(top =>
  readdirSync(`${root}${top}`, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .map(name => posix.join(top, name)),
)

/** The row of a file: its own, or that of the nearest folder above it. */
function roomOf(file: string): Room {
  for (let place = file; place !== '.'; place = posix.dirname(place)) {
    const room = house[place]
    if (room !== undefined) return room
  }
  throw new Error(`${file} is in no room`)
}

/** Where an import leads: a file of the project, or the name of a package. */
function targetOf(file: string, from: string): string {
  return from.startsWith('.') ? posix.join(posix.dirname(file), from) : from
}

function allowed(file: string, target: string, isType: boolean): boolean {
  if (target === '#runtime' || /validators-(client|operator|server)\.js$|\.cjs$/.test(target)) return true
  const folder = posix.dirname(file)
  // A file of the same folder, unless that file has more rights than this file's room.
  if (posix.dirname(target) === folder && house[target] === undefined) return true
  return roomOf(file).imports.some(entry => {
    const [, of, place = entry] = /^(types of )?(.*)$/.exec(entry) ?? []
    if (of !== undefined && !isType) return false
    return fits(place, target)
  })
}

function fits(place: string, target: string): boolean {
  if (place === '*' || place === target) return true
  if (place.endsWith(':*')) return target.startsWith(place.slice(0, -1))
  return posix.dirname(target) === place || target.startsWith(`${place}/dist/`)
}

function* importsOf(file: string): Generator<{ line: string; target: string; isType: boolean }> {
  const pattern = /^(?:import|export)\b(?:[^'"]*? from)? '([^']+)'|\bimport\('([^']+)'\)/gms
  for (const [line, plain, lazy] of codeOf(file).matchAll(pattern)) {
    const target = targetOf(file, (plain ?? lazy) as string)
    yield { line, target, isType: /^(import|export) type /.test(line) }
  }
}

t.test('each room imports what its row allows', async t => {
  t.ok(files.length > 150)
  for (const file of files)
    for (const { line, target, isType } of importsOf(file))
      t.ok(allowed(file, target, isType), `${file} imports ${target}`, { line })
  t.notOk(allowed('lockserver/primary.ts', 'lockserver/server.ts', false), 'a core imports no driver')
  t.notOk(allowed('lockserver/state/lock.ts', 'lockserver/leases.ts', false), 'the state knows no lease')
  t.notOk(allowed('client/client.ts', 'lockserver/core.ts', true), 'the client knows no server')
  t.notOk(allowed('wire/codec.ts', 'client/client.ts', false), 'the ground floor knows no other')
})

t.test('no room contains the words that its row forbids', async t => {
  for (const file of files) {
    const { never } = roomOf(file)
    if (never !== undefined) t.notMatch(codeOf(file), never, file)
  }
  t.match('const now = Date.now()', acting, 'and this would be seen')
})

t.test(
  'one file reads the time, one draws ids; ws, ajv, pino and jose are imported where they belong',
  async t => {
    const users = (pattern: RegExp, places: readonly string[] = tops) =>
      files.filter(file => places.includes(file.split('/')[0] as string) && pattern.test(codeOf(file)))
    const shipped = ['wire', 'viewservice', 'lockserver', 'client', 'testing', 'cli']
    t.strictSame(users(/Date\.now|performance\.now/, shipped), ['wire/clock.ts'])
    t.strictSame(users(/getRandomValues/, shipped), ['wire/id.ts'])
    t.strictSame(users(/^import (?!type).*from 'ws'/m, shipped), [], 'ws is loaded as wire/net/ws.cjs says')
    t.strictSame(users(/from '[./a-z]*\/ws\.cjs'/, shipped), [
      'wire/net/listen.ts',
      'wire/net/open-web-socket.ts',
    ])
    t.strictSame(users(/from 'pino'/, shipped), ['cli/serving.ts'])
    t.strictSame(users(/from 'prom-client'/, shipped), ['wire/serving/metrics.ts'])
    t.strictSame(
      users(/^import (?!type).*from 'jose'/m, shipped),
      [],
      'servers with issuers load it, and no others',
    )
    t.strictSame(users(/import\('jose'\)/, shipped), ['wire/serving/issued-tokens.ts'])
  },
)

t.test('G7: nothing that decides reads from the nearest copy', async t => {
  const users = (pattern: RegExp) => files.filter(file => !/^wire\//.test(file) && pattern.test(codeOf(file)))
  t.strictSame(users(/\bquery\(\{[^)]*nearest/), [])
  t.strictSame(users(/\['look'/), ['client/session/nearest.ts', 'cli/nearest.ts'])
})

t.test('the runtime of this process is taken where programs begin, and handed on from there', async t => {
  const all = files.filter(file => !/^(cli|bench|dashboard)\//.test(file))
  t.strictSame(
    all.filter(file => codeOf(file).includes(" from '#runtime'")),
    [
      'wire/net/dial.ts',
      'wire/net/listen.ts',
      'viewservice/init.ts',
      'viewservice/server.ts',
      'lockserver/server.ts',
      'client/client.ts',
      'testing/cluster.ts',
    ],
  )
})

t.test('each perform and its like ends in unknownEffect, so that no effect is forgotten', async t => {
  const performing = [
    'wire/net/connections.ts',
    'lockserver/running.ts',
    'viewservice/running.ts',
    'client/group.ts',
  ]
  for (const file of performing) t.match(codeOf(file), /default:\s+(return )?unknownEffect\(/, file)
})

/** All sources, also the tests. */
const everything = readdirSync(root, { withFileTypes: true })
  .filter(entry => entry.isDirectory() && !/^(node_modules|dist|\..*)$/.test(entry.name))
  .flatMap(({ name }) =>
    readdirSync(`${root}${name}`, { recursive: true, encoding: 'utf8' }).map(file => `${name}/${file}`),
  )
  .filter(file => file.endsWith('.ts') && !file.endsWith('.d.ts'))

const linesMax = 70

/** The functions that are longer. In tests a list of stories may be: functions inside it count separately. */
function tooLong(source: ts.SourceFile): string[] {
  const found: string[] = []
  const lineOf = (position: number) => source.getLineAndCharacterOfPosition(position).line
  const isTest = source.fileName.startsWith('test/')
  /** How many lines of this node are inside functions. */
  const visit = (node: ts.Node): number => {
    let inside = 0
    ts.forEachChild(node, child => {
      inside += visit(child)
    })
    if (!ts.isFunctionLike(node) || !('body' in node) || node.body === undefined) return inside
    const first = lineOf(node.getStart(source))
    const lines = lineOf(node.end) - first + 1
    if (lines - (isTest ? inside : 0) > linesMax)
      found.push(`${source.fileName}:${first + 1}: ${lines} lines`)
    return lines
  }
  visit(source)
  return found
}

/**
 * Whether this text may hold a function that is too long: one of its blocks is, by the indentation that the formatter gives.
 * Few files do, and only those are parsed.
 */
function mayBeTooLong(text: string): boolean {
  const lines = text.split('\n')
  return lines.some((line, first) => {
    if (!/(\)|\) ?: .*|=>) \{$/.test(line)) return false
    const indent = line.slice(0, line.length - line.trimStart().length)
    const last = lines.findIndex((other, at) => at > first && other.startsWith(`${indent}}`))
    return last - first >= linesMax - functionHeadMax
  })
}

/** Lines of a function before the one that opens its block. */
const functionHeadMax = 20

t.test(`no function has more than ${linesMax} lines`, async t => {
  const parse = (file: string, text: string) => ts.createSourceFile(file, text, ts.ScriptTarget.ES2022)
  t.ok(everything.length > 300)
  t.strictSame(
    everything.filter(file => mayBeTooLong(textOf(file))).flatMap(file => tooLong(parse(file, textOf(file)))),
    [],
  )
  const text = `() => {${'\n'.repeat(linesMax)}}`
  t.ok(mayBeTooLong(text))
  const long = parse('a.ts', text)
  t.strictSame(tooLong(long), ['a.ts:1: 71 lines'], 'and one of these would be seen')
})

/** Suites of real processes: a fault lasts for a time, or falls at a random moment. What comes of it is awaited there, too. */
const ofRealTime =
  /^test\/(deploy|disk|failover|faults|groups|hostile-load|operations|partition|power|record|tls)\/|^test\/fixtures\/(deadline|real-pause)\.ts$/

t.test('no story sleeps; what it waits for, it awaits', async t => {
  const sleeping =
    /real-pause\.ts'|\bsetTimeout\b[^\n]*from 'node:timers\/promises'|new Promise\([^\n]*setTimeout\(\w+, (?![^\n]*unref)/
  const sleepers = everything.filter(file => /^test\//.test(file) && sleeping.test(textOf(file)))
  t.ok(sleepers.length > 10, 'and these would be seen')
  t.strictSame(
    sleepers.filter(file => !ofRealTime.test(file)),
    [],
  )
})

// A teardown of the whole file would let tap end it at its first pause, so a folder for all of its tests is tap's own.
t.test("a test's folder is removed once all that runs in it has ended", async t => {
  const folders = everything.filter(file => /^test\//.test(file) && /^ .*\bt\.testdir\(/m.test(textOf(file)))
  t.strictSame(folders, ['test/fixtures/folder.ts'], 'all others use folderOf')
})

t.test('no exported class name occurs twice', async t => {
  const homes = new Map<string, string>()
  for (const file of everything)
    for (const [, name = ''] of textOf(file).matchAll(/^export (?:abstract )?class (\w+)/gm)) {
      t.equal(homes.get(name), undefined, `class ${name} in ${file}`)
      homes.set(name, file)
    }
  t.ok(homes.size > 80, `${homes.size} classes`)
})

t.test('every file says at its head what it is', async t => {
  for (const file of files) t.match(textOf(file), /^(#!.*\n)?\/\/ \S/, file)
})

t.test('each path that docs/ARCHITECTURE.md names exists', async t => {
  const rooms = 'wire|viewservice|lockserver|client|cli|test|docs'
  const named = textOf('docs/ARCHITECTURE.md').matchAll(new RegExp(`\`((?:${rooms})/[\\w./-]+)\``, 'g'))
  for (const [, path = ''] of named) t.ok(existsSync(`${root}${path}`), path)
})
