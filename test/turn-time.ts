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
  readonly #runtime: ByHand
  readonly open = true
  /** What a frame takes. */
  sendMs = 0
  onSend: () => void = () => {}
  readonly bufferedAmount = 0
  readonly sent: Message[][] = []
  reading = true
  closedWith: number | null = null
  peer: SocketHandlers | undefined

  constructor(runtime: ByHand) {
    this.#runtime = runtime
  }

  hear(handlers: SocketHandlers): void {
    this.peer = handlers
  }

  send(text: string): void {
    this.#runtime.ms += this.sendMs
    this.onSend()
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
    const socket = new HeardSocket(runtime)
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
  return { runtime, turn, seen, much: peerOf('much'), little: peerOf('little') }
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
    const after = ['little 1', 'little waits no more', 'much 3', 'much waits no more']
    t.same(seen.splice(0), after, 'much is behind it now, and each of the two is owed a piece')
    t.same([much.socket.reading, little.socket.reading], [true, true])
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
    host: null,
    pid: null,
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
  t.same([sent(), told], [[], 0], 'this turn has no time for it')
  connection.close('OUT_OF_ORDER', 'enough')
  t.equal(socket.closedWith, null)
  socket.sendMs = 10
  for (let turns = 0; socket.closedWith === null && turns < 9; turns++) {
    t.equal(socket.sent.length, turns, 'one frame in each turn')
    runtime.nextTurn()
  }
  t.same(sent(), [1, 2, 3, 4, 'OUT_OF_ORDER'])
  t.same([told, socket.closedWith], [1, 4437])
})

const sentBy = ({ socket }: { readonly socket: HeardSocket }) => socket.sent.flat().map(([kind]) => kind)

t.test('B1: a turn that is over sends in the next one, before more is read', async t => {
  const { runtime, seen, much, little } = stage()
  much.says(1)
  much.says(2)
  little.connection.send(['echoed', 1])
  little.connection.flush()
  t.same([sentBy(little), seen.splice(0)], [[], ['much 1', 'much waits']])
  little.socket.sendMs = 10
  little.socket.onSend = () => seen.push('little is told')
  runtime.nextTurn()
  t.same(seen, ['little is told', 'much 2', 'much waits no more'], 'one piece of each')
})

t.test('B1: what comes while others wait is read behind them, though there is time', async t => {
  const { runtime, seen, much, little } = stage()
  much.says(1)
  much.says(2)
  little.says(1)
  runtime.nextTurn()
  seen.length = 0
  much.says(3)
  t.same(seen, ['much waits'])
  runtime.nextTurn()
  runtime.nextTurn()
  t.same(seen, ['much waits', 'little 1', 'little waits no more', 'much 3', 'much waits no more'])
})

t.test('B1: what is due goes out in the order in which it came, over as many turns as it takes', async t => {
  const { runtime, much, little } = stage()
  much.says(1)
  for (const { connection, socket } of [much, little]) {
    socket.sendMs = 10
    connection.send(['echoed', 1])
    connection.flush()
  }
  runtime.nextTurn()
  t.same([sentBy(much), sentBy(little)], [['echoed'], []])
  runtime.nextTurn()
  t.same([sentBy(much), sentBy(little)], [['echoed'], ['echoed']])
})

t.test('B1, B7: what took long the last time waits behind what did not', async t => {
  const { runtime, seen, much, little } = stage()
  for (const number of [1, 2, 3, 4]) much.says(number)
  runtime.nextTurn()
  little.says(1)
  seen.length = 0
  runtime.nextTurn()
  t.same(seen, ['little 1', 'little waits no more', 'much 3'])
})

t.test(
  'B1, B7: the rest of what is large waits behind what others ask, and is done in each turn',
  async t => {
    const runtime = new ByHand()
    const turn = new TurnTime(runtime)
    const seen: string[] = []
    const piece = (name: string, ms: number, large: boolean) => ({
      large,
      goOn() {
        seen.push(name)
        runtime.ms += ms
        return large
      },
    })
    turn.later(piece('much', 0.5, true))
    turn.later(piece('little', 10, false))
    runtime.nextTurn()
    t.same(seen, ['little', 'much'])
  },
)

t.test('B1: a turn that someone has opened has all of its time, and no more, until its end', async t => {
  const { runtime, seen, much, little, turn } = stage()
  const said = ['much 1', 'much waits', 'little waits']
  turn.open()
  much.says(1)
  much.says(2)
  little.says(1)
  runtime.nextTurn()
  t.same(seen.splice(0), [...said, 'much 2', 'much waits no more'], 'one piece, since it is over')
  little.connection.send(['echoed', 0])
  little.connection.flush()
  t.same(little.socket.sent, [], 'nor is there time to send')
  turn.end()
  runtime.nextTurn()
  t.same(seen.splice(0), ['little 1', 'little waits no more'])
})

t.test('R5: what is closed at once sends one frame and the reason in the turn that is over', async t => {
  const { much } = stage()
  const { connection, socket } = much
  let told = 0
  much.says(1)
  for (const number of [1, 2, 3]) connection.send(part(number))
  connection.whenSent(() => told++)
  connection.closeAtOnce('STEPPED_DOWN', 'another server is primary')
  t.same([sentBy(much), socket.closedWith, told], [['locks', 'error'], 4432, 1])
  connection.closeAtOnce('STEPPED_DOWN', 'once more')
  t.same(sentBy(much), ['locks', 'error'])
})

t.test('R5: what was to be closed later is closed at once when all is', async t => {
  const { much } = stage()
  much.says(1)
  much.connection.close('OUT_OF_ORDER', 'enough')
  t.same([sentBy(much), much.socket.closedWith, much.connection.closesLater], [[], null, true])
  much.connection.closeAtOnce('STEPPED_DOWN', 'another server is primary')
  t.same([sentBy(much), much.socket.closedWith], [['error'], 4437])
})
