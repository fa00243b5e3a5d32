// The primary/backup scenarios of MIT's second lab (MP), on the in-memory cluster. A put takes a lock and
// lists it again; an append is a shared hold that stays, so that a lock's list of holders is the text:
// its order and count can be checked. An unreliable network cuts connections with everything in flight.

import t, { type Test } from 'tap'
import { tokenOf, truth } from './fixtures/cluster.ts'
import { type Clerk, has, held, LabCluster, listed, type Script } from './fixtures/lab-cluster.ts'
import { random } from './fixtures/random.ts'

/** (S1,S2)#2, and idle servers. */
function lab(servers: number, ...names: string[]) {
  const story = new LabCluster({ servers: 1 })
  story.ready(false)
  if (servers > 1) {
    story.addServer('S2')
    story.ready()
  }
  for (let i = 3; i <= servers; i++) story.addServer(`S${i}`)
  story.run(300)
  return { story, clerks: names.map(name => story.clerk(name)) as [Clerk, Clerk, Clerk] }
}

/** Appends `count` times, one after another. */
function* appends(clerk: Clerk, name: string, count: number): Script {
  for (let i = 0; i < count; i++) yield clerk.startAppend(name)
}

/** Every append exactly once, each clerk's in its own order; undefined if so. */
function textProblem(story: LabCluster, reader: Clerk, name: string): string | undefined {
  const text = reader.list(name)
  for (const clerk of new Set(story.attempts.map(attempt => attempt.clerk))) {
    const asked = story.attempts
      .filter(a => a.clerk === clerk && a.name === name)
      .map(a => tokenOf(a.outcome))
    const found = text.filter(hold => hold.clientName === clerk.name).map(hold => hold.token)
    if (asked.join() !== found.join()) return `${clerk.name} appended ${asked}, the text has ${found}`
  }
  return undefined
}

t.test('MP1: one server, a backup added, the primary killed, the last one killed', async t => {
  const { story, clerks } = lab(1, 'c')
  const [c] = clerks

  t.test('MP1a: a single primary serves without a backup', async t => {
    t.equal(story.viewText, '(S1,-)#1')
    t.ok(c.lock('111'))
    t.ok(c.lock('2'))
    t.ok(c.lock('1'))
    t.same(held(c.list()), ['111 c', '2 c', '1 c'])
    for (let i = 0; i < 3; i++) c.wait(c.startAppend('ak'))
    t.equal(textProblem(story, c, 'ak'), undefined)
  })

  t.test('MP1b: a lock is taken while a backup joins, and one after it has', async t => {
    story.addServer('S2')
    story.until(() => story.viewText === '(S1,S2)#2', 'S2 becomes backup', 1_000)
    t.notOk(story.viewServer.acked, 'it is still being copied')
    t.ok(c.lock('3'))
    t.equal(c.list('3').length, 1)
    story.run(300)
    t.ok(story.viewServer.acked)
    t.ok(c.lock('4'))
    t.equal(story.wrong(), undefined)
  })

  t.test('MP1c: a hundred calls cost the view server nothing but its pings', async t => {
    const frames = story.countViewServerFrames()
    const from = story.network.time
    for (let i = 0; i < 100; i++) t.ok(c.lock(`rpc ${i}`))
    story.run(500)
    const ms = story.network.time - from
    t.ok(frames.count > 0)
    t.ok(frames.count <= 2 * Math.floor(ms / 100) + 20, `${frames.count} frames in ${ms} ms`)
    for (let i = 0; i < 100; i++) c.unlock(`rpc ${i}`)
    story.reliable()
  })

  t.test('MP1d: the backup has what came before it joined, in the meantime, and after', async t => {
    story.primary.kill()
    story.until(() => story.view?.primary.address === 'ws://S2', 'S2 takes over', 1_000)
    t.same(held(c.list().filter(hold => hold.name !== 'ak')), ['111 c', '2 c', '1 c', '3 c', '4 c'])
    t.equal(textProblem(story, c, 'ak'), undefined)
    t.equal(story.wrong(), undefined)
  })

  t.test('MP1e: an empty server does not take the place of the last with the state', async t => {
    story.until(() => story.viewServer.acked, 'S2 goes on alone')
    story.primary.kill()
    const fresh = story.addServer('S3')
    story.run(1_000)
    const list = c.startList()
    story.run(2_000)
    t.notOk(list.done, 'nobody answers')
    t.equal(story.viewText, '(S2,-)#3')
    t.equal(fresh.core.role, 'idle')
  })
})

t.test('MP2: a hundred appends over connections that are cut happen once each, in order', async t => {
  for (const seed of [1, 2, 3]) {
    const { story, clerks } = lab(1, 'c')
    story.unreliable(seed)
    const play = story.play([appends(clerks[0], 'counter', 100)])
    story.until(() => play.done, 'the appends', 60_000)
    story.reliable()
    t.equal(textProblem(story, story.clerk('reader'), 'counter'), undefined)
    t.ok(clerks[0].client.events.filter(({ event }) => event === 'reconnecting').length > 5)
    t.equal(story.wrong(), undefined)
  }
})

t.test('MP3: the backup fails, then the primary, each with a call right behind', async t => {
  const { story, clerks } = lab(3, 'c')
  const [c] = clerks

  t.test('MP3a: a lock taken right after the death of the backup is kept by the next one', async t => {
    t.equal(story.viewText, '(S1,S2)#2')
    for (const name of ['a', 'b', 'c']) t.ok(c.lock(name))
    story.backup.kill()
    t.ok(c.unlock('a'))
    t.ok(c.lock('a'))
    t.equal(c.list('a').length, 1)
    story.healed(1_500)
    t.equal(story.viewText, '(S1,S3)#3', 'one change of view')
    t.equal(story.wrong(), undefined)
  })

  t.test('MP3b: after the death of the primary that backup has everything, also what is older', async t => {
    const before = c.list().map(hold => `${hold.name} ${hold.token}`)
    story.primary.kill()
    t.ok(c.lock('d'))
    t.equal(story.viewText, '(S3,-)#4')
    t.same(
      c.list().map(hold => `${hold.name} ${hold.token}`),
      [...before, `d ${c.token('d')}`],
    )
    t.ok(c.unlock('c'), 'a lock that was not touched since before S3 joined')
    t.equal(story.wrong(), undefined)
  })
})

/** Three clerks fight over two locks; then the primary dies, and the old backup lists the same. */
function fight(t: Test, seed: number, unreliable: boolean): void {
  const { story, clerks } = lab(2, 'c1', 'c2', 'c3')
  const { pick, chance } = random(seed)
  if (unreliable) story.unreliable(seed, 0.04)
  let running = true
  function* puts(clerk: Clerk): Script {
    while (running) {
      const name = pick(['x', 'y'])
      const lock = chance(0.5) ? clerk.startLock(name) : clerk.startWait(name)
      yield lock
      if (!truth(lock)) continue
      if (chance(0.3)) yield 3
      yield clerk.startUnlock(name)
    }
    const last = clerk.startLock(`last of ${clerk.name}`)
    yield last
  }
  const play = story.play(clerks.map(puts))
  story.run(unreliable ? 3_000 : 500)
  running = false
  story.until(() => play.done, 'all clients finish', 20_000)
  t.ok(story.attempts.length > 60, `seed ${seed}: ${story.attempts.length} acquires`)
  story.reliable()
  story.healed()
  t.equal(story.wrong(), undefined, `seed ${seed}`)
  const { backup } = story
  const before = clerks[0].list()
  t.same(before.map(hold => hold.clientName).sort(), ['c1', 'c2', 'c3'])
  story.primary.kill()
  story.until(() => story.view?.primary.id === backup.id, 'the old backup takes over', 1_000)
  t.same(names(clerks[0].list()), names(before))
  t.equal(story.wrong(), undefined, `seed ${seed}`)
}
const names = (holds: ReturnType<Clerk['list']>) =>
  holds.map(({ name, token, clientId }) => [name, token, clientId])

t.test('MP4: three clients fight over two locks; the promoted backup lists the same', async t => {
  for (const seed of [1, 2, 3]) fight(t, seed, false)
})

t.test('MP5: three clients append to one text; primary and backup have it whole and in order', async t => {
  const { story, clerks } = lab(2, 'c1', 'c2', 'c3')
  const play = story.play(clerks.map(clerk => appends(clerk, 'text', 50)))
  story.until(() => play.done, 'the appends')
  t.equal(textProblem(story, clerks[0], 'text'), undefined)
  const before = names(clerks[0].list('text'))
  t.equal(before.length, 150)
  t.equal(story.wrong(), undefined)
  story.primary.kill()
  t.equal(textProblem(story, clerks[0], 'text'), undefined)
  t.same(names(clerks[0].list('text')), before)
  t.equal(story.viewText, '(S2,-)#3')
})

t.test('MP6: the same fight over connections that are cut, between the servers too', async t => {
  for (const seed of [1, 2, 3, 4]) fight(t, seed, true)
})

/** Kills a random server every two seconds and restarts it, empty, one second later. */
function* crashes(story: LabCluster, seed: number, times: number): Script {
  const { pick } = random(seed)
  for (let i = 0; i < times; i++) {
    const victim = pick(story.servers)
    victim.kill()
    yield 1_000
    victim.restart()
    yield 1_000
  }
}

t.test('MP7: servers die and come back empty, and clients find what they left', async t => {
  for (const seed of [1, 2]) {
    const { story, clerks } = lab(3, 'c1', 'c2')
    story.healed()
    const { below } = random(seed)
    let running = true
    function* keep(clerk: Clerk): Script {
      while (running) {
        const name = `${clerk.name} ${below(10)}`
        const lock = clerk.startLock(name)
        yield lock
        if (truth(lock)) {
          const list = clerk.startList(name)
          yield list
          if (names(listed(list)).join() !== [name, clerk.token(name), listed(list)[0]?.clientId].join())
            throw new Error(`${name} is not as it was left`)
        } else {
          const unlock = clerk.startUnlock(name)
          yield unlock
          if (!truth(unlock)) throw new Error(`${name} was not held any more`)
        }
        yield 10
      }
    }
    const play = story.play([keep(clerks[0]), keep(clerks[1])])
    const crash = story.play([crashes(story, seed, 8)])
    story.until(() => crash.done, 'the crashes', 60_000)
    running = false
    story.until(() => play.done, 'both clients end')
    t.ok(story.calls.length > 1_000, `seed ${seed}: ${story.calls.length} calls`)
    t.ok((story.view?.number ?? 0) >= 6, `seed ${seed}: ${story.viewText}`)
    t.ok(story.longestWaitMs < 1_000, `seed ${seed}: nobody waited longer than ${story.longestWaitMs} ms`)
    t.same(
      clerks.map(clerk => clerk.client.lost),
      [[], []],
    )
    t.ok(story.works())
    t.equal(story.wrong(), undefined)
  }
})

t.test('MP8: servers die, connections are cut, and each append is in the text once, in order', async t => {
  for (const seed of [1, 2, 3]) {
    const { story, clerks } = lab(3, 'c1', 'c2')
    story.healed()
    story.unreliable(seed, 0.04)
    let running = true
    function* write(clerk: Clerk): Script {
      while (running) {
        yield clerk.startAppend('text')
        yield 20
      }
    }
    const play = story.play([write(clerks[0]), write(clerks[1])])
    const { pick } = random(seed)
    // F5: each kill waits until the service has healed from the last; over such a network
    // that takes its time.
    for (let i = 0; i < 5; i++) {
      story.healed(30_000)
      const victim = pick(story.servers)
      victim.kill()
      story.run(1_000)
      victim.restart()
    }
    running = false
    story.until(() => play.done, 'both clients end', 30_000)
    story.reliable()
    story.healed()
    t.ok(story.attempts.length > 50, `seed ${seed}: ${story.attempts.length} appends`)
    t.equal(textProblem(story, story.clerk('reader'), 'text'), undefined, `seed ${seed}`)
    t.ok(story.works())
    t.equal(story.wrong(), undefined, `seed ${seed}`)
  }
})

/** c1 and the primary S1 are cut off from the view server; with `alone`, from the backup too. */
function partition(servers: number, alone: boolean) {
  const { story, clerks } = lab(servers, 'c1', 'c2')
  const [c1, c2] = clerks
  story.run(100)
  c1.lock('a')
  c2.list()
  const old = story.primary
  const { network, viewServer } = story
  network.cutOff(old, viewServer)
  network.cutOff(c1.client, viewServer)
  if (alone) network.cutOff(old, story.backup)
  network.cutOff(c1.client, story.backup)
  /** What the old primary sends to its client once another server is primary. */
  const told: string[] = []
  const watch = () => {
    network.onFrame = (from, to, messages) => {
      if (from === old && to === c1.client && (has(messages, 'locks') || has(messages, 'granted')))
        told.push(JSON.stringify(messages))
      return 'pass'
    }
  }
  return { story, c1, c2, old, told, watch }
}

t.test('MP9: a primary cut off from the view server answers no read that another has outdated', async t => {
  for (const alone of [false, true]) {
    const { story, c1, c2, old, told, watch } = partition(2, alone)
    story.network.delayMs = (from, to) => (from === c1.client && to === old ? 1_500 : 0.1)
    const late = c1.startList('a')
    story.until(() => story.view?.primary.address === 'ws://S2', 'S2 takes over', 1_500)
    story.run(200)
    watch()
    t.ok(c2.force('a'))
    t.ok(c2.lock('a'))
    t.same(held(c2.list('a')), ['a c2'])
    story.run(1_000)
    story.network.delayMs = () => 0.1
    const prompt = c1.startList('a')
    story.run(3_000)
    t.same(told, [], 'the old primary says nothing')
    for (const list of [late, prompt]) if (list.done) t.same(held(listed(list)), ['a c2'])
    t.same(held(c2.list('a')), ['a c2'])
    for (const party of [old, c1.client]) story.network.heal(party, story.viewServer)
    for (const party of [old, c1.client]) story.network.heal(party, story.server('S2'))
    t.same(held(listed(c1.wait(late))), ['a c2'], 'healed, it reads what is')
    story.healed()
    t.same(
      c1.client.lost.map(({ reason }) => reason),
      ['FORCED'],
    )
    t.equal(old.stepDowns, 1)
    t.equal(story.wrong(), undefined)
  }
})

t.test('MP10: a primary that is cut off may not answer alone when its backup dies', async t => {
  for (const alone of [false, true]) {
    const { story, c1, c2, old, told, watch } = partition(3, alone)
    // The partition leaves the third server connected; S1 must not learn from it either.
    story.network.cutOff(old, story.server('S3'))
    story.network.cutOff(c1.client, story.server('S3'))
    story.network.delayMs = (from, to) => (from === c1.client && to === old ? 1_500 : 0.1)
    const late = c1.startList('a')
    story.until(() => story.viewText === '(S2,S3)#3' && story.viewServer.acked, '(S2,S3)', 2_000)
    watch()
    t.ok(c2.force('a'))
    t.ok(c2.lock('a'))
    story.server('S2').kill()
    const prompt = c1.startList('a')
    const lock = c1.startLock('new')
    story.network.delayMs = () => 0.1
    story.run(4_000)
    t.same(told, [], 'the old primary says nothing')
    t.notOk(prompt.done || late.done || lock.done)
    t.same(held(c2.list('a')), ['a c2'], 'read from S3')
    t.equal(story.viewText, '(S3,-)#4')
    for (const party of [old, c1.client]) story.network.heal(party, story.viewServer)
    for (const party of [old, c1.client]) story.network.heal(party, story.server('S3'))
    t.same(held(listed(c1.wait(late))), ['a c2'])
    t.ok(truth(c1.wait(lock)))
    story.healed()
    t.match(story.viewText, /^\(S3,S1\)#5/)
    t.equal(story.wrong(), undefined)
  }
})
