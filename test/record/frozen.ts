// F17 and F18 with what stands still (SIGSTOP): view servers, the primary and nodes of etcd, alone and together, while locks are
// granted all the time. A table says for how long none was; times are printed, not judged. No token falls.
// `HOLDFAST_TEST_ROUNDS=10 npm run test:record` for firmer medians.

import t from 'tap'
import { until } from '../fixtures/deadline.ts'
import { pause } from '../fixtures/real-pause.ts'
import { Etcd } from './etcd.ts'
import { medianOf, RecordService } from './service.ts'

const etcd = await Etcd.start(3)
const service = await RecordService.start(etcd.url('frozen'), 3, 3)
t.teardown(async () => {
  await service[Symbol.asyncDispose]()
  await etcd[Symbol.asyncDispose]()
})

const rounds = Number(process.env.HOLDFAST_TEST_ROUNDS ?? 1)
/** How long etcd stands still where no view is needed. */
const stillMs = 3_000

interface Stoppable {
  freeze(): void
  thaw(): void
}

interface Row {
  readonly what: string
  still(): Promise<readonly (Stoppable | undefined)[]>
  /** What becomes of the primary in the same moment. */
  readonly primary?: 'killed' | 'frozen'
}

async function standby(): Promise<Stoppable | undefined> {
  const active = await service.active()
  return service.viewServers.find(each => each !== active)
}

const rows: readonly Row[] = [
  { what: 'the primary alone', still: async () => [], primary: 'frozen' },
  { what: 'a standby', still: async () => [await standby()] },
  { what: 'a standby, and the primary is killed', still: async () => [await standby()], primary: 'killed' },
  { what: 'the active view server', still: async () => [await service.active()] },
  {
    what: 'the active view server, and the primary is killed',
    still: async () => [await service.active()],
    primary: 'killed',
  },
  {
    what: 'the active view server and the primary',
    still: async () => [await service.active()],
    primary: 'frozen',
  },
  {
    what: "etcd's leader, and the primary is killed",
    still: async () => [await etcd.leader()],
    primary: 'killed',
  },
  { what: 'two of three etcd', still: async () => etcd.nodes.slice(0, 2) },
  { what: 'all three etcd', still: async () => etcd.nodes },
]

const table: string[] = []

for (const row of rows)
  t.test(`F17, F18: frozen: ${row.what}, ${rounds} times`, async t => {
    const [gaps, takeovers]: number[][] = [[], []]
    for (let round = 0; round < rounds; round++) {
      const { gap, takeover } = await stoodStill(row)
      gaps?.push(gap)
      if (takeover !== null) takeovers?.push(takeover)
    }
    const cells = [gaps, takeovers].flatMap((times = []) => [
      shown(medianOf(times)),
      shown(Math.max(...times)),
    ])
    table.push(`| ${[row.what, rounds, ...cells].join(' | ')} |`)
    t.same(service.violations, [])
  })

function shown(ms: number): string {
  return Number.isFinite(ms) ? ms.toFixed(0) : '–'
}

/** Until all goes on in spite of it; then what stood still goes on, too. `takeover`: until another view server was active. */
async function stoodStill({ still, primary }: Row): Promise<{ gap: number; takeover: number | null }> {
  const [stopped, active, served] = [await still(), await service.active(), service.primary()]
  const since = performance.now()
  for (const each of stopped) each?.freeze()
  if (primary === 'killed') await served?.kill()
  if (primary === 'frozen') served?.freeze()
  let takeover: number | null = null
  const takesOver = async () => {
    await until(
      'another is active',
      async () => ![undefined, active].includes(await service.active()),
      60_000,
    )
    takeover = performance.now() - since
  }
  const isServed = async () => {
    const next = () => ![undefined, served].includes(service.primary())
    await until('another primary', next, 60_000)
    await service.grantedSince(performance.now())
  }
  const isActiveStill = active !== undefined && stopped.includes(active)
  await Promise.all([isActiveStill && takesOver(), primary !== undefined && isServed()])
  if (!isActiveStill && primary === undefined) await pause(stillMs)
  const gap = service.longestGap(since)
  for (const each of stopped) each?.thaw()
  if (primary === 'killed') served?.start()
  if (primary === 'frozen') served?.thaw()
  await etcd.serves()
  await service.isWhole()
  await service.oneIsActive()
  return { gap, takeover }
}

t.test('a table of the gaps', async t => {
  const unit = 'median | worst'
  t.comment(`| frozen | times | longest time without a grant: ${unit} | another active after: ${unit} |`)
  for (const line of table) t.comment(line)
  t.ok(service.grants.length > 200, `${service.grants.length} grants`)
})
