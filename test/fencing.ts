// Fencing: what a guard refuses, what it remembers, and the token as an HTTP header.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect, FenceGuard, StaleTokenError } from 'holdfast'
import * as fencing from 'holdfast/fencing'
import { startCluster } from 'holdfast/testing'
import t from 'tap'
import { slotOf } from '../wire/slots.ts'
import { random } from './fixtures/random.ts'

const { formatToken, parseToken, tokenHeader } = fencing

t.test(
  'an exclusive token below the largest seen is refused, a shared one below the largest exclusive',
  async t => {
    const guard = new FenceGuard()
    const says = (token: number, mode?: 'shared') => guard.accepts({ name: 'x', token, mode })
    t.ok(says(5), 'the first')
    t.ok(says(5), 'again: one holder writes more than once')
    t.notOk(says(4))
    t.notOk(says(4, 'shared'))
    t.ok(says(9, 'shared'))
    t.ok(says(7, 'shared'), 'readers overtake one another')
    t.notOk(says(8), 'a shared token is in the way of an older exclusive one')
    t.ok(says(10))
    t.notOk(says(9, 'shared'))
    t.ok(guard.accepts({ name: 'y', token: 1 }), 'another lock, another resource')
  },
)

t.test('the error of a guard says what was wrong', async t => {
  const guard = new FenceGuard()
  guard.check({ name: 'orders/42', token: 18 })
  t.throws(() => guard.check({ name: 'orders/42', token: 17 }), {
    name: 'StaleTokenError',
    lock: 'orders/42',
    token: 17,
    seen: 18,
    mode: 'exclusive',
    message: /"orders\/42".*exclusive token 17.*18.*lost/,
  })
  t.throws(() => guard.check({ name: 'orders/42', token: 17, mode: 'shared' }), {
    message: /shared token 17.*18/,
  })
  t.equal(fencing.StaleTokenError, StaleTokenError, 'one class, whatever entry it comes from')
  for (const token of [0, -1, 1.5, Number.NaN, 2 ** 53, '17', undefined])
    t.throws(() => guard.check({ name: 'x', token: token as number }), {
      name: 'TypeError',
      message: /token/,
    })
  t.throws(() => guard.check({ name: 'x', token: 1, mode: 'both' as 'shared' }), { name: 'TypeError' })
  t.throws(() => guard.check({ name: 7 as unknown as string, token: 1 }), { name: 'TypeError' })
  t.throws(() => new FenceGuard({ namesMax: 0 }), { name: 'TypeError', message: /namesMax/ })
})

t.test('a guard that forgets tokens refuses more, and accepts nothing more', async t => {
  // The judge keeps every accepted token, and knows nothing of how the guard works.
  const { below: pick } = random(7)
  const small = new FenceGuard({ namesMax: 3 })
  const large = new FenceGuard()
  const accepted: { name: string; token: number; mode: 'exclusive' | 'shared' }[] = []
  const counts = { stale: 0, fresh: 0, forgotten: 0 }
  for (let now = 1; now <= 5_000; now++) {
    const mode = pick(3) === 0 ? 'shared' : 'exclusive'
    const fence = { name: `{slot}/${pick(8)}`, token: Math.max(1, now - pick(20)), mode } as const
    const stale = accepted.some(
      other =>
        other.name === fence.name &&
        fence.token < other.token &&
        (mode === 'exclusive' || other.mode === 'exclusive'),
    )
    const bySmall = small.accepts(fence)
    if (stale && bySmall) t.fail(`accepted though stale: ${JSON.stringify(fence)}`)
    if (bySmall) accepted.push(fence)
    if (stale) counts.stale++
    else if (bySmall) counts.fresh++
    else counts.forgotten++
    large.accepts(fence)
  }
  t.ok(counts.stale > 300 && counts.fresh > 300 && counts.forgotten > 300, JSON.stringify(counts))
  t.ok(small.accepts({ name: '{slot}/1', token: 6_000 }), 'the newest token always passes')
})

t.test('G3: a guard that forgets takes the newest tokens of each group, and no old ones', async t => {
  const guard = new FenceGuard({ namesMax: 1 })
  const says = (name: string, token: number) => guard.accepts({ name, token })
  t.ok(says('{far}/a', 1_000))
  t.ok(
    says('{near}/a', 10),
    '{far}/a is forgotten: it says nothing of another slot, which may be in another group',
  )
  t.ok(says('{near}/b', 11))
  t.notOk(says('{near}/a', 9), 'forgotten, and older than what was seen')
  t.notOk(says('{far}/a', 999), 'forgotten, and older than what was seen')
  t.notOk(says('{far}/b', 999), 'unknown: it may be one that was forgotten')
  t.ok(says('{far}/b', 1_001))
})

t.test('G8: a guard that forgets takes no old token while slots move between groups', async t => {
  // Each group counts for itself; one that is given a slot goes on above the one that had it.
  const { below: pick } = random(11)
  const counters = [1, 1_000_000, 2_000_000_000]
  const owners = new Map<number, number>()
  const guard = new FenceGuard({ namesMax: 3 })
  const accepted: { name: string; token: number }[] = []
  const granted: { name: string; token: number }[] = []
  const counts = { newest: 0, late: 0, stale: 0 }
  const move = (slot: number, to: number) => {
    counters[to] = Math.max(counters[to] ?? 0, counters[owners.get(slot) ?? 0] ?? 0)
    owners.set(slot, to)
  }
  const show = (fence: { name: string; token: number }) => {
    const stale = accepted.some(other => other.name === fence.name && fence.token < other.token)
    const taken = guard.accepts(fence)
    if (stale) counts.stale++
    if (stale && taken) t.fail(`accepted though stale: ${JSON.stringify(fence)}`)
    if (taken) accepted.push(fence)
    return taken
  }
  for (let step = 0; step < 3_000; step++) {
    const name = `{slot ${pick(6)}}/${pick(3)}`
    const slot = slotOf(name)
    if (pick(40) === 0) move(slot, pick(3))
    const group = owners.get(slot) ?? 0
    counters[group] = (counters[group] ?? 0) + 1
    const fence = { name, token: counters[group] ?? 0 }
    granted.push(fence)
    if (!show(fence)) t.fail(`the newest token is refused: ${JSON.stringify(fence)}`)
    else counts.newest++
    const late = granted[Math.max(0, granted.length - 1 - pick(30))]
    if (late !== undefined && show(late)) counts.late++
  }
  t.ok(counts.newest === 3_000 && counts.late > 300 && counts.stale > 300, JSON.stringify(counts))
})

t.test('the header carries a token there and back, and nothing else is accepted', async t => {
  for (const mode of ['exclusive', 'shared'] as const) {
    const value = formatToken({ token: 1_763_739_012_345_678, mode })
    t.same(parseToken(value), { token: 1_763_739_012_345_678, mode })
  }
  t.equal(formatToken({ token: 17 }), '17')
  t.same(parseToken('17;shared'), { token: 17, mode: 'shared' })
  for (const value of [
    undefined,
    null,
    '',
    '0',
    '-1',
    '17.5',
    'seventeen',
    '17; exclusive',
    '17 ',
    '9007199254740992',
    ['17'],
  ])
    t.throws(() => parseToken(value), { name: 'TypeError', message: /Holdfast-Token/ }, String(value))
})

t.test('over HTTP the earlier holder is refused once the present holder has written', async t => {
  await using cluster = await startCluster()
  const guard = new FenceGuard()
  const written: string[] = []
  const service = createServer((request, response) => {
    try {
      guard.check({ name: 'report', ...parseToken(request.headers[tokenHeader.toLowerCase()]) })
      written.push(request.url ?? '')
      response.writeHead(204).end()
    } catch (error) {
      response.writeHead(error instanceof StaleTokenError ? 412 : 400).end(String(error))
    }
  })
  await new Promise<void>(resolve => service.listen(0, '127.0.0.1', resolve))
  t.teardown(() => service.close())
  const { port } = service.address() as AddressInfo
  const write = async (text: string, headers: Record<string, string>) =>
    (await fetch(`http://127.0.0.1:${port}/${text}`, { method: 'PUT', headers })).status

  await using before = await connect(cluster.url)
  await using now = await connect(cluster.url)
  const old = await before.acquire('report')
  t.equal(await write('first', { [tokenHeader]: formatToken(old) }), 204)
  const stolen = await now.acquire('report', { steal: true })
  t.equal(await write('second', { [tokenHeader]: formatToken(stolen) }), 204)
  t.equal(await write('third', { [tokenHeader]: formatToken(old) }), 412)
  t.equal(await write('fourth', {}), 400)
  t.same(written, ['/first', '/second'])
})
