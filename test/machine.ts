// The simulated machine and its network, with the properties that the cores' drivers rely on:
// what comes first after a freeze, which timers fire when, and how a connection begins and ends.

import t from 'tap'
import type { Socket } from '../wire/net/socket.ts'
import { type Clocks, Machine, sameClocks } from './fixtures/machine.ts'
import { Network } from './fixtures/network.ts'

/** A process that notes all its inputs. */
class Noting extends Machine {
  readonly kind = 'lockserver'
  readonly address: string
  readonly notes: string[] = []
  socket: Socket | null = null

  constructor(network: Network, name: string, clocks: Clocks = sameClocks, turnMs = 0) {
    super(network, name, clocks, { chance: () => 0, newId: () => name, turnMs: () => turnMs })
    this.address = `ws://${name}`
    network.join(this)
  }

  accept(socket: Socket): void {
    this.notes.push('accepted')
    this.listenTo(socket)
  }

  dial(address: string): this {
    this.listenTo(this.openSocket(address))
    return this
  }

  listenTo(socket: Socket): void {
    this.socket = socket
    socket.hear({
      opened: () => this.notes.push('opened'),
      received: text => this.notes.push(text),
      receivedBinary() {},
      closed: (code, _reason, error) => this.notes.push(`closed ${error?.message ?? code}`),
    })
  }

  note(what: string): () => void {
    return () => this.notes.push(what)
  }

  startAgain(): void {
    this.reborn()
  }

  take(): string[] {
    return this.notes.splice(0)
  }
}

/** Two connected processes. Frames between them are no messages, and nothing checks them. */
function pair(turnMs = 0) {
  const network = new Network()
  const b = new Noting(network, 'b', sameClocks, turnMs)
  const a = new Noting(network, 'a').dial(b.address)
  network.run(1)
  for (const one of [a, b]) Object.defineProperty(one, 'hostile', { value: true })
  t.strictSame([a.take(), b.take()], [['opened'], ['accepted']])
  return { network, a, b }
}

t.test('V7: after a freeze the open turn ends first, then timers fire, then sockets are read', async t => {
  const { network, a, b } = pair(2)
  b.afterTurn(b.note('turn'))
  b.after(10, b.note('second timer'))
  b.after(5, () => {
    b.note('first timer')()
    b.afterTurn(b.note('next turn'))
  })
  b.freeze()
  a.socket?.send('frame')
  network.run(100)
  t.strictSame(b.take(), [], 'nothing happens to it')
  b.thaw()
  network.run(0)
  t.strictSame(b.take(), ['turn', 'first timer', 'second timer', 'frame'])
  network.run(2)
  t.strictSame(b.take(), ['next turn'])
})

t.test(
  'what one turn plans for its end happens together, and what that plans happens in another turn',
  async t => {
    const network = new Network()
    const one = new Noting(network, 'one', sameClocks, 2)
    one.afterTurn(() => {
      one.note('first')()
      one.afterTurn(one.note('third'))
    })
    network.run(1)
    one.afterTurn(one.note('second'))
    network.run(1)
    t.strictSame([one.take(), one.turns], [['first', 'second'], 1])
    network.run(2)
    t.strictSame([one.take(), one.turns], [['third'], 2])
  },
)

t.test('a timer goes by the clock of its machine, which stands still while that is suspended', async t => {
  const network = new Network()
  const slow = new Noting(network, 'slow', { rate: 0.5, monotonicMs: 77, wallMs: 0 })
  const began = slow.monotonic()
  slow.after(10.9, slow.note('rang'))
  network.run(19.9)
  t.strictSame(slow.take(), [], 'Node cuts it to whole milliseconds, and it is not early')
  slow.suspend()
  network.run(1_000)
  slow.thaw()
  network.run(0.05)
  t.strictSame(slow.take(), [], 'nor after the suspension')
  network.run(0.1)
  t.strictSame(slow.take(), ['rang'])
  t.ok(slow.monotonic() - began >= 10)
})

t.test('a cancelled timer is silent, and so are all of a process that is gone', async t => {
  const network = new Network()
  const one = new Noting(network, 'one')
  one.cancel(one.after(5, one.note('cancelled')))
  one.after(5, one.note('of the last process'))
  one.afterTurn(one.note('its turn'))
  one.kill()
  one.startAgain()
  one.after(5, one.note('of this one'))
  network.run(10)
  t.strictSame(one.take(), ['of this one'])
})

t.test(
  'a process that starts again is awake, though its machine was suspended when the last one died',
  async t => {
    const network = new Network()
    const one = new Noting(network, 'one')
    one.suspend()
    network.run(10)
    one.kill()
    one.startAgain()
    const began = one.monotonic()
    network.run(5)
    t.equal(one.monotonic() - began, 5)
  },
)

t.test(
  'F13: a connection that is closed in order tells both ends the code, behind all that was sent',
  async t => {
    const { network, a, b } = pair()
    a.socket?.send('last words')
    a.socket?.close(4401, 'why')
    t.notOk(a.socket?.open)
    network.run(1)
    t.strictSame([a.take(), b.take()], [['closed 4401'], ['last words', 'closed 4401']])
  },
)

t.test('a connection whose peer does not answer the close is cut after a second', async t => {
  const { network, a, b } = pair()
  network.block(b, a)
  a.socket?.close(1000, '')
  network.run(999)
  t.strictSame(a.take(), [])
  network.run(2)
  t.strictSame([a.take(), b.take()], [['closed 1006'], ['closed 1006']])
})

t.test(
  'F4: an address where no process listens refuses; a machine that is not reached says nothing for 5 s',
  async t => {
    const { network, a, b } = pair()
    b.kill()
    network.run(1)
    t.strictSame(a.take(), ['closed 1006'], 'the end of a process is heard of')
    a.dial(b.address)
    network.run(1)
    t.strictSame(a.take(), ['closed connect ECONNREFUSED'])
    network.cutOff(a, b)
    a.dial(b.address)
    network.run(4_999)
    t.strictSame(a.take(), [])
    network.run(2)
    t.strictSame(a.take(), ['closed 1006'])
    t.throws(() => a.openSocket('nowhere'), /is no address/)
  },
)

t.test('bytes that a peer does not take are counted until they leave', async t => {
  const { network, a, b } = pair()
  network.block(a, b)
  a.socket?.send('12345')
  a.socket?.send('678')
  t.equal(a.socket?.bufferedAmount, 8)
  network.heal(a, b)
  t.equal(a.socket?.bufferedAmount, 0)
  network.run(1)
  t.strictSame(b.take(), ['12345', '678'])
})
