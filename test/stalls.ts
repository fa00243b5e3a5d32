// B1: what had to wait is done in shares once it may be, so that no server stands still for it. The work of each
// turn is counted from outside of the code (fixtures/work.ts).

import t from 'tap'
import type { Message } from '../wire/messages.ts'
import { Cluster, HandParty, type LockServerParty } from './fixtures/cluster.ts'
import { openOf } from './fixtures/said.ts'
import { stallUnits } from './fixtures/work.ts'

/** So little that time passes as if nothing took any. */
const workUnitMs = 5e-8

/** A cluster, and the most work that each of its servers has done in one turn. */
function counted() {
  const cluster = new Cluster({ workUnitMs })
  const most = new Map<string, number>()
  cluster.watcher = {
    worked: ({ name }, ms) => most.set(name, Math.max(most.get(name) ?? 0, ms / workUnitMs)),
  }
  cluster.ready()
  return { cluster, most: (server: LockServerParty) => most.get(server.name) ?? 0 }
}

function opened(cluster: Cluster, name: string, digit: string): HandParty {
  const hand = new HandParty(cluster, name).dial(cluster.primary.address)
  hand.hears('welcome')
  hand.say(openOf(digit.repeat(32), 1, 60_000, name))
  hand.hears('opened')
  return hand
}

class Asker {
  readonly #hand: HandParty
  readonly #cluster: Cluster
  #next = 1

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    this.#hand = opened(cluster, 'asker', 'e')
  }

  get granted(): number {
    return this.#hand.heard.filter(([kind]) => kind === 'granted').length
  }

  asks(locks: number): void {
    for (let i = 0; i < locks; i += 250) {
      const acquires = Array.from({ length: 250 }, (): Message => {
        const number = this.#next++
        return ['acquire', number, [`l/${number}`], 'exclusive', 'wait', null]
      })
      this.#hand.say(...acquires, ['acknowledge', [1, this.#next - 1], []])
      this.#cluster.run(1)
    }
  }
}

t.test('B1: a backup that reads many frames in one turn applies a share of them', async t => {
  const { cluster, most } = counted()
  const { backup } = cluster
  const asker = new Asker(cluster)
  backup.freeze()
  asker.asks(15_000)
  backup.thaw()
  cluster.until(() => asker.granted === 15_000, 'all grants')
  t.ok(most(backup) < stallUnits / 2, `${most(backup)} units in one turn`)
})

t.test('B1, R3: requests that were parked for a joining backup are done in shares', async t => {
  const { cluster, most } = counted()
  const { primary, idle: joiner } = cluster
  const asker = new Asker(cluster)
  let whole = false
  cluster.network.onFrame = (from, to, messages) => {
    if (from === primary && to === joiner && messages.some(([kind]) => kind === 'whole')) whole = true
    return whole && from === joiner && to === primary ? 'hold' : 'pass'
  }
  cluster.backup.kill()
  cluster.until(() => whole, 'the last chunk')
  asker.asks(33_000)
  t.ok(primary.core.vitals.parked > 11_000, `${primary.core.vitals.parked} are parked`)
  joiner.kill()
  cluster.until(() => asker.granted === 33_000, 'all grants')
  t.ok(most(primary) < stallUnits / 2, `${most(primary)} units in one turn`)
})

t.test('B1: a run of releases, or of steals, each of which changes much, is done in shares', async t => {
  const { cluster, most } = counted()
  const { primary } = cluster
  const names = Array.from({ length: 40 }, (_, i) => `l/${i}`)
  const owner = opened(cluster, 'owner', 'a')
  owner.say(['acquire-run', 1, names, 'exclusive', 'wait'])
  const [firstToken] = owner.hears('granted')[2] as [number]
  const crowd = ['b', 'c', 'd', 'e', 'f'].map(digit => opened(cluster, digit, digit))
  for (const hand of crowd)
    for (let i = 0; i < 200; i++) {
      hand.say(['acquire-run', 1 + i * names.length, names, 'shared', 'wait'])
      cluster.run(1)
    }
  const { state } = primary.core
  const holds = () => names.reduce((sum, name) => sum + (state?.table.locks.get(name)?.held ?? 0), 0)
  owner.say(['release-run', 1 + names.length, [firstToken, names.length]])
  cluster.until(() => holds() === 40_000, 'all who wait have the lock')
  cluster.run(100) // The turn, which is counted, ends later.
  t.ok(most(primary) < stallUnits, `${most(primary)} units in one turn of releases`)
  owner.say(['acquire-run', 1 + 2 * names.length, names, 'exclusive', 'steal'])
  cluster.until(() => holds() === 40, 'all are stolen')
  cluster.run(100)
  t.ok(most(primary) < stallUnits, `${most(primary)} units in one turn of steals`)
  t.ok(most(cluster.backup) < stallUnits, `${most(cluster.backup)} units in one turn of the backup`)
  t.equal(cluster.problem(), undefined)
})
