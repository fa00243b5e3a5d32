// A primary whose backup dies while it joins, with no view server to report it: the primary
// may go on alone (R1: before the latch it needs no other server's answer), so it does.

import t from 'tap'
import type { Message } from '../wire/messages.ts'
import { Cluster, HandParty, type LockServerParty } from './fixtures/cluster.ts'
import { openOf } from './fixtures/said.ts'

/** A third server joins, and receives all chunks; its later messages are held back. */
function joining() {
  const cluster = new Cluster()
  cluster.ready()
  const { primary } = cluster
  const joiner = cluster.idle
  let whole = false
  cluster.network.onFrame = (from, to, messages) => {
    if (from === primary && to === joiner && messages.some(([kind]) => kind === 'whole')) whole = true
    return whole && from === joiner && to === primary ? 'hold' : 'pass'
  }
  cluster.backup.kill()
  return { cluster, primary, joiner, sent: () => whole }
}

const id = 'e'.repeat(32)

class Asker {
  readonly hand: HandParty
  readonly #cluster: Cluster
  #next = 1

  constructor(cluster: Cluster, primary: LockServerParty) {
    this.#cluster = cluster
    this.hand = new HandParty(cluster, 'asker').dial(primary.address)
    this.hand.hears('welcome')
    this.hand.say(openOf(id, 1, 60_000, 'asker'))
    this.hand.hears('opened')
  }

  get answered(): number {
    return this.hand.heard.filter(([kind]) => kind === 'released').length
  }

  asks(requests: number): void {
    for (let i = 0; i < requests; i += 250) {
      const releases = Array.from({ length: 250 }, (): Message => ['release', this.#next++, 1])
      this.hand.say(...releases, ['acknowledge', [1, this.#next - 1], []])
      this.#cluster.run(1)
    }
  }
}

t.test('R1, R3: a backup that dies after the last chunk does not stop a primary', async t => {
  const { cluster, primary, joiner, sent } = joining()
  const asker = new Asker(cluster, primary)
  cluster.until(sent, 'the last chunk')
  cluster.viewServer.kill()
  joiner.kill()
  asker.asks(25_000)
  cluster.run(500)
  t.equal(asker.answered, 25_000)
  cluster.viewServer.restart()
  cluster.addServer('S4')
  cluster.healed(20_000)
  t.equal(cluster.problem(), undefined)
})

t.test('R1, R3: a backup that dies while it catches up does not stop a primary', async t => {
  const { cluster, primary, joiner, sent } = joining()
  const asker = new Asker(cluster, primary)
  cluster.until(sent, 'the last chunk')
  cluster.viewServer.kill()
  asker.asks(1_000)
  joiner.freeze()
  asker.asks(5_000)
  // The primary learns that the joiner holds the snapshot, but lacks more than a latch allows.
  cluster.network.letGo()
  cluster.run(1)
  t.match(primary.core.vitals, { copiedPart: 100, inSync: false })
  joiner.kill()
  asker.asks(25_000)
  cluster.run(500)
  t.equal(asker.answered, 31_000)
})

t.test('R1, R3: a backup that dies while the primary waits for it does not stop a primary', async t => {
  const { cluster, primary, joiner, sent } = joining()
  const asker = new Asker(cluster, primary)
  cluster.until(sent, 'the last chunk')
  cluster.viewServer.kill()
  asker.asks(25_000)
  t.ok(asker.answered < 25_000, 'they wait for it to catch up')
  joiner.kill()
  cluster.run(500)
  t.equal(asker.answered, 25_000)
})

t.test('R2, R3: a backup that comes back soon continues where it was', async t => {
  const { cluster, primary, joiner, sent } = joining()
  const asker = new Asker(cluster, primary)
  cluster.until(sent, 'the last chunk')
  cluster.network.onFrame = () => 'pass'
  cluster.network.cut(primary, joiner)
  asker.asks(1_000)
  const { number } = cluster.view ?? { number: 0 }
  cluster.ready()
  t.equal(cluster.view?.number, number, 'the same view')
  t.equal(cluster.backup, joiner)
  t.equal(cluster.problem(), undefined)
})

t.test('R3: a backup that is away for too long is given up, and nothing is kept for it', async t => {
  const { cluster, primary, joiner, sent } = joining()
  const asker = new Asker(cluster, primary)
  cluster.until(sent, 'the last chunk')
  cluster.viewServer.kill()
  cluster.network.cutOff(primary, joiner)
  cluster.network.cut(primary, joiner)
  asker.asks(45_000)
  cluster.run(500)
  t.equal(asker.answered, 45_000)
  t.equal(primary.core.vitals.lag, 0)
  cluster.network.onFrame = () => 'pass'
  cluster.network.heal(primary, joiner)
  cluster.addServer('S4')
  cluster.viewServer.restart()
  cluster.healed(20_000)
  t.equal(cluster.problem(), undefined)
})

t.test(
  'V7, F7: a backup that its primary alone can not reach is replaced, and the primary goes on',
  async t => {
    const cluster = new Cluster()
    cluster.ready()
    const { primary, backup } = cluster
    cluster.network.cutOff(primary, backup)
    cluster.until(() => primary.core.view?.backup?.id !== backup.core.id, 'a view without it', 10_000)
    t.equal(primary.core.role, 'primary')
  },
)

t.test('F2: a leaving primary that loses its backup while it drains answers again', async t => {
  const cluster = new Cluster()
  cluster.ready()
  cluster.idle.kill()
  const { primary, backup } = cluster
  const asker = new Asker(cluster, primary)
  cluster.network.onFrame = (from, to) => (from === backup && to === primary ? 'hold' : 'pass')
  asker.asks(250)
  primary.leave()
  cluster.run(100)
  backup.kill()
  cluster.until(() => primary.core.view?.backup === null, 'a view of its own', 10_000)
  asker.asks(250)
  cluster.run(500)
  t.equal(asker.answered, 500)
})
