// The client as pages have it: with the runtime that uses the native WebSocket. Node also
// has one, so this needs no browser; npm run test:browser has the pages.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { createContext, runInContext } from 'node:vm'
import { startCluster } from 'holdfast/testing'
import t from 'tap'
import { WebSocket } from 'ws'
import { frameBytesMax } from '../wire/limits.ts'
import type { SocketHandlers } from '../wire/net/socket.ts'
import { type PageSocket, WebSocketOfPage } from '../wire/net/web-socket.ts'
import { bundleForPages } from './package/bundle.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

t.test(
  'F1: a program on the native WebSocket continues through the death of the primary, and ends by itself',
  async t => {
    await using cluster = await startCluster()
    const program = fileURLToPath(new URL('fixtures/page-program.js', import.meta.url))
    const child = fork(program, [cluster.url], {
      execArgv: ['--experimental-websocket', '--conditions=browser', '--disable-warning=ExperimentalWarning'],
      env: { ...process.env, NODE_OPTIONS: '' },
    })
    t.teardown(() => child.kill('SIGKILL'))
    const ended = once(child, 'exit')
    t.same((await once(child, 'message'))[0], 'holds')
    await cluster.killPrimary()
    child.send('go on')
    t.same((await once(child, 'message'))[0], { held: true, newer: true, clientName: 'page' })
    t.same(await ended, [0, null])
  },
)

t.test('the bundle for pages needs nothing but our own code, and evaluates no text', async t => {
  const program = `import { connect } from 'holdfast'; globalThis.connect = connect`
  const { text, inputs, gzipBytes } = await bundleForPages(program, root)
  const paths = inputs.map(([path]) => path)
  t.ok(paths.includes('dist/wire/net/runtime-web.js'))
  t.same(
    paths.filter(path => !/^(dist\/(client|wire)\/|<stdin>)/.test(path)),
    [],
  )
  t.notOk(paths.includes('dist/wire/net/runtime-node.js'))
  t.notMatch(text, /\beval\(|new Function|\bBuffer\b|\bsetImmediate\b|\brequire\(|node:/)
  t.comment(`${(text.length / 1024).toFixed(1)} KB, ${(gzipBytes / 1024).toFixed(1)} KB gzip`)
})

t.test('of its platform the bundle needs only what PLATFORMS lists, each in its oldest form', async t => {
  await using cluster = await startCluster()
  const program = `import { connect } from 'holdfast'; globalThis.connect = connect`
  const { text } = await bundleForPages(program, root)
  // jsdom 20, which Jest 29 has, can't say whether a URL can be parsed.
  class OldUrl extends URL {}
  Object.defineProperty(OldUrl, 'canParse', { value: undefined })
  const listed = {
    ...{ WebSocket, AbortController, DOMException, URL: OldUrl, queueMicrotask },
    crypto: { getRandomValues: (bytes: Uint8Array<ArrayBuffer>) => crypto.getRandomValues(bytes) },
    performance: { now: () => performance.now() },
    ...{ setTimeout, clearTimeout },
  }
  const docs = await readFile(new URL('docs/PLATFORMS.md', pathToFileURL(root)), 'utf8')
  for (const name of Object.keys(listed))
    t.match(docs, new RegExp(`\`${name}[\`.]`), `PLATFORMS lists ${name}`)
  const page = createContext({ ...listed, url: cluster.url })
  runInContext(text, page)
  const work = `(async () => {
    const locks = await connect(url, { name: 'ä page', timeout: 5000 })
    locks.on('lost', () => {}, { signal: new AbortController().signal })
    const lock = await locks.acquire('ö', { permits: { of: 2 }, note: 'ü', holdAtMost: 60000, timeout: 5000 })
    const error = await locks.acquire('ö', { permits: { of: 2, take: 2 }, timeout: 20 }).catch(error => error)
    const ran = await locks.once('once', 'key', {}, () => true)
    const seen = await locks.query()
    await lock.release()
    await locks.request('web', () => {})
    await connect('no URL').catch(error => { wrong = error.message })
    await locks.close()
    return JSON.stringify([error.code, ran, seen.held.length, wrong])
  })()`
  t.match(
    await runInContext(`let wrong; ${work}`, page),
    /^\["TIMEOUT",\{"ran":true,"value":true\},1,"not the URL/,
  )
})

// ---- the socket itself

class MadeUp implements PageSocket {
  readyState = 1
  bufferedAmount = 0
  onopen: PageSocket['onopen'] = null
  onmessage: PageSocket['onmessage'] = null
  onclose: PageSocket['onclose'] = null
  readonly done: unknown[] = []
  send(text: string): void {
    this.done.push(text)
  }
  close(...given: unknown[]): void {
    this.done.push(given)
    this.onclose?.({ code: 1006, reason: '' })
  }
}

function heard(openWithinMs = 60_000): {
  made: MadeUp
  socket: WebSocketOfPage
  said: unknown[]
  over: Promise<void>
} {
  const made = new MadeUp()
  const socket = new WebSocketOfPage(made, openWithinMs)
  const said: unknown[] = []
  const over = new Promise<void>(resolve => {
    const handlers: SocketHandlers = {
      opened: () => said.push('opened'),
      received: text => said.push(text.length),
      receivedBinary: () => said.push('binary'),
      closed: code => {
        said.push(code)
        resolve()
      },
    }
    socket.hear(handlers)
  })
  return { made, socket, said, over }
}

t.test('a page may close with 1000 and codes from 3000 on: other codes are moved there', async t => {
  for (const [code, expected] of [
    [1000, 1000],
    [4438, 4438],
    [1009, 3009],
  ]) {
    const { made, socket } = heard()
    socket.close(code as number, 'why')
    t.same(made.done, [[expected, 'why']])
  }
})

t.test('a frame above the limit ends the connection; a frame that is not text is refused', async t => {
  const { made, said } = heard()
  made.onopen?.()
  made.onmessage?.({ data: '[]' })
  made.onmessage?.({ data: new ArrayBuffer(2) })
  t.same(said, ['opened', 2, 'binary'])
  made.onmessage?.({ data: 'x'.repeat(frameBytesMax + 1) })
  t.same(said, ['opened', 2, 'binary', 1006])
  t.match(made.done, [[3009, /larger/]])
})

t.test('a connection that does not open in time is given up', async t => {
  const { over, said, made } = heard(5)
  await over
  t.same(said, [1006])
  t.same(made.done, [[]])
})
