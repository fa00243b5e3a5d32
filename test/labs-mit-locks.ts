// The lock service scenarios of MIT's first lab (ML), on the in-memory cluster. Lock is
// tryAcquire, Unlock the release of one's own token; where a stranger unlocks in the lab,
// a forced release does it here: like the lab's, it frees by name. `dying`: the primary
// executes and replicates one more request, its answer is lost, and the primary is dead.

import t, { type Test } from 'tap'
import { truth } from './fixtures/cluster.ts'
import { forced, held, LabCluster, type Script } from './fixtures/lab-cluster.ts'
import { random } from './fixtures/random.ts'

function pair() {
  const lab = new LabCluster({ servers: 2 })
  lab.ready()
  return { lab, ck1: lab.clerk('ck1'), ck2: lab.clerk('ck2') }
}

t.test('ML1: a lock is free, held, refused to a second one, and free again', async t => {
  const { lab, ck1, ck2 } = pair()
  t.ok(ck1.lock('a'))
  t.ok(ck1.unlock('a'))
  t.ok(ck1.lock('a'))
  t.ok(ck1.lock('b'))
  t.ok(ck1.unlock('a'))
  t.ok(ck1.unlock('b'))
  t.ok(ck1.lock('a'))
  t.notOk(ck1.lock('a'), 'not re-entrant')
  t.notOk(ck2.lock('a'))
  t.ok(ck1.unlock('a'))
  t.notOk(ck1.unlock('a'), 'its own token is not held any more')
  t.notOk(ck2.force('a'), 'nor is the name')
  t.equal(lab.wrong(), undefined)
})

/** ML2 and ML10: the same script, with another victim. */
function cleanKill(t: Test, victim: 'primary' | 'backup') {
  const { lab, ck1, ck2 } = pair()
  t.ok(ck1.lock('a'))
  t.ok(ck1.lock('b'))
  t.ok(ck1.unlock('b'))
  t.ok(ck1.lock('c'))
  t.notOk(ck1.lock('c'))
  t.ok(ck1.lock('d'))
  t.ok(ck1.unlock('d'))
  t.ok(ck1.lock('d'))
  lab[victim].kill()
  const killedAt = lab.network.time
  t.notOk(ck2.lock('a'))
  t.ok(ck1.unlock('a'))
  t.notOk(ck2.force('b'))
  t.ok(ck1.lock('b'))
  t.ok(ck1.unlock('c'))
  t.ok(ck1.unlock('d'))
  t.ok(lab.network.time - killedAt < 500, 'nobody hung on the dead')
  t.same(held(ck2.list()), ['b ck1'])
  t.equal(lab.wrong(), undefined)
}

t.test('ML2: the primary is killed between requests; its backup knows every lock', async t =>
  cleanKill(t, 'primary'),
)

t.test('ML3: a lock whose answer died with the primary is granted to the client that asked', async t => {
  const { lab, ck1, ck2 } = pair()
  t.ok(ck1.lock('a'))
  t.ok(ck1.lock('b'))
  lab.dying(ck2)
  t.ok(ck2.lock('c'))
  t.equal(lab.viewText, '(S2,-)#3')
  t.notOk(ck1.lock('c'))
  t.ok(ck2.unlock('c'))
  t.ok(ck1.lock('c'))
  t.equal(lab.wrong(), undefined)
})

t.test('ML4: a refusal whose answer died stays one, though the same words were granted before', async t => {
  const { lab, ck1 } = pair()
  t.ok(ck1.lock('a'))
  t.ok(ck1.lock('b'))
  lab.dying(ck1)
  t.notOk(ck1.lock('b'))
  t.equal(lab.viewText, '(S2,-)#3')
  t.ok(ck1.unlock('b'), 'and the first grant stands')
  t.equal(lab.wrong(), undefined)
})

t.test('ML5: a refusal to another client whose answer died stays a refusal', async t => {
  const { lab, ck1, ck2 } = pair()
  t.ok(ck1.lock('a'))
  t.ok(ck1.lock('b'))
  lab.dying(ck2)
  t.notOk(ck2.lock('b'))
  t.equal(lab.viewText, '(S2,-)#3')
  t.ok(ck1.unlock('b'))
  t.equal(lab.wrong(), undefined)
})

t.test('ML6: an unlock in the same words as the last is a new request, and finds nothing', async t => {
  const { lab, ck1, ck2 } = pair()
  t.ok(ck1.lock('a'))
  t.ok(ck1.lock('b'))
  t.ok(ck1.force('b'))
  lab.dying(ck1)
  t.notOk(ck1.force('b'))
  t.equal(lab.viewText, '(S2,-)#3')
  t.ok(ck2.lock('b'))
  t.equal(lab.wrong(), undefined)
})

t.test('ML7: an unlock that worked and whose answer died says so, despite an earlier refusal', async t => {
  const { lab, ck1, ck2 } = pair()
  t.ok(ck1.lock('a'))
  t.ok(ck1.unlock('a'))
  t.notOk(ck2.force('a'))
  t.ok(ck1.lock('b'))
  lab.dying(ck2)
  t.ok(ck2.force('b'))
  t.equal(lab.viewText, '(S2,-)#3')
  t.ok(ck1.lock('b'), 'it really is free')
  t.equal(lab.wrong(), undefined)
})

t.test('ML8: a re-sent release after another took the lock answers T as at first, frees nothing', async t => {
  const { lab, ck1, ck2 } = pair()
  t.ok(ck2.lock('b'))
  lab.dying(ck2)
  const release = ck2.startUnlock('b')
  lab.deaf(ck2)
  lab.until(() => lab.viewText === '(S2,-)#3', 'the backup takes over')
  lab.run(1_000)
  t.ok(ck1.lock('b'), 'the replicated release had freed it')
  t.notOk(release.done)
  lab.hears(ck2)
  t.ok(truth(ck2.wait(release)))
  t.ok(ck1.unlock('b'), 'still held until now')
  t.equal(lab.wrong(), undefined)
})

t.test('ML8: a re-sent unlock by name answers T as at first and frees nothing', async t => {
  const { lab, ck1, ck2 } = pair()
  t.ok(ck1.lock('b'))
  lab.dying(ck2)
  lab.until(() => ck2.client.core.opened, 'ck2 is here')
  const unlock = ck2.startForce('b')
  lab.deaf(ck2)
  lab.run(1_000)
  t.ok(ck1.lock('b'))
  t.notOk(unlock.done)
  lab.hears(ck2)
  t.ok(forced(ck2.wait(unlock)))
  t.ok(ck1.unlock('b'), 'still held until now')
  t.equal(lab.wrong(), undefined)
})

t.test('ML9: a re-sent unlock that had found nothing finds nothing, though it is held now', async t => {
  const { lab, ck1, ck2 } = pair()
  t.ok(ck1.lock('a'))
  t.ok(ck1.unlock('a'))
  lab.until(() => ck2.client.core.opened, 'ck2 is here')
  lab.dying(ck2)
  const unlock = ck2.startForce('a')
  lab.deaf(ck2)
  lab.run(1_000)
  t.ok(ck1.lock('a'))
  t.notOk(unlock.done)
  lab.hears(ck2)
  t.notOk(forced(ck2.wait(unlock)))
  t.ok(ck1.unlock('a'))
  t.equal(lab.wrong(), undefined)
})

t.test('ML9: a re-sent release of a stolen token answers F as at first and frees nothing', async t => {
  const { lab, ck1, ck2 } = pair()
  t.ok(ck2.lock('a'))
  lab.deaf(ck2)
  t.ok(ck1.force('a'), 'ck2 does not hear of it')
  lab.dying(ck2)
  const release = ck2.startUnlock('a')
  lab.run(1_000)
  t.equal(lab.viewText, '(S2,-)#3')
  t.ok(ck1.lock('a'))
  t.notOk(release.done)
  lab.hears(ck2)
  t.notOk(truth(ck2.wait(release)))
  t.ok(ck1.unlock('a'))
  t.equal(lab.wrong(), undefined)
})

t.test('ML10: the backup is killed and the primary answers alone, at once', async t => cleanKill(t, 'backup'))

t.test('ML11: two clients with separate locks find each as they left it, across a failover', async t => {
  for (const seed of [1, 2, 3]) {
    const { lab, ck1, ck2 } = pair()
    const { chance, below } = random(seed)
    const state = new Map<string, boolean>()
    let running = true
    function* work(clerk: typeof ck1, base: number): Script {
      while (running) {
        const name = `${base + below(10)}`
        if (state.get(name) === true && chance(0.5)) {
          state.set(name, false)
          const unlock = clerk.startUnlock(name)
          yield unlock
          if (!truth(unlock)) throw new Error(`${name} was not held any more`)
        } else {
          const lock = clerk.startLock(name)
          yield lock
          if (truth(lock) === (state.get(name) ?? false)) throw new Error(`${name}: wrong answer`)
          state.set(name, true)
        }
      }
    }
    const play = lab.play([work(ck1, 0), work(ck2, 1_000)])
    lab.run(500)
    lab.primary.kill()
    lab.run(500)
    running = false
    lab.until(() => play.done, 'both clients exit')
    t.ok(lab.calls.length > 300, `seed ${seed}: they did work: ${lab.calls.length}`)
    t.equal(lab.viewText, '(S2,-)#3')
    const probe = lab.clerk('probe')
    for (const [name, isHeld] of state) t.equal(!probe.lock(name), isHeld, `seed ${seed}: ${name}`)
    t.equal(lab.wrong(), undefined)
  }
})

t.test('ML12: grants and releases of one lock that two fight for add up, across a failover', async t => {
  for (const seed of [1, 2, 3]) {
    const { lab, ck1, ck2 } = pair()
    const { chance } = random(seed)
    let [locks, unlocks, running] = [0, 0, true]
    function* fight(clerk: typeof ck1): Script {
      while (running) {
        const request = chance(0.5) ? clerk.startLock('x') : clerk.startForce('x')
        yield request
        if (request.result?.verb === 'acquire') locks += truth(request) ? 1 : 0
        else unlocks += forced(request) ? 1 : 0
      }
    }
    const play = lab.play([fight(ck1), fight(ck2)])
    lab.run(500)
    lab.primary.kill()
    lab.run(500)
    running = false
    lab.until(() => play.done, 'both clients exit')
    t.ok(locks > 50, `seed ${seed}: they did work: ${locks}`)
    t.ok(unlocks <= locks && locks <= unlocks + 1, `${unlocks} unlocks, ${locks} locks`)
    t.equal(ck1.force('x'), locks !== unlocks)
    t.equal(lab.wrong(), undefined)
  }
})
