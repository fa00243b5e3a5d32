// A5: many dials with TLS in one process: few are in their handshake at a time, whoever has least time goes first, and one that
// gives up while it waits costs nothing. By hand, without a network.

import t from 'tap'
import { DialsInTurn } from '../wire/net/dials-in-turn.ts'
import type { Socket, SocketHandlers } from '../wire/net/socket.ts'

/** A dial that a test lets come about. */
class HandSocket implements Socket {
  handlers: SocketHandlers | undefined
  open = false
  readonly bufferedAmount = 0
  readonly said: string[] = []

  hear(handlers: SocketHandlers): void {
    this.handlers = handlers
  }

  opens(): void {
    this.open = true
    this.handlers?.opened()
  }

  ends(): void {
    this.handlers?.closed(1006, '', undefined)
  }

  send(text: string): void {
    this.said.push(text)
  }

  close(): void {
    this.said.push('close')
  }

  cut(): void {
    this.said.push('cut')
  }
}

function stage(atOnce: number) {
  const turns = new DialsInTurn(atOnce)
  const dialled: string[] = []
  const heard: string[] = []
  const sockets = new Map<string, HandSocket>()
  const onWaits = new Map<string, () => void>()
  const dial = (name: string, address = 'wss://a', hurryAt = 0): Socket => {
    const socket = turns.open(address, hurryAt, () => {
      dialled.push(name)
      const made = new HandSocket()
      sockets.set(name, made)
      return made
    })
    socket.hear({
      waits: waits => {
        heard.push(`${name} ${waits ? 'waits' : 'waits no more'}`)
        onWaits.get(name)?.()
      },
      opened: () => void heard.push(`${name} opened`),
      received: text => void heard.push(`${name} ${text}`),
      receivedBinary: () => {},
      closed: () => void heard.push(`${name} closed`),
    })
    return socket
  }
  const at = (name: string) => sockets.get(name) as HandSocket
  return { dial, dialled, heard, at, onWaits }
}

t.test('two at a time, then in their order; a handshake that is done or has failed makes room', async t => {
  const { dial, dialled, heard, at } = stage(2)
  for (const name of ['a', 'b', 'c', 'd', 'e']) dial(name)
  t.strictSame(dialled, ['a', 'b'])
  at('a').opens()
  t.strictSame(dialled, ['a', 'b', 'c'])
  at('a').ends()
  t.strictSame(dialled, ['a', 'b', 'c'], 'its room was given away once')
  at('b').ends()
  t.strictSame(dialled, ['a', 'b', 'c', 'd'])
  t.strictSame(heard, ['a opened', 'a closed', 'b closed'])
})

t.test('S4: of those that wait the one whose lease ends first is the first', async t => {
  const { dial, dialled, at } = stage(1)
  dial('a')
  for (const [name, hurryAt] of [
    ['rests', Number.POSITIVE_INFINITY],
    ['late', 9_000],
    ['soon', 2_000],
    ['soon, too', 2_000],
  ] as const)
    dial(name, 'wss://a', hurryAt)
  for (const name of ['a', 'soon', 'soon, too', 'late']) at(name).opens()
  t.strictSame(dialled, ['a', 'soon', 'soon, too', 'late', 'rests'])
})

t.test(
  'one that has to wait is told so, and that it waits no more; one that need not is told nothing',
  async t => {
    const { dial, dialled, heard, at, onWaits } = stage(1)
    dial('a')
    const b = dial('b')
    dial('c')
    t.strictSame(heard, [], 'not before the dial is known')
    await Promise.resolve()
    t.strictSame(heard, ['b waits', 'c waits'])
    onWaits.set('b', () => b.cut())
    at('a').ends()
    t.strictSame(heard.slice(2), ['b waits no more', 'c waits no more', 'a closed'])
    t.strictSame(dialled, ['a', 'c'], 'one that gives up when its turn comes is not dialled')
  },
)

t.test('one that gives up while it waits is never dialled, and hears nothing', async t => {
  const { dial, dialled, heard, at } = stage(1)
  dial('a')
  const [b, c] = [dial('b'), dial('c')]
  c.cut()
  c.cut()
  b.close(1000, 'not wanted')
  dial('d')
  at('a').opens()
  t.strictSame(dialled, ['a', 'd'])
  at('d').ends()
  t.strictSame(dialled, ['a', 'd'])
  t.strictSame(heard, ['a opened', 'd closed'])
})

t.test('once dialled it is the socket that was dialled', async t => {
  const { dial, at, heard } = stage(1)
  const socket = dial('a')
  const waits = dial('b')
  t.equal(waits.open, false)
  t.equal(waits.bufferedAmount, 0)
  waits.pause?.()
  at('a').opens()
  t.ok(socket.open)
  socket.send('x')
  at('a').handlers?.received('y')
  socket.close(1000, '')
  socket.cut()
  t.strictSame(at('a').said, ['x', 'close', 'cut'])
  t.strictSame(heard, ['a opened', 'a y'])
})

t.test('an address that is silent holds up no other', async t => {
  const { dial, dialled, at } = stage(1)
  dial('a')
  dial('b')
  dial('c', 'wss://b')
  t.strictSame(dialled, ['a', 'c'])
  at('c').opens()
  dial('d', 'wss://b')
  t.strictSame(dialled, ['a', 'c', 'd'])
})
