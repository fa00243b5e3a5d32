// The benchmarks measure what they say: the histogram keeps its samples, and a short run against
// a real cluster and the echo yields figures for every row. No test asks how fast anything is.

import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { Latencies } from '../../bench/histogram.ts'
import { median, type PairsResult } from '../../bench/pairs.ts'
import { load, Parts } from '../../bench/parts.ts'
import { startLockServer } from '../../lockserver/index.ts'
import { initCluster, startViewServer } from '../../viewservice/index.ts'
import { hashOf } from '../../wire/net/secret.ts'
import { Running, runs } from '../fixtures/command.ts'
import { until } from '../fixtures/deadline.ts'
import { folderOf } from '../fixtures/folder.ts'

t.setTimeout(120_000)

const main = fileURLToPath(new URL('../../cli/main.js', import.meta.url))

t.test('a histogram tells each quantile to 1.6 %, from 0.1 us to a minute', async t => {
  for (const ms of [0, 0.0001, 0.0173, 0.5, 3.14, 99.9, 1_234, 60_000]) {
    const one = new Latencies()
    one.record(ms)
    t.ok(Math.abs(one.quantile(0.5) - ms) <= ms * 0.016, `${ms} ms is told as ${one.quantile(0.5)}`)
  }
  const many = new Latencies()
  for (let i = 1; i <= 1_000; i++) many.record(i)
  const more = new Latencies()
  more.add(many)
  more.record(5_000)
  t.equal(more.count, 1_001)
  for (const [part, ms] of [
    [0.5, 501],
    [0.99, 991],
    [1, 5_000],
  ] as const)
    t.ok(Math.abs(more.quantile(part) - ms) <= ms * 0.016, `${part}: ${more.quantile(part)}`)
  t.ok(Number.isNaN(new Latencies().quantile(0.5)), 'nothing has no quantile')
})

t.test('a median is the middle, or halfway between the two', async t => {
  t.equal(median([3, 1, 2]), 2)
  t.equal(median([4, 1, 3, 2]), 2.5)
})

t.test('the parts without sockets do whole pairs, and each part takes its time', async t => {
  const parts = new Parts(await load(new URL('../..', import.meta.url).href.replace(/\/$/, '')), true)
  const before = { ...parts.us }
  parts.pairs(['a', 'b', 'c'])
  parts.pairs(['a', 'b', 'c'])
  for (const part of ['client', 'primary', 'backup'] as const) t.ok(parts.us[part] > before[part], part)
})

async function bench(only: string, ...more: string[]): Promise<PairsResult> {
  const args = [main, 'bench', '--json', '--runs', '1', '--time', '250ms', '--only', only, ...more]
  // Without this, tap would load itself into each of the processes.
  const { HOLDFAST_VIEW: _, NODE_OPTIONS: __, ...env } = process.env
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    env: { ...env, HOLDFAST_UNREHEARSED: '1' },
  })
  return JSON.parse(stdout)
}

t.test('a short run comes to figures: distinct keys, and the echo', async t => {
  const { machine, rows } = await bench('16 outstanding')
  t.ok(machine.cores > 0)
  t.same(
    rows.map(({ name }) => name),
    ['16 outstanding'],
  )
  const { rows: echo } = await bench('echo, 64')
  for (const { name, pairsPerSecond, acquireMs, cpuUsPerPair } of [...rows, ...echo]) {
    t.ok(pairsPerSecond > 0, `${name}: ${pairsPerSecond} pairs/s`)
    t.ok(0 < acquireMs.p50 && acquireMs.p50 <= acquireMs.p99 && acquireMs.p99 <= acquireMs.p999)
    t.ok((cpuUsPerPair.client as number) > 0)
  }
  t.same(Object.keys(rows[0]?.cpuUsPerPair ?? {}).sort(), ['backup', 'client', 'primary'])
})

t.test('A2: a cluster with access rules is measured by whoever has a token', async t => {
  const token = 'the token of a program'
  const bencher = { tokens: [hashOf(token)], rules: [{ prefix: 'bench/', verbs: ['acquire', 'read'] }] }
  const file = { format: 1, principals: { bencher } }
  const folder = folderOf(t, { data: {}, 'access.json': JSON.stringify(file) })
  const own = { serverSecret: 'what only servers know', access: join(folder, 'access.json') }
  const data = join(folder, 'data')
  await initCluster({ data, nobodyHasRun: true })
  const view = await startViewServer({ ...own, port: 0, data })
  t.teardown(() => view.kill())
  for (const _ of [1, 2]) {
    const server = await startLockServer({ ...own, view: view.address })
    t.teardown(() => server.kill())
  }
  const { rows } = await bench('16 outstanding', '--view', view.address, '--access-token', token)
  t.match(rows, [{ name: '16 outstanding' }])
  t.ok((rows[0]?.pairsPerSecond ?? 0) > 0)
})

t.test('a cluster of two groups is measured, and one at --view has the groups that it has', async t => {
  const { rows } = await bench('16 outstanding', '--groups', '2')
  t.ok((rows[0]?.pairsPerSecond ?? 0) > 0)
  t.same(Object.keys(rows[0]?.cpuUsPerPair ?? {}).sort(), ['backup', 'client', 'primary'])
  const refused = new Running(t, ['bench', '--groups', '2', '--view', 'ws://127.0.0.1:1'])
  t.match(await refused.ended, { code: 2, stderr: /--groups is for a cluster that bench starts/ })
})

t.test('a hot key changes hands: each of two processes gets its share', async t => {
  const { rows } = await bench('hot key, 16')
  const [row] = rows
  t.ok((row?.pairsPerSecond ?? 0) > 0, `${row?.pairsPerSecond} grants/s`)
  t.ok((row?.hot?.handOffMs.p50 ?? 0) > 0, 'a hand-off takes some time')
  const { smallestShare = Number.NaN, largestShare = Number.NaN } = row?.hot ?? {}
  t.ok(0 <= smallestShare && smallestShare <= 1 && largestShare >= 1, `${smallestShare} to ${largestShare}`)
})

t.test('when the bench is killed, the cluster that it measures ends too', async t => {
  const running = new Running(t, ['bench', '--time', '60s'])
  const [cluster, client] = await until('it loads its cluster', () => {
    const pids = childrenOf(running.pid)
    return pids.length === 2 && pids
  })
  const servers = childrenOf(cluster as number)
  t.equal(servers.length, 3)
  await running.end('SIGKILL')
  await until('all are gone', () => ![cluster, client, ...servers].some(pid => runs(pid as number)))
})

function childrenOf(pid: number): number[] {
  return [...readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').matchAll(/\d+/g)].map(Number)
}
