// `holdfast cluster --viewservers 2`: a standby beside the active view server on its folder (E2 to E5), and what the command
// says and does while the active one is killed or frozen, or both of them are (F9, F17).

import { type Test, t } from 'tap'
import { statusOf } from '../../cli/ask.ts'
import { Running } from '../fixtures/command.ts'
import { until } from '../fixtures/deadline.ts'

interface Cluster {
  readonly running: Running
  /** Of both view servers. */
  readonly views: readonly string[]
  /** Of all servers. */
  readonly addresses: readonly string[]
  readonly pids: Readonly<Record<string, number>>
}

async function start(t: Test): Promise<Cluster> {
  const running = new Running(t, [
    ...['cluster', '--json', '--port', '0'],
    ...['--viewservers', '2', '--servers', '2'],
  ])
  const { url, pids } = await running.event('ready')
  t.teardown(() => signal(pids, url.split(','), 'SIGCONT'))
  return { running, views: url.split(','), addresses: Object.keys(pids), pids }
}

function signal(pids: Cluster['pids'], addresses: readonly string[], name: NodeJS.Signals): void {
  for (const address of addresses)
    try {
      process.kill(pids[address] as number, name)
    } catch {} // it has ended
}

/** The pids of the view servers that are active, and of those that are not. */
async function seats(view: readonly string[]): Promise<{ active: number[]; standby: number[] }> {
  const { viewServers } = await statusOf({ view, secret: undefined })
  const pidsOf = (active: boolean) => viewServers.filter(each => each.active === active).map(({ pid }) => pid)
  return { active: pidsOf(true), standby: pidsOf(false) }
}

const reaching = (addresses: readonly string[]) => ({ HOLDFAST_VIEW: addresses.join(',') })

async function hold(t: Test, addresses: readonly string[]): Promise<Running> {
  const holder = new Running(t, ['hold', 'kept', '--ttl', '30s'], reaching(addresses))
  await holder.line(line => /^\d+$/.test(line))
  return holder
}

t.test('E3, F17: the active one is killed: the standby decides, and another one stands by', async t => {
  const { running, views, addresses } = await start(t)
  const holder = await hold(t, addresses)
  const before = await seats(views)
  t.match(before, { active: [Number], standby: [Number] })
  process.kill(before.active[0] as number, 'SIGKILL')
  t.match(await running.event('died'), { pid: before.active[0] })
  await until('the standby is active', async () => {
    const { active, standby } = await seats(views)
    return active[0] === before.standby[0] && standby.length === 1 && standby[0] !== before.active[0]
  })
  const again = await new Running(t, ['run', 'other', '--', 'true'], reaching(views)).ended
  t.equal(again.code, 0)
  t.equal((await holder.end('SIGINT')).code, 0, 'its holder has noticed nothing')
})

for (const [what, name] of [
  ['the active one is', 'active'],
  ['both are', 'both'],
] as const)
  t.test(`F9: ${what} frozen: locks are granted, and the status says what is there`, async t => {
    const { views, addresses, pids } = await start(t)
    const holder = await hold(t, addresses)
    const { active } = await seats(views)
    const frozen = views.filter(view => name === 'both' || pids[view] === active[0])
    signal(pids, frozen, 'SIGSTOP')
    const status = await new Running(t, ['status'], reaching(addresses)).ended
    t.equal(status.code, 0, 'locks can be granted')
    const [living] = views.filter(view => !frozen.includes(view))
    t.match(
      status.stdout,
      living ? `view server ${living}, ` : /no view server answers; ws:\S+ is primary of view/,
    )
    const granted = await new Running(t, ['run', 'other', '--', 'true'], reaching(addresses)).ended
    t.equal(granted.code, 0)
    signal(pids, frozen, 'SIGCONT')
    await until('one is active', async () => (await seats(views)).active.length === 1)
    t.equal((await holder.end('SIGINT')).code, 0)
  })
