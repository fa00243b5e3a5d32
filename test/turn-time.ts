// The time of a turn (B1): what peers ask beyond it waits, in order, and nothing of it is lost. On a runtime in
// memory whose clock moves only when a test says so.

import t from 'tap'
import type { Message, MessageOf } from '../wire/messages.ts'
import { Connection } from '../wire/net/connection.ts'
import { MemoryRuntime } from '../wire/net/memory-runtime.ts'
import type { Socket, SocketHandlers } from '../wire/net/socket.ts'
import { TurnTime } from '../wire/net/turn-time.ts'
import '../wire/server-channels.ts'

/** Its turns and its clock are moved by hand. */
class ByHand extends MemoryRuntime {
  ms = 0
  #turns: (() => void)[] = []

  constructor() {
    super(new Map())
  }

  override monotonic(): number {
    return this.ms
  }

  override afterTurn(run: () => void): void {
    this.#turns.push(run)
  }

  nextTurn(): void {
    const turns = this.#turns
    this.#turns = []
    for (const run of turns) run()
  }
}

class HeardSocket implements Socket {
  readonly open = true
  readonly bufferedAmount = 0
  readonly sent: Message[][] = []
  reading = true
  closedWith: number | null = null
  peer: SocketHandlers | undefined

  hear(handlers: SocketHandlers): void {
    this.peer = handlers
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text) as Message[])
  }

  pause(): void {
    this.reading = false
  }

  unpause(): void {
    this.reading = true
  }

  close(code: number): void {
    this.closedWith = code
  }

  cut(): void {}
}

/** Two clients of a server at which each message takes 10 ms. */
function stage() {
  const runtime = new ByHand()
  const turn = new TurnTime(runtime)
  const seen: string[] = []
  const peerOf = (name: string) => {
    const socket = new HeardSocket()
    const handlers = {
      messages: (messages: readonly Message[]) => {
        seen.push(`${name} ${messages.map(message => message[1])}`)
        runtime.ms += 10
      },
      waits: (waits: boolean) => void seen.push(`${name} ${waits ? 'waits' : 'waits no more'}`),
      closed: () => void seen.push(`${name} closed`),
    }
    const limits = { bufferedBytesMax: 1_000, turn }
    const connection = new Connection(socket, 'clientToServer', handlers, true, runtime, limits)
    return { socket, connection, says: (n: number) => socket.peer?.received(`[["echo",${n}]]`) }
  }
  return { runtime, seen, much: peerOf('much'), little: peerOf('little') }
}

t.test(
  'B1, F20: a frame that comes when the turn is over waits for the next, behind what others ask',
  async t => {
    const { runtime, seen, much, little } = stage()
    for (const number of [1, 2, 3]) much.says(number)
    little.says(1)
    t.same(seen.splice(0), ['much 1', 'much waits', 'little waits'])
    t.same([much.socket.reading, little.socket.reading], [false, false], 'no more of them is read')
    runtime.nextTurn()
    t.same(seen.splice(0), ['much 2'])
    runtime.nextTurn()
    t.same(seen.splice(0), ['little 1', 'little waits no more'], 'much is behind it now')
    t.same([much.socket.reading, little.socket.reading], [false, true])
    runtime.nextTurn()
    t.same(seen.splice(0), ['much 3', 'much waits no more'])
    t.ok(much.socket.reading)
  },
)

t.test('B1: a client that the core has paused is not read when its frames are', async t => {
  const { runtime, much } = stage()
  much.says(1)
  much.says(2)
  much.connection.pause()
  runtime.nextTurn()
  t.notOk(much.socket.reading)
  much.connection.unpause()
  t.ok(much.socket.reading)
})

t.test('B1, S1: what a client had sent before its connection ended is done before its end', async t => {
  const { runtime, seen, much } = stage()
  much.says(1)
  much.says(2)
  much.socket.peer?.closed(1000, '', undefined)
  t.same(seen.splice(0), ['much 1', 'much waits'])
  runtime.nextTurn()
  t.same(seen.splice(0), ['much 2', 'much waits no more', 'much closed'])
})

t.test('B1: what waits of a connection that the server closes is not heard', async t => {
  const { runtime, seen, much } = stage()
  much.says(1)
  much.says(2)
  much.connection.close('OUT_OF_ORDER', 'enough')
  runtime.nextTurn()
  t.same(seen, ['much 1', 'much waits'])
})

/** A full part of a query's answer. */
function part(number: number): MessageOf<'serverToClient', 'locks'> {
  const held = Array.from({ length: 200 }, (_, i) => ({
    name: `l/${i}`,
    mode: 'shared' as const,
    token: i + 1,
    clientId: '0'.repeat(32),
    clientName: '',
    heldMs: 0,
    terms: null,
  }))
  return ['locks', number, { more: true, cut: false, confirmed: true }, held, []]
}

t.test('B1, F13: the parts of a long answer go out in turns, in order, and the end behind them', async t => {
  const { runtime, much } = stage()
  const { connection, socket } = much
  let told = 0
  for (const number of [1, 2, 3]) connection.send(part(number))
  connection.whenSent(() => told++)
  much.says(0)
  connection.send(['echoed', 4])
  const sent = () => socket.sent.flat().map(message => message[1])
  connection.flush()
  t.same([sent(), told], [[1], 0], 'one frame in any case')
  connection.close('OUT_OF_ORDER', 'enough')
  t.equal(socket.closedWith, null)
  for (let turns = 0; socket.closedWith === null && turns < 9; turns++) {
    runtime.ms += 10
    runtime.nextTurn()
  }
  t.same(sent(), [1, 2, 3, 4, 'OUT_OF_ORDER'])
  t.same([told, socket.closedWith], [1, 4437])
})
