// Real servers, real sockets, and a peer that may connect and reads all that there is to read: lists, events, answers,
// pages, logs. In none of it is an id or a key of another's session, and nothing of it takes a session over (C9).

import t, { type Test } from 'tap'
import { LockClient } from '../client/client.ts'
import type { Lock } from '../client/index.ts'
import { startLockServer } from '../lockserver/index.ts'
import type { ClientRuntime } from '../wire/net/runtime.ts'
import { runtime } from '../wire/net/runtime-node.ts'
import type { Logger } from '../wire/serving/log.ts'
import { startBegun } from './fixtures/begun.ts'
import { until } from './fixtures/deadline.ts'
import { HostilePeer, hello, newId } from './fixtures/hostile-peer.ts'

const pings = { pingIntervalMs: 50, deadPings: 10 }
/** All that servers have printed. */
const printed: unknown[] = []
const note = (fields: object, text: string) => void printed.push([fields, text])
const log: Logger = { debug: note, info: note, warn: note, error: note }
/** Ids and keys of the sessions of programs. */
const secrets = new Map<string, string>()

/** The runtime as it is, and the test learns what it draws. */
function overheard(): ClientRuntime {
  let key = ''
  return {
    ...runtime,
    newId: () => {
      const id = runtime.newId()
      secrets.set(id, key)
      return id
    },
    newKey: () => (key = runtime.newKey()),
  }
}

const view = await startBegun({ ...pings, port: 0, data: t.testdir(), log })
const servers = [
  await startLockServer({ ...pings, view: view.address, log }),
  await startLockServer({ ...pings, view: view.address, log }),
]
t.teardown(async () => {
  for (const server of servers) await server.close()
  await view.close()
})

const connect = (name: string) => LockClient.connect(view.address, { name }, overheard())
const victim = await connect('victim')
const waiter = await connect('waiter')
await until('there is a backup', () => victim.view?.backup)
const primary = victim.view?.primary.address as string
const lock = await victim.acquire('orders/42')

/** All that a peer hears and reads that is no program of the victim's. */
async function everything(spy: HostilePeer): Promise<string> {
  spy.say(hello({ kind: 'client', name: 'spy' }))
  await spy.next('welcome')
  spy.say(
    ['watch', 1, ''],
    ['query', 1, '', true],
    ['clients', 1, 'victim', true, 0],
    ['clients', 2, '', true, 0],
  )
  await spy.next('watching')
  // Its own session waits, gives up, and steals: answers that name others.
  spy.say(['open', newId(), newId(), 1, 10_000, 'spy', 'somewhere', 1, ''])
  await spy.next('opened')
  spy.say(['acquire', 1, ['orders/42'], 'exclusive', 'wait', null])
  const waits = waiter.acquire('orders/42', { timeout: 300 }).catch(error => error)
  const error = await waits
  spy.say(['cancel', 2, 1])
  await spy.next('cancel-done')
  const pages = ['/locks', '/why?name=orders/42', '/clients', '/clients?who=victim', '/stats', '/metrics']
  const read: string[] = []
  for (const server of servers)
    for (const page of [...pages, '/readyz']) read.push(await (await fetch(`${server.pages}${page}`)).text())
  for (const page of ['/view', '/metrics', '/readyz', '/stats'])
    read.push(await (await fetch(`${view.pages}${page}`)).text())
  const programs = [await waiter.query(), await waiter.clients(), error, { ...error }, String(error)]
  return JSON.stringify([spy.heard, read, programs, printed])
}

/** The victim has not noticed anything, nor has the lock changed hands. */
async function unharmed(t: Test, held: Lock): Promise<void> {
  const peer = await HostilePeer.connect(primary)
  peer.say(hello())
  await peer.next('welcome')
  peer.say(['query', 1, 'orders/42', true])
  const [, , , shown] = await peer.next('locks')
  t.match(shown, [{ token: held.token, clientId: victim.clientId }])
  t.ok(held.held)
  peer.leave()
}

const spy = await HostilePeer.connect(primary)
const known = await everything(spy)

t.test('C9: nothing that servers say, show or print holds the id or the key of a session', async t => {
  t.equal(secrets.size, 2)
  t.ok(known.includes(victim.clientId), 'but its public id')
  t.ok(known.includes('orders/42'))
  for (const [id, key] of secrets) {
    t.notOk(known.includes(id), 'an id')
    t.notOk(known.includes(key), 'a key')
  }
  const [id, key] = [...secrets][0] as [string, string]
  t.not(victim.clientId, id)
  t.not(victim.clientId, key)
})

t.test('C9: with all that is shown no session is taken over', async t => {
  const words = [...new Set(known.match(/\b[0-9a-f]{32}\b/g) ?? [])]
  t.ok(words.includes(victim.clientId))
  for (const id of words)
    for (const key of words) {
      const thief = await HostilePeer.connect(primary)
      thief.say(hello({ kind: 'client', name: 'thief' }))
      await thief.next('welcome')
      thief.say(['abandon', id, key], ['resume', id, key, 2 ** 40, 1, []])
      t.same(await thief.next('unknown-session'), ['unknown-session', id])
      thief.leave()
    }
  await unharmed(t, lock)
})

t.test('C9: nor with the id, which only its client has, and another key', async t => {
  const [id] = [...secrets.keys()] as [string]
  for (const key of [newId(), id, victim.clientId]) {
    for (const message of [
      ['resume', id, key, 2 ** 40, 1, []],
      ['open', id, key, 2 ** 40, 10_000, 'thief', null, null, ''],
      ['open', id, key, 1, 10_000, 'victim', null, null, ''],
    ]) {
      const thief = await HostilePeer.connect(primary)
      thief.say(hello({ kind: 'client', name: 'thief' }))
      await thief.next('welcome')
      thief.say(['abandon', id, key], message)
      t.same(await thief.next('unknown-session'), ['unknown-session', id])
      thief.leave()
    }
    await unharmed(t, lock)
  }
})

t.test(
  "C9: the replay of a client's resume without its key is no message, and one with another key no resume",
  async t => {
    const [id] = [...secrets.keys()] as [string]
    for (const message of [
      ['resume', id, 2 ** 40, 1, []],
      ['resume', id, null, 2 ** 40, 1, []],
      ['resume', id, '', 2 ** 40, 1, []],
      ['abandon', id],
      ['abandon', id, null],
      ['open', id, 2 ** 40, 10_000, 'thief'],
    ]) {
      const thief = await HostilePeer.connect(primary)
      thief.say(hello({ kind: 'client', name: 'thief' }))
      await thief.next('welcome')
      thief.say(message)
      t.equal((await thief.ended()).error, 'BAD_MESSAGE', JSON.stringify(message))
    }
    await unharmed(t, lock)
  },
)

t.test('C9: what wrong keys were shown is counted, and the right one still works', async t => {
  const metrics = async () =>
    (await Promise.all(servers.map(async ({ pages }) => (await fetch(`${pages}/metrics`)).text()))).join('\n')
  const count = Math.max(
    ...[...(await metrics()).matchAll(/^holdfast_wrong_session_keys_total (\d+)/gm)].map(([, n]) =>
      Number(n),
    ),
  )
  t.ok(count >= 18, `${count}: an abandon and another message each`)
  const [id, key] = [...secrets][0] as [string, string]
  const again = await HostilePeer.connect(primary)
  again.say(hello({ kind: 'client', name: 'victim itself' }))
  await again.next('welcome')
  again.say(['resume', id, key, 1_000, 2, []])
  t.same(await again.next('resumed'), ['resumed', id, 1_000])
  again.say(['abandon', id, key])
  await again.next('unknown-session')
  again.leave()
  spy.leave()
  await Promise.all([victim.close(), waiter.close()])
})
