// The log for operators: a whole failover in ten lines across the processes, each line with the
// fields that place it, no secret, no line for clients' actions, and no line again and again.

import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { t } from 'tap'
import { connect } from '../../client/index.ts'
import { type Logger, sparing } from '../../wire/serving/log.ts'
import { startBegun } from '../fixtures/begun.ts'
import { Running, startCluster } from '../fixtures/command.ts'
import { until } from '../fixtures/deadline.ts'
import { failoverLog, linesOf } from '../fixtures/failover-log.ts'
import { folderOf } from '../fixtures/folder.ts'
import { Scrape } from '../fixtures/scrape.ts'

t.test('a failover: at most ten lines, which say what happened', async t => {
  const cluster = await startCluster(t, '--data', folderOf(t, {}))
  const { primary, backup, number } = cluster.ready.view
  const lines = await failoverLog(t, cluster)
  t.ok(lines.length <= 10, `${lines.length} lines\n${lines.map(({ msg }) => msg).join('\n')}`)
  const text = lines.map(({ msg }) => msg)
  for (const msg of [
    'lock server is gone',
    'new view',
    'primary of this view',
    'backup of this view',
    'view acked',
    'listening',
    'lock server verified',
  ])
    t.equal(text.filter(each => each === msg).length, 1, msg)
  const find = (msg: string) => lines.find(line => line.msg === msg)
  t.match(find('lock server is gone'), { of: 'viewserver', level: 'warn', peer: primary.id, view: number })
  t.match(find('new view'), { of: 'viewserver', level: 'info', change: 'promotion', primary: backup.address })
  t.match(find('primary of this view'), { server: backup.id, role: 'primary', view: number + 1 })
  t.match(find('backup of this view'), { role: 'backup', view: number + 1, primary: backup.address })
  t.match(find('view acked'), { of: 'viewserver', view: number + 1, primary: backup.address })
  t.match(find('listening'), { role: 'idle', url: primary.address })
  for (const line of linesOf(cluster.ready.data)) {
    t.type(line.view, 'number')
    t.match(line.role, /^(primary|backup|idle|viewserver)$/)
    t.match(line.server, /^[0-9a-f]{32}$|^ws:/)
    t.match(line.time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
    t.match(line.msg, /^[a-z][a-z ,;']+$/, 'constant text; values are fields')
  }
})

t.test('the text of every line is constant, and each kind of server places its lines', async t => {
  const root = fileURLToPath(new URL('../../../', import.meta.url))
  const files = ['lockserver', 'viewservice'].flatMap(room =>
    readdirSync(`${root}${room}`)
      .filter(name => name.endsWith('.ts'))
      .map(name => `${room}/${name}`),
  )
  let lines = 0
  for (const file of files) {
    const source = readFileSync(`${root}${file}`, 'utf8')
    // `note(level, text, fields)` of cores and servers.
    for (const [call, text] of source.matchAll(/note\(\s*(?:'\w+'|level|effect\.level),\s*([^,]+?),/g)) {
      lines++
      t.match(text, /^'[a-z][a-z ;,']+'$|^partTexts\[this\.role\]$|^effect\.text$/, `${file}: ${call}`)
    }
  }
  t.ok(lines >= 25, `${lines} lines were found`)
  for (const file of ['lockserver/running.ts', 'viewservice/running.ts'])
    t.match(
      readFileSync(`${root}${file}`, 'utf8'),
      /\[level\]\(\s*\{\s*view\b[^}]*\brole\b[^}]*\bserver\b/,
      file,
    )
})

t.test('no line for what clients do, and no secret in any', async t => {
  const secret = 'open sesame 4711'
  const data = folderOf(t, {})
  const cluster = ['cluster', '--json', '--port', '0', '--servers', '2', '--data', data]
  const running = new Running(t, cluster, { HOLDFAST_SECRET: secret })
  const ready = await running.event('ready')
  const url: string = ready.url
  const start = linesOf(data).length
  const locks = await connect(url, { secret, name: 'busy' })
  for (let i = 0; i < 300; i++) await locks.request(`l/${i % 7}`, async () => {})
  const lock = await locks.acquire('l/x')
  await locks.acquire('l/x', { steal: true })
  t.notOk(lock.held)
  await locks.close()
  await t.rejects(connect(url, { secret: 'not this one', timeout: 5_000 }), { code: 'WRONG_SECRET' })
  const primary = await Scrape.of(ready.view.primary.address, secret)
  t.ok(primary.value('holdfast_operations_total', '{operation="acquire",outcome="granted"}') >= 302)
  const said = linesOf(data).slice(start)
  t.ok(said.length <= 2, `${said.map(({ msg }) => msg)}`)
  t.ok(said.every(({ msg, level }) => msg === 'a connection was refused' && level === 'warn'))
  const all = JSON.stringify(linesOf(data))
  t.notMatch(all, /sesame|not this one/)
})

t.test('a warning that comes again and again is logged once a minute, and counted', async t => {
  const told: [object, string][] = []
  const keep = (fields: object, text: string) => told.push([fields, text])
  const log: Logger = { debug: keep, info: keep, warn: keep, error: keep }
  let now = 0
  const quiet = sparing(log, () => now)
  for (; now < 120_000; now += 200) quiet.warn({ peer: 'a' }, 'refused')
  t.same(told, [
    [{ peer: 'a' }, 'refused'],
    [{ peer: 'a', repeated: 299 }, 'refused'],
  ])
  quiet.warn({ peer: 'b' }, 'refused')
  quiet.error({ peer: 'b' }, 'broken')
  for (const _ of [1, 2]) quiet.info({}, 'view')
  t.equal(told.length, 6, 'another peer, another text, and what is no warning')
})

t.test(
  'B3: strangers who are refused for ever other reasons fill no disk: a few lines a second, and how many more',
  async t => {
    const told: object[] = []
    const keep = (fields: object) => told.push(fields)
    const log: Logger = { debug: keep, info: keep, warn: keep, error: keep }
    let now = 0
    const quiet = sparing(log, () => now)
    for (let i = 0; i < 5_000; i++, now += 0.5) quiet.warn({ reason: `${i}` }, 'refused')
    t.equal(told.length, 48, 'in two and a half seconds')
    t.same(told[16], { reason: '2000', others: 1_984 })
    quiet.warn({ reason: '3' }, 'another text')
    quiet.warn({ reason: '100' }, 'refused')
    t.equal(told.length, 49, 'a line that was left out counts as not written')
    now += 1_000
    quiet.warn({ reason: '100' }, 'refused')
    t.same(told.at(-1), { reason: '100', others: 985 })
  },
)

t.test('a peer that is refused at each dial fills no log', async t => {
  const warnings: string[] = []
  const none = () => {}
  const log: Logger = { debug: none, info: none, error: none, warn: (_, text) => warnings.push(text) }
  await using view = await startBegun({ port: 0, data: folderOf(t), secret: 'right', log })
  for (let i = 0; i < 5; i++) await t.rejects(connect(view.address, { secret: 'wrong', timeout: 2_000 }))
  const refused = async () =>
    (await Scrape.of(view.address, 'right')).value(
      'holdfast_closed_connections_total',
      '{code="WRONG_SECRET"}',
    )
  await until('all are counted', async () => (await refused()) >= 5)
  t.same(warnings, ['a connection was refused'])
})
