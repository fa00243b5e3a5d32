// B1, B7: events cost those who watch. A turn tells so many, the watchers take turns, and whoever is too far behind
// misses events and learns how many. The watches of a primary alone, without a cluster.

import t from 'tap'
import type { Client } from '../lockserver/clients.ts'
import { ServerOutbox } from '../lockserver/outbox.ts'
import { State } from '../lockserver/state/state.ts'
import { Watches } from '../lockserver/watches.ts'
import {
  drawnLimits,
  eventFrameCost,
  eventsClientTurnMax,
  eventsKeptMax,
  eventsTurnMax,
} from '../wire/limits.ts'
import type { LockEvent } from '../wire/messages.ts'

const situation = {
  now: { monotonic: 0, wall: 0 },
  view: null,
  cluster: null,
  longestTtlMs: 0,
  ttlMaxMs: 600_000,
  viewServerConnected: true,
  group: 0,
  others: new Map(),
  map: null,
}

const clientOf = (connection: number): Client => ({
  is: 'client',
  connection,
  owner: null,
  remote: '',
  principal: null,
  session: null,
  deaf: false,
  opening: false,
  parked: 0,
  queries: 0,
  spent: 0,
  unread: false,
  map: 0,
  tokenEndsAt: null,
})

const eventOf = (token: number, name = 'l'): LockEvent => ({
  event: 'granted',
  name,
  mode: 'exclusive',
  token,
  clientId: '0'.repeat(32),
  clientName: '',
  reason: null,
  terms: null,
  at: 0,
})

/** So many clients, each of which watches everything under its own connection's number. */
function stage(clients: number, prefix = '') {
  const out = new ServerOutbox(situation, new Map())
  const watches = new Watches(out, new State())
  const all = Array.from({ length: clients }, (_, i) => clientOf(i + 1))
  for (const client of all) {
    const watch = watches.add(client, client.connection, prefix)
    if (watch !== undefined) watches.begin(watch)
  }
  out.take()
  const happen = (count: number, from = 1) => {
    for (let i = 0; i < count; i++) watches.happened(eventOf(from + i))
  }
  /** What one turn tells, as connection and kind with token or number. */
  const turn = () => {
    watches.tell()
    return out
      .take()
      .flatMap(effect => (effect.do === 'send' ? [[effect.connection, ...effect.message] as const] : []))
      .map(([connection, kind, , what]) => ({
        connection,
        kind,
        what: kind === 'event' ? (what as LockEvent).token : what,
      }))
  }
  return { watches, all, happen, turn }
}

const countOf = <T>(items: readonly T[], is: (item: T) => boolean) => items.filter(is).length

t.test(
  'B1: a turn tells no more events than it may, and the next one goes on with those who were not told',
  async t => {
    const { happen, turn, watches } = stage(250)
    happen(1)
    const first = turn()
    t.ok(
      first.length * (eventFrameCost + 1) <= eventsTurnMax + eventFrameCost + 1,
      `${first.length} in one turn`,
    )
    t.ok(watches.more)
    const connections = [...first]
    for (let turns = 0; watches.more && turns < 9; turns++) connections.push(...turn())
    t.equal(new Set(connections.map(({ connection }) => connection)).size, 250, 'each is told')
    t.equal(connections.length, 250, 'once')
  },
)

t.test('B7: a watcher with much to hear does not keep the others waiting', async t => {
  const { happen, turn } = stage(20)
  happen(3_000)
  const told = [1, 2, 3].flatMap(turn)
  for (let connection = 1; connection <= 20; connection++)
    t.ok(countOf(told, one => one.connection === connection) >= eventsClientTurnMax / 2, `${connection}`)
  const tokens = told.flatMap(({ connection, what }) => (connection === 3 ? [what] : []))
  t.same(
    tokens,
    tokens.map((_, i) => i + 1),
    'in order',
  )
})

t.test('B4, B7: whoever is too far behind misses the oldest events, and learns how many', async t => {
  const { happen, turn, watches, all } = stage(1)
  happen(eventsKeptMax + 7)
  const told = turn()
  t.same(told[0], { connection: 1, kind: 'missed', what: 7 })
  t.equal(told[1]?.what, 8)
  while (watches.more) turn()
  watches.seen(all[0] as Client, 1, eventsKeptMax)
  happen(1, 9_999)
  t.same(turn(), [{ connection: 1, kind: 'event', what: 9_999 }], 'and hears all that comes after')
})

t.test('B1, R1: a watch that begins later is told nothing of what waits for the others', async t => {
  const { happen, turn, watches } = stage(1)
  happen(2)
  const late = clientOf(2)
  const watch = watches.add(late, 5, 'l')
  if (watch !== undefined) watches.begin(watch)
  happen(1, 3)
  const told = turn().filter(({ kind }) => kind === 'event')
  t.same(
    told.map(({ connection, what }) => `${connection} ${what}`),
    ['1 1', '1 2', '1 3', '2 3'],
  )
})

t.test('R1: before the answer of a query stand the events that it shows, told or missed', async t => {
  const { happen, turn, watches, all } = stage(1)
  happen(1_000)
  watches.catchUp(all[0] as Client)
  happen(1, 1_001)
  const told = turn()
  const events = told.filter(({ kind }) => kind === 'event').map(({ what }) => what)
  const missed = told.find(({ kind }) => kind === 'missed')?.what as number
  t.equal(events.length + missed, 1_001)
  t.equal(events.at(-1), 1_001)
  t.ok(missed > 0)
})

t.test('F13: what waits for a watcher that has gone is forgotten', async t => {
  const { happen, turn, watches, all } = stage(2)
  happen(10)
  watches.gone(all[0] as Client)
  watches.end(all[1] as Client, 2)
  t.notOk(watches.more)
  t.same(turn(), [])
})

t.test('B1: the smallest share still tells one event after the other', async t => {
  drawnLimits({ eventsTurnMax: 1 })
  t.teardown(() => drawnLimits({}))
  const { happen, turn, watches } = stage(2)
  happen(3)
  let turns = 0
  for (; watches.more && turns < 20; turns++) t.equal(turn().length, 1)
  t.equal(turns, 6)
})
