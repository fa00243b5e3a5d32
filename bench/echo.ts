// The limit: the same pairs against a server that only sends each frame back. Messages travel in batches, a
// turn's worth in a frame; nothing is checked, replicated or kept.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { WebSocket } from 'ws'
import type { Service, Target } from './target.ts'

const serverFile = fileURLToPath(new URL('echo-server.js', import.meta.url))
/** As many as a Holdfast frame holds. */
const batchMax = 128

export async function echoServer(): Promise<Service> {
  const child = fork(serverFile)
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  return {
    name: 'WebSocket echo',
    target: 'echo.js',
    address: `ws://127.0.0.1:${port}`,
    processes: [{ role: 'server', pid: child.pid ?? 0 }],
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL')
    },
  }
}

type Call = readonly [verb: string, number: number, key: string]

class Echo implements Target<string> {
  readonly #socket: WebSocket
  #calls: Call[] = []
  readonly #waiting: (() => void)[] = []
  #first = 0
  #next = 0

  constructor(socket: WebSocket) {
    this.#socket = socket
    socket.on('message', data => this.#receive(JSON.parse(String(data))))
  }

  async acquire(key: string): Promise<string> {
    await this.#call('acquire', key)
    return key
  }

  async release(key: string): Promise<void> {
    await this.#call('release', key)
  }

  async close(): Promise<void> {
    this.#socket.terminate()
  }

  #call(verb: string, key: string): Promise<void> {
    if (this.#calls.length === 0) setImmediate(() => this.#flush())
    this.#calls.push([verb, this.#next++, key])
    if (this.#calls.length >= batchMax) this.#flush()
    return new Promise(resolve => this.#waiting.push(resolve))
  }

  #flush(): void {
    if (this.#calls.length === 0) return
    this.#socket.send(JSON.stringify(this.#calls))
    this.#calls = []
  }

  /** Every message comes back in the order in which it went out. */
  #receive(calls: readonly Call[]): void {
    for (const _ of calls) this.#waiting[this.#first++]?.()
    if (this.#first * 2 < this.#waiting.length) return
    this.#waiting.splice(0, this.#first)
    this.#first = 0
  }
}

export async function connect(address: string): Promise<Target<string>> {
  const socket = new WebSocket(address, { perMessageDeflate: false })
  await once(socket, 'open')
  return new Echo(socket)
}
