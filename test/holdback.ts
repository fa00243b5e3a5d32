// What a primary holds back from clients, and its numbered batches: by themselves,
// without a cluster. rules-replication.ts tests which servers a real primary asks.

import t from 'tap'
import { Holdback } from '../lockserver/holdback.ts'
import { Leases } from '../lockserver/leases.ts'
import { ServerOutbox } from '../lockserver/outbox.ts'
import { Replication } from '../lockserver/replication.ts'
import type { Showing } from '../lockserver/showing.ts'
import { type Operation, State } from '../lockserver/state/state.ts'
import { stateLimits } from '../wire/limits.ts'
import type { View } from '../wire/messages.ts'
import { opening } from './fixtures/said.ts'

const showing = (since: number): Showing => ({ is: 'handed over', since })

t.test('R1: answers that wait for a batch are shown when the last witness has confirmed it', async t => {
  const holdback = new Holdback()
  const [backup, disk] = [{ confirmed: 0 }, { confirmed: 0 }]
  holdback.ask(backup)
  holdback.ask(disk)
  for (const batch of [1, 2]) {
    holdback.add(showing(batch))
    holdback.close(batch)
  }
  backup.confirmed = 2
  t.strictSame(holdback.release(), [], 'one of two is not enough')
  disk.confirmed = 1
  t.strictSame(holdback.release(), [showing(1)])
  backup.confirmed = 1
  disk.confirmed = 2
  t.strictSame(holdback.release(), [], 'nor is the other one')
  backup.confirmed = 2
  t.strictSame(holdback.release(), [showing(2)])
  t.strictSame(holdback.release(), [], 'nothing is shown twice')
})

t.test('R1: answers of the open batch wait with those of closed batches', async t => {
  const holdback = new Holdback()
  t.notOk(holdback.holds, 'without witnesses nothing has to wait')
  holdback.ask({ confirmed: 7 })
  t.ok(holdback.holds)
  holdback.add(showing(1))
  t.strictSame(holdback.release(), [], 'it has no number yet')
  holdback.close(8)
  holdback.add(showing(2))
  t.strictSame(holdback.release(), [])
  t.strictSame(holdback.all(), [showing(1), showing(2)], 'R2: a new view asks for none of it')
})

t.test('B1, R1: what was confirmed is shown in shares, in order, and what comes later behind it', async t => {
  const holdback = new Holdback([showing(1), showing(2), showing(3)])
  t.ok(holdback.holds, 'something waits for its turn')
  holdback.add(showing(4))
  holdback.close(1)
  const witness = { confirmed: 0 }
  holdback.ask(witness)
  t.strictSame(holdback.release(2), [showing(1), showing(2)])
  t.ok(holdback.more)
  t.strictSame(holdback.all(), [showing(3), showing(4)])
  t.strictSame(holdback.release(2), [showing(3)])
  t.notOk(holdback.more, 'the rest is not confirmed')
  witness.confirmed = 1
  t.strictSame(holdback.release(2), [showing(4)])
  t.notOk(holdback.more)
})

/** A primary's stream, and what it has put on the wire. */
function alone() {
  const server = (name: string) => ({ id: name, address: `ws://${name}` })
  const view: View = {
    group: 0,
    number: 2,
    primary: server('p'),
    backup: server('b'),
    durability: 'memory',
    start: null,
  }
  const now = { monotonic: 0, wall: 1_000 }
  const situation = {
    now,
    view,
    cluster: null,
    longestTtlMs: 0,
    ttlMaxMs: 600_000,
    viewServerConnected: true,
    group: 0,
    others: new Map(),
    map: null,
  }
  const out = new ServerOutbox(situation, new Map())
  const state = new State()
  const replication = new Replication(out, situation, state, new Leases())
  const sent = () => out.take().flatMap(effect => (effect.do === 'send' ? [effect.message] : []))
  const turn = (operation: Operation) => {
    replication.beforeOperation()
    state.apply(operation)
    replication.add(operation)
    replication.endTurn()
  }
  turn(['start', 1_000, 0, stateLimits])
  return { situation, state, replication, sent, turn }
}

t.test('a primary without a backup numbers its batches, too, and sends none of them', async t => {
  const { replication, sent, turn } = alone()
  turn(opening('a'.repeat(32), 10_000, 'a', null))
  t.equal(replication.sequence, 2)
  t.strictSame(sent(), [])
  t.equal(replication.lag, 0)
})

t.test('R3: the batches before a copy are inside of it; those behind it count from there', async t => {
  const { replication, sent, turn } = alone()
  t.ok(replication.connected(9, 0, 0))
  t.match(sent()[0], ['copy', 2, { opNumber: 1, sequence: 0 }])
  turn(opening('a'.repeat(32), 10_000, 'a', null))
  t.match(sent(), [['replicate', 2, 1, 2, 1_000, [['open']]]])
  t.equal(replication.sequence, 2)
})

t.test(
  'a batch states one wall clock: alone, an operation of another moment begins the next one',
  async t => {
    const { situation, state, replication } = alone()
    for (const wall of [2_000, 2_000.5, 2_001]) {
      situation.now = { monotonic: 0, wall }
      replication.beforeOperation()
      state.apply(['unpause'])
      replication.add(['unpause'])
    }
    t.equal(replication.sequence, 2, 'the second one is closed, the third open')
    replication.endTurn()
    t.equal(replication.sequence, 3)
  },
)
