// `npm run check:board`: deploy/grafana.json is what its script makes, and each of its queries finds what it looks for: a
// real Prometheus scrapes a real cluster on disk, under load, in which a primary is killed.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { boardFile, boardText } from '../../build/grafana.ts'
import { marks, rows } from '../../build/grafana-panels.ts'
import { until } from '../fixtures/deadline.ts'
import { freePort, here, ServerProcesses } from '../fixtures/server-processes.ts'
import { Load } from './load.ts'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-board-'))
const cluster = new ServerProcesses(here, [], 'disk')
const port = await freePort()
let prometheus: ChildProcess | undefined

/** What Grafana puts in. */
const filledIn = (expr: string) => expr.replaceAll('$__rate_interval', '20s').replaceAll('$job', '.+')

try {
  if (readFileSync(boardFile, 'utf8') !== boardText())
    throw new Error('deploy/grafana.json is not what build/grafana-panels.ts says: npm run grafana writes it')
  await cluster.start([here, here, here])
  prometheus = startPrometheus([cluster.viewUrl, ...cluster.addresses])
  const load = new Load()
  await load.start(cluster.viewUrl, 4)
  await until(
    'every server is scraped twice',
    async () => (await count('min(count_over_time(up[20s]))')) >= 2,
  )
  const primary = (await cluster.healthy()).view?.primary.address ?? ''
  await cluster.kill(primary)
  await cluster.restart(primary)
  await cluster.healthy()
  await until('the failover is scraped', async () => (await count(filledIn(marks))) > 0)
  await until(
    'the third server is scraped as idle',
    async () => (await count('holdfast_role{role="idle"} == 1')) > 0,
  )
  await load.end()
  if (load.failures.length > 0) throw new Error(load.failures.join('\n'))

  const wrong: string[] = []
  const panels = rows.flatMap(row => row.panels)
  for (const { title, queries, empty } of panels)
    for (const { expr } of queries) {
      const problem = await problemOf(expr)
      if (problem === 'finds nothing' && empty !== undefined) console.log(`${title}: empty ${empty}`)
      else if (problem !== undefined) wrong.push(`${title}: ${expr} ${problem}`)
    }
  if (wrong.length > 0) throw new Error(wrong.join('\n'))
  const queries = panels.reduce((sum, panel) => sum + panel.queries.length, 0)
  console.log(`${panels.length} panels, ${queries} queries: each finds what it looks for`)
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
} finally {
  await end(prometheus)
  await cluster.end()
  rmSync(folder, { recursive: true, force: true })
}

function startPrometheus(urls: readonly string[]): ChildProcess {
  const config = {
    global: { scrape_interval: '500ms', scrape_timeout: '500ms' },
    scrape_configs: [
      { job_name: 'holdfast', static_configs: [{ targets: urls.map(url => new URL(url).host) }] },
    ],
  }
  const file = join(folder, 'prometheus.yml')
  writeFileSync(file, JSON.stringify(config))
  const args = [`--config.file=${file}`, `--storage.tsdb.path=${join(folder, 'data')}`]
  const child = spawn('prometheus', [...args, `--web.listen-address=127.0.0.1:${port}`], { stdio: 'ignore' })
  child.once('error', error => {
    console.error(`prometheus can't be run (${error.message}); it is in Debian's package prometheus`)
    process.exit(1)
  })
  return child
}

/** Of the series that it finds, whatever numbers there are. */
async function valuesOf(expr: string): Promise<number[]> {
  const query = new URLSearchParams({ query: expr })
  const response = await fetch(`http://127.0.0.1:${port}/api/v1/query?${query}`)
  const { data, error } = (await response.json()) as {
    data?: { result: { value: [number, string] }[] }
    error?: string
  }
  if (data === undefined) throw new Error(error)
  return data.result.map(({ value }) => Number(value[1])).filter(value => !Number.isNaN(value))
}

/** The first value; 0 while there is none, or no Prometheus yet. */
async function count(expr: string): Promise<number> {
  const [value = 0] = await valuesOf(expr).catch(() => [])
  return value
}

async function problemOf(expr: string): Promise<string | undefined> {
  try {
    return (await valuesOf(filledIn(expr))).length > 0 ? undefined : 'finds nothing'
  } catch (error) {
    return `is no query: ${(error as Error).message}`
  }
}

async function end(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}
