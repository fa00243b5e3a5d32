// Sockets of Node and of pages, and what a dial makes of them, with simulated sockets and timers: what is held, paused,
// closed and given up. Real sockets are in wire-connection and edge-sockets.

import { mock } from 'node:test'
import t from 'tap'
import type { WebSocket } from 'ws'
import type { Runtime } from '../wire/net/runtime.ts'
import type { SocketHandlers } from '../wire/net/socket.ts'
import type { PageSocket } from '../wire/net/web-socket.ts'

// The sockets keep the timers of the time at which they are loaded.
mock.timers.enable({ apis: ['setTimeout'] })
t.teardown(() => mock.timers.reset())
const { dial, helloOf } = await import('../wire/net/dial.ts')
const { runtime: pageRuntime } = await import('../wire/net/runtime-web.ts')
const { WebSocketOfPage } = await import('../wire/net/web-socket.ts')
const { WsSocket } = await import('../wire/net/ws-socket.ts')

function wsSocket() {
  const said: string[] = []
  const says = (word: string) => () => void said.push(word)
  const ws = { pause: says('pause'), resume: says('resume'), close: says('close'), terminate: says('cut') }
  return { said, socket: new WsSocket(ws as unknown as WebSocket) }
}

t.test('B7: what is paused for one reason stays paused when the other is over', async t => {
  const { said, socket } = wsSocket()
  socket.hold(true)
  socket.pause()
  socket.hold(false)
  t.equal(said.at(-1), 'pause')
  socket.hold(true)
  socket.unpause()
  t.equal(said.at(-1), 'pause')
  socket.hold(false)
  t.equal(said.at(-1), 'resume')
})

t.test('B4: a peer that does not answer a close is cut', async t => {
  const { said, socket } = wsSocket()
  socket.close(1000, '')
  t.same(said, ['close'])
  mock.timers.tick(60_000)
  t.same(said, ['close', 'cut'])
})

const deaf: SocketHandlers = { opened() {}, received() {}, receivedBinary() {}, closed() {} }

t.test('a page gives up a connection that does not open in time, and keeps one that does', async t => {
  for (const opens of [false, true]) {
    let closed = 0
    const page = { readyState: 0, bufferedAmount: 0, close: () => void closed++ } as PageSocket
    new WebSocketOfPage(page, 5_000).hear(deaf)
    if (opens) page.onopen?.()
    mock.timers.tick(60_000)
    t.equal(closed, opens ? 0 : 1)
  }
})

t.test('a timer of a page that is cancelled does not fire', async t => {
  let fired = 0
  pageRuntime.cancel(pageRuntime.after(10, () => fired++))
  pageRuntime.after(10, () => fired++)
  mock.timers.tick(20)
  t.equal(fired, 1)
})

t.test('V7: a dial is refused only if every address of the name has refused it', async t => {
  const refused = Object.assign(new Error('no'), { code: 'ECONNREFUSED' })
  const late = Object.assign(new Error('late'), { code: 'ETIMEDOUT' })
  for (const [error, expected] of [
    [refused, true],
    [new AggregateError([refused, refused]), true],
    [new AggregateError([refused, late]), false],
    [new AggregateError([]), false],
    [late, false],
    [undefined, false],
  ] as const) {
    let handlers = deaf
    const hear = (to: SocketHandlers) => {
      handlers = to
    }
    const socket = { open: false, bufferedAmount: 0, hear }
    const runtime = { openSocket: () => socket, afterTurn() {} } as unknown as Runtime
    const found: boolean[] = []
    const failed = (is: boolean) => void found.push(is)
    dial('ws://a:1', helloOf(null, null, { kind: 'probe' }), { messages() {}, closed() {}, failed }, runtime)
    handlers.closed(1006, '', error)
    t.same(found, [expected], String(error))
  }
})
