// Rules V1 to V7 one by one, on the view core alone: what must not happen, and beside it what must.

import t from 'tap'
import { firstRecord, type ViewRecord } from '../viewservice/record.ts'
import { firstView, nextView, stepProblem } from '../viewservice/view.ts'
import { asksPerTurnMax, deadPings, forgetServerMs, pingIntervalMs, ttlMsDefault } from '../wire/limits.ts'
import type { Message, View } from '../wire/messages.ts'
import { clusterId, idOf, nameOf, ViewStory } from './fixtures/view-story.ts'

/** (s1,s2)#2, acked, both alive, with s3 idle. */
function trio() {
  const story = new ViewStory()
  const [s1, s2] = story.servers('s1', 's2')
  s1.ping()
  s1.ack()
  const [s3] = story.servers('s3')
  story.tick()
  return { story, s1, s2, s3 }
}

/** (s1,s2)#2, acked, both alive. */
function pair() {
  const story = new ViewStory()
  const [s1, s2] = story.servers('s1', 's2')
  s1.ping()
  s1.ack()
  story.tick()
  return { story, s1, s2 }
}

/** (s1,-)#1, acked. */
function alone() {
  const story = new ViewStory()
  const [s1] = story.servers('s1')
  s1.ping()
  story.tick()
  return { story, s1 }
}

const place = (name: string) => ({ id: idOf(name), address: `ws://${name}.test:1` })

/** What the disk holds of (s1,s2)#2. */
function recordOfPair(acked = true): ViewRecord {
  const view: View = { number: 2, primary: place('s1'), backup: place('s2'), start: null }
  return { ...firstRecord(clusterId, view), record: 4, acked }
}

// ---- V1, V2

t.test('V1: view numbers grow by one through any mixture of deaths and returns', async t => {
  const { story, s1, s2, s3 } = trio()
  s1.die()
  s2.answer()
  s2.ack()
  s3.die()
  s2.ack()
  const [s4] = story.servers('s4')
  s2.ack()
  s2.die()
  s4.answer()
  t.same(
    story.saved.map(record => record.view.number).filter((n, i, all) => n !== all[i - 1]),
    [1, 2, 3, 4, 5, 6],
  )
  t.equal(story.view, '(s4,-)#6')
  t.same(
    story.saved.map(record => record.record),
    story.saved.map((_, i) => i + 1),
    'record numbers too',
  )
})

t.test('V2: an idle server is never made primary, whoever dies', async t => {
  const { story, s1, s2, s3 } = trio()
  s1.die()
  s2.die()
  story.tick(20, s3)
  t.equal(story.view, '(s1,s2)#2')
  t.match(story.core.unready, /is dead and nobody else holds the state/)
})

t.test('V2: a lone primary that dies is succeeded by nobody, and comes back as primary', async t => {
  const { story, s1 } = alone()
  const [s2] = story.servers('s2')
  t.equal(story.view, '(s1,s2)#2')
  s2.die()
  t.equal(story.view, '(s1,-)#3')
  s1.ping()
  s1.die()
  const [s3] = story.servers('s3')
  story.tick(10, s3)
  t.equal(story.view, '(s1,-)#3')
  s1.connect().ping()
  t.equal(story.view, '(s1,s3)#4', 'something good: the guess was wrong, and did no harm')
})

t.test('V1 V2 V3 V7: a broken step is named, so that the server can end itself', async t => {
  const before = { view: recordOfPair().view, acked: true }
  const next = (fields: Partial<View>): View => ({ ...before.view, number: 3, backup: null, ...fields })
  const unacked = { ...before, acked: false }
  const lone = { view: { ...before.view, backup: null }, acked: false }
  const first = { view: firstView(place('s1')), acked: false }
  const start = { tokenFloor: 0, pauseMs: 0 }
  t.match(stepProblem(before, next({ number: 4 }), true), /^V1/)
  t.match(stepProblem(before, next({ primary: place('s3') }), true), /^V2/)
  t.match(stepProblem(before, next({ backup: place('s1') }), true), /^V2/)
  t.match(stepProblem(before, next({ primary: place('s2') }), false), /^V3/)
  t.match(stepProblem(unacked, next({ primary: place('s2') }), true), /^V3/)
  t.match(stepProblem(lone, next({ backup: place('s2') }), true), /^V3/)
  t.match(stepProblem(first, { ...next({ backup: place('s2') }), number: 2 }, true), /^V3/)
  t.match(stepProblem(before, next({ start, backup: place('s2') }), true), /^V3/)
  t.match(stepProblem(null, { ...next({}), number: 1 }, true), /^V3/)
  t.match(stepProblem(before, next({ backup: place('s2') }), true), /^V7/)
  t.match(stepProblem(before, next({ start: { tokenFloor: 2 ** 53, pauseMs: 0 } }), true), /^L2/)
  t.equal(stepProblem(before, next({ primary: place('s2') }), true), undefined)
  t.equal(stepProblem(unacked, next({}), false), undefined)
  t.equal(stepProblem(before, next({ primary: place('s3'), start }), false), undefined)
})

// ---- V3

t.test('V3: a backup that does not answer is not promoted; one that answers is', async t => {
  const { story, s1, s2 } = pair()
  s1.die()
  s2.ping()
  story.tick(3, s2)
  t.equal(story.view, '(s1,s2)#2', 'its pings may be older than its death')
  t.equal(s2.questions.length, 4, 'asked at once, and again each tick')
  s2.answer()
  t.equal(story.view, '(s2,-)#3')
})

t.test('V3: an answer to an older question shows nothing', async t => {
  const { story, s1, s2 } = pair()
  story.network.set(s1.address, 'silent')
  story.pingLimit(s2)
  const [first] = s2.questions
  s1.ping() // alive again: the question is withdrawn
  story.tick(1, s1, s2)
  story.pingLimit(s2)
  t.not(s2.questions.at(-1), first)
  s2.say(['answer', first as number, { view: 2, role: 'backup', inSync: true }])
  t.equal(story.view, '(s1,s2)#2')
  s2.answer()
  t.equal(story.view, '(s2,-)#3')
})

t.test('V3: a primary that is heard before the answer stays primary', async t => {
  const { story, s1, s2 } = pair()
  story.pingLimit(s2)
  t.equal(s2.questions.length, 1)
  s1.ping()
  s2.answer()
  t.equal(story.view, '(s1,s2)#2')
  story.pingLimit(s1, s2)
  t.equal(s2.questions.length, 1, 'and nobody asks any more')
})

t.test('V3: an answer from another view, in another role or from another server shows nothing', async t => {
  const { story, s1, s2, s3 } = trio()
  s1.die()
  const number = s2.questions.at(-1) as number
  s2.answer({ view: 1 })
  s2.answer({ role: 'idle' })
  s3.say(['answer', number, { view: 2, role: 'backup', inSync: true }])
  t.equal(story.view, '(s1,s2)#2')
  s2.answer()
  t.equal(story.view, '(s2,s3)#3')
})

t.test('V3: the question goes out again on a new connection of the backup', async t => {
  const { story, s1, s2 } = pair()
  s1.die()
  s2.cut()
  s2.connect()
  t.equal(s2.questions.length, 1)
  s2.answer()
  t.equal(story.view, '(s2,-)#3')
})

t.test('V3: the backup of an unacked view is not promoted, unless it was told in sync', async t => {
  for (const inSync of [false, true]) {
    const story = new ViewStory()
    const [s1, s2] = story.servers('s1', 's2')
    s1.ping()
    t.equal(story.view, '(s1,s2)#2')
    s1.die()
    s2.answer({ inSync })
    t.equal(story.view, inSync ? '(s2,-)#3' : '(s1,s2)#2')
  }
})

t.test('V3: while a view is unacked its backup may be dropped or replaced, and nothing else', async t => {
  const story = new ViewStory()
  const [s1, s2] = story.servers('s1', 's2')
  s1.ping()
  s2.die()
  t.equal(story.view, '(s1,-)#3', 'dropped')
  const [s3] = story.servers('s3')
  t.equal(story.view, '(s1,-)#3', 'none added before the ack')
  s1.ping()
  t.equal(story.view, '(s1,s3)#4')
  story.servers('s4')
  s3.die()
  t.equal(story.view, '(s1,s4)#5', 'replaced')
})

t.test('V3: view 1 must be acked before any other is made', async t => {
  const story = new ViewStory()
  const [s1] = story.servers('s1', 's2')
  t.same(story.record?.view.start, { tokenFloor: 0, pauseMs: 0 })
  story.tick(10)
  s1.ping({ role: 'idle', acked: false, view: 0 })
  t.equal(story.view, '(s1,-)#1', 'a backup would let it learn view 2 first and have no state')
  s1.ping()
  t.equal(story.view, '(s1,s2)#2')
  t.equal(story.record?.view.start, null)
})

t.test('V3: a leaving primary is relieved once its backup has answered', async t => {
  const { story, s1, s2 } = trio()
  s1.ping({ acked: true, leaving: true })
  t.equal(story.view, '(s1,s2)#2')
  s1.ping({ acked: true, leaving: true })
  t.same(s2.questions.length, 1, 'being heard does not withdraw this question')
  s2.answer()
  t.equal(story.view, '(s2,s3)#3', 'the leaving one is not chosen')
})

t.test('V3: the answer about a leaving primary does not count when it is found dead later', async t => {
  const story = new ViewStory()
  const [s1, s2] = story.servers('s1', 's2')
  s1.ping({ leaving: true })
  t.equal(story.view, '(s1,s2)#2')
  s1.ping({ leaving: true, acked: false })
  const [first] = s2.questions
  s2.answer({ inSync: false })
  s1.die()
  s2.say(['answer', first as number, { view: 2, role: 'backup', inSync: true }])
  t.equal(story.view, '(s1,s2)#2')
  s2.answer()
  t.equal(story.view, '(s2,-)#3')
})

t.test('V3: an answer is void once the primary was heard, also during a save', async t => {
  const { story, s1, s2 } = trio()
  s1.die()
  story.holdSaves = true
  s2.ping({ token: 2 ** 40 })
  t.ok(story.heldSave)
  s2.answer()
  s1.connect().ping()
  s1.die()
  story.finishSave()
  t.equal(story.view, '(s1,s2)#2')
  t.equal(story.heldSave, null)
  s2.answer()
  story.finishSave()
  t.equal(story.view, '(s2,s3)#3')
})

t.test('V3: no answer makes up for a missing ack', async t => {
  const { view } = recordOfPair()
  const now = {
    primary: 'dead',
    primaryHeard: false,
    backup: 'well',
    backupAnswered: true,
    idle: null,
    idleInReach: null,
  } as const
  t.equal(nextView(view, false, now), undefined)
  t.equal(nextView(view, true, now)?.primary.id, idOf('s2'))
})

// ---- V4

t.test('V4: the ping of a backup that was told in sync counts as the ack', async t => {
  const story = new ViewStory()
  const [s1, s2] = story.servers('s1', 's2')
  s1.ping()
  s2.ping({ inSync: true, view: 1 })
  t.notOk(story.acked, 'not for another view')
  s2.ping({ inSync: true, role: 'idle' })
  t.notOk(story.acked, 'not in another role')
  s2.ping({ inSync: true })
  t.ok(story.acked)
})

t.test(
  "V4: only the primary's word for this very view acks; the flag starts again with each view",
  async t => {
    const { story, s1, s2, s3 } = trio()
    t.ok(story.acked)
    s1.die()
    s2.answer()
    t.equal(story.view, '(s2,s3)#3')
    t.notOk(story.acked)
    s2.ping({ role: 'backup', view: 2, acked: true })
    s3.ping({ acked: true })
    t.notOk(story.acked)
    s2.ack()
    t.ok(story.acked)
  },
)

t.test(
  'V4: the backup of an acked view that says it is not in sync is not promoted, and an operator hears of it',
  async t => {
    const { story, s1, s2 } = pair()
    s1.die()
    s2.answer({ inSync: false })
    t.equal(story.view, '(s1,s2)#2')
    t.ok(story.notes.some(note => note.level === 'error' && /not in sync/.test(note.text)))
  },
)

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

t.test('V5: a server whose advertised address is not its own is never chosen, and said so once', async t => {
  const { story, s1 } = alone()
  const s2 = story.server('s2').connect()
  story.network.set('ws://elsewhere.test:1', 'refuses')
  const lost = story.accept()
  story.input({
    is: 'accepted',
    connection: lost,
    cluster: null,
    from: {
      kind: 'lockserver',
      id: idOf('lost'),
      address: 'ws://elsewhere.test:1',
      role: 'idle',
      view: 0,
      pid: 1,
      host: '',
    },
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

t.test('V5: a known id at another address, and an address that nobody can dial, are refused', async t => {
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

t.test('V7: a tick in which nobody was heard is a miss for nobody', async t => {
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
  // Their connections stay open: nobody is left to close them.
  const again = [s1, s2].map(({ address }, i) => story.server(`again${i}`, address))
  for (const { address } of [s1, s2]) story.network.set(address, 'silent')
  for (let tick = 0; tick < deadPings; tick++) {
    for (const server of again) t.equal(server.connect().refusal, 'ADDRESS_TAKEN')
    story.tick()
  }
  for (const server of again) t.equal(server.connect().ping().refusal, undefined)
  t.match(story.status.halted, /is dead and nobody else holds the state/)
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

// ---- V6

t.test('V6: nobody is told of a view or an ack before it is durable', async t => {
  const story = new ViewStory()
  const client = story.client()
  story.holdSaves = true
  const [s1] = story.servers('s1')
  t.equal(story.view, 'none')
  t.same(client.views, [])
  t.equal(s1.view, null)
  t.equal(story.status.view, null)
  story.finishSave()
  t.same(client.views, ['(s1,-)#1'])
  t.equal(s1.view?.number, 1)
  s1.ping()
  t.notOk(story.status.acked)
  story.finishSave()
  t.ok(story.status.acked)
})

t.test('V6: nothing is decided while a record is being saved, and all of it afterwards', async t => {
  const { story, s1, s2 } = trio()
  story.holdSaves = true
  s2.die()
  const saving = story.heldSave
  t.equal(saving?.view.number, 3)
  s1.ping({ unreachable: ['ws://s3.test:1'], acked: true })
  s1.ping({ leaving: true, acked: true })
  t.equal(story.heldSave, saving)
  t.equal(s1.view?.number, 2)
  story.finishSave()
  t.equal(story.view, '(s1,s3)#3')
})

t.test('V6: those who came before the first record learn the cluster id with it', async t => {
  const story = new ViewStory()
  const client = story.client()
  const [s1] = story.servers('s1')
  t.match(client.told[0], ['welcome', { cluster: null }])
  for (const { told } of [client, s1])
    t.match(told.filter(message => message[0] === 'welcome').at(-1), [
      'welcome',
      { cluster: clusterId, view: { number: 1 }, pingLimitMs: deadPings * pingIntervalMs },
    ])
})

t.test('V6: without a record view 1 waits for a full ping limit of listening', async t => {
  const story = new ViewStory({ newCluster: false })
  const [s1] = story.servers('s1')
  story.tick(deadPings - 1, s1)
  t.equal(story.view, 'none')
  story.tick(1, s1)
  t.equal(story.view, '(s1,-)#1')
})

t.test(
  'V6: without a record, a primary, a backup or a server that knows a view halts it for good',
  async t => {
    for (const hello of [
      { role: 'primary', view: 3 },
      { role: 'backup', view: 3 },
      { role: 'idle', view: 3 },
    ] as const) {
      const story = new ViewStory({ newCluster: false })
      const [s1] = story.servers('s1')
      const s2 = story.server('s2').connect({ ...hello, cluster: 'd'.repeat(32) })
      t.equal(s2.refusal, 'VIEW_FROM_FUTURE')
      story.tick(20, s1)
      t.equal(story.view, 'none')
      t.match(story.status.halted, /the view record .* is empty/)
      t.match(story.core.unready, /the view record .* is empty/)
      t.ok(story.notes.some(note => note.level === 'error'))
    }
  },
)

t.test('V6: a hello or a ping from a newer view than the record halts it for good', async t => {
  const { story, s1, s2 } = pair()
  const newer = story.server('s3').connect({ view: 3, cluster: clusterId })
  t.equal(newer.refusal, 'VIEW_FROM_FUTURE')
  s1.die()
  t.same(s2.questions, [])
  story.tick(10, s2)
  t.equal(story.view, '(s1,s2)#2')
  t.equal(story.status.survives, 0)

  const other = pair()
  other.s1.ping({ view: 3 })
  t.equal(other.s1.refusal, 'VIEW_FROM_FUTURE')
  t.match(other.story.status.halted, /ends at 2/)
  const client = other.story.client().say(['reset', 1, 2, true])
  t.match(client.last, ['reset-refused', 1, /ends at 2/])
})

t.test(
  'V6: a view to come is hearsay from who names no cluster and was not found at its address',
  async t => {
    const { story, s1, s2 } = pair()
    const nameless = story.server('s8').connect({ view: 99 })
    t.equal(nameless.refusal, 'VIEW_FROM_FUTURE')
    const unfound = story.server('s9').sayHello()
    t.equal(unfound.refusal, undefined)
    t.equal(unfound.ping({ view: 99 }).refusal, 'VIEW_FROM_FUTURE')
    t.equal(story.status.halted, null)
    s1.die()
    story.tick(1, s2)
    s2.answer()
    t.equal(story.view, '(s2,-)#3', 'views go on')
    const without = new ViewStory()
    t.equal(without.server('s1').connect({ view: 4, role: 'primary' }).refusal, 'VIEW_FROM_FUTURE')
    t.equal(without.status.halted, null)
    without.server('s1').connect({ view: 4, role: 'primary', cluster: clusterId })
    t.match(without.status.halted, /is empty/, 'the same server, once it says of which cluster')
  },
)

t.test(
  'F13: who asks for hundreds of statuses at a time is sent away; who asks for many in turn is not',
  async t => {
    const { story } = pair()
    const ask = (number: number): Message => ['status', number]
    const patient = story.client()
    for (let i = 0; i < 3 * asksPerTurnMax; i++) patient.say(['status', i])
    t.equal(patient.told.filter(message => message[0] === 'status').length, 3 * asksPerTurnMax)
    const hasty = story.client()
    const messages = Array.from({ length: 3 * asksPerTurnMax }, (_, i) => ask(i))
    story.input({ is: 'messages', connection: hasty.connection, messages })
    t.equal(hasty.refusal, 'UNEXPECTED_MESSAGE')
    t.equal(hasty.told.filter(message => message[0] === 'status').length, asksPerTurnMax)
  },
)

t.test('V6: servers and clients of another cluster are refused and halt nothing', async t => {
  const { story, s1, s2 } = pair()
  const stranger = story.server('s9').connect({ cluster: 'd'.repeat(32), view: 99, role: 'primary' })
  t.equal(stranger.refusal, 'WRONG_CLUSTER')
  t.match(story.closed.get(stranger.connection)?.text, /d{32}.*c{32}/)
  t.equal(story.client('d'.repeat(32)).refusal, 'WRONG_CLUSTER')
  t.equal(story.client(clusterId).refusal, undefined)
  t.equal(new ViewStory().client('d'.repeat(32)).refusal, 'WRONG_CLUSTER', 'also without a record')
  t.equal(story.status.halted, null)
  story.tick(3, s1, s2)
})

t.test(
  'V6: a view server that starts with a record goes on with it; what it names and is not heard dies',
  async t => {
    const story = new ViewStory({ record: recordOfPair(), newCluster: false })
    t.equal(story.view, '(s1,s2)#2')
    story.server('s1')
    const s2 = story.server('s2').connect({ cluster: clusterId, view: 2, role: 'backup' })
    story.tick(20)
    t.same(s2.questions, [], 'nobody heard, nobody dead')
    story.tick(deadPings - 1, s2)
    t.same(s2.questions, [])
    story.tick(1, s2)
    s2.answer()
    t.equal(story.view, '(s2,-)#3')
    t.equal(story.saved[0]?.record, 5, 'the next record number')
  },
)

t.test('V6: a dead backup of a loaded record does not hang the service', async t => {
  const story = new ViewStory({ record: recordOfPair() })
  const s1 = story.server('s1').connect({ cluster: clusterId, view: 2, role: 'primary' })
  story.server('s2')
  const s3 = story.server('s3').connect().ping()
  t.equal(story.view, '(s1,s2)#2')
  story.tick(deadPings, s1, s3)
  t.equal(story.view, '(s1,s3)#3')
})

t.test('V6: the ids that a record names count without being dialled', async t => {
  const story = new ViewStory({ record: recordOfPair(false) })
  const s1 = story.server('s1').connect({ view: 2, role: 'primary' })
  t.same(story.dialled, [])
  s1.ack()
  t.ok(story.acked)
})

t.test('V6: a saved input out of the blue ends the process', async t => {
  const story = new ViewStory()
  t.throws(() => story.input({ is: 'saved' }), /V6/)
})

// ---- V7

t.test('V7: without a change there is no view, however often they ping', async t => {
  const { story, s1, s2, s3 } = trio()
  const before = story.saved.length
  story.tick(50, s1, s2, s3)
  t.equal(story.saved.length, before)
})

t.test('V3: a living backup is given up only while the primary is heard', async t => {
  const restarted = () => {
    const story = new ViewStory({ record: recordOfPair(), newCluster: false })
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

t.test('V3: that nobody was heard does not show that the primary is there', async t => {
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
    // After a freeze: its last words, the end of that connection, and its hello on another one.
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

t.test('V3: what waited while the view server slept does not show that the primary is there', async t => {
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

t.test('V7: what is read in one turn, as after a freeze, counts by its last word', async t => {
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

t.test('V7: chosen is only who says idle, and is not leaving', async t => {
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

// ---- L2, what else the record keeps

t.test('L2: the record is rewritten before it lags behind the tokens by 2^31', async t => {
  const { story, s1 } = alone()
  const token = 1_700_000_000_000_000
  s1.fields = { token }
  s1.ping()
  t.equal(story.record?.highestToken, token)
  const saves = story.saved.length
  s1.ping({ token: token + 2 ** 30 })
  t.equal(story.saved.length, saves, 'not for every token')
  s1.ping({ token: token + 2 ** 30 + 1 })
  t.equal(story.record?.highestToken, token + 2 ** 30 + 1)
  t.ok(story.acked, 'the view and its ack stay')
})

t.test(
  'L2: tokens and ttls are believed only of the view, and only so far that a reset stays possible',
  async t => {
    const { story, s1 } = alone()
    const [s2, liar] = story.servers('s2', 'liar')
    const poison = { token: Number.MAX_SAFE_INTEGER, ttlMs: 600_000 }
    t.equal(story.view, '(s1,s2)#2')
    const before = story.record
    liar.ping(poison)
    t.same(story.record, before, 'an idle server has granted nothing')
    for (const server of [s1, s2]) server.ping(poison)
    t.ok((story.record?.highestToken as number) < 2 ** 53 - 1000 * 2 ** 32, 'a thousand resets are left')
    t.equal(story.record?.longestTtlMs, 600_000)
  },
)

t.test('F14: a longer ttl is confirmed only when the record holds it', async t => {
  const { story, s1 } = alone()
  const longest = () => s1.told.at(-1)?.[2]
  t.equal(longest(), ttlMsDefault)
  story.holdSaves = true
  s1.fields = { ttlMs: 60_000 }
  s1.ping()
  s1.ping()
  t.equal(longest(), ttlMsDefault)
  story.finishSave()
  s1.ping()
  t.equal(longest(), 60_000)
  s1.fields = {}
  s1.ping()
  t.equal(longest(), 60_000, 'it never shrinks')
})

// ---- reset

t.test('F14: a reset goes through when the last primary is gone, and starts empty', async t => {
  const { story, s1 } = alone()
  s1.ping({ token: 1_000_000, ttlMs: 30_000 })
  const [s2] = story.servers('s2')
  t.equal(story.view, '(s1,s2)#2')
  s2.die()
  s1.ping()
  t.equal(story.view, '(s1,-)#3')
  const [s3] = story.servers('s3')
  s3.die()
  s1.ping()
  s1.die()
  t.equal(story.view, '(s1,-)#5')
  story.servers('s4')
  t.match(story.status.halted, /holdfast reset/)
  const client = story.client()
  client.say(['reset', 7, 5, false])
  t.equal(story.view, '(s4,-)#6')
  t.match(client.last, ['reset-done', 7, { number: 6 }])
  t.same(story.record?.view.start, { tokenFloor: 1_000_000 + 2 ** 32, pauseMs: 30_000 })
  t.equal(story.record?.highestToken, 1_000_000 + 2 ** 32)
  t.notOk(story.acked)
  client.say(['reset', 8, 5, false])
  t.match(client.last, ['reset-done', 8, { number: 6 }], 'a repeat does nothing')
  t.equal(story.view, '(s4,-)#6')
})

t.test('F14: a restarted primary, which is empty, may be the one that starts', async t => {
  const { story, s1 } = alone()
  s1.cut()
  const again = story.server('s1 again', s1.address).connect().ping()
  t.equal(story.view, '(s1,-)#1')
  const client = story.client().say(['reset', 1, 1, false])
  t.equal(story.view, '(s1 again,-)#2')
  t.match(client.last, ['reset-done', 1, { number: 2 }])
  again.ping()
  t.ok(story.acked)
})

t.test('F14: silence is no proof: an unforced reset is refused and says who may be alive', async t => {
  for (const found of ['silent', 'cut', 'own'] as const) {
    const { story, s1 } = alone()
    const [s2] = story.servers('s2')
    t.equal(story.view, '(s1,s2)#2')
    const [s3] = story.servers('s3')
    story.network.set(s1.address, found === 'own' ? { id: s1.id } : found)
    s1.cut()
    story.tick(deadPings + 1, s2, s3)
    s2.die()
    const client = story.client().say(['reset', 1, 2, false])
    story.tick(deadPings, s3)
    t.match(client.last, ['reset-refused', 1, new RegExp(`${s1.id}.*--force`)])
    t.equal(story.view, '(s1,s2)#2')
    client.say(['reset', 2, 2, true])
    t.equal(story.view, '(s3,-)#3', 'something good: forced it goes through')
  }
})

t.test('F14: in an acked view the backup must be gone too', async t => {
  const { story, s1, s2, s3 } = trio()
  story.network.set(s2.address, 'silent')
  s2.cut()
  s1.die()
  const client = story.client().say(['reset', 1, 2, false])
  t.equal(client.last?.[0], 'welcome', 'it waits')
  story.tick(deadPings, s3)
  t.match(client.last, ['reset-refused', 1, new RegExp(s2.id)])
  story.network.set(s2.address, 'refuses')
  client.say(['reset', 2, 2, false])
  t.equal(story.view, '(s3,-)#3')
})

t.test('F14: when the view is acked while its primary is asked after, the backup is asked too', async t => {
  const { story, s1 } = alone()
  const [s2] = story.servers('s2')
  const [s3] = story.servers('s3')
  t.equal(story.view, '(s1,s2)#2')
  story.network.set(s1.address, 'silent')
  const client = story.client().say(['reset', 1, 2, false])
  const asked = -story.dialled.length
  t.notOk(story.acked)
  s2.ping({ inSync: true })
  t.ok(story.acked)
  story.input({ is: 'closed', connection: asked, refused: true })
  story.network.set(s1.address, 'refuses')
  story.tick(2, s2, s3)
  t.match(client.last, ['reset-refused', 1, new RegExp(s2.id)])
  t.not(story.view, '(s3,-)#3')
})

t.test('F14: a reset without an idle server, of a view to come, or beside another is refused', async t => {
  const { story, s1 } = alone()
  story.network.set(s1.address, 'silent')
  s1.cut()
  const client = story.client()
  client.say(['reset', 1, 1, true])
  t.match(client.last, ['reset-refused', 1, /no idle lock server/])
  client.say(['reset', 2, 2, true])
  t.match(client.last, ['reset-refused', 2, /the view is 1, not 2/])
  story.servers('s2')
  t.equal(story.view, '(s1,s2)#2')
  story.servers('s3')
  client.say(['reset', 3, 2, false])
  const second = story.client().say(['reset', 1, 2, true])
  t.match(second.last, ['reset-refused', 1, /another reset/])
  story.input({ is: 'closed', connection: client.connection, refused: false })
  second.say(['reset', 2, 2, true])
  t.match(second.last, ['reset-done', 2, { number: 3 }], 'who asked first is gone')
  t.equal(story.view, '(s3,-)#3')
  t.match(new ViewStory().client().say(['reset', 1, 1, true]).last, ['reset-refused', 1, /no view yet/])
})

t.test('F14: the view of a reset must be acked before any other is made', async t => {
  const { story, s1 } = alone()
  s1.die()
  const [s2, s3] = story.servers('s2', 's3')
  story.client().say(['reset', 1, 1, false])
  t.equal(story.view, '(s2,-)#2')
  story.tick(10, s3)
  t.equal(story.view, '(s2,-)#2')
  s2.ping()
  t.equal(story.view, '(s2,s3)#3')
})

// ---- what is said of it all

t.test('status: each server, what is survived, and echo', async t => {
  const { story, s1, s2, s3 } = trio()
  s2.ping({ opNumber: 5, lag: 2, copiedPart: 40 })
  story.now += 30
  const client = story.client(clusterId)
  client.say(['status', 4])
  const [, number, status] = client.last as ['status', number, typeof story.status]
  t.equal(number, 4)
  t.match(status, { cluster: clusterId, view: { number: 2 }, acked: true, survives: 1, halted: null, pid: 1 })
  t.match(status.servers, [
    { id: s1.id, role: 'primary', alive: true, inSync: false },
    { id: s2.id, role: 'backup', opNumber: 5, lag: 2, copiedPart: 40, pingAgeMs: 30, pid: 7, inSync: true },
    { id: s3.id, role: 'idle', view: 2 },
  ])
  s2.die()
  t.equal(story.status.survives, 0, 'the new backup is not in sync')
  t.equal(story.core.unready, null)
  s1.ack()
  t.equal(story.status.survives, 1)
  client.say(['echo', 9])
  t.same(client.last, ['echoed', 9])
})

t.test('status: a primary that is not heard is not ready', async t => {
  const story = new ViewStory({ record: recordOfPair() })
  t.match(story.core.unready, /the primary .* is not heard/)
  t.equal(story.status.survives, 0)
})

t.test('a view is pushed to all servers and clients', async t => {
  const { story, s1, s2, s3 } = trio()
  const client = story.client()
  s1.die()
  s2.answer()
  t.same(client.views, ['(s2,s3)#3'])
  t.equal(s3.told.at(-1)?.[0], 'view')
  t.equal(s2.view?.number, 3)
})

t.test('L2: a reset that would need unsafe tokens is refused', async t => {
  const story = new ViewStory({ record: { ...recordOfPair(), highestToken: Number.MAX_SAFE_INTEGER } })
  story.servers('s3')
  const client = story.client().say(['reset', 1, 2, true])
  t.match(client.last, ['reset-refused', 1, /tokens are used up/])
  t.equal(story.view, '(s1,s2)#2')
})
