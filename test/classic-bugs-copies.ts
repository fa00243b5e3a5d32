// Classic bugs of primary/backup services in copying the state: a server with the bug
// would fail its story. The number is that of the bug in the catalogue of the labs.

import t from 'tap'
import type { Message } from '../wire/messages.ts'
import { ByHand } from './fixtures/by-hand.ts'
import { truth } from './fixtures/cluster.ts'
import { type Clerk, has, held, type LabCluster, type Script } from './fixtures/lab-cluster.ts'
import { lab, stateOf } from './fixtures/lab-in-service.ts'
import { openOf } from './fixtures/said.ts'
import { textOf } from './fixtures/state-story.ts'

/** Locks and unlocks its own names, without end. */
function* busy(clerk: Clerk, running: () => boolean): Script {
  for (let i = 0; running(); i++) {
    const name = `${clerk.name} ${i % 7}`
    const lock = clerk.startLock(name)
    yield lock
    if (!truth(lock)) yield clerk.startUnlock(name)
  }
}

/** Enough locks for a snapshot of many chunks. */
function fill(story: LabCluster, clerk: Clerk, count: number): void {
  const locks = Array.from({ length: count }, (_, i) => clerk.startLock(`full ${i}`))
  story.until(() => locks.every(({ done }) => done), 'the locks')
}

t.test('bug 6: a backup that restarts within a ping interval is seen as new and copied again', async t => {
  const { story, clerks } = lab(2, 'c1', 'c2')
  let running = true
  const play = story.play([busy(clerks[0], () => running), busy(clerks[1], () => running)])
  t.ok(story.clerk('old').lock('old'))
  story.run(20)
  const before = story.backup.id
  story.backup.restart()
  story.run(20)
  story.healed()
  t.not(story.backup.id, before)
  t.match(story.viewText, /^\(S1,S2\)#[45]$/)
  story.run(20)
  story.primary.kill()
  story.run(50)
  running = false
  story.until(() => play.done, 'all clients finish')
  t.equal(story.clerk('reader').list('old').length, 1)
  t.equal(story.wrong(), undefined)
})

t.test('bug 14: operations go on while a snapshot of many chunks is sent, none lost, none twice', async t => {
  const { story, clerks } = lab(1, 'full', 'c1', 'c2')
  const [full, c1, c2] = clerks
  fill(story, full, 3_000)
  story.network.delayMs = (from, to) => (from.kind === 'lockserver' && to.kind === 'lockserver' ? 10 : 0.1)
  let running = true
  function* unlocks(): Script {
    for (let i = 0; i < 3_000; i += 3) yield full.startUnlock(`full ${i}`)
  }
  const play = story.play([unlocks(), busy(c1, () => running), busy(c2, () => running)])
  story.addServer('S2')
  const [from, before] = [story.network.time, story.calls.length]
  story.ready()
  t.ok(story.network.time - from > 50, 'the copy took its time')
  t.ok(story.calls.length - before > 100, 'and calls were answered meanwhile')
  story.until(() => story.calls.length > before + 3_000, 'more calls', 20_000)
  story.primary.kill()
  running = false
  story.until(() => play.done, 'all clients finish', 20_000)
  t.equal(story.clerk('reader').list('full').length, 2_000)
  t.equal(story.wrong(), undefined)
})

t.test('bug 14: primary and backup are level, word by word, right after a snapshot under load', async t => {
  const { story, clerks } = lab(1, 'full', 'c1', 'c2')
  fill(story, clerks[0], 1_200)
  let running = true
  const play = story.play([busy(clerks[1], () => running), busy(clerks[2], () => running)])
  story.network.delayMs = () => 3
  story.addServer('S2')
  story.ready()
  running = false
  story.until(() => play.done, 'all clients finish')
  story.run(200)
  t.equal(textOf(stateOf(story.backup)), textOf(stateOf(story.primary)))
})

t.test('bug 14: a session that changes before its turn in the snapshot comes as it was', async t => {
  const { story } = lab(1)
  // This session keeps so many replies that the sessions after it must wait for their turn in the snapshot.
  const me = new ByHand(story, 'me')
  const connection = me.dial(story.primary.address)
  me.say(connection, [openOf('e'.repeat(32), 1, 10_000, 'me')])
  me.say(
    connection,
    Array.from({ length: 2_600 }, (_, i): Message => ['release', i + 1, 5]),
  )
  const clerks = [story.clerk('c1'), story.clerk('c2')]
  let running = true
  const play = story.play(clerks.map(clerk => busy(clerk, () => running)))
  story.run(50)
  story.network.delayMs = (from, to) => (from.kind === 'lockserver' && to.kind === 'lockserver' ? 10 : 0.1)
  story.addServer('S2')
  story.ready()
  running = false
  story.until(() => play.done, 'all clients finish')
  t.equal(story.wrong(), undefined)
  story.primary.kill()
  t.ok(clerks.every(clerk => clerk.lock(`after ${clerk.name}`)))
  t.equal(story.wrong(), undefined)
})

t.test('bug 15: a snapshot replaces all state: on a returned server a freed lock is free', async t => {
  const { story, clerks } = lab(2, 'c')
  const [c] = clerks
  t.ok(c.lock('stays'))
  t.ok(c.lock('goes'))
  story.backup.freeze()
  story.until(() => story.viewText === '(S1,-)#3', 'the frozen backup is dropped')
  t.ok(c.unlock('goes'))
  story.server('S2').thaw()
  story.healed()
  t.equal(story.viewText, '(S1,S2)#4')
  story.primary.kill()
  t.ok(c.lock('goes'))
  t.same(held(c.list()), ['stays c', 'goes c'])
  t.equal(story.wrong(), undefined)
})

t.test('bug 15: a copy that was cut half way leaves nothing behind in the next copy', async t => {
  const { story, clerks } = lab(1, 'full', 'c')
  const [full, c] = clerks
  fill(story, full, 2_500)
  story.network.delayMs = (from, to) => (from.kind === 'lockserver' && to.kind === 'lockserver' ? 5 : 0.1)
  const s2 = story.addServer('S2')
  story.until(() => s2.core.role === 'backup', 'S2 joins')
  story.run(18)
  story.network.cut(story.primary, s2)
  t.notOk(story.viewServer.acked)
  for (let i = 0; i < 2_500; i += 2) full.startUnlock(`full ${i}`)
  t.ok(c.lock('new'))
  story.healed()
  t.equal(story.viewText, '(S1,S2)#2', 'the same view, the same server')
  t.equal(story.wrong(), undefined)
  story.primary.kill()
  t.equal(c.list('full').length, 1_250)
  t.equal(story.wrong(), undefined)
})

t.test('bug 14: the queue is in the snapshot, each waiter in its place', async t => {
  const { story, clerks } = lab(1, 'holder', 'first', 'second')
  const [holder, first, second] = clerks
  t.ok(holder.lock('a'))
  const one = first.startWait('a')
  story.run(5)
  const two = second.startWait('a')
  story.run(5)
  story.addServer('S2')
  story.ready()
  t.equal(story.copiesProblem(), undefined)
  story.primary.kill()
  t.ok(holder.unlock('a'))
  first.wait(one)
  t.notOk(two.done)
  t.ok(first.unlock('a'))
  second.wait(two)
  t.equal(story.wrong(), undefined)
})

t.test('bugs 16, 17: the server that replaces a backup outright gets the whole state', async t => {
  const { story, clerks } = lab(3, 'c')
  const [c] = clerks
  t.ok(c.lock('a'))
  story.backup.kill()
  story.healed()
  t.equal(story.viewText, '(S1,S3)#3', 'no view without a backup between')
  story.primary.kill()
  t.same(held(c.list()), ['a c'])
  t.ok(c.unlock('a'))
  t.equal(story.wrong(), undefined)
})

t.test('bug 16: a backup that learns of its view from the primary is copied all the same', async t => {
  const { story, clerks } = lab(1, 'c')
  t.ok(clerks[0].lock('a'))
  const s2 = story.addServer('S2')
  story.network.delayMs = (from, to) => (from.kind === 'viewserver' && to === s2 ? 40 : 0.1)
  story.ready()
  t.equal(story.viewText, '(S1,S2)#2')
  t.equal(story.wrong(), undefined)
  story.primary.kill()
  t.same(held(clerks[0].list()), ['a c'])
})

t.test('bug 18: a new connection to a backup that holds the snapshot brings no second one', async t => {
  const { story, clerks } = lab(2, 'c')
  const [c] = clerks
  t.ok(c.lock('a'))
  let copies = 0
  story.network.onFrame = (_from, _to, messages) => {
    if (has(messages, 'copy')) copies++
    return 'pass'
  }
  for (let i = 0; i < 5; i++) {
    story.network.cut(story.primary, story.backup)
    t.ok(c.lock(`b${i}`))
    story.run(150)
  }
  t.equal(copies, 0)
  t.equal(story.viewText, '(S1,S2)#2', 'a cut is no reason for a new view')
  t.equal(story.wrong(), undefined)
  story.primary.kill()
  t.equal(c.list('b').length, 5)
})

t.test('bug 18: a snapshot that comes again is not installed over what came after it', async t => {
  const { story, clerks } = lab(2, 'c')
  const [c] = clerks
  t.ok(c.lock('a'))
  const { backup, primary } = story
  const state = stateOf(backup)
  const before = textOf(state)
  const header = {
    opNumber: 1,
    sequence: 0,
    token: 5,
    digest: 0,
    ordinal: 1,
    paused: null,
    limits: state.limits,
  }
  story.network.inject(primary, backup, [
    ['copy', 2, header],
    ['whole', 2, 0],
  ])
  t.equal(textOf(stateOf(backup)), before)
  story.run(5)
  t.ok(c.lock('b'))
  t.equal(story.viewText, '(S1,-)#3', 'it was no message that a right primary sends')
  story.healed()
  t.equal(story.wrong(), undefined)
  story.primary.kill()
  t.same(held(c.list()), ['a c', 'b c'])
})

t.test('bug 18: a batch that comes twice is applied once', async t => {
  const { story, clerks } = lab(2, 'c')
  const { primary, backup } = story
  let batch: Message | undefined
  story.network.onFrame = (from, to, messages) => {
    if (from === primary && to === backup) batch = messages.find(message => message[0] === 'replicate')
    return 'pass'
  }
  t.ok(clerks[0].lock('a'))
  story.run(200)
  const before = stateOf(backup).opNumber
  t.ok(clerks[0].unlock('a'))
  for (let i = 0; i < 3; i++) story.network.inject(primary, backup, [batch as Message])
  t.equal(stateOf(backup).opNumber, before + 1, 'the release, and nothing more')
  t.ok(clerks[0].lock('a'))
  t.equal(story.viewText, '(S1,S2)#2')
  t.equal(story.wrong(), undefined)
})

t.test('bug 19: the death of a joining backup in the middle of its copy keeps no client waiting', async t => {
  const { story, clerks } = lab(1, 'full', 'c')
  const [full, c] = clerks
  fill(story, full, 2_500)
  story.network.delayMs = (from, to) => (from.kind === 'lockserver' && to.kind === 'lockserver' ? 5 : 0.1)
  const s2 = story.addServer('S2')
  story.until(() => s2.core.role === 'backup', 'S2 joins')
  story.run(18)
  s2.kill()
  const from = story.network.time
  t.ok(c.lock('a'))
  t.ok(story.network.time - from < 20)
  story.addServer('S3')
  story.healed()
  t.match(story.viewText, /^\(S1,S3\)/, 'the primary lived all along')
  t.equal(story.wrong(), undefined)
})
