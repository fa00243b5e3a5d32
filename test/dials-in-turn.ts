// A5: many dials with TLS in one process: few are in their handshake at a time, the newest goes first, and one that gives up while
// it waits costs nothing. By hand, without a network.

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
  const dial = (name: string, address = 'wss://a'): Socket => {
    const socket = turns.open(address, () => {
      dialled.push(name)
      const made = new HandSocket()
      sockets.set(name, made)
      return made
    })
    socket.hear({
      opened: () => void heard.push(`${name} opened`),
      received: text => void heard.push(`${name} ${text}`),
      receivedBinary: () => {},
      closed: () => void heard.push(`${name} closed`),
    })
    return socket
  }
  const at = (name: string) => sockets.get(name) as HandSocket
  return { dial, dialled, heard, at }
}

t.test('two at a time, then the newest first; a handshake that is done or has failed makes room', async t => {
  const { dial, dialled, heard, at } = stage(2)
  for (const name of ['a', 'b', 'c', 'd', 'e']) dial(name)
  t.strictSame(dialled, ['a', 'b'])
  at('a').opens()
  t.strictSame(dialled, ['a', 'b', 'e'])
  at('a').ends()
  t.strictSame(dialled, ['a', 'b', 'e'], 'its room was given away once')
  at('b').ends()
  t.strictSame(dialled, ['a', 'b', 'e', 'd'])
  t.strictSame(heard, ['a opened', 'a closed', 'b closed'])
})

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
