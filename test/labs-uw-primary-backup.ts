// The primary/backup scenarios of UW's DSLabs (MD), on the in-memory cluster; the view
// service's own, MD1 to MD12, are in view-labs.ts. A put takes a lock, an append is a
// shared hold that stays (see labs-mit-primary-backup.ts), a removed node is a killed one.
// For the labs' searches (MD28 on), these stories play by hand the schedules that a search
// would have to find: with our V3 and V4, and over connections that keep their order.

import t, { type Test } from 'tap'
import { tokenOf, truth } from './fixtures/cluster.ts'
import { type Clerk, has, held, LabCluster, listed, type Script } from './fixtures/lab-cluster.ts'
import { random } from './fixtures/random.ts'

/** The labs' setupRunView: (S1,-)#1, or (S1,S2)#2 and idle servers. */
function lab(servers: number, ...names: string[]) {
  const story = new LabCluster({ servers: Math.min(servers, 1) })
  if (servers > 0) story.ready(false)
  if (servers > 1) {
    story.addServer('S2')
    story.ready()
  }
  for (let i = 3; i <= servers; i++) story.addServer(`S${i}`)
  story.run(400)
  return { story, clerks: names.map(name => story.clerk(name)) as [Clerk, Clerk, Clerk] }
}

const holds = (records: ReturnType<Clerk['list']>) => records.map(r => `${r.name} ${r.token} ${r.clientName}`)

t.test('MD13: a call to a service that never started can be given up, and surely did not happen', async t => {
  const { story, clerks } = lab(0, 'c')
  const lock = clerks[0].startLock('a')
  story.run(2_000)
  t.notOk(lock.done)
  clerks[0].client.abort(lock)
  t.match(lock, { done: true, failed: 'TIMEOUT', definite: true })
})

t.test('MD14: one client and one server, word by word', async t => {
  const { story, clerks } = lab(1, 'c')
  const [c] = clerks
  t.same(c.list('foo'), [], 'nothing was ever there')
  t.notOk(c.force('foo'))
  t.ok(c.lock('foo'))
  t.notOk(c.lock('foo'))
  t.same(held(c.list()), ['foo c'])
  const [first, second] = [c.startAppend('bar'), c.startAppend('bar')]
  t.ok(tokenOf(c.wait(first)) < tokenOf(c.wait(second)))
  t.same(held(c.list()), ['foo c', 'bar c', 'bar c'])
  t.ok(c.force('bar'))
  t.same(held(c.list()), ['foo c'])
  t.ok(c.unlock('foo'))
  t.same(c.list(), [])
  t.equal(story.wrong(), undefined)
})

t.test('MD15, MD16: a primary is chosen within 400 ms, and a backup within as much again', async t => {
  const story = new LabCluster({ servers: 1 })
  story.until(() => story.viewText === '(S1,-)#1', 'a primary', 400)
  story.addServer('S2')
  story.until(() => story.viewText === '(S1,S2)#2' && story.viewServer.acked, 'a backup', 400)
  t.ok(story.works())
})

t.test('MD17: a thousand calls cost the view server no more than pings', async t => {
  const { story, clerks } = lab(2, 'c')
  const frames = story.countViewServerFrames()
  const from = story.network.time
  function* work(): Script {
    for (let i = 0; i < 500; i++) {
      yield clerks[0].startLock('a')
      yield clerks[0].startUnlock('a')
      yield 2.5
    }
  }
  const play = story.play([work()])
  story.until(() => play.done, 'the calls', 20_000)
  const pings = (story.network.time - from) / 100
  t.ok(frames.count > 10)
  t.ok(frames.count <= pings * 4 * 2, `${frames.count} frames while each server pings ${pings} times`)
  t.equal(story.wrong(), undefined)
})

t.test('MD18: the backup takes over with what came before it and after it', async t => {
  const { story, clerks } = lab(1, 'c')
  t.ok(clerks[0].lock('foo1'))
  story.addServer('S2')
  story.ready()
  story.run(400)
  t.ok(clerks[0].lock('foo2'))
  story.primary.kill()
  t.same(held(clerks[0].list()), ['foo1 c', 'foo2 c'])
  t.equal(story.viewText, '(S2,-)#3')
  t.equal(story.wrong(), undefined)
})

t.test('MD19: when all servers with the state are killed none answers, none invents a state', async t => {
  const { story, clerks } = lab(2, 'c')
  t.ok(clerks[0].lock('foo'))
  story.primary.kill()
  story.backup.kill()
  const fresh = story.addServer('S3')
  story.run(100)
  const list = clerks[0].startList()
  story.run(5_000)
  t.notOk(list.done)
  t.equal(fresh.core.role, 'idle')
  t.equal(story.viewText, '(S1,S2)#2')
})

t.test('MD20: a hundred appends over connections that are cut, with a backup, once each', async t => {
  for (const seed of [1, 2]) {
    const { story, clerks } = lab(2, 'c')
    story.unreliable(seed, 0.08)
    function* write(): Script {
      for (let i = 0; i < 100; i++) yield clerks[0].startAppend('foo')
    }
    const play = story.play([write()])
    story.until(() => play.done, 'the appends', 120_000)
    story.reliable()
    story.healed()
    const asked = story.attempts.map(({ outcome }) => tokenOf(outcome))
    t.same(
      story
        .clerk('reader')
        .list('foo')
        .map(hold => hold.token),
      asked,
    )
    t.equal(story.wrong(), undefined, `seed ${seed}`)
  }
})

t.test('MD21: a new backup gets everything, and the service then fails over to it', async t => {
  const { story, clerks } = lab(3, 'c')
  const [c] = clerks
  for (const name of ['a', 'b', 'c']) t.ok(c.lock(name))
  story.backup.kill()
  t.ok(c.unlock('a'))
  t.ok(c.lock('a'))
  story.healed()
  t.equal(story.viewText, '(S1,S3)#3')
  story.run(400)
  story.primary.kill()
  t.ok(c.unlock('b'))
  t.ok(c.lock('b'))
  t.equal(story.viewText, '(S3,-)#4')
  t.same(held(c.list()), ['c c', 'a c', 'b c'], 'c was never touched')
  t.equal(story.wrong(), undefined)
})

/** Three clerks for one name or two; then the primary is removed, and the backup must list the same. */
function compare(t: Test, seed: number, unreliable: boolean, script: (clerk: Clerk) => Script): void {
  const { story, clerks } = lab(2, 'c1', 'c2', 'c3')
  if (unreliable) story.unreliable(seed, 0.06)
  const play = story.play(clerks.map(script))
  story.until(() => play.done, 'all clients finish', 120_000)
  story.reliable()
  story.healed()
  story.run(400)
  t.equal(story.wrong(), undefined, `seed ${seed}`)
  const before = holds(clerks[0].list())
  t.ok(before.length >= 3)
  for (const clerk of clerks) {
    const mine = story.attempts.filter(attempt => attempt.clerk === clerk && attempt.name === 'foo')
    const tokens = mine.map(({ outcome }) => tokenOf(outcome))
    const found = clerks[0].list('foo').filter(hold => hold.clientName === clerk.name)
    t.same(
      found.map(hold => hold.token),
      tokens,
      `seed ${seed}: each append of ${clerk.name} is there, once, in order`,
    )
  }
  story.primary.kill()
  t.same(holds(clerks[0].list()), before, `seed ${seed}`)
  t.match(story.viewText, /^\(S.,-\)/)
  t.equal(story.wrong(), undefined, `seed ${seed}`)
}

function* randomPuts(clerk: Clerk, seed: number): Script {
  const { pick } = random(seed)
  for (let i = 0; i < 50; i++) {
    const name = pick(['x', 'y'])
    const lock = clerk.startLock(name)
    yield lock
    if (truth(lock)) yield clerk.startUnlock(name)
  }
  yield clerk.startLock(`last of ${clerk.name}`)
}

function* hundredAppends(clerk: Clerk): Script {
  for (let i = 0; i < 100; i++) yield clerk.startAppend('foo')
}

t.test('MD22: three clients put at random; the promoted backup lists the same', async t => {
  for (const seed of [1, 2]) compare(t, seed, false, clerk => randomPuts(clerk, seed + clerk.name.length))
})

t.test('MD23: three clients append a hundred times; the promoted backup has the same text', async t =>
  compare(t, 1, false, hundredAppends),
)

t.test('MD24: random puts over connections that are cut; the promoted backup lists the same', async t => {
  for (const seed of [1, 2, 3]) compare(t, seed, true, clerk => randomPuts(clerk, seed))
})

t.test('MD25: appends over connections that are cut; the promoted backup has the same text', async t => {
  for (const seed of [1, 2]) compare(t, seed, true, hundredAppends)
})

/** Every second a new server, then the crash of a random old one (F5: once the service has healed). */
function repeatedCrashes(t: Test, seed: number, unreliable: boolean): void {
  const { story, clerks } = lab(3, 'c1', 'c2', 'c3')
  story.healed()
  if (unreliable) story.unreliable(seed, 0.03)
  const { pick, below } = random(seed)
  let running = true
  function* keep(clerk: Clerk): Script {
    while (running) {
      const name = `${clerk.name} ${below(5)}`
      const lock = clerk.startLock(name)
      yield lock
      const list = clerk.startList(name)
      yield list
      const [found] = listed(list)
      if (found?.token !== clerk.token(name)) throw new Error(`${name} is not as it was left`)
      if (!truth(lock)) yield clerk.startUnlock(name)
      yield 10
    }
  }
  const play = story.play(clerks.map(keep))
  for (let i = 0; i < 6; i++) {
    story.run(1_000)
    story.healed(30_000)
    story.addServer(`N${i}`)
    story.run(100)
    pick(story.servers.filter(server => server.alive && !server.name.endsWith(String(i)))).kill()
  }
  running = false
  story.until(() => play.done, 'all clients finish', 10_000)
  story.reliable()
  story.healed()
  t.ok(story.calls.length > 100, `seed ${seed}: ${story.calls.length} calls`)
  t.ok(story.longestWaitMs < 5_000, `seed ${seed}: nobody waited longer than ${story.longestWaitMs} ms`)
  t.ok((story.view?.number ?? 0) > 3, `seed ${seed}: ${story.viewText}`)
  t.ok(story.works())
  t.equal(story.wrong(), undefined, `seed ${seed}`)
}

t.test('MD26: server after server crashes and is replaced, and no client waits for long', async t => {
  for (const seed of [1, 2]) repeatedCrashes(t, seed, false)
})

t.test('MD27: the same over connections that are cut', async t => {
  for (const seed of [1, 2, 3]) repeatedCrashes(t, seed, true)
})

t.test('MD28: each call of a client may lose its question or its answer, on a single server', async t => {
  for (let lostFrame = 1; lostFrame <= 12; lostFrame++) {
    const { story, clerks } = lab(1, 'c')
    cutFrame(story, lostFrame, ['lockserver', 'client'])
    t.same(script(clerks[0]), expected, `frame ${lostFrame} lost`)
    t.equal(story.wrong(), undefined)
  }
})

t.test('MD29: the same with a backup, and any frame between the servers lost too', async t => {
  for (let lostFrame = 1; lostFrame <= 30; lostFrame++) {
    const { story, clerks } = lab(2, 'c')
    cutFrame(story, lostFrame, ['lockserver', 'client'])
    t.same(script(clerks[0]), expected, `frame ${lostFrame} lost`)
    t.equal(story.wrong(), undefined)
  }
})

t.test('MD29: the same, and the primary dies with that frame', async t => {
  for (let lostFrame = 1; lostFrame <= 30; lostFrame++) {
    const { story, clerks } = lab(2, 'c')
    const { primary } = story
    cutFrame(story, lostFrame, ['lockserver', 'client'], () => primary.kill())
    t.same(script(clerks[0]), expected, `frame ${lostFrame} lost`)
    t.equal(story.wrong(), undefined)
  }
})

/** Lock, refused, release, append, append: the labs' put, append, get. */
function script(c: Clerk): unknown[] {
  const put = [c.lock('foo'), c.lock('foo'), c.force('foo'), c.force('foo')]
  const tokens = [c.startAppend('bar'), c.startAppend('bar')].map(append => tokenOf(c.wait(append)))
  const text = c.list().map(hold => `${hold.name} ${tokens.indexOf(hold.token)}`)
  return [...put, ...text]
}
const expected = [true, false, true, false, 'bar 0', 'bar 1']

/** Loses this frame between these kinds of parties, counted from now, and cuts its connection. */
function cutFrame(story: LabCluster, lostFrame: number, kinds: string[], then = () => {}): void {
  let frames = 0
  story.network.onFrame = (from, to) => {
    if (!kinds.includes(from.kind) || !kinds.includes(to.kind)) return 'pass'
    if (++frames !== lostFrame) return 'pass'
    story.network.after(0, then)
    return 'cut'
  }
}

/** c1's append has reached S1, and c2's right after it: S1 has sent one batch for each. */
function twoAppends() {
  const { story, clerks } = lab(2, 'c1', 'c2')
  const [c1, c2] = clerks
  c1.list()
  c2.list()
  const appends = [c1.startAppend('foo')]
  story.network.after(0.05, () => appends.push(c2.startAppend('foo')))
  /** What S1 sends for these appends, in order: 0 is c1's, 1 is c2's. */
  const onBatch = (decide: (batch: number) => 'pass' | 'hold' | 'cut') => {
    let batches = 0
    story.network.onFrame = (from, to, messages) => {
      if (from.name !== 'S1' || to.name !== 'S2' || !JSON.stringify(messages).includes('"foo"')) return 'pass'
      return decide(batches++)
    }
  }
  /** Both get an answer in the end; each once, one place behind the other. */
  const finish = (t: Test) => {
    story.until(() => appends.length === 2 && appends.every(({ done }) => done), 'both answers', 10_000)
    t.same(
      c1.list('foo').map(hold => hold.token),
      appends.map(tokenOf).sort((a, b) => a - b),
    )
    t.same(held(c1.list('foo')).sort(), ['foo c1', 'foo c2'])
    t.equal(story.wrong(), undefined)
  }
  return { story, c1, c2, appends, onBatch, finish }
}

t.test('MD30 A: the second batch reaches the backup before the first, which comes late', async t => {
  const { story, c1, onBatch, finish } = twoAppends()
  const before = story.backup.core.state?.opNumber
  onBatch(batch => (batch === 0 ? 'hold' : 'pass'))
  story.run(0.3)
  t.equal(story.backup.core.state?.opNumber, before, 'R2: nothing is applied out of order')
  story.network.letGo()
  finish(t)
  story.healed()
  story.primary.kill()
  t.equal(c1.list('foo').length, 2)
  t.equal(story.wrong(), undefined)
})

t.test('MD30 B: only the second batch reaches the backup; then the primary dies', async t => {
  const { story, appends, onBatch, finish } = twoAppends()
  onBatch(batch => (batch === 0 ? 'hold' : 'pass'))
  story.run(0.3)
  t.notOk(appends.some(({ done }) => done))
  story.primary.kill()
  finish(t)
  t.equal(story.viewText, '(S2,-)#3')
})

t.test('MD30 B: the backup applies the first, its answer is lost, the second comes; then P dies', async t => {
  const { story, onBatch, finish } = twoAppends()
  onBatch(() => 'pass')
  const watch = story.network.onFrame
  story.network.onFrame = (from, to, messages) => {
    if (from.name === 'S2' && to.name === 'S1' && has(messages, 'applied')) {
      story.network.onFrame = watch
      story.network.after(0.02, () => story.primary.kill())
      return 'cut'
    }
    return 'pass'
  }
  finish(t)
  t.equal(story.viewText, '(S2,-)#3')
})

t.test('MD30 C: the primary dies with both requests on their way to it', async t => {
  const { story, finish } = twoAppends()
  story.network.after(0.06, () => story.primary.kill())
  finish(t)
  t.equal(story.viewText, '(S2,-)#3')
})

t.test('MD31: a stale server rejoins, becomes primary, and knows what was done without it', async t => {
  const { story, clerks } = lab(2, 'c1', 'c2')
  const [c1, c2] = clerks
  c2.list()
  const [s1, s2] = [story.server('S1'), story.server('S2')]
  const stale = s2.id
  story.network.cutOff(s2, story.viewServer)
  story.network.cutOff(s2, s1)
  story.until(() => story.viewText === '(S1,-)#3' && story.viewServer.acked, 'S1 is alone', 2_000)
  const x = tokenOf(c1.wait(c1.startAppend('foo')))
  story.network.heal(s2, story.viewServer)
  story.network.heal(s2, s1)
  story.network.cutOff(c2.client, s1)
  story.healed()
  t.equal(story.viewText, '(S1,S2)#4')
  t.not(s2.id, stale, 'V5: it came back as a new server')
  const y = c2.startAppend('foo')
  s1.kill()
  story.until(() => story.viewText === '(S2,-)#5', 'S2 takes over')
  const both = [x, tokenOf(c2.wait(y))]
  t.same(
    c1.list('foo').map(hold => hold.token),
    both,
    'y comes behind x',
  )
  t.equal(story.wrong(), undefined)
})

t.test('MD32: random delays, cuts and one death, many times over', async t => {
  for (let seed = 1; seed <= 40; seed++) {
    const { story, clerks } = lab(3, 'c1', 'c2')
    const { below, next, pick } = random(seed)
    story.network.delayMs = () => next() * pick([0.1, 1, 20])
    const play = story.play(
      clerks.map(function* write(clerk): Script {
        for (let i = 0; i < 5; i++) yield clerk.startAppend('foo')
      }),
    )
    for (let i = 0; i < 6; i++)
      story.network.after(next() * 60, () =>
        story.network.cut(pick(story.servers), pick(story.network.parties)),
      )
    story.network.after(next() * 60, () => pick([story.primary, story.backup, story.server('S3')]).kill())
    story.until(() => play.done, `seed ${seed}: the appends`, 20_000)
    story.run(below(500))
    story.healed(20_000)
    const text = story
      .clerk('reader')
      .list('foo')
      .map(hold => hold.token)
    t.same(
      text,
      story.attempts.map(({ outcome }) => tokenOf(outcome)).sort((a, b) => a - b),
      `seed ${seed}`,
    )
    t.equal(story.wrong(), undefined, `seed ${seed}`)
  }
})
