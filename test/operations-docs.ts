// docs/OPERATIONS.md and deploy/ are complete and correct: every option with its default,
// every alarm, and no metric that real servers don't have.

import { readFileSync } from 'node:fs'
import t from 'tap'
import { environmentName, type Options } from '../cli/arguments.ts'
import { command as cluster } from '../cli/cluster.ts'
import { command as init } from '../cli/init.ts'
import { command as lockserver } from '../cli/lockserver.ts'
import { command as viewserver } from '../cli/viewserver.ts'
import { Scrape } from './fixtures/scrape.ts'
import { startSmallCluster } from './fixtures/small-cluster.ts'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const guide = read('docs/OPERATIONS.md')
const rules = read('deploy/alerts.yml')

/** The cells of the rows of each table of options, by heading. */
function rowsUnder(heading: string): string[][] {
  const from = guide.indexOf(`\n### ${heading}\n`)
  if (from < 0) throw new Error(`there is no ${heading}`)
  const part = guide.slice(from + 1).split(/\n##+ /)[0] as string
  return part
    .split('\n')
    .filter(line => line.startsWith('| `'))
    .map(line => line.split(' | ').map(cell => cell.replace(/^\| |`| \|$/g, '').trim()))
}

const shared = rowsUnder('Both kinds of server')

t.test('every option with its environment variable, default and unit, and no other', async t => {
  const tables: readonly [string, Options, string[][]][] = [
    ['viewserver', viewserver.options, [...shared, ...rowsUnder('`holdfast viewserver`')]],
    ['init', init.options, rowsUnder('`holdfast init`')],
    ['lockserver', lockserver.options, [...shared, ...rowsUnder('`holdfast lockserver`')]],
    ['cluster', cluster.options, rowsUnder('`holdfast cluster`')],
  ]
  for (const [name, options, rows] of tables) {
    const known = Object.entries(options).filter(([option]) => option !== 'json')
    t.equal(rows.length, known.length, `${name}: as many rows as options`)
    for (const [option, { takes, environment, fallback }] of known) {
      const flag = `--${option}${takes === null ? '' : ` ${takes}`}`
      const row = rows.find(([first]) => first === flag)
      t.equal(row?.[1], environment ? environmentName(option) : '–', `${name} ${flag}`)
      t.equal(row?.[2], fallback ?? '–', `${name} ${flag}: default`)
      t.equal(row?.[3] === 'ms', takes === 'MS', `${name} ${flag}: unit`)
      t.ok((row?.[4] ?? '').length > 3, `${name} ${flag}: meaning`)
    }
  }
})

const alerts = [...rules.matchAll(/^ {6}- alert: (\w+)\n {8}expr: (.+)$/gm)].map(
  ([, name = '', expr = '']) => ({
    name,
    expr,
  }),
)

t.test('every alarm is explained in the guide and has a test, and no other', async t => {
  t.ok(alerts.length > 10)
  t.equal(alerts.length, rules.match(/alert:/g)?.length, 'all were read')
  const explained = [...guide.matchAll(/^\| `(Holdfast\w+)` \| .{20,} \| .{10,} \|$/gm)].map(
    ([, name]) => name,
  )
  t.same(
    explained,
    alerts.map(({ name }) => name),
    'in the same order',
  )
  const tested = [...read('deploy/alerts.test.yml').matchAll(/alertname: (\w+)/g)].map(([, name]) => name)
  t.same(new Set(tested), new Set(explained))
})

t.test('alarms and guide speak of metrics, labels and buckets that are really there', async t => {
  const { view, primary, backup } = await startSmallCluster(t)
  const scrapes = await Promise.all([view, primary, backup].map(({ address }) => Scrape.of(address)))
  const series = new Set(scrapes.flatMap(scrape => scrape.seriesNames))

  const names = new Set([...series].map(each => each.replace(/\{.*/, '')))
  for (const family of scrapes.flatMap(scrape => [...scrape.families.keys()])) names.add(family)
  const used = (text: string) => [...new Set(text.match(/\b(?:holdfast|process)_\w+/g))]
  for (const name of [...used(alerts.map(({ expr }) => expr).join('\n')), ...used(guide)])
    t.ok(names.has(name), name)
  for (const { name, expr } of alerts)
    for (const [, metric = '', matchers = ''] of expr.matchAll(/(holdfast_\w+)\{([^}]*)\}/g))
      for (const [, label = '', values = ''] of matchers.matchAll(/(\w+)=~?"([^"]*)"/g))
        for (const value of values.split('|')) {
          const there = [...series].some(
            each => each.startsWith(`${metric}{`) && each.includes(`${label}="${value}"`),
          )
          t.ok(there, `${name}: ${metric} has ${label}="${value}"`)
        }
})

t.test('commands, scripts and log lines of the guide exist', async t => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  for (const [, script = ''] of guide.matchAll(/npm run ([\w:]+)/g))
    if (script !== 'bench:scale') t.ok(scripts[script], script)
  for (const file of ['holdfast-viewserver.service', 'holdfast-lockserver.service'])
    t.match(read(`deploy/${file}`), /^ExecStart=\/usr\/bin\/holdfast (view|lock)server/m)
})
