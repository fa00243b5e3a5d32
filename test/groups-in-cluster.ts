// G1 with whole servers on a simulated network: two groups of one cluster, whose servers die, come back and are
// spares of both.

import t from 'tap'
import { Cluster, type LockServerParty } from './fixtures/cluster.ts'
import { random } from './fixtures/random.ts'

class TwoGroups extends Cluster {
  partOf(group: number) {
    const { record } = this.viewServer
    return group === 0 ? record : (record?.others[group - 1] ?? null)
  }

  partsOf(group: number): LockServerParty[] {
    const { primary, backup } = this.partOf(group)?.view ?? {}
    return [primary, backup].flatMap(server => (server ? this.serverOf(server.id) : []))
  }

  settled(): void {
    const is = (group: number) => {
      const part = this.partOf(group)
      if (part === null || !part.acked || part.view?.backup == null) return false
      return this.partsOf(group).every(
        ({ alive, core }) => alive && core.view?.group === group && core.view.number === part.view?.number,
      )
    }
    this.network.until(() => is(0) && is(1), 'two acked views with backups', 20_000)
  }
}

function settled(servers: number, options: ConstructorParameters<typeof Cluster>[0] = {}) {
  const cluster = new TwoGroups({ servers, groups: 2, ...options })
  cluster.settled()
  return cluster
}

const namesOf = (cluster: TwoGroups, group: number) => cluster.partsOf(group).map(({ name }) => name)

t.test('G1: two groups have four servers, and each server knows the views of both', async t => {
  const cluster = settled(4)
  t.equal(new Set([...namesOf(cluster, 0), ...namesOf(cluster, 1)]).size, 4)
  for (const { core } of cluster.servers) t.not(core.role, 'idle')
  t.equal(cluster.partsOf(1)[0]?.core.view?.group, 1)
})

t.test('G1: both primaries die at once, and both groups go on', async t => {
  const cluster = settled(6)
  const [first, second] = [cluster.partsOf(0), cluster.partsOf(1)]
  first[0]?.kill()
  second[0]?.kill()
  cluster.settled()
  t.same([namesOf(cluster, 0)[0], namesOf(cluster, 1)[0]], [first[1]?.name, second[1]?.name])
})

t.test("G1: while one group fails over, the other one's views stay as they are", async t => {
  const cluster = settled(5)
  const before = cluster.partOf(1)?.view
  cluster.partsOf(0)[0]?.kill()
  cluster.settled()
  t.same(cluster.partOf(1)?.view, before)
  t.equal(cluster.partsOf(1)[0]?.core.role, 'primary')
})

t.test('G1: a server that was in one group comes back as a spare of the other', async t => {
  const cluster = settled(4)
  const [primary, backup] = cluster.partsOf(0)
  const inOther = cluster.partsOf(1)[1]
  backup?.kill()
  inOther?.kill()
  cluster.network.until(() => cluster.partOf(1)?.view?.backup === null, 'no backup', 5_000)
  backup?.restart()
  cluster.network.until(() => cluster.partOf(0)?.view?.backup !== null, 'a backup again', 5_000)
  inOther?.restart()
  cluster.settled()
  t.equal(primary?.core.role, 'primary')
})

t.test('G1, D4: the power fails everywhere: each group is recovered from its own journals', async t => {
  const cluster = settled(4, { durability: 'disk', recoveryPatienceMs: 500 })
  const groups = [namesOf(cluster, 0).sort(), namesOf(cluster, 1).sort()]
  cluster.network.run(300)
  const views = [0, 1].map(group => cluster.partOf(group)?.view?.number ?? 0)
  cluster.losePower()
  for (const viewServer of cluster.viewServers) viewServer.restart()
  for (const server of [...cluster.servers].reverse()) server.restart()
  cluster.network.run(5_000)
  cluster.settled()
  t.same([namesOf(cluster, 0).sort(), namesOf(cluster, 1).sort()], groups)
  for (const [group, before] of views.entries())
    t.ok((cluster.partOf(group)?.view?.number ?? 0) > before, `group ${group}`)
})

/** Servers and the view server die and come back at random; what is wrong then, or in the end. */
function walk(seed: number): string | undefined {
  const dice = random(seed)
  const durability = dice.chance(0.4) ? 'disk' : 'memory'
  const cluster = new TwoGroups({ servers: 6, groups: 2, durability, recoveryPatienceMs: 500 })
  cluster.network.run(1_500)
  for (let i = 0; i < 25; i++) {
    const server = dice.pick(cluster.servers)
    if (!server.alive) server.restart()
    else if (dice.chance(0.5) && cluster.servers.filter(({ alive }) => alive).length > 3) server.kill()
    else if (dice.chance(0.1) && cluster.viewServer.alive) cluster.viewServer.kill()
    if (!cluster.viewServer.alive && dice.chance(0.7)) cluster.viewServer.restart()
    cluster.network.run(dice.below(700))
    const problem = problemIn(cluster)
    if (problem !== undefined) return problem
  }
  if (!cluster.viewServer.alive) cluster.viewServer.restart()
  for (const server of cluster.servers) if (!server.alive) server.restart()
  cluster.network.run(8_000)
  const { groups } = cluster.viewServer.core.status({ monotonic: 0 })
  const open = groups.filter(({ view, acked, lost }) => {
    return !(acked && view?.backup) && (lost === null || durability === 'disk')
  })
  return open.length > 0 ? `not healed: ${JSON.stringify(open)}` : undefined
}

function problemIn(cluster: TwoGroups): string | undefined {
  const primaries = cluster.servers.filter(({ alive, core }) => alive && core.role === 'primary')
  for (const { name, core } of primaries) {
    const problem = core.state?.problem()
    if (problem !== undefined) return `${name}: ${problem}`
    if (core.state?.slots.all) return `G2: ${name} serves all slots`
  }
  for (const group of [0, 1]) {
    const number = cluster.partOf(group)?.view?.number
    const own = primaries.filter(({ core: { view } }) => view?.group === group && view.number === number)
    if (own.length > 1) return `V2: group ${group} has two primaries in view ${number}`
  }
  return undefined
}

t.test('G1, G2: whatever dies, no group has two primaries, none serves all, and all heal', async t => {
  for (let seed = 1; seed <= 10; seed++) t.equal(walk(seed), undefined, `seed ${seed}`)
})
