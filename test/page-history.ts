// What the view server keeps for its dashboard: the last hour in figures, and the views, within bounds, and over its restarts.
// Whatever becomes of the file in which it keeps them harms nothing.

import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { connect } from '../client/index.ts'
import { startLockServer } from '../lockserver/index.ts'
import { causeOf } from '../viewservice/cause.ts'
import { History, type PastView } from '../viewservice/history.ts'
import { hourPage } from '../viewservice/pages/hour-page.ts'
import { PastFile } from '../viewservice/pages/past-file.ts'
import { figuresIn } from '../viewservice/pages/server-figures.ts'
import { decodePast, encodePast } from '../viewservice/past.ts'
import type { KnownServer } from '../viewservice/servers.ts'
import { type Reading, Trend, trendMs, trendPointsMax, trendStepMs } from '../viewservice/trend.ts'
import { viewsRememberedMax } from '../wire/limits.ts'
import type { Status, View } from '../wire/messages.ts'
import { startBegun } from './fixtures/begun.ts'
import { until } from './fixtures/deadline.ts'
import { folderOf } from './fixtures/folder.ts'

const reading = (operations: number, more: Partial<Reading> = {}): Reading => ({
  of: 'p',
  held: 3,
  waiting: 1,
  longestWaitMs: 40,
  clients: 2,
  operations,
  ...more,
})
const pointsOf = (trend: Trend, group = 0) => trend.lines.get(group)?.points ?? []
const figuresOf = (trend: Trend) => pointsOf(trend).map(({ figures }) => figures)

t.test('operations a second come from two readings of one primary, and from nothing else', async t => {
  const trend = new Trend()
  trend.feed(0, 5_000, reading(100))
  trend.feed(0, 10_000, reading(600))
  trend.feed(0, 15_000, reading(50, { of: 'q' }))
  trend.feed(0, 20_000, reading(40, { of: 'q' }))
  trend.feed(0, 25_000, null)
  trend.feed(0, 30_000, reading(900, { of: 'q' }))
  const rates = figuresOf(trend).map(figures => figures?.perSecond ?? null)
  t.same(rates, [null, 100, null, null, null, null], 'not over another primary, a restart or a gap')
  t.match(figuresOf(trend)[1], { held: 3, waiting: 1, longestWaitMs: 40, clients: 2 })
  t.equal(figuresOf(trend)[4], null, 'no answer is no figure, and not 0')
})

t.test('an hour is kept of each group, and no more, however long it is fed', async t => {
  const trend = new Trend()
  const rounds = 3 * trendPointsMax
  for (let i = 1; i <= rounds; i++) for (const group of [0, 1]) trend.feed(group, i * trendStepMs, reading(i))
  for (const group of [0, 1]) {
    t.equal(pointsOf(trend, group).length, trendPointsMax)
    t.equal(pointsOf(trend, group)[0]?.at, (rounds - trendPointsMax + 1) * trendStepMs)
  }
  trend.feed(0, rounds * trendStepMs + trendMs, reading(1))
  t.equal(pointsOf(trend).length, 1, 'after an hour without figures the old ones are gone')
  trend.only([1])
  t.same([...trend.lines.keys()], [1], 'G8: a group that is no more')
  trend.feed(1, trendMs, reading(1))
  t.same(
    pointsOf(trend, 1).map(({ at }) => at),
    [trendMs],
    'a wall clock that was put back leaves out what is still to come',
  )
})

const view = (number: number, group = 0) =>
  ({ group, number, primary: { address: 'ws://a:1' }, backup: { address: 'ws://b:2' } }) as unknown as View
const none = { silentSince: null, cause: null }

t.test('views and figures come back by the clocks of another process', async t => {
  const before = new History()
  before.made(view(1), 'first', none, 1_000)
  before.made(view(2), 'promotion', { silentSince: 1_900, cause: 'gone' }, 2_000)
  before.entered(0, 2, 2_150)
  before.acked(view(2), 2_400)
  const trend = new Trend()
  trend.feed(0, 700_000, reading(1))
  trend.feed(0, 705_000, reading(6))
  trend.feed(0, 710_000, null)
  const text = encodePast({ views: before.views, lines: trend.lines }, { wall: 720_000, monotonic: 3_000 })

  const now = { wall: 730_000, monotonic: 50 }
  const past = decodePast(text, now)
  const after = new History()
  after.restore(past.views)
  t.match(after.views, [
    { number: 1, change: 'first', madeAt: 1_000 - 12_950, silentSince: null, ackedAt: null },
    {
      number: 2,
      change: 'promotion',
      cause: 'gone',
      primary: 'ws://a:1',
      backup: 'ws://b:2',
      madeAt: 2_000 - 12_950,
      silentSince: 1_900 - 12_950,
      enteredAt: 2_150 - 12_950,
      ackedAt: 2_400 - 12_950,
    },
  ])
  const again = new Trend()
  again.feed(0, 729_000, reading(7))
  again.restore(0, past.lines.get(0)?.points ?? [], now.wall)
  t.same(
    pointsOf(again).map(({ at, figures }) => [at, figures?.perSecond ?? null]),
    [
      [700_000, null],
      [705_000, 1],
      [710_000, null],
      [729_000, null],
    ],
  )
  t.match(hourPage(again, now.wall), {
    stepMs: trendStepMs,
    groups: [
      {
        group: 0,
        ageMs: [30_000, 25_000, 20_000, 1_000],
        held: [3, 3, null, 3],
        perSecond: [null, 1, null, null],
      },
    ],
  })
})

t.test('what this process knows of a view counts, and views stay bounded', async t => {
  const kept = new History()
  for (let i = 1; i <= viewsRememberedMax; i++) kept.made(view(i), 'backup_added', none, i)
  const history = new History()
  history.made(view(viewsRememberedMax), 'promotion', { silentSince: 1, cause: 'silent' }, 10_000)
  history.made(view(viewsRememberedMax + 1), 'backup_added', none, 11_000)
  history.restore(kept.views)
  t.equal(history.views.length, viewsRememberedMax)
  t.same(
    history.views.slice(-3).map(({ number, change }) => [number, change]),
    [
      [viewsRememberedMax - 1, 'backup_added'],
      [viewsRememberedMax, 'promotion'],
      [viewsRememberedMax + 1, 'backup_added'],
    ],
  )
  const { changes } = history
  history.entered(0, viewsRememberedMax + 1, 12_000)
  history.entered(0, viewsRememberedMax + 1, 13_000)
  t.equal(history.changes, changes + 1, 'what does not change need not be kept again')
  t.equal(history.views.at(-1)?.enteredAt, 12_000)
})

t.test('a spoilt file is refused as a whole, whatever is wrong with it', async t => {
  const now = { wall: 1_000, monotonic: 1_000 }
  const history = new History()
  history.made(view(1), 'first', none, 10)
  const trend = new Trend()
  trend.feed(0, 500, reading(1))
  const right = JSON.parse(encodePast({ views: history.views, lines: trend.lines }, now))
  t.equal(decodePast(JSON.stringify(right), now).views.length, 1)
  const [first] = right.views
  const spoilt: [string, unknown][] = [
    ['another format', { ...right, format: 2 }],
    ['a list', [1]],
    ['nothing', null],
    ['no views', { format: 1, lines: [] }],
    ['no figures', { format: 1, views: [] }],
    ['a change that is none', { ...right, views: [{ ...first, change: 'x' }] }],
    ['a cause that is none', { ...right, views: [{ ...first, cause: 'x' }] }],
    ['a time that is none', { ...right, views: [{ ...first, madeAt: '1' }] }],
    ['an address that is none', { ...right, views: [{ ...first, primary: 7 }] }],
    ['too many views', { ...right, views: Array(viewsRememberedMax + 1).fill(first) }],
    ['too many points', { ...right, lines: [[0, Array(trendPointsMax + 1).fill([1])]] }],
    ['a text in place of a figure', { ...right, lines: [[0, [[1, 'x', 0, 0, 0, 0]]]] }],
    ['a figure below 0', { ...right, lines: [[0, [[1, -1, 0, 0, 0, 0]]]] }],
    ['a group that is none', { ...right, lines: [['x', []]] }],
  ]
  for (const [what, each] of spoilt) t.throws(() => decodePast(JSON.stringify(each), now), what)
  t.throws(() => decodePast('{', now))
})

t.test('why a view leaves a server out', async t => {
  const server = (more: object) => ({ ping: null, refused: false, replaced: false, ...more }) as KnownServer
  t.equal(causeOf(server({ refused: true }), true), 'gone')
  t.equal(causeOf(server({ replaced: true }), true), 'gone')
  t.equal(causeOf(server({}), true), 'silent')
  t.equal(causeOf(server({ ping: { leaving: true } }), false), 'leaving')
  t.equal(causeOf(server({ ping: { low: true } }), false), 'full')
  t.equal(causeOf(server({ ping: {} }), false), 'unreachable')
})

t.test('what a server says of itself is checked before it counts', async t => {
  const right = {
    role: 'primary',
    vitals: { held: 1, waiting: 2, sessions: 3 },
    operations: { a: 4, b: 5 },
    longestWaitMs: 6,
    upMs: 7,
  }
  const [held, waiting, sessions] = [1, 2, 3]
  const figures = { role: 'primary', held, waiting, sessions, longestWaitMs: 6, operations: 9, upMs: 7 }
  t.same(figuresIn(JSON.stringify(right)), figures)
  t.equal(figuresIn(JSON.stringify({ ...right, upMs: 'x' })), null)
  t.equal(figuresIn(JSON.stringify({ ...right, vitals: { held: -1, waiting: 0, sessions: 0 } })), null)
  t.throws(() => figuresIn('{}'))
})

t.test('the file: for its owner alone, put in place whole, and through no link', async t => {
  const top = folderOf(t, { folder: { 'elsewhere.json': 'not mine' }, links: {} })
  const [folder, linked] = [join(top, 'folder'), join(top, 'links')]
  const file = new PastFile(folder)
  t.equal(await file.read(), null)
  await file.write('one')
  await file.write('two')
  t.equal(await file.read(), 'two')
  t.equal(statSync(join(folder, 'history.json')).mode & 0o777, 0o600)
  t.same(readdirSync(folder).sort(), ['elsewhere.json', 'history.json'])

  symlinkSync(join(folder, 'elsewhere.json'), join(linked, 'history.json'))
  symlinkSync(join(folder, 'elsewhere.json'), join(linked, 'history.json.tmp'))
  await t.rejects(new PastFile(linked).read(), /is no file/)
  await t.rejects(new PastFile(linked).write('x'))
  t.equal(readFileSync(join(folder, 'elsewhere.json'), 'utf8'), 'not mine')
})

t.test('B6: a folder that takes no file, and a spoilt one, harm nothing', async t => {
  const folder = folderOf(t, { 'history.json': '{"format":9}' })
  mkdirSync(join(folder, 'history.json.tmp'))
  const lines: [object, string][] = []
  const note = (fields: object, text: string) => void lines.push([fields, text])
  const log = { debug: note, info: note, warn: note, error: note }
  const server = await startBegun({ port: 0, data: folder, log })
  const said = () => lines.filter(([, text]) => text === 'the history is not kept').map(([fields]) => fields)
  await until('it has said what is wrong with the file', () => said().length > 0 || undefined)
  t.match(said()[0], { reason: /format 9/ })
  await until('it is the active one, which keeps a history', () =>
    lines.some(([, text]) => text === 'active'),
  )
  await server.close()
  t.match(said()[1], { reason: /can't be written/ })
})

interface Cluster {
  readonly status: Status
  readonly views: readonly (Pick<PastView, 'change' | 'cause' | 'group'> & {
    ageMs: number
    gapMs: number | null
  })[]
}

t.test('views of an earlier process are on the page of the next, with why and the gap', async t => {
  const folder = folderOf(t)
  const pings = { pingIntervalMs: 50, deadPings: 20 }
  const first = await startBegun({ ...pings, port: 0, data: folder })
  const port = Number(new URL(first.address).port)
  const servers = [
    await startLockServer({ ...pings, view: first.address }),
    await startLockServer({ ...pings, view: first.address }),
  ]
  t.teardown(() => Promise.all(servers.map(server => server.kill())))
  const cluster = async (at: string) => (await (await fetch(`${at}/cluster`)).json()) as Cluster
  await until(
    'a death is survived',
    async () => (await cluster(first.pages)).status.survives > 0 || undefined,
  )
  const client = await connect(first.address)
  await client.acquire('kept')
  const before = (await cluster(first.pages)).status.view?.primary.address
  await servers.find(server => server.advertised === before)?.kill()
  await until(
    'the promotion is over',
    async () => (await cluster(first.pages)).views.some(({ gapMs }) => gapMs !== null) || undefined,
  )
  const told = (await cluster(first.pages)).views
  await first.close()
  await client.close()

  const second = await startBegun({ ...pings, port, data: folder })
  t.teardown(() => second.close())
  await until(
    'they are there',
    async () => (await cluster(second.pages)).views.length >= told.length || undefined,
  )
  const now = (await cluster(second.pages)).views
  t.same(
    now.slice(0, told.length).map(({ ageMs, ...rest }) => rest),
    told.map(({ ageMs, ...rest }) => rest),
  )
  const promotionIn = (views: typeof now) => views.find(({ change }) => change === 'promotion')
  t.match(promotionIn(now), { cause: 'gone', group: 0 })
  t.ok((promotionIn(now)?.ageMs ?? 0) >= (promotionIn(told)?.ageMs ?? 0))
})
