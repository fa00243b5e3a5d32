// C7: leading. What is known of a leader is put in order, however it comes; a leader campaigns again after each loss and is
// never told that it leads after it lost; a follower tells every change at least by its last state.

import t, { type Test } from 'tap'
import { connect, type Lead, type LockClient, LockError } from '../client/index.ts'
import { Succession } from '../client/leader.ts'
import type { WatchEvent } from '../client/watch.ts'
import type { Snapshot } from '../client/web-locks.ts'
import { startCluster } from '../testing/index.ts'
import { FakeServer } from './fixtures/client-server.ts'
import { aborted, failure } from './fixtures/settled.ts'

const id = (letter: string) => letter.repeat(32)
const never = () => new Promise<never>(() => {})

// ---- what is known, put in order

type Kind = 'granted' | 'released' | 'lost' | 'kept' | 'noted'
const happened = (event: Kind, who: string, token: number, note: string | null = null): WatchEvent => ({
  ...{ event, name: 'x', mode: 'exclusive', token, reason: null, clientId: id(who), clientName: who },
  terms: note === null ? null : { permits: null, note, keptMs: null, endsMs: null, once: null },
  at: 1_700_000_000_000,
})
const shows = (...held: object[]): Snapshot => ({
  held: held.map(hold => ({ name: 'x', mode: 'exclusive', heldMs: 0, terms: null, ...hold })) as never,
  ...{ pending: [], confirmed: true, cut: false },
})
const by = (who: string, token: number) => ({ clientId: id(who), clientName: who, token })

t.test('C7: nothing old undoes what is newer, from whichever side it comes', async t => {
  const known = new Succession('x')
  t.equal(known.leader, undefined, 'nobody knows')
  const first = known.asks()
  known.hears(happened('granted', 'a', 5))
  t.match(known.leader, by('a', 5))
  known.sees(shows(), first)
  t.match(known.leader, by('a', 5), 'an answer from before the grant')
  const second = known.asks()
  known.hears(happened('released', 'a', 5))
  t.equal(known.leader, null)
  known.sees(shows(by('a', 5)), second)
  t.equal(known.leader, null, 'an answer from before the release')
  known.hears(happened('granted', 'b', 7))
  known.hears(happened('granted', 'a', 5))
  t.match(known.leader, by('b', 7), 'what comes late')
  known.sees(shows(by('c', 9)), known.asks())
  known.hears(happened('lost', 'b', 7))
  t.match(known.leader, by('c', 9))
  known.sees(shows(), known.asks())
  t.equal(known.leader, null, 'its end was not heard of')
})

t.test('C7: only an exclusive holder of this very name leads, and none that is gone', async t => {
  const known = new Succession('x')
  known.sees(shows({ ...by('a', 5), name: 'x/1' }), known.asks())
  t.equal(known.leader, null)
  known.hears({ ...happened('granted', 'a', 6), name: 'x/1' } as WatchEvent)
  known.hears({ ...happened('granted', 'a', 6), mode: 'shared' } as WatchEvent)
  known.hears({ ...happened('granted', 'a', 6), event: 'waiting', token: null } as WatchEvent)
  t.equal(known.leader, null)
  known.sees(shows({ ...by('a', 7), mode: 'shared' }), known.asks())
  t.equal(known.leader, null)
  known.hears(happened('granted', 'a', 8))
  known.hears(happened('kept', 'a', 8))
  t.equal(known.leader, null, 'kept for a client that is gone (C3)')
  known.sees(shows({ name: 'x', token: 8, clientId: null, clientName: null }), known.asks())
  t.equal(known.leader, null)
  t.throws(() => known.sees({ ...shows(), cut: true }, known.asks()), { code: 'STATE_LIMIT' })
})

t.test('C7: a note is of its own leader, and the newest one', async t => {
  const known = new Succession('x')
  known.hears(happened('granted', 'a', 5, 'of a'))
  const before = known.asks()
  known.hears(happened('noted', 'a', 5, 'newer'))
  known.sees(shows({ ...by('a', 5), terms: happened('granted', 'a', 5, 'of a').event && null }), before)
  t.match(known.leader, { note: 'newer' })
  known.hears(happened('granted', 'b', 6))
  t.match(known.leader, { clientName: 'b', note: null }, 'not that of the one before')
  known.hears(happened('noted', 'a', 5, 'late'))
  t.match(known.leader, { clientName: 'b', note: null })
})

// ---- leading

/** The terms of `lead`, as they come. */
function terms(locks: LockClient, name: string, options: { note?: string; signal?: AbortSignal } = {}) {
  const leads: Lead[] = []
  let news = () => {}
  const ended = locks.lead(name, options, async lead => {
    leads.push(lead)
    news()
    await aborted(lead.signal)
    lead.signal.throwIfAborted()
  })
  ended.catch(() => {})
  const term = async (n: number): Promise<Lead> => {
    for (;;) {
      const lead = leads[n - 1]
      if (lead !== undefined) return lead
      await new Promise<void>(resolve => {
        news = resolve
      })
    }
  }
  return { ended, term, leads }
}

async function withClients(t: Test, names: string[]): Promise<LockClient[]> {
  const cluster = await startCluster()
  const clients = await Promise.all(names.map(name => connect(cluster.url, { name, ttl: 60_000 })))
  t.teardown(async () => {
    await Promise.all(clients.map(client => client.close()))
    await cluster.close()
  })
  return clients
}

t.test('C7: one leads; after each loss it campaigns again, and its signal says why it lost', async t => {
  const [a, b] = (await withClients(t, ['a', 'b'])) as [LockClient, LockClient]
  const ofA = terms(a, 'x', { note: 'at a' })
  const first = await ofA.term(1)
  t.ok(first.lock.held)
  t.equal(first.name, 'x')
  t.match((await b.query()).held, [{ name: 'x', token: first.token, terms: { note: 'at a' } }])
  const thief = await b.acquire('x', { steal: true })
  await aborted(first.signal)
  t.match(first.signal.reason, { code: 'STOLEN' })
  t.notOk(first.lock.held, 'it is told as soon as the lock is')
  t.equal(ofA.leads.length, 1)
  await thief.release()
  const second = await ofA.term(2)
  t.ok(second.token > thief.token)
  await b.forceRelease('x')
  await aborted(second.signal)
  t.match(second.signal.reason, { code: 'FORCED' })
  await ofA.term(3)
  await a.close()
  t.match(await failure(ofA.ended), { code: 'CLOSED' })
  t.equal(ofA.leads.length, 3)
})

t.test('C7: what the callback returns or throws while it leads ends it, and frees the lock', async t => {
  const [a, b] = (await withClients(t, ['a', 'b'])) as [LockClient, LockClient]
  t.equal(await a.lead('x', {}, async ({ token }) => token > 0), true)
  const mine = new Error('mine')
  t.equal(await failure(a.lead('x', {}, () => Promise.reject(mine))), mine)
  t.equal(
    await failure(
      a.lead('x', {}, () => {
        throw mine
      }),
    ),
    mine,
  )
  t.same((await b.query()).held, [])
  // Thrown after the loss, and not because of it.
  const worked = failure(
    a.lead('x', {}, async lead => {
      await aborted(lead.signal)
      throw mine
    }),
  )
  await a.query()
  await b.forceRelease('x')
  t.equal(await worked, mine, 'no error is thrown away')
})

t.test('C7: no second callback runs beside one that does not heed its signal', async t => {
  const [a, b] = (await withClients(t, ['a', 'b'])) as [LockClient, LockClient]
  let [calls, running] = [0, 0]
  let end = () => {}
  const over = new Promise<void>(resolve => {
    end = resolve
  })
  const done = a.lead('x', {}, async () => {
    calls++
    t.equal(++running, 1)
    if (calls === 1) await over
    running--
    return calls
  })
  await a.query()
  await b.forceRelease('x')
  t.same((await a.query()).held, [], 'it does not campaign as long as its callback runs')
  t.equal(calls, 1)
  end()
  t.equal(await done, 2, 'what a lost term returns counts for nothing')
})

t.test('C7: a signal ends the campaign at once, and a term by the signal of its callback', async t => {
  const [a, b] = (await withClients(t, ['a', 'b'])) as [LockClient, LockClient]
  const stop = new AbortController()
  const waits = terms(b, 'x', { signal: stop.signal })
  const leads = terms(a, 'y', { signal: stop.signal })
  const held = await a.acquire('z')
  const campaigns = terms(b, 'z', { signal: stop.signal })
  const [one, two] = [await waits.term(1), await leads.term(1)]
  const reason = new Error('enough')
  stop.abort(reason)
  for (const { signal } of [one, two]) t.equal(signal.reason, reason)
  for (const { ended } of [waits, leads, campaigns]) t.equal(await failure(ended), reason)
  t.same(
    (await a.query()).held.map(({ name }) => name),
    ['z'],
    'nobody leads',
  )
  t.equal(await failure(a.lead('x', { signal: stop.signal }, never)), reason)
  await held.release()
})

t.test('C7: options and arguments are checked', async t => {
  const [a] = (await withClients(t, ['a'])) as [LockClient]
  const type = (message: RegExp) => ({ name: 'TypeError', message })
  await t.rejects(a.lead('', {}, never), type(/lock name/))
  await t.rejects(a.lead('x', {}, 5 as never), type(/function to run/))
  await t.rejects(a.lead('x', { sginal: 5 } as never, never), type(/did you mean signal/))
  await t.rejects(a.lead('x', { note: 5 } as never, never), type(/note must be/))
  t.throws(() => a.leader(''), type(/lock name/))
  t.throws(() => a.leader('x', { timeout: 5 } as never), type(/has no option "timeout"/))
})

t.test('C7: a leader whose session is lost campaigns in the next one', async t => {
  await using server = await FakeServer.start()
  const locks = await connect(server.url)
  const { term, ended } = terms(locks, 'x')
  const first = await term(1)
  server.take('x', 'FORCED')
  for (const connection of server.connections) connection.send(['unknown-session', server.sessionId])
  await aborted(first.signal)
  const second = await term(2)
  t.ok(second.token > first.token)
  await locks.close()
  await failure(ended)
})

// ---- following

t.test('C7: a follower begins with who leads, and tells each change that it has the time for', async t => {
  const [a, b, c] = (await withClients(t, ['a', 'b', 'c'])) as [LockClient, LockClient, LockClient]
  const follows = c.leader('x')
  t.equal(follows.current, undefined, 'it does not know yet')
  t.same(await follows.next(), { done: false, value: null }, 'nobody leads')
  t.equal(follows.current, null)
  const stop = new AbortController()
  const ofA = terms(a, 'x', { note: 'at a', signal: stop.signal })
  const first = await ofA.term(1)
  const leader = { clientId: a.clientId, clientName: 'a', token: first.token, note: 'at a' }
  t.same(await follows.next(), { done: false, value: leader })
  t.same(JSON.parse(JSON.stringify(follows)), { name: 'x', current: leader, over: false })
  await first.lock.setNote('elsewhere')
  t.match(await follows.next(), { value: { token: first.token, note: 'elsewhere' } })
  const late = c.leader('x')
  t.match(await late.next(), { value: { token: first.token, note: 'elsewhere' } }, 'one that comes later')
  const ofB = terms(b, 'x')
  stop.abort()
  const second = await ofB.term(1)
  while (follows.current?.token !== second.token) await follows.next()
  t.match(follows.current, { clientName: 'b', note: null })
  t.match((await follows.return()).done, true)
  t.match(await follows.next(), { done: true })
  for await (const leader of late) if (leader?.clientName === 'b') break
  t.match(await late.next(), { done: true }, 'it was left')
  await a.close()
  await b.close()
  await failure(ofB.ended)
})

t.test('C7: a follower ends by its signal, with its reason, and with its client', async t => {
  const [a] = (await withClients(t, ['a'])) as [LockClient]
  const stop = new AbortController()
  const follows = a.leader('x', { signal: stop.signal })
  await follows.next()
  const next = follows.next()
  const reason = new Error('enough')
  stop.abort(reason)
  t.equal(await failure(next), reason)
  t.match(await follows.next(), { done: true })
  const other = a.leader('x')
  await other.next()
  const waits = other.next()
  await a.close()
  t.same(await waits, { done: true, value: undefined })
  t.match(await failure(a.leader('x').next()), { code: 'CLOSED' })
})

t.test('C7: the last change is told though it fell into a cut, or into the loss of the session', async t => {
  await using server = await FakeServer.start()
  const locks = await connect(server.url)
  const to = [...server.connections][0] as never
  const holds = (token: number) => ({ name: 'x', mode: 'exclusive', token, to }) as const
  server.holds = [holds(5)]
  const follows = locks.leader('x')
  t.match(await follows.next(), { value: { token: 5 } })
  server.holds = [holds(6)]
  server.cut()
  t.match(await follows.next(), { value: { token: 6 } }, 'another one leads')
  server.holds = []
  server.cut()
  t.match(await follows.next(), { value: null }, 'nobody leads')
  server.holds = [holds(9)]
  for (const connection of server.connections) connection.send(['unknown-session', server.sessionId])
  t.match(await follows.next(), { value: { token: 9 } }, 'in the next session')
  await locks.close()
})

t.test('C7: a primary that dies changes no leader, and followers go on', async t => {
  const cluster = await startCluster()
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map(name => connect(cluster.url, { name })))
  if (a === undefined || b === undefined || c === undefined) throw new Error('three clients')
  const follows = c.leader('x')
  const ofA = terms(a, 'x')
  const first = await ofA.term(1)
  while (follows.current?.token !== first.token) await follows.next()
  const ofB = terms(b, 'x')
  while ((await c.query()).pending.length === 0);
  await cluster.killPrimary()
  t.ok(first.lock.held)
  await c.forceRelease('x')
  await aborted(first.signal)
  const second = await ofB.term(1)
  while (follows.current?.token !== second.token) await follows.next()
  t.match(follows.current, { clientName: 'b' })
  await Promise.all([a, b, c].map(client => client.close()))
  for (const { ended } of [ofA, ofB]) t.ok((await failure(ended)) instanceof LockError)
  await cluster.close()
})
