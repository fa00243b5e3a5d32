// The bug catalogue of the labs (SCENARIOS 7), as far as it is about lock servers and the lab suites
// do not show it already: each story is told so that the server with this bug would fail it. The
// number is the bug's. Peers that speak by hand bring what a wrong or late server would bring.

import t from 'tap'
import type { State } from '../lockserver/state.ts'
import type { Message } from '../wire/messages.ts'
import { ByHand } from './fixtures/by-hand.ts'
import { type LockServerParty, tokenOf, truth } from './fixtures/cluster.ts'
import { type Clerk, has, held, LabCluster, listed, type Script } from './fixtures/lab-cluster.ts'
import { textOf } from './fixtures/state-story.ts'

/** (S1,S2)#2 with idle ones beside it. */
function lab(servers: number, ...names: string[]) {
  const story = new LabCluster({ servers })
  if (servers > 1) story.ready()
  else story.ready(false)
  story.run(300)
  return { story, clerks: names.map(name => story.clerk(name)) as [Clerk, Clerk, Clerk] }
}

/** Locks and unlocks names of its own, without end. */
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

const kinds = (messages: readonly Message[]) => messages.map(message => message[0])
const hasGrant = (messages: readonly Message[]) => has(messages, 'granted') || has(messages, 'unavailable')

function stateOf(server: LockServerParty): State {
  const { state } = server.core
  if (state === null) throw new Error(`${server.name} has no state`)
  return state
}

const view = (story: LabCluster) => story.view as NonNullable<LabCluster['view']>

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
  // A session with so many replies kept that those after it have to wait for their turn.
  const me = new ByHand(story, 'me')
  const connection = me.dial(story.primary.address)
  me.say(connection, [['open', 'e'.repeat(32), 1, 10_000, 'me']])
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

t.test('bug 15: a snapshot replaces: what was freed meanwhile is free on a returned server', async t => {
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

t.test('bug 15: a copy that was cut half way leaves nothing of itself in the next one', async t => {
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

t.test('bug 16: a backup that the primary has to tell of its view is copied all the same', async t => {
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

t.test('bug 19: the death of a joining backup in the middle of its copy keeps nobody waiting', async t => {
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

t.test('bugs 20, 22, 23: stored replies come with the snapshot, and answer repeats', async t => {
  const { story } = lab(1)
  const [me, s1] = [new ByHand(story, 'me'), story.primary]
  const id = 'a'.repeat(32)
  let connection = me.dial(s1.address)
  me.say(connection, [['open', id, 1, 10_000, 'me']])
  const [granted] = me.say(connection, [['acquire', 1, ['a'], 'exclusive', 'ifAvailable']]) as [Message]
  const [unavailable] = me.say(connection, [['acquire', 2, ['a'], 'exclusive', 'ifAvailable']]) as [Message]
  const token = (granted[2] as number[])[0] as number
  const [released] = me.say(connection, [['release', 3, token]]) as [Message]
  const [nothing] = me.say(connection, [['release', 4, token]]) as [Message]
  t.same(
    [granted, unavailable, released, nothing],
    [
      ['granted', 1, [token], []],
      ['unavailable', 2],
      ['released', 3, true],
      ['released', 4, false],
    ],
  )
  story.addServer('S2')
  story.ready()
  story.primary.kill()
  story.until(() => story.view?.primary.address === 'ws://S2' && story.viewServer.acked, 'S2 takes over')
  const other = story.clerk('other')
  t.ok(other.lock('a'), 'another client acts on the lock in between')
  connection = me.dial('ws://S2')
  const answers = me.say(connection, [
    ['resume', id, 2, 5, [1, 4]],
    ['acquire', 1, ['a'], 'exclusive', 'ifAvailable'],
    ['acquire', 2, ['a'], 'exclusive', 'ifAvailable'],
    ['release', 3, token],
    ['release', 4, token],
    ['acquire', 5, ['b'], 'exclusive', 'ifAvailable'],
  ])
  t.same(answers.slice(0, 5), [['resumed', id, 2], granted, unavailable, released, nothing])
  t.match(answers[5], ['granted', 5])
  t.ok(other.unlock('a'))
  t.equal(story.wrong(), undefined)
})

t.test('bug 21: the same words are a repeat under the old number, a request under a new one', async t => {
  const { story } = lab(2)
  const me = new ByHand(story, 'me')
  const connection = me.dial(story.primary.address)
  me.say(connection, [['open', 'b'.repeat(32), 1, 10_000, 'me']])
  const acquire = (number: number): Message => ['acquire', number, ['a'], 'shared', 'ifAvailable']
  const [first, again, second] = [acquire(1), acquire(1), acquire(2)].map(
    message => me.say(connection, [message])[0],
  )
  t.same(first, again)
  t.notSame(first?.[2], second?.[2])
  t.equal(story.clerk('reader').list('a').length, 2)
  t.equal(story.wrong(), undefined)
})

t.test('bug 22: what comes late on a replaced connection does nothing and gets no answer', async t => {
  const { story } = lab(2)
  const me = new ByHand(story, 'me')
  const [old, id] = [me.dial(story.primary.address), 'c'.repeat(32)]
  me.say(old, [
    ['open', id, 1, 10_000, 'me'],
    ['acquire', 1, ['a'], 'exclusive', 'wait'],
  ])
  const current = me.dial(story.primary.address)
  me.say(current, [['resume', id, 2, 2, [1, 1]]])
  t.ok(me.isClosed(old))
  t.same(me.say(old, [['acquire', 2, ['b'], 'exclusive', 'wait']]), [])
  t.match(me.say(current, [['acquire', 2, ['c'], 'exclusive', 'wait']]), [['granted', 2]])
  const stale = me.dial(story.primary.address)
  t.match(me.say(stale, [['resume', id, 1, 1, []]]), [['error', 'REPLACED']], 'a resume with a smaller count')
  t.same(
    story
      .clerk('reader')
      .list()
      .map(hold => hold.name),
    ['a', 'c'],
  )
  t.equal(story.wrong(), undefined)
})

t.test('bug 22: the release of a token that was stolen frees nothing of the thief', async t => {
  const { story, clerks } = lab(2, 'victim', 'thief')
  const [victim, thief] = clerks
  t.ok(victim.lock('a'))
  story.deaf(victim)
  const stolen = thief.wait(thief.client.acquire('a', { manner: 'steal' }))
  const release = victim.startUnlock('a')
  story.run(5)
  t.same(held(thief.list()), ['a thief'])
  story.primary.kill()
  story.hears(victim)
  t.notOk(truth(victim.wait(release)))
  t.same(
    thief.list().map(hold => hold.token),
    [tokenOf(stolen)],
  )
  t.equal(story.wrong(), undefined)
})

t.test('bug 24: the table of replies does not grow with the requests', async t => {
  const { story, clerks } = lab(2, 'c')
  const blocker = story.clerk('blocker')
  t.ok(blocker.lock('long'))
  const wait = clerks[0].startWait('long')
  function* many(): Script {
    for (let i = 0; i < 300; i++) {
      yield clerks[0].startLock('a')
      yield clerks[0].startUnlock('a')
    }
  }
  const play = story.play([many()])
  let most = 0
  const count = () => {
    for (const { core } of story.servers)
      for (const session of core.state?.sessions.values() ?? []) most = Math.max(most, session.replies.size)
    return play.done
  }
  story.until(count, 'the calls')
  t.ok(most > 0 && most <= 10, `at most ${most} replies are kept, though one acquire waits all the time`)
  t.ok(blocker.unlock('long'))
  clerks[0].wait(wait)
  t.equal(story.wrong(), undefined)
})

t.test('bug 27: a primary that its backup refuses goes away, and its client finds the new one', async t => {
  const { story, clerks } = lab(2, 'c')
  const [c] = clerks
  t.ok(c.lock('a'))
  const old = story.primary
  story.network.cutOff(old, story.viewServer)
  story.network.cutOff(c.client, story.viewServer)
  story.until(() => story.view?.primary.address === 'ws://S2', 'S2 takes over')
  t.ok(truth(c.wait(c.startLock('b'), 2_000)))
  t.equal(old.stepDowns, 1)
  t.same(held(c.list()), ['a c', 'b c'])
  t.equal(story.wrong(), undefined)
})

t.test('bug 28: what an old primary sends to who was its backup in an older view is refused', async t => {
  const { story, clerks } = lab(3, 'c')
  const old = { id: story.primary.id, view: view(story) }
  const [s1, s2] = [story.server('S1'), story.server('S2')]
  t.ok(clerks[0].lock('a'))
  // S1 dies; S2 leads, then S3 alone, and S2 is backup again: of another primary.
  s1.kill()
  story.healed()
  t.equal(story.viewText, '(S2,S3)#3')
  const late = new ByHand(story, 'S1 of view 2')
  const hello = { kind: 'primary' as const, id: old.id, to: s2.id, view: old.view }
  const toPrimary = late.dial(s2.address, hello)
  t.match(late.heard(toPrimary), [['view', { number: 3 }]])
  const toBackup = late.dial('ws://S3', { ...hello, to: story.backup.id })
  const before = story.backup.core.state?.opNumber
  late.say(toBackup, [['replicate', 2, 1, 1, 0, [['release', 1, 2, clerks[0].token('a')]]]])
  t.match(late.heard(toBackup), [['view', { number: 3 }]], 'R2: refused with the view that it is in')
  t.ok(late.isClosed(toPrimary) && late.isClosed(toBackup))
  t.equal(story.backup.core.state?.opNumber, before)
  t.ok(clerks[0].unlock('a'))
  t.equal(story.wrong(), undefined)
})

t.test('bug 28: a batch of an older view on the connection of this one is ignored', async t => {
  const { story, clerks } = lab(2, 'c')
  t.ok(clerks[0].lock('a'))
  const { primary, backup } = story
  const before = textOf(stateOf(backup))
  const release: Message = ['release', 1, 2, clerks[0].token('a')]
  for (let sequence = 1; sequence < 20; sequence++)
    story.network.inject(primary, backup, [
      ['replicate', 1, sequence, stateOf(backup).opNumber + 1, 0, [release]],
    ])
  t.equal(textOf(stateOf(backup)), before)
  t.ok(clerks[0].unlock('a'))
  t.equal(story.viewText, '(S1,S2)#2')
  t.equal(story.wrong(), undefined)
})

t.test('bug 29: a backup and an idle server say that they are not primary, and do nothing else', async t => {
  const { story } = lab(3)
  const me = new ByHand(story, 'me')
  for (const name of ['S2', 'S3']) {
    const connection = me.dial(`ws://${name}`)
    const said = me.say(connection, [
      ['open', 'd'.repeat(32), 1, 10_000, 'me'],
      ['acquire', 1, ['a'], 'exclusive', 'wait'],
      ['query', 1, '', false],
    ])
    t.same(kinds(said), ['error'])
    t.equal(said[0]?.[1], 'NOT_PRIMARY')
    t.ok(me.isClosed(connection))
    for (const request of [
      ['query', 1, '', true],
      ['query', 1, '', false],
      ['renew', 1],
    ] as Message[])
      t.same(kinds(me.say(me.dial(`ws://${name}`), [request])), ['error'], String(request[0]))
  }
  t.equal(story.backup.core.state?.sessions.size, 0)
  t.ok(story.works())
})

/** The next word of the backup is lost with its connection. */
function loseApplied(story: LabCluster): void {
  const { backup } = story
  story.network.onFrame = (from, _to, messages) => {
    if (from !== backup || !has(messages, 'applied')) return 'pass'
    story.network.onFrame = null
    return 'cut'
  }
}

t.test('bug 30: the backup applied it, its word was lost, another client came first: both agree', async t => {
  for (const dies of [false, true]) {
    const { story, clerks } = lab(2, 'c1', 'c2', 'c3')
    const [c1, c2, c3] = clerks
    for (const clerk of clerks) clerk.list()
    loseApplied(story)
    const first = c1.startLock('x')
    story.run(2)
    t.notOk(first.done)
    t.not(story.network.onFrame, undefined)
    const second = c2.startLock('x')
    story.run(2)
    if (dies) story.primary.kill()
    t.ok(truth(c1.wait(first)), 'it came first, and stays first')
    t.notOk(truth(c2.wait(second)))
    t.same(held(c3.list('x')), ['x c1'])
    t.equal(story.viewText, dies ? '(S2,-)#3' : '(S1,S2)#2')
    t.equal(story.wrong(), undefined)
  }
})

t.test('bug 31: a read is not answered before what it has seen is safe', async t => {
  const { story, clerks } = lab(2, 'c1', 'c2')
  const [c1, c2] = clerks
  for (const clerk of clerks) clerk.list()
  loseApplied(story)
  const lock = c1.startLock('x')
  story.run(2)
  const read = c2.startList('x')
  story.run(2)
  t.notOk(lock.done || read.done, 'both wait for the backup')
  story.primary.kill()
  t.same(held(listed(c2.wait(read))), ['x c1'])
  t.ok(truth(c1.wait(lock)))
  t.equal(story.wrong(), undefined)
})

t.test('bugs 32, 38: what a cut off primary has executed is never seen, and does not come back', async t => {
  const { story, clerks } = lab(2, 'c1', 'c2')
  const [c1, c2] = clerks
  for (const clerk of clerks) clerk.list()
  const old = story.primary
  const others = [story.viewServer, story.backup]
  for (const other of others) {
    story.network.cutOff(old, other)
    story.network.cutOff(c1.client, other)
  }
  const lock = c1.startLock('x')
  const read = c1.startList('x')
  story.until(() => story.viewText === '(S2,-)#3', 'S2 takes over')
  t.equal(old.core.state?.table.locks.has('x'), true, 'the old primary has executed it')
  t.ok(c2.lock('x'))
  story.run(300)
  t.notOk(lock.done || read.done)
  for (const other of others) for (const party of [old, c1.client]) story.network.heal(party, other)
  t.notOk(truth(c1.wait(lock)), 'it is executed now, behind the other')
  t.same(held(listed(c1.wait(read))), ['x c2'])
  story.healed()
  t.equal(story.wrong(), undefined)
})

t.test('bug 34: the backups word for one batch releases no answer of the next one', async t => {
  const { story, clerks } = lab(2, 'c1', 'c2')
  const [c1, c2] = clerks
  for (const clerk of clerks) clerk.list()
  let batches = 0
  story.network.onFrame = (from, to, messages) => {
    if (from.name !== 'S1' || to.name !== 'S2' || !has(messages, 'replicate')) return 'pass'
    return ++batches === 2 ? 'hold' : 'pass'
  }
  const first = c1.startLock('x')
  story.network.after(0.05, () => {
    second = c2.startLock('y')
  })
  let second = first
  story.run(5)
  t.ok(batches >= 2 && first.done, 'the first is applied and answered')
  t.notOk(second.done, 'the second never reached the backup')
  story.network.onFrame = null
  story.primary.kill()
  t.ok(truth(c2.wait(second)))
  t.same(held(c1.list()), ['x c1', 'y c2'])
  t.equal(story.wrong(), undefined)
})

t.test('bug 34: the word of another view, or for what was never sent, releases nothing', async t => {
  const { story, clerks } = lab(3, 'c')
  const [c] = clerks
  c.list()
  const { primary, backup } = story
  story.network.cutOff(primary, backup)
  const lock = c.startLock('x')
  story.run(2)
  for (const number of [1, 3])
    for (let sequence = 1; sequence < 50; sequence++)
      story.network.inject(backup, primary, [['applied', number, sequence, 1_000, 0]])
  story.network.inject(backup, primary, [['applied', 2, 1_000_000, 1_000, 0]])
  story.run(2)
  t.notOk(lock.done)
  story.until(() => story.viewText === '(S1,S3)#3', 'the backup that can not be reached is replaced')
  t.ok(truth(c.wait(lock)))
  story.healed()
  t.equal(story.wrong(), undefined)
})

t.test('bug 40: a killed primary is silent, and its successor at the address starts empty', async t => {
  const { story, clerks } = lab(3, 'c')
  t.ok(clerks[0].lock('a'))
  const old = story.primary
  let spoke = 0
  story.network.onFrame = from => {
    if (from === old) spoke++
    return 'pass'
  }
  old.kill()
  const next = old.restart()
  t.not(next.id, old.id)
  t.equal(next.core.state, null)
  story.run(2_000)
  t.equal(spoke, 0)
  t.equal(story.viewText, '(S2,S3)#3')
  t.equal(next.core.role, 'idle')
  t.ok(clerks[0].unlock('a'))
  t.equal(story.wrong(), undefined)
})

t.test('bug 43: a backup that holds no snapshot yet takes no operation', async t => {
  const { story, clerks } = lab(1, 'c')
  t.ok(clerks[0].lock('a'))
  const s2 = story.addServer('S2')
  // The primary's own connection is kept away, so that the stranger's word comes first.
  story.network.cutOff(story.primary, s2)
  story.until(() => s2.core.role === 'backup', 'S2 joins')
  const hand = new ByHand(story, 'hand')
  const hello = { kind: 'primary' as const, id: story.primary.id, to: s2.id, view: view(story) }
  const connection = hand.dial(s2.address, hello)
  const said = hand.say(connection, [['replicate', 2, 1, 7, 0, [['unpause']]]])
  t.match(said, [['error', 'OUT_OF_ORDER']])
  t.equal(s2.core.state, null)
  story.network.heal(story.primary, s2)
  story.healed()
  t.match(story.viewText, /^\(S1,S2\)/)
  t.equal(story.wrong(), undefined)
})

t.test('bug 44: an operation under way while the backup is replaced is known to the new backup', async t => {
  const { story, clerks } = lab(3, 'c')
  const [c] = clerks
  c.list()
  const { backup } = story
  story.network.onFrame = (_from, to, messages) => {
    if (to !== backup || !has(messages, 'replicate')) return 'pass'
    story.network.onFrame = null
    story.network.after(0, () => backup.kill())
    return 'cut'
  }
  const lock = c.startLock('x')
  t.ok(truth(c.wait(lock)))
  t.ok(lock.at >= 0 && story.view?.number === 3, 'answered under the next view only')
  story.healed()
  t.equal(story.viewText, '(S1,S3)#3')
  story.primary.kill()
  t.same(held(c.list()), ['x c'])
  t.equal(story.wrong(), undefined)
})

t.test('bug 44: a primary deposed while an operation is under way does not answer it', async t => {
  const { story, clerks } = lab(3, 'c', 'd')
  const [c, d] = clerks
  c.list()
  const [old, backup] = [story.primary, story.backup]
  let granted = 0
  story.network.onFrame = (from, _to, messages) => {
    if (from === old && hasGrant(messages)) granted++
    return from === old && has(messages, 'replicate') ? 'hold' : 'pass'
  }
  const lock = c.startLock('x')
  story.run(1)
  old.freeze()
  story.deaf(c)
  story.until(() => story.view?.primary.id === backup.id, 'the backup takes over', 2_000)
  t.ok(d.lock('x'))
  old.thaw()
  story.run(50)
  t.equal(old.stepDowns, 1)
  t.notOk(lock.done)
  story.hears(c)
  t.notOk(truth(c.wait(lock)), 'executed behind the other, by the new primary')
  t.equal(granted, 0)
  story.reliable()
  story.healed()
  t.same(held(d.list()), ['x d'])
  t.equal(story.wrong(), undefined)
})

t.test('bug 45: one lost frame of any kind between servers kills and resets nobody', async t => {
  for (let lost = 1; lost <= 40; lost++) {
    const story = new LabCluster({ servers: 2 })
    let frames = 0
    story.network.onFrame = (from, to) => {
      if (from.kind === 'client' || to.kind === 'client') return 'pass'
      return ++frames === lost ? 'cut' : 'pass'
    }
    story.ready()
    t.ok(story.works(), `frame ${lost} lost`)
    story.run(1_000)
    t.match(
      story.servers.map(server => [server.alive, server.stepDowns]),
      [
        [true, 0],
        [true, 0],
      ],
    )
    t.equal(story.view?.number, 2, `frame ${lost} lost`)
    t.equal(story.wrong(), undefined)
  }
})

t.test('bug 45: one ping or one answer that never comes leaves the view as it is', async t => {
  const { story, clerks } = lab(2, 'c')
  let next: string | null = null
  story.network.onFrame = (_from, _to, messages) => {
    if (next === null || !has(messages, next)) return 'pass'
    next = null
    return 'hold'
  }
  for (const kind of ['ping', 'pong', 'ping', 'pong']) {
    next = kind
    story.run(450)
    t.equal(next, null, `a ${kind} was lost`)
  }
  t.equal(story.viewText, '(S1,S2)#2')
  t.ok(tokenOf(clerks[0].wait(clerks[0].startWait('x'))) > 0)
  t.equal(story.wrong(), undefined)
})

t.test(
  'R4: a backup that has drifted is found out by the first answer that differs, and dropped',
  async t => {
    const { story, clerks } = lab(2, 'c')
    const [c] = clerks
    const drifts: [string, () => boolean][] = [
      ['a release', () => c.unlock('a')],
      ['a forced release', () => c.force('a')],
    ]
    for (const [what, call] of drifts) {
      t.ok(c.lock('a'))
      const { table } = stateOf(story.backup)
      const hold = table.locks.get('a')?.holders[0]
      if (hold === undefined) throw new Error('the backup does not have it')
      table.release(hold, 0)
      const view = story.view?.number as number
      t.ok(call(), 'the primary is believed')
      t.equal(story.digestProblem(), 'R4: S1 saw digests that differ', what)
      t.equal(story.viewText, `(S1,-)#${view + 1}`, what)
      story.healed()
      for (const server of story.servers) server.notes.length = 0
      t.equal(story.wrong(), undefined)
    }
  },
)
