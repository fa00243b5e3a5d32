// V5 and V7, on the view core alone: which servers count, which count as dead, and which are chosen.

import t from 'tap'
import { deadPings, forgetServerMs, pingIntervalMs } from '../wire/limits.ts'
import { idleHello } from './fixtures/said.ts'
import { alone, pair, recordOfPair, trio } from './fixtures/view-started.ts'
import { idOf, nameOf, ViewStory } from './fixtures/view-story.ts'

// ---- V5

t.test('V5: an id counts only when its advertised address has answered with this very id', async t => {
  const story = new ViewStory()
  const s2 = story.server('s2')
  story.network.set(s2.address, { id: idOf('a stranger') })
  s2.sayHello().ping()
  t.equal(story.view, 'none', 'a stranger lives there')
  story.network.set(s2.address, 'silent')
  story.tick(1, s2)
  t.equal(story.view, 'none')
  story.network.set(s2.address, { id: s2.id })
  story.tick(deadPings, s2)
  t.equal(story.view, '(s2,-)#1', 'something good: asked again')
})

t.test('V5: a server that advertises a foreign address is never chosen, which is logged once', async t => {
  const { story, s1 } = alone()
  const s2 = story.server('s2').connect()
  story.network.set('ws://elsewhere.test:1', 'refuses')
  const lost = story.accept()
  story.input({
    is: 'accepted',
    connection: lost,
    cluster: null,
    owner: null,
    remote: '',
    principal: null,
    from: idleHello(idOf('lost'), 'ws://elsewhere.test:1'),
  })
  story.tick(3, s1)
  t.notOk(story.status.servers.some(server => server.id === idOf('lost')))
  t.equal(story.notes.filter(note => /does not answer/.test(note.text)).length, 1)
  story.network.set('ws://elsewhere.test:1', { id: idOf('lost') })
  story.tick(1, s1)
  t.ok(
    story.status.servers.some(server => server.id === idOf('lost')),
    'something good: asked again each tick',
  )
  t.equal(s2.refusal, undefined)
})

t.test('V5: while an id pings, another at its address is refused by name', async t => {
  const { story, s1, s2 } = pair()
  const twin = story.server('twin', s1.address).connect()
  t.equal(twin.refusal, 'ADDRESS_TAKEN')
  t.match(story.closed.get(twin.connection)?.text, s1.id)
  t.same(twin.told, [], 'before it is even welcome')
  story.tick(10, s1, s2)
  t.equal(story.view, '(s1,s2)#2', 'nobody is deposed')
})

t.test(
  'V5: a new id takes over an address whose old one misses its pings, and the old one never counts again',
  async t => {
    const { story, s1, s2 } = pair()
    story.pingLimit(s2)
    const again = story.server('s1 again', s1.address).connect()
    t.equal(again.refusal, undefined)
    t.equal(s1.refusal, 'ADDRESS_TAKEN')
    s1.connect()
    t.equal(s1.refusal, 'ADDRESS_TAKEN', 'also on a new connection')
    s1.ping()
    s2.answer()
    t.equal(story.view, '(s2,-)#3', 'its late pings are nothing')
    story.network.set(again.address, { id: again.id })
    s2.ping()
    again.ping()
    t.equal(story.view, '(s2,s1 again)#4', 'something good')
    again.die()
    s1.connect()
    t.equal(s1.refusal, 'ADDRESS_TAKEN', 'also when the address is free again')
  },
)

t.test('V5: a restart within a ping interval is a death: the new id at the address shows it', async t => {
  const { story, s1, s2 } = pair()
  story.network.set(s2.address, { id: idOf('s2 again') })
  s2.cut()
  t.equal(story.view, '(s1,-)#3')
  s1.ping()
  story.server('s2 again', s2.address).connect().ping()
  t.equal(story.view, '(s1,s2 again)#4', 'it gets a full copy')
})

t.test('V5: a new connection of the same id replaces the old one, whose end then means nothing', async t => {
  const { story, s1, s2 } = pair()
  const old = s2.connection
  s2.connect()
  t.equal(story.closed.get(old)?.code, 'REPLACED')
  const dials = story.dialled.length
  story.input({ is: 'closed', connection: old, refused: false })
  t.equal(story.dialled.length, dials)
  story.tick(6, s1, s2)
  t.equal(story.view, '(s1,s2)#2')
})

t.test("V5: a known id at another address, and an address that can't be dialled, are refused", async t => {
  const { story, s1 } = alone()
  const moved = story.server('s1', 'ws://moved.test:1').connect()
  t.equal(moved.refusal, 'WRONG_SERVER')
  for (const address of ['', 'no url', 'http://x.test', 'ws://x.test/#part', 'ws://x.test:99999'])
    t.equal(story.server('s9', address).connect().refusal, 'BAD_MESSAGE', address)
  story.tick(6, s1)
  t.equal(story.view, '(s1,-)#1')
})

t.test('V5: ids of dead servers are forgotten after a while; those of the view are not', async t => {
  const { story, s1, s3 } = trio()
  story.network.set(s3.address, 'silent')
  for (let i = 0; i < 20; i++) {
    const server = story.server(`x${i}`).connect().ping()
    server.die()
  }
  t.equal(story.status.servers.length, 23)
  for (let i = 0; i <= forgetServerMs / pingIntervalMs; i++) story.tick(1, s1)
  t.same(
    story.status.servers.map(server => nameOf(server.id)),
    ['s1'],
    'all but the primary, also the silent one',
  )
  t.equal(s3.refusal, 'GONE_QUIET')
  t.equal(story.view, '(s1,-)#3')
})

// ---- death

t.test('V7: only a refused dial is a death; silence, a cut and its own id are none', async t => {
  for (const found of ['silent', 'cut', 'own'] as const) {
    const { story, s1, s2 } = pair()
    story.network.set(s1.address, found === 'own' ? { id: s1.id } : found)
    s1.cut()
    t.same(s2.questions, [], found)
    s1.connect()
    story.tick(6, s1, s2)
    t.equal(story.view, '(s1,s2)#2', `${found}: it is only suspect, and comes back`)
  }
  const { story, s1, s2 } = pair()
  s1.die()
  s2.answer()
  t.equal(story.view, '(s2,-)#3', 'refused: at once')
})

t.test(
  'V7: a kill that closes the connection before the listening socket is found by dialling again',
  async t => {
    const { story, s1, s2 } = pair()
    story.network.set(s1.address, 'cut')
    const before = story.dialled.length
    s1.cut()
    t.equal(story.dialled.length - before, 5, 'dialled again at once, but not for ever')
    t.same(s2.questions, [])
    story.network.set(s1.address, 'refuses')
    story.tick(1, s2)
    s2.answer()
    t.equal(story.view, '(s2,-)#3')
  },
)

t.test('V7: a refusal that arrives after the server is back is no death', async t => {
  const { story, s1, s2 } = pair()
  story.network.set(s1.address, 'silent')
  s1.cut()
  const probe = -story.dialled.length
  s1.connect()
  t.ok(story.closed.has(probe), 'the probe was ended')
  story.input({ is: 'closed', connection: probe, refused: true })
  t.same(s2.questions, [])
  t.equal(story.view, '(s1,s2)#2')
})

t.test('V7: a tick in which no server was heard is a miss for none', async t => {
  const { story, s1, s2 } = pair()
  story.tick(100)
  t.ok(story.status.servers.every(server => server.alive))
  story.tick(10, s1, s2)
  t.equal(story.view, '(s1,s2)#2')
  story.pingLimit(s1)
  t.equal(story.view, '(s1,-)#3', 'something good: one that alone is silent is dead')
})

t.test('V7: machines that crashed all at once, unnoticed, do not keep their successors out', async t => {
  const { story, s1, s2 } = pair()
  // Their connections stay open: no process is left to close them.
  const again = [s1, s2].map(({ address }, i) => story.server(`again${i}`, address))
  for (const { address } of [s1, s2]) story.network.set(address, 'silent')
  for (let tick = 0; tick < deadPings; tick++) {
    for (const server of again) t.equal(server.connect().refusal, 'ADDRESS_TAKEN')
    story.tick()
  }
  for (const server of again) t.equal(server.connect().ping().refusal, undefined)
  t.match(story.status.halted, /is dead and no other server holds the state/)
})

t.test('V7: a freeze of the view server is one miss, however long it was', async t => {
  const { story, s2 } = pair()
  story.now += 60_000
  story.tick(1, s2)
  t.equal(story.view, '(s1,s2)#2')
  t.same(s2.questions, [])
})

t.test('V7: a dial that neither opens nor closes is given up after the ping limit', async t => {
  const { story, s1, s2 } = trio()
  story.network.set(s1.address, 'silent')
  s1.cut()
  const probe = -story.dialled.length
  story.tick(deadPings - 1, s2)
  t.notOk(story.closed.has(probe))
  story.tick(1, s2)
  t.ok(story.closed.has(probe))
})

// ---- V7

t.test('V7: without a change there is no view, however often servers ping', async t => {
  const { story, s1, s2, s3 } = trio()
  const before = story.saved.length
  story.tick(50, s1, s2, s3)
  t.equal(story.saved.length, before)
})

t.test('V3: a living backup is given up only while the primary is heard', async t => {
  const restarted = () => {
    const story = new ViewStory({ record: recordOfPair() })
    const [s1, s2] = [story.server('s1'), story.server('s2')]
    return { story, s1, s2 }
  }
  const away = restarted()
  away.s2.connect({ role: 'backup', view: 2 }).ping({ role: 'backup', view: 2, inSync: true, leaving: true })
  t.equal(away.story.view, '(s1,s2)#2', 'the primary may have died while the view server was away')
  away.s1.connect({ role: 'primary', view: 2 }).ping({ role: 'primary', view: 2, acked: true })
  away.s2.ping({ role: 'backup', view: 2, inSync: true, leaving: true })
  t.equal(away.story.view, '(s1,-)#3', 'it lives, so the backup may go')
})

t.test('V3: a tick in which no server was heard does not show that the primary is there', async t => {
  const { story, s1, s2 } = pair()
  story.tick(3)
  const leaving = { role: 'backup', view: 2, inSync: true, leaving: true } as const
  s2.ping(leaving)
  t.equal(story.view, '(s1,s2)#2', 'no miss for anybody, but the primary may be dead')
  s1.ping()
  s2.ping(leaving)
  t.equal(story.view, '(s1,-)#3', 'it lives, so the backup may go')
})

t.test(
  'V3: a hello shows nothing of when older pings were said: the primary is heard once it pings behind it',
  async t => {
    const { story, s1, s2 } = pair()
    // After a freeze: its last ping, the end of that connection, and its hello on another one.
    story.holdTurn = true
    s1.ping({ acked: true, unreachable: [s2.address] })
    s1.cut()
    s1.sayHello({ role: 'primary', view: 2 })
    story.endTurn()
    t.equal(story.view, '(s1,s2)#2', 'it may be dead since')
    s1.ping({ acked: true, unreachable: [s2.address] })
    t.equal(story.view, '(s1,-)#3', 'it lives, so the backup may go')
  },
)

t.test('V3: pings that waited while the view server slept do not show that the primary is there', async t => {
  const { story, s1, s2 } = pair()
  story.tick(3, s1, s2)
  story.now += 1_000
  const report = { acked: true, unreachable: [s2.address] }
  s1.ping(report)
  t.equal(story.view, '(s1,s2)#2', 'the end of its connection may be the next thing to be read')
  story.tick()
  t.equal(story.view, '(s1,s2)#2')
  s1.ping(report)
  t.equal(story.view, '(s1,-)#3', 'it lives, so the backup may go')
})

t.test('V7: of the pings read in one turn, as after a freeze, the last one counts', async t => {
  const { story, s1, s2 } = trio()
  story.holdTurn = true
  s1.ping({ acked: true, unreachable: [s2.address] })
  s1.ping({ acked: true, unreachable: [] })
  story.endTurn()
  t.equal(story.view, '(s1,s2)#2', 'the report was taken back')
  story.holdTurn = true
  s1.ping({ acked: true, unreachable: [] })
  s1.ping({ acked: true, unreachable: [s2.address] })
  story.endTurn()
  t.equal(story.view, '(s1,s3)#3', 'a report that stands is acted on')
})

t.test(
  'V7: an unreachable backup is replaced by one in reach, and does not come back while it is reported',
  async t => {
    const { story, s1, s2, s3 } = trio()
    s1.fields = { unreachable: [s2.address] }
    s1.ack()
    t.equal(story.view, '(s1,s3)#3')
    s1.ack()
    s2.ping()
    s1.fields = { unreachable: [s2.address, s3.address] }
    s1.ack()
    t.equal(story.view, '(s1,-)#4', 'nobody in reach: none')
    story.tick(10, s1, s2, s3)
    t.equal(story.view, '(s1,-)#4', 'and no flapping')
    s1.fields = { unreachable: [s3.address] }
    s1.ping()
    t.equal(story.view, '(s1,s2)#5', 'in reach again')
  },
)

t.test('V7: a report counts for its reporter only', async t => {
  const { story, s1, s2, s3 } = trio()
  s1.ping({ unreachable: [s3.address], acked: true })
  s2.ping({ unreachable: [s1.address] })
  t.equal(story.view, '(s1,s2)#2', "a backup's report is none")
  s1.die()
  s2.answer()
  t.equal(story.view, '(s2,s3)#3', 'what the old primary could not reach the new one may')
})

t.test('V7: a server is chosen only if it says idle and is not leaving', async t => {
  const { story, s1 } = alone()
  const s2 = story.server('s2').connect()
  story.tick(1, s1)
  t.equal(story.view, '(s1,-)#1', 'it has not pinged')
  s2.ping({ role: 'backup', view: 0 })
  s2.ping({ role: 'primary', view: 0 })
  s2.ping({ leaving: true })
  t.equal(story.view, '(s1,-)#1')
  s2.ping()
  t.equal(story.view, '(s1,s2)#2')
})

t.test('V7: a leaving backup is replaced at once, or dropped', async t => {
  const { story, s1, s2, s3 } = trio()
  s2.ping({ leaving: true })
  t.equal(story.view, '(s1,s3)#3')
  s1.ack()
  s3.ping({ leaving: true })
  t.equal(story.view, '(s1,-)#4')
})

t.test('V7: a leaving backup is still better than a dead primary', async t => {
  const { story, s1, s2 } = pair()
  story.holdSaves = true
  s2.ping({ leaving: true })
  story.heldSave = null // the drop never reaches the disk
  t.equal(story.view, '(s1,s2)#2')
  const after = new ViewStory({ record: recordOfPair() })
  const b = after.server('s2').connect({ view: 2, role: 'backup' })
  after.server('s1')
  after.tick(deadPings, b)
  b.ping({ leaving: true })
  b.answer()
  t.equal(after.view, '(s2,-)#3')
  t.equal(s1.refusal, undefined)
})

t.test('V7: a backup that was dropped comes back only by its own word, not in sync', async t => {
  const { story, s1, s2 } = pair()
  s1.ping({ acked: true, unreachable: [s2.address] })
  t.equal(story.view, '(s1,-)#3')
  s2.ping({ role: 'backup', view: 2, inSync: true })
  s1.ping()
  t.equal(story.view, '(s1,-)#3')
  s2.ping()
  t.equal(story.view, '(s1,s2)#4')
  t.notOk(story.acked)
})
