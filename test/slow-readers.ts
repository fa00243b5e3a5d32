// Clients that read slowly (B4): what is for them waits, in order, until they have read; one that is too slow goes,
// and keeps no other from an answer. On a runtime in memory whose turns and timers are moved by hand.

import t from 'tap'
import { Telling } from '../lockserver/telling.ts'
import { answersStuckMax, readAheadBytesMax, readWithinMs } from '../wire/limits.ts'
import type { Channel, Message } from '../wire/messages.ts'
import { Connection } from '../wire/net/connection.ts'
import { MemoryRuntime } from '../wire/net/memory-runtime.ts'
import type { Timer } from '../wire/net/runtime.ts'
import type { Socket, SocketHandlers } from '../wire/net/socket.ts'
import '../wire/server-channels.ts'

class ByHand extends MemoryRuntime {
  readonly timers = new Map<Timer, { readonly ms: number; readonly run: () => void }>()

  constructor() {
    super(new Map())
  }

  override afterQuietly(ms = 0, run = () => {}): Timer {
    const timer = {}
    this.timers.set(timer, { ms, run })
    return timer
  }

  override cancel(timer?: Timer): void {
    if (timer !== undefined) this.timers.delete(timer)
  }

  fire(): void {
    for (const [timer, { run }] of [...this.timers]) {
      this.timers.delete(timer)
      run()
    }
  }
}

/** All that is sent stays in it until the peer reads. */
class UnreadSocket implements Socket {
  open = true
  bufferedAmount = 0
  readonly sent: Message[] = []
  end: number | 'cut' | null = null
  #drained: (() => void) | null = null

  hear(_handlers: SocketHandlers): void {}

  send(text: string): void {
    this.sent.push(...(JSON.parse(text) as Message[]))
    this.bufferedAmount += text.length
  }

  whenDrained(run: () => void): void {
    this.#drained = run
  }

  read(): void {
    this.bufferedAmount = 0
    const run = this.#drained
    this.#drained = null
    run?.()
  }

  close(code: number): void {
    this.open = false
    this.end = code
  }

  cut(): void {
    this.open = false
    this.end = 'cut'
  }
}

function stage(channel: Channel = 'clientToServer') {
  const runtime = new ByHand()
  const socket = new UnreadSocket()
  const closed: string[] = []
  const waiting: number[] = []
  const limits = { bufferedBytesMax: 16_777_216, sent: (bytes: number) => void waiting.push(bytes) }
  const handlers = { messages() {}, closed: (reason: string) => void closed.push(reason) }
  const connection = new Connection(socket, channel, handlers, true, runtime, limits)
  /** A message that is a frame of its own, and as much as a client is sent ahead of what it reads. */
  const large = (name: string) => {
    connection.send(['error', name, 'x'.repeat(readAheadBytesMax)])
    connection.flush()
  }
  const small = (number: number) => {
    connection.send(['echoed', number])
    connection.flush()
  }
  const sent = () => socket.sent.splice(0).map(message => message[1])
  return { runtime, socket, connection, closed, waiting, large, small, sent }
}

t.test('B4: what is for a client that does not read waits, in order, until it has read', t => {
  const { runtime, socket, large, small, sent } = stage()
  large('A')
  small(1)
  large('B')
  small(2)
  t.same(sent(), ['A'], 'nothing more')
  socket.read()
  t.same(sent(), [1, 'B', 2])
  for (let i = 0; i < 9; i++) socket.read()
  t.equal(runtime.timers.size, 0)
  small(3)
  t.same(sent(), [3])
  t.end()
})

t.test('B4: whoever waits for an answer to be sent learns that it is stuck, once, and when it is sent', t => {
  const { socket, connection, large } = stage()
  const told: string[] = []
  const letters = 'x'.repeat(readAheadBytesMax)
  connection.send(['error', 'A', letters])
  connection.flush()
  connection.send(['error', 'B', letters])
  connection.whenSent(
    () => told.push('first sent'),
    () => told.push('first stuck'),
  )
  connection.flush()
  t.same(told, ['first stuck'])
  large('B')
  connection.whenSent(
    () => told.push('second sent'),
    () => told.push('second stuck'),
  )
  t.same(told.splice(0), ['first stuck', 'second stuck'])
  for (let i = 0; i < 9; i++) socket.read()
  t.same(told, ['first sent', 'second sent'])
  t.end()
})

t.test('B4: a client that has not read for too long is cut', t => {
  const { runtime, socket, connection, closed, large, small } = stage()
  let told = 0
  large('A')
  large('B')
  small(1)
  connection.whenSent(() => told++)
  t.same(
    [...runtime.timers.values()].map(({ ms }) => ms),
    [readWithinMs],
  )
  runtime.fire()
  t.match(closed, ['SLOW_READER'])
  t.same([socket.end, told], ['cut', 1])
  t.end()
})

t.test('B4: a client that reads, however slowly, is not cut', t => {
  const { runtime, socket, closed, large } = stage()
  for (const name of ['A', 'B', 'C', 'D']) large(name)
  for (let i = 0; i < 9; i++) {
    socket.read()
    t.ok(runtime.timers.size <= 1)
  }
  t.same([closed, runtime.timers.size], [[], 0])
  t.end()
})

t.test('B4: messages that wait count for the bound of all connections', t => {
  const { waiting, large, small, socket } = stage()
  large('A')
  large('B')
  waiting.length = 0
  for (let i = 0; i < 1_000; i++) small(i)
  t.ok((waiting.at(-1) ?? 0) >= 1_000 * 100, `${waiting.at(-1)} bytes`)
  for (let i = 0; i < 9; i++) socket.read()
  t.equal(waiting.at(-1), 0)
  t.end()
})

t.test('B4, R5: a client that must read first is closed at once, with the reason', t => {
  const { runtime, socket, connection, large, small } = stage()
  let told = 0
  large('A')
  large('B')
  small(1)
  connection.whenSent(() => told++)
  connection.close('REPLACED', 'enough')
  t.same(socket.sent.at(-1)?.slice(0, 2), ['error', 'REPLACED'])
  t.same([typeof socket.end, told, runtime.timers.size], ['number', 1, 0])
  t.end()
})

t.test('B4: servers are sent all that there is', t => {
  const { large, sent, runtime } = stage('backupToPrimary')
  for (const name of ['A', 'B', 'C']) large(name)
  t.same([sent(), runtime.timers.size], [['A', 'B', 'C'], 0])
  t.end()
})

t.test(
  'B4, B7: an answer that is stuck keeps no other waiting, and the client that waits longest goes',
  t => {
    const telling = new Telling()
    const begin = () => telling.begins()
    begin()
    begin()
    t.equal(telling.busy, 2)
    t.equal(telling.stuck(1), null)
    t.equal(telling.busy, 1)
    telling.ends(2)
    t.equal(telling.busy, 0)
    for (let connection = 3; connection < 3 + answersStuckMax - 1; connection++) {
      begin()
      t.equal(telling.stuck(connection), null)
    }
    begin()
    t.equal(telling.stuck(99), 1, 'one more than may be stuck')
    telling.ends(1)
    begin()
    t.equal(telling.stuck(100), 3)
    begin()
    telling.ends(3)
    t.equal(telling.busy, 1, 'it was the stuck one that ended')
    t.end()
  },
)
