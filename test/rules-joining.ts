// R3, V4 and V5 on the simulated cluster: how a backup gets its copy, and when the view is acked.

import t from 'tap'
import type { View } from '../wire/messages.ts'
import { Cluster, truth } from './fixtures/cluster.ts'
import { has, started } from './fixtures/started-cluster.ts'
import { textOf } from './fixtures/state-story.ts'

t.test('R3: operations go on while a backup joins, and the copy is the same at the end', async t => {
  const { cluster, clients } = started(['a'], { servers: 1 })
  const { a } = clients
  const held = Array.from({ length: 3_000 }, (_, i) => a.acquire(`held/${i}`))
  cluster.until(() => held.every(outcome => outcome.done), 'all of them')
  const second = cluster.addServer('S2')
  cluster.network.delayMs = (from, to) => (from === second || to === second ? 3 : 0.1)
  cluster.until(() => cluster.view?.backup?.id === second.id, 'a backup')
  let during = 0
  while (!cluster.viewServer.acked) {
    // The copy sends the last locks last: operations on them come before the locks themselves.
    const last = held.pop() as (typeof held)[0]
    t.ok(truth(a.wait(a.release(last))))
    a.wait(a.acquire(`during/${during++ % 5}`, { manner: 'steal' }))
  }
  t.ok(during > 10, `${during} calls were answered while the copy was on its way`)
  cluster.run(500)
  const [mine, copy] = [cluster.primary.core.state, second.core.state]
  if (mine === null || copy === null) throw new Error('a state is missing')
  t.equal(textOf(copy), textOf(mine))
  t.equal(cluster.problem(), undefined)
})

t.test('R3: the copied part only grows, until all is copied, while a large copy is on its way', async t => {
  const { cluster, clients } = started(['a'], { servers: 1 })
  const held = Array.from({ length: 9_000 }, (_, i) => clients.a.acquire(`held/${i}`))
  cluster.until(() => held.every(outcome => outcome.done), 'all of them')
  cluster.network.delayMs = () => 3
  const second = cluster.addServer('S2')
  cluster.until(() => cluster.view?.backup?.id === second.id, 'a backup')
  const parts: number[] = []
  cluster.until(() => {
    const part = cluster.primary.core.vitals.copiedPart
    if (part !== parts.at(-1)) parts.push(part)
    return cluster.viewServer.acked
  }, 'in sync')
  t.ok(parts.length > 4, parts.join(', '))
  t.same(
    parts,
    parts.toSorted((a, b) => a - b),
  )
  t.equal(parts.at(-1), 100)
})

t.test('R3: while a joining backup is gone nothing waits for it, though the view server is away', async t => {
  const { cluster, clients } = started(['a', 'b'], { servers: 1 })
  const { a, b } = clients
  for (let i = 0; i < 4_000; i++) a.acquire(`held/${i}`)
  cluster.run(200)
  const second = cluster.addServer('S2')
  cluster.network.onFrame = (from, _to, messages) =>
    from === second && has(messages, 'received') ? 'hold' : 'pass'
  cluster.until(() => cluster.view?.backup?.id === second.id, 'a backup')
  cluster.run(20)
  cluster.viewServer.kill()
  second.kill()
  cluster.run(20)
  const outcomes = Array.from({ length: 9_000 }, (_, i) => b.acquire(`more/${i}`))
  cluster.until(() => outcomes.every(outcome => outcome.done), 'all answers')
  t.ok(outcomes.every(truth))
})

t.test('R3: a copy that is cut before it is whole starts afresh, under the same id', async t => {
  const { cluster, clients } = started(['a'], { servers: 1 })
  const { a } = clients
  for (let i = 0; i < 6_000; i++) a.acquire(`held/${i}`)
  const second = cluster.addServer('S2')
  const { id } = second
  let chunks = 0
  cluster.network.onFrame = (from, to, messages) => {
    if (to === second && from === cluster.primary && has(messages, 'chunk'))
      return ++chunks % 2 === 0 && chunks < 9 ? 'cut' : 'pass'
    return 'pass'
  }
  cluster.healed()
  t.ok(chunks > 4, 'it was cut several times')
  t.equal(second.id, id)
  cluster.run(300)
  t.equal(second.core.state?.digest, cluster.primary.core.state?.digest)
})

t.test(
  'R3: a joining backup that stops receiving slows operations down, never reads and renewals',
  async t => {
    const { cluster, clients } = started(['a', 'b', 'c'], { servers: 1 })
    const { a, b, c } = clients
    for (let i = 0; i < 4_000; i++) a.acquire(`held/${i}`)
    cluster.run(200)
    const second = cluster.addServer('S2')
    // No message of the second server reaches the primary: the chunks stop after the first few.
    cluster.network.onFrame = (from, _to, messages) =>
      from === second && has(messages, 'received') ? 'hold' : 'pass'
    cluster.until(() => cluster.view?.backup?.id === second.id, 'a backup')
    cluster.run(20)
    const more = [b, c].flatMap(client =>
      Array.from({ length: 4_000 }, (_, i) => client.acquire(`${client.name}/${i}`)),
    )
    cluster.run(20)
    t.ok(
      more.some(outcome => outcome.done),
      'some operations go on',
    )
    t.notOk(
      more.every(outcome => outcome.done),
      'not all of them',
    )
    t.equal(a.wait(a.query('nothing'), 10).result?.verb, 'query', 'a read is answered at once')
    cluster.network.onFrame = null
    cluster.network.letGo()
    cluster.until(() => more.every(outcome => outcome.done), 'all operations')
    cluster.healed()
  },
)

t.test('V4: the view is acked when the backup confirms that it is in sync, not before', async t => {
  const cluster = new Cluster({ servers: 2 })
  let told = 0
  cluster.network.onFrame = (_from, _to, messages) => {
    if (!has(messages, 'in-sync')) return 'pass'
    told++
    return 'hold'
  }
  cluster.until(() => told > 0, 'the telling')
  cluster.run(300)
  t.notOk(cluster.viewServer.acked)
  cluster.network.onFrame = null
  cluster.network.letGo()
  cluster.ready()
})

t.test('V4: a view is acked though calls never pause, so that something is always in flight', async t => {
  const { cluster, clients } = started(['a'], { servers: 1 })
  const { network } = cluster
  const outcomes = [clients.a.tryAcquire('x0')]
  const callsMax = 10_000
  // A hop takes 0.1 ms.
  const again = () => {
    outcomes.push(clients.a.tryAcquire(`x${outcomes.length}`))
    const joined = cluster.viewServer.acked && cluster.view?.backup !== null
    if (!joined && outcomes.length < callsMax) network.after(0.03, again)
  }
  again()
  cluster.addServer('S2')
  cluster.ready()
  t.ok(outcomes.length < callsMax, `${outcomes.length}`)
  for (const outcome of outcomes) clients.a.wait(outcome)
  t.ok(outcomes.every(truth))
})

t.test('V5: a backup that is named again in a later view begins with it not in sync', async t => {
  const cluster = new Cluster({ servers: 2 })
  cluster.ready()
  const { backup, primary } = cluster
  const later = { ...(cluster.view as View), number: 9 }
  const from = { kind: 'primary' as const, id: primary.id, to: backup.id, view: later }
  const said = backup.core.step(
    { is: 'accepted', connection: 999, cluster: null, from, owner: null, remote: '', principal: null },
    cluster.network.now(),
  )
  const welcome = said.find(
    effect => effect.do === 'send' && effect.connection === 999 && effect.message[0] === 'welcome',
  )
  t.match(welcome, { message: ['welcome', { whole: 0, sequence: 0 }] })
  const asked = backup.core.step({ is: 'tick' }, cluster.network.now())
  t.match(
    asked.find(effect => effect.do === 'send' && effect.message[0] === 'ping'),
    { message: ['ping', { inSync: false }] },
  )
})

t.test(
  'V4: the ping of a backup that knows that it is in sync counts as the ack when the primary dies first',
  async () => {
    const cluster = new Cluster({ servers: 2 })
    cluster.until(() => cluster.view?.number === 2, 'view 2')
    const [first, second] = [cluster.primary, cluster.backup]
    cluster.network.onFrame = (from, _to, messages) =>
      from === first && has(messages, 'ping') ? 'hold' : 'pass'
    cluster.until(() => cluster.viewServer.acked, "the ack, which can only be the backup's", 300)
    first.kill()
    cluster.until(() => second.core.role === 'primary', 'its promotion')
  },
)

t.test(
  'V5: a server that restarts within a ping interval is a new one, and gets a copy before it counts',
  async t => {
    const { cluster, clients } = started(['a'], { servers: 2 })
    clients.a.wait(clients.a.acquire('x'))
    const name = cluster.backup.name
    const oldId = cluster.backup.id
    const reborn = cluster.backup.restart()
    cluster.healed()
    t.not(reborn.id, oldId)
    cluster.primary.kill()
    cluster.until(() => cluster.view?.primary.id === reborn.id, 'its promotion')
    t.equal(reborn.name, name)
    clients.a.wait(clients.a.query())
    t.ok(reborn.core.state?.table.locks.has('x'))
  },
)

t.test('V5: a primary that restarts at once is never primary again without a state', async t => {
  const { cluster, clients } = started(['a'])
  const held = clients.a.wait(clients.a.acquire('x'))
  const reborn = cluster.primary.restart()
  t.ok(truth(clients.a.wait(clients.a.release(held))))
  t.not(cluster.view?.primary.id, reborn.id)
  cluster.healed()
})
