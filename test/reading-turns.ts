// B1: what thousands of sockets bring in one moment is read over several turns. With simulated sockets and a clock that is
// moved by hand; and of Node's own sockets, that they can be stopped below whoever listens to them.

import { connect, createServer, type Socket } from 'node:net'
import t from 'tap'
import { readMsMax, sparedReads, takenUpPerTurnMax } from '../wire/limits.ts'
import { readAgain, stopReading } from '../wire/net/handle-inside.ts'
import { type Reading, ReadingTurns } from '../wire/net/reading-turns.ts'
import { until } from './fixtures/deadline.ts'

/** Sockets all of which have something, each of which takes 0.1 ms. */
function stage(count: number) {
  let ms = 0
  let planned: (() => void)[] = []
  const turns = new ReadingTurns({ monotonic: () => ms, afterTurn: run => void planned.push(run) })
  const read: Peer[] = []
  class Peer implements Reading {
    readonly exempt: boolean
    readonly number: number
    broughtIn = 0
    isRead = true
    has = 1

    constructor(number: number, exempt = false) {
      this.number = number
      this.exempt = exempt
      turns.enter(this)
    }

    stopReading(): void {
      this.isRead = false
    }

    readAgain(): void {
      this.isRead = true
    }

    brings(): void {
      if (!this.isRead || this.has === 0) return
      this.has--
      turns.brings(this)
      read.push(this)
      ms += 0.1
    }
  }
  const peers = Array.from({ length: count }, (_, i) => new Peer(i))
  const turn = () => {
    const before = ms
    for (const peer of peers) peer.brings()
    const run = planned
    planned = []
    for (const one of run) one()
    return ms - before
  }
  const works = (more: number) => {
    ms += more
  }
  return { peers, turns, read, turn, Peer, works }
}

/** All that a turn may read of such sockets. */
const mostMs = sparedReads * 0.1 + readMsMax + 0.2

t.test(
  'B1: of thousands that bring something at once a turn reads for so long, and all are read once',
  async t => {
    const { peers, read, turn } = stage(3_000)
    let turns = 0
    let longest = 0
    for (; read.length < peers.length && turns < 1_000; turns++) longest = Math.max(longest, turn())
    t.ok(turns > 10 && turns < 100, `${turns} turns`)
    t.ok(longest < mostMs, `a turn of ${longest} ms`)
    for (let i = 0; i < 20; i++) turn()
    t.ok(peers.every(peer => peer.isRead && peer.has === 0))
  },
)

t.test('B1, B7: those that have waited are read before those that go on bringing something', async t => {
  const { peers, read, turn } = stage(3_000)
  for (const peer of peers.slice(0, 1_000)) peer.has = 1_000_000
  const late = peers.slice(1_000)
  let turns = 0
  for (; late.some(peer => peer.has > 0) && turns < 200; turns++) turn()
  t.ok(turns < 40, `${turns} turns`)
  t.ok(read.length > 3_000, 'the others go on')
})

t.test('B1: servers are read in any case, and few sockets have no limit', async t => {
  const { peers, turn, Peer } = stage(3_000)
  const server = new Peer(3_000, true)
  turn()
  t.ok(server.isRead)
  t.notOk(peers[2_999]?.isRead)
  const few = stage(sparedReads - 1)
  few.turn()
  t.ok(few.peers.every(peer => peer.isRead))
})

t.test('B1: much from one socket counts as much as little from many', async t => {
  const { peers, turns, works } = stage(2)
  turns.brings(peers[0] as Reading, 65_536)
  works(readMsMax - 1)
  turns.check()
  t.ok(peers.every(peer => peer.isRead))
  works(1)
  turns.check()
  t.ok(peers.every(peer => !peer.isRead))
})

t.test('B1: one that is gone is not read again, and each turn takes up a share', async t => {
  const { peers, turns, turn } = stage(3_000)
  turn()
  const gone = peers.slice(-1_000)
  for (const peer of gone) turns.leave(peer)
  const reading = () => peers.filter(peer => peer.isRead).length
  let most = 0
  for (let i = 0; i < 50; i++) {
    const before = reading()
    turn()
    most = Math.max(most, reading() - before)
  }
  t.ok(most <= takenUpPerTurnMax, `${most} at once`)
  t.ok(gone.every(peer => !peer.isRead))
  t.ok(peers.slice(0, 2_000).every(peer => peer.isRead))
})

t.test('B1: a socket of Node is not read below whoever listens to it, until it is again', async t => {
  let accepted: Socket | undefined
  let heard = ''
  let ended = false
  const server = createServer(socket => {
    accepted = socket
    socket.on('data', data => {
      heard += data
    })
    socket.on('end', () => {
      ended = true
    })
  }).listen(0, '127.0.0.1')
  await until('it listens', () => server.listening)
  const peer = connect((server.address() as { port: number }).port, '127.0.0.1')
  peer.write('a')
  await until('it reads', () => heard === 'a')
  stopReading(accepted as Socket)
  peer.write('b')
  peer.end()
  const other = connect((server.address() as { port: number }).port, '127.0.0.1')
  const stopped = accepted as Socket
  await until('another one is heard', () => accepted !== stopped)
  other.write('c')
  await until('it is read', () => heard.includes('c'))
  t.equal(heard, 'ac')
  t.notOk(ended)
  readAgain(stopped)
  await until('all is read', () => heard === 'acb' && ended)
  stopped.destroy()
  await until('it is closed', () => stopped.closed)
  stopReading(stopped)
  readAgain(stopped)
  other.destroy()
  server.close()
})
