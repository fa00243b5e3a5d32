// G8 with whole servers on a simulated network: groups come and go, and whoever dies meanwhile, no slot is served by two
// groups, and in the end each is by one.

import t from 'tap'
import { groupOf } from '../wire/slots.ts'
import { ByHand } from './fixtures/by-hand.ts'
import { Cluster, type LockServerParty } from './fixtures/cluster.ts'

const samples = ['lock 1', 'lock 2', 'lock 3', 'lock 5', 'lock 8', 'lock 13', 'lock 21']

class Growing extends Cluster {
  /** What is wrong, of all moments until now. */
  wrong: string | null = null
  readonly #operator: ByHand

  constructor(options: ConstructorParameters<typeof Cluster>[0] = {}) {
    super({ servers: 5, ...options })
    this.ready()
    this.#operator = new ByHand(this, 'operator')
    this.watcher = { stepped: () => this.#look() }
  }

  get map() {
    const { record } = this.viewServer
    if (record === null) throw new Error('there is no record')
    return record.map
  }

  partOf(group: number) {
    const { record } = this.viewServer
    return group === 0 ? record : (record?.others[group - 1] ?? null)
  }

  /** Who may answer for this group: the primary of the view on the record, if it runs and knows. */
  primaryOf(group: number): LockServerParty | null {
    const view = this.partOf(group)?.view
    const server = this.servers.find(({ alive, core }) => alive && core.id === view?.primary.id)
    return server?.core.role === 'primary' && server.core.view?.number === view?.number ? server : null
  }

  /** The groups that serve this name now. */
  serving(name: string): number[] {
    const groups = Array.from({ length: 1 + (this.viewServer.record?.others.length ?? 0) }, (_, i) => i)
    return groups.filter(group => this.primaryOf(group)?.core.state?.slots.serves(name))
  }

  #look(): void {
    for (const name of samples) {
      const serving = this.serving(name)
      if (serving.length > 1) this.wrong ??= `${name} is served by the groups ${serving.join(' and ')}`
    }
  }

  want(groups: number): void {
    const connection = this.#operator.dial(this.viewServer.address)
    const said = this.#operator.say(connection, [['groups', 1, groups]], 20)
    if (!said.some(([kind]) => kind === 'groups-done')) throw new Error(JSON.stringify(said))
  }

  /** All slots are where they are to be, each group has an acked view, and serves what is its own. */
  settled(groups: number): void {
    const is = () => {
      const { map } = this
      if (map.groups !== groups || map.moves.length > 0) return false
      for (let group = 0; group < groups; group++)
        if (!this.partOf(group)?.acked || this.primaryOf(group) === null) return false
      return samples.every(name => this.serving(name).includes(groupOf(map, name)))
    }
    this.network.until(is, `${groups} groups`, 60_000)
    if (this.wrong !== null) throw new Error(this.wrong)
    const problem = this.problem()
    if (problem !== undefined) throw new Error(problem)
  }
}

t.test('G8: from one group to two and back, and the servers of the second are idle again', async t => {
  const cluster = new Growing()
  cluster.want(2)
  cluster.settled(2)
  t.same(new Set(samples.map(name => cluster.serving(name)[0])), new Set([0, 1]))
  const were = cluster.primaryOf(1)
  cluster.want(1)
  cluster.settled(1)
  cluster.network.run(500)
  t.equal(were?.core.role, 'idle')
  t.same(
    cluster.servers.map(({ core }) => core.role).sort(),
    ['backup', 'idle', 'idle', 'idle', 'primary'],
    'they are spares again',
  )
  cluster.want(2)
  cluster.settled(2)
  t.ok((cluster.partOf(1)?.view?.number ?? 0) > 2, 'its views went on')
})

t.test('G8, L2: a lock that is held stays where it is; then the next token is larger', async t => {
  const cluster = new Growing()
  const client = cluster.client('c')
  const outcomes = samples.map(name => client.acquire(name))
  cluster.until(() => outcomes.every(({ done }) => done), 'locks')
  const before = cluster.primary.core.state?.table.lastToken ?? 0
  cluster.want(2)
  cluster.until(() => cluster.map.moves.length > 0, 'moves', 10_000)
  cluster.run(3_000)
  t.same(new Set(samples.flatMap(name => cluster.serving(name))), new Set([0]), 'none of them has gone')
  t.ok(cluster.map.moves.length > 0)
  for (const outcome of outcomes) client.release(outcome)
  cluster.settled(2)
  const [mine = ''] = samples.filter(name => groupOf(cluster.map, name) === 1)
  t.same(cluster.serving(mine), [1])
  t.ok((cluster.primaryOf(1)?.core.state?.table.lastToken ?? 0) >= before)
})

/** Who dies, so long after the operator has asked; sooner or later all come back. */
function dies(who: 'from' | 'to' | 'backup' | 'view server', afterMs: number, durable: boolean): Growing {
  const cluster = new Growing(durable ? { durability: 'disk', recoveryPatienceMs: 500 } : {})
  cluster.want(2)
  cluster.run(afterMs)
  const { viewServer } = cluster
  if (who === 'view server') {
    viewServer.kill()
    cluster.run(37)
    viewServer.restart()
  } else {
    const view = cluster.partOf(who === 'to' ? 1 : 0)?.view
    const id = who === 'backup' ? view?.backup?.id : view?.primary.id
    const victim = cluster.servers.find(({ core, alive }) => alive && core.id === id)
    victim?.kill()
    cluster.network.after(300, () => victim?.restart())
  }
  return cluster
}

for (const who of ['from', 'to', 'backup', 'view server'] as const)
  t.test(`G8: no slot is served twice, and each is once, though this one dies: ${who}`, async t => {
    for (const durable of [false, true])
      for (let afterMs = 0; afterMs <= 240; afterMs += 24) {
        const cluster = dies(who, afterMs, durable)
        t.doesNotThrow(() => cluster.settled(2), `${afterMs} ms later, ${durable ? 'on disk' : 'in memory'}`)
      }
  })

/** The map with the moves is saved and told; nothing was left yet. */
function underWay(options: ConstructorParameters<typeof Cluster>[0] = {}): Growing {
  const cluster = new Growing(options)
  cluster.want(2)
  cluster.until(() => cluster.map.moves.length > 0, 'moves', 10_000)
  cluster.run(5)
  return cluster
}

const isLeft = (cluster: Growing) => samples.some(name => !cluster.primary.core.state?.slots.serves(name))

t.test('G8, R1: what is left is reported once the backup has it', async t => {
  const cluster = underWay()
  const { backup } = cluster
  const { number } = cluster.map
  backup.freeze()
  cluster.until(() => isLeft(cluster), 'slots are left', 1_000)
  cluster.run(250)
  t.equal(cluster.map.number, number)
  t.equal(cluster.primary.core.pingNow.left, null)
  backup.thaw()
  cluster.settled(2)
})

t.test('D1, G8: and once it is on both disks', async t => {
  const cluster = underWay({ durability: 'disk' })
  const { number } = cluster.map
  cluster.diskOf(cluster.primary.name).syncMs = Number.POSITIVE_INFINITY
  cluster.until(() => isLeft(cluster), 'slots are left', 1_000)
  cluster.run(250)
  t.equal(cluster.map.number, number)
  t.equal(cluster.primary.core.pingNow.left, null)
})

t.test('G8: a promoted primary reports what was left before', async () => {
  // No server is left to join it: no other view comes.
  const cluster = underWay({ servers: 4 })
  cluster.viewServer.kill()
  cluster.until(() => isLeft(cluster), 'slots are left', 1_000)
  cluster.run(300)
  cluster.primary.kill()
  cluster.run(100)
  cluster.viewServer.restart()
  cluster.settled(2)
})

t.test(
  'F14, G8: a reset between two steps: nothing is served twice, and slots go after its pause',
  async t => {
    const cluster = underWay()
    const { primary, backup } = cluster
    cluster.viewServer.kill()
    cluster.until(() => isLeft(cluster), 'slots are left', 1_000)
    cluster.run(300)
    primary.kill()
    backup.kill()
    cluster.viewServer.restart()
    cluster.run(1_000)
    primary.restart()
    backup.restart()
    cluster.run(1_000)
    const operator = new ByHand(cluster, 'who resets')
    const { number = 0 } = cluster.view ?? {}
    operator.say(operator.dial(cluster.viewServer.address), [['reset', 1, 0, number, true]], 100)
    cluster.until(() => (cluster.view?.number ?? 0) > number && cluster.viewServer.acked, 'a reset', 5_000)
    cluster.run(5_000)
    t.same(
      new Set(samples.flatMap(name => cluster.serving(name))),
      new Set([0]),
      'it is paused: all are still there',
    )
    cluster.settled(2)
  },
)
