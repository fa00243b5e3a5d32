// What a client takes along when its session is lost and the next one begins: servers, watches, sessions to end; and
// what it does not tell twice. Against one simulated server over real sockets. It never shows how a session is lost.

import t, { type Test } from 'tap'
import { type ClientEvents, connect, type LockClient } from '../client/index.ts'
import { listen, urlOf } from '../wire/net/listen.ts'
import { wireVersion } from '../wire/version.ts'
import { FakeServer } from './fixtures/client-server.ts'

type World = { t: Test; server: FakeServer; locks: LockClient }

function story(name: string, run: (world: World) => Promise<void>): void {
  t.test(name, async t => {
    await using server = await FakeServer.start()
    await using locks = await connect(server.url, { name: 'story', ttl: 300 })
    await run({ t: t as Test, server, locks })
  })
}

/** Holds the lock until the lease has ended, since no server answers; they answer again afterwards. */
async function loses({ server, locks }: Omit<World, 't'>, name: string): Promise<ClientEvents['lost']> {
  await locks.acquire(name)
  const lost = new Promise<ClientEvents['lost']>(resolve => locks.on('lost', resolve, { once: true }))
  server.silent = true
  const told = await lost
  server.silent = false
  server.holds = []
  return told
}

/** Fails the story when no session is found in time. */
const patience = { timeout: 5_000 }

story('S5: each loss names the locks of its own session, and no earlier ones', async world => {
  for (const name of ['x', 'y', 'z']) {
    const { code, locks } = await loses(world, name)
    world.t.equal(code, 'EXPIRED')
    world.t.same(
      locks.map(lock => lock.name),
      [name],
    )
  }
})

story('S4: the next session ends the one that was given up', async world => {
  const { t, server, locks } = world
  const { clientId } = locks
  const first = server.sessionId
  await loses(world, 'x')
  await locks.acquire('y', patience)
  t.not(locks.clientId, clientId)
  t.ok(server.requests.some(([kind, id]) => kind === 'abandon' && id === first))
})

story('F1: a view that the client knows already is not told again by its next session', async world => {
  const { t, locks } = world
  const views: number[] = []
  locks.on('view', ({ number }) => views.push(number))
  await loses(world, 'x')
  await locks.acquire('y', patience)
  t.same(views, [])
})

story('R1: a watch that begins with the next session is asked for once', async world => {
  const { t, server, locks } = world
  await loses(world, 'x')
  await using _ = locks.watch('w')
  await locks.acquire('y', patience)
  t.equal(server.requests.filter(([kind]) => kind === 'watch').length, 1)
})

t.test('F9: the next session finds the servers of the view, though the view server is gone', async t => {
  await using server = await FakeServer.start()
  const viewServer = await viewServerOf(server)
  await using locks = await connect(urlOf(viewServer.host, viewServer.port), { name: 'story', ttl: 300 })
  await viewServer.close()
  await loses({ server, locks }, 'x')
  t.ok((await locks.acquire('y', patience)).held)
})

/** It welcomes its peers with the view, and says nothing more. */
function viewServerOf({ view }: FakeServer) {
  const about = { wire: wireVersion, cluster: 'c'.repeat(32), kind: 'viewserver', id: null, role: null }
  return listen(
    { host: '127.0.0.1', port: 0, secret: null, insecure: false, origins: [], role: 'viewserver' },
    {
      accepted: connection => {
        connection.send([
          'welcome',
          {
            ...about,
            view,
            acked: false,
            others: [],
            map: null,
            pingLimitMs: 100,
            whole: 0,
            sequence: 0,
            mark: 0,
          },
        ])
        return { messages() {}, closed() {} }
      },
      turnedAway() {},
      http() {},
    },
  )
}

t.test('F12: a close that finishes waits for the last holder', async t => {
  await using server = await FakeServer.start()
  const locks = await connect(server.url, { name: 'story' })
  const [x, y, z] = await locks.acquireAll(['x', 'y', 'z'])
  if (!x || !y || !z) throw new Error('three locks')
  const closed = locks.close({ finishWithin: 60_000 })
  await x.release()
  t.ok(y.held && z.held)
  await y.release()
  t.ok(z.held)
  t.notOk(server.requests.some(([kind]) => kind === 'end'))
  await z.release()
  await closed
  t.ok(server.requests.some(([kind]) => kind === 'end'))
})
