// F10 through real sockets: connections are cut while clients work, with everything in flight. No
// lock is lost or granted to two clients, and no call is executed twice: each grant takes one token,
// so the tokens and the calls must add up. 100 cuts here; `npm run test:cuts` cuts a thousand times.

import t from 'tap'
import { connect, type Lock, type LockClient } from '../client/index.ts'
import { random } from './fixtures/random.ts'
import { RealCluster } from './fixtures/real-cluster.ts'
import { Relay } from './fixtures/relay.ts'

const clients = 60
const cutsWanted = Number(process.env.HOLDFAST_TEST_CUTS ?? 100)
const hotNames = 12

t.test(`F10: ${cutsWanted} cut connections: no lock lost, no call done twice`, async t => {
  await using cluster = await RealCluster.start(2)
  await using relay = await Relay.start(cluster.addresses)
  const dice = random(1)
  await using direct = await connect(cluster.url)
  const all: LockClient[] = []
  for (let i = 0; i < clients; i++)
    all.push(await connect(relay.urlOf(cluster.url), { name: `c${i}`, ttl: 60_000 }))
  const lost: string[] = []
  let resumed = 0
  for (const client of all) {
    client.on('lost', ({ code, locks }) => lost.push(`${code} ${locks.map(({ name }) => name)}`))
    client.on('session', () => resumed++)
  }
  const { token: firstToken } = await direct.acquire('first')
  const kept: Lock[] = await Promise.all(all.map((client, i) => client.acquire(`kept/${i}`)))

  let calls = 0
  let over = false
  const inside = new Map<string, number>()
  const work = all.map(async (client, i) => {
    for (let n = i; !over; n++) {
      const name = `hot/${n % hotNames}`
      const lock = await client.acquire(name)
      calls++
      inside.set(name, (inside.get(name) ?? 0) + 1)
      if (inside.get(name) !== 1) t.fail(`${name} is held by two`)
      // Held for a turn, so that others wait.
      await new Promise(resolve => setImmediate(resolve))
      inside.set(name, 0)
      await lock.release()
    }
  })
  const cutting = (async () => {
    while (relay.cuts < cutsWanted) {
      relay.cut(count => dice.below(Math.max(1, count)))
      await new Promise(resolve => setImmediate(resolve))
      // The other work must also go on.
      if (relay.cuts % 5 === 0) await direct.query({ prefix: 'first' })
    }
    over = true
  })()
  await cutting
  await Promise.all(work)

  const { token } = await direct.acquire('last')
  t.comment(`${relay.cuts} cuts, ${resumed} resumptions, ${calls} calls`)
  t.ok(resumed > cutsWanted / 10, 'sessions were resumed many times')
  t.ok(calls > clients, 'and work went on')
  t.same(lost, [], 'no lock was lost')
  t.equal(token - firstToken, clients + calls + 1, 'as many grants as calls')
  const { held, pending } = await direct.query({ prefix: 'kept/' })
  t.same(
    held.map(({ name, token }) => [name, token]).sort(),
    kept.map(({ name, token }) => [name, token]).sort(),
    'each is held under its token',
  )
  t.ok(kept.every(lock => lock.held && !lock.signal.aborted))
  t.same(pending, [])
  t.same((await direct.query({ prefix: 'hot/' })).held, [], 'nothing is held by nobody')
  await Promise.all(all.map(client => client.close()))
})
