// Classic bugs of primary/backup services with old views, deposed primaries and lost frames
// between servers: a server with the bug would fail its story. The number is that of the bug
// in the catalogue of the labs. Peers by hand send what a wrong or late server would send.

import t from 'tap'
import type { Message } from '../wire/messages.ts'
import { ByHand } from './fixtures/by-hand.ts'
import { tokenOf, truth } from './fixtures/cluster.ts'
import { has, held, LabCluster, listed } from './fixtures/lab-cluster.ts'
import { lab, stateOf } from './fixtures/lab-in-service.ts'
import { openOf } from './fixtures/said.ts'
import { textOf } from './fixtures/state-story.ts'

const kinds = (messages: readonly Message[]) => messages.map(message => message[0])
const hasGrant = (messages: readonly Message[]) => has(messages, 'granted') || has(messages, 'unavailable')

const view = (story: LabCluster) => story.view as NonNullable<LabCluster['view']>

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

t.test('bug 28: batches that an old primary sends to its backup of an older view are refused', async t => {
  const { story, clerks } = lab(3, 'c')
  const old = { id: story.primary.id, view: view(story) }
  const [s1, s2] = [story.server('S1'), story.server('S2')]
  t.ok(clerks[0].lock('a'))
  // S1 dies; S2 leads, then S3 alone, and S2 becomes backup again, under another primary.
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
      openOf('d'.repeat(32), 1, 10_000, 'me'),
      ['acquire', 1, ['a'], 'exclusive', 'wait', null],
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

/** The backup's next message is lost with its connection. */
function loseApplied(story: LabCluster): void {
  const { backup } = story
  story.network.onFrame = (from, _to, messages) => {
    if (from !== backup || !has(messages, 'applied')) return 'pass'
    story.network.onFrame = null
    return 'cut'
  }
}

t.test('bug 30: the backup applied it, its answer was lost, another came first: both agree', async t => {
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

t.test('bug 31: a read is not answered before the operations that it has seen are safe', async t => {
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

t.test('bugs 32, 38: operations of a cut-off primary are never seen, and do not come back', async t => {
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

t.test('bug 34: a confirmation of one batch by the backup releases no answer of the next batch', async t => {
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

t.test('bug 34: a confirmation from another view, or of a batch never sent, releases nothing', async t => {
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
  // The primary's own connection is kept away, so that the stranger's message comes first.
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

t.test('bug 45: one lost frame of any kind between servers kills and resets no server', async t => {
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

t.test('bug 45: one ping or answer that never arrives leaves the view as it is', async t => {
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
