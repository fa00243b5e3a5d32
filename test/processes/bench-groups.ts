// The benchmark of groups measures what it says: shares of a core are what they are asked to be, the simulation is in
// proportion where nothing is shared, and a short run against a real cluster yields figures. No test asks how fast anything is.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { cpuUsOf } from '../../bench/cpu.ts'
import { GroupsCluster, prefixesOf } from '../../bench/groups/cluster.ts'
import { lineThrough } from '../../bench/groups/costs.ts'
import { modelRows } from '../../bench/groups/larger.ts'
import { type Costs, simulate } from '../../bench/groups/model.ts'
import { CpuShares, shareOf } from '../../bench/groups/shares.ts'
import { runLoad } from '../../bench/workers.ts'
import { firstMap, groupOf } from '../../wire/slots.ts'
import { until } from '../fixtures/deadline.ts'
import { folderOf } from '../fixtures/folder.ts'

t.setTimeout(120_000)

const mounted = '/sys/fs/cgroup/cpu'

t.test('a share has periods of 10 ms, or longer ones if its quota would be below 1 ms', async t => {
  t.same(shareOf(0.3), { quotaUs: 3_000, periodUs: 10_000 })
  t.same(shareOf(0.1), { quotaUs: 1_000, periodUs: 10_000 })
  t.same(shareOf(0.05), { quotaUs: 1_000, periodUs: 20_000 })
})

t.test('where no cgroups can be written it says what is missing, and what would be right', async t => {
  const folder = folderOf(t, { cpu: {} })
  t.throws(() => CpuShares.open(folder), {
    message: /fixed share of a core: .* has no cpu controller\. .* run it as root/,
  })
})

const canShare = () => {
  try {
    CpuShares.open()[Symbol.dispose]()
    return existsSync(mounted)
  } catch {
    return false
  }
}

t.test(
  'a process with a share gets no more, and its cgroup goes',
  { skip: !canShare() && 'no cgroups here' },
  async t => {
    const busy = spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, '-e', 'for (;;);'])
    t.teardown(() => busy.kill('SIGKILL'))
    const pid = busy.pid as number
    const shares = CpuShares.open()
    shares.limit(pid, shareOf(0.1))
    const before = cpuUsOf(pid)
    const own = () => readdirSync(mounted).filter(name => name.startsWith(`holdfast-bench-${process.pid}-`))
    const stat = `${mounted}/${own()[0]}/cpu.stat`
    const periods = () => Number(/nr_periods (\d+)/.exec(readFileSync(stat, 'utf8'))?.[1])
    await until('a hundred periods are over', () => periods() >= 100)
    const ranMs = (cpuUsOf(pid) - before) / 1_000
    t.ok(ranMs <= periods() + 20, `${ranMs} ms in ${periods()} periods`)
    busy.kill('SIGKILL')
    await once(busy, 'exit')
    shares[Symbol.dispose]()
    t.same(own(), [])
  },
)

t.test('G2: each group has names of its own', async t => {
  const map = firstMap(8)
  t.same(
    prefixesOf(map).map(prefix => groupOf(map, `${prefix}0/17/3`)),
    [0, 1, 2, 3, 4, 5, 6, 7],
  )
})

t.test('what a frame and a pair cost are told apart', async t => {
  const line = (frames: number) => ({ frames, us: 3 + 20 * frames })
  const { pairUs, frameUs } = lineThrough([line(0.1), line(0.5), line(4)])
  t.ok(Math.abs(pairUs - 3) < 1e-9 && Math.abs(frameUs - 20) < 1e-9, `${pairUs} and ${frameUs}`)
})

const costs: Costs = {
  client: { pairUs: 4, frameUs: 20 },
  primary: { pairUs: 3, frameUs: 20 },
  backup: { pairUs: 2, frameUs: 20 },
}

t.test(
  'simulated: a busy primary does what its costs allow, and no machine works more than all the time',
  async t => {
    const { pairsPerSecond, busy } = simulate(
      { ...costs, primary: { pairUs: 10, frameUs: 0 } },
      { groups: 1, clients: 6, outstandingPerClient: 512, spread: 'one' },
    )
    t.ok(pairsPerSecond > 99_000 && pairsPerSecond < 101_000, `${pairsPerSecond}`)
    for (const [role, part] of Object.entries(busy)) t.ok(part > 0 && part <= 1.01, `${role}: ${part}`)
  },
)

t.test(
  'simulated: groups with clients of their own are in proportion; clients of all groups send emptier frames',
  async t => {
    for (const { groups, one, all } of modelRows(costs, [1, 4])) {
      t.ok(Math.abs(one.ofProportional - 1) < 0.02, `${groups} groups: ${one.ofProportional}`)
      t.ok(all.ofProportional <= one.ofProportional + 0.02, `${groups} groups: ${all.ofProportional}`)
    }
  },
)

t.test('G2: a load on two groups reaches both, and each role is counted once for both', async t => {
  await using cluster = await GroupsCluster.start(2)
  const service = await cluster.service()
  t.same(service.processes.map(({ role }) => role).sort(), ['backup', 'backup', 'primary', 'primary'])
  const load = { keys: 'distinct', workers: 1, outstanding: 32, countMs: 250 } as const
  const { pairsPerSecond, cpuUsPerPair, writesPerPair } = await runLoad(service, {
    ...load,
    prefixes: cluster.prefixes,
  })
  t.ok(pairsPerSecond > 0)
  for (const role of ['client', 'primary', 'backup']) {
    t.ok((cpuUsPerPair[role] ?? 0) > 0, `${role}: ${cpuUsPerPair[role]} us`)
    t.ok((writesPerPair[role] ?? 0) > 0, `${role}: ${writesPerPair[role]} writes`)
  }
})
