// A TCP proxy in front of one server, in its own process. It delays what it passes on, in order; cuts
// connections at any byte; and what a cut client had sent may still arrive after its next connection.
// It knows nothing of WebSocket or of messages. Ends when its parent does.

import { connect, createServer, type Socket } from 'node:net'
import { pause } from '../fixtures/real-pause.ts'

export interface ProxyOptions extends Proxied {
  readonly host: string
  readonly port: number
  readonly targetPort: number
}

/** What the proxy does to connections; it can change at any time. */
export interface Proxied {
  /** Each piece waits for a time up to this. */
  readonly delayMs: number
  /** A connection is cut after about this many bytes; 0: never. */
  readonly cutAfterBytes: number
}

const { host, port, targetPort, ...given } = JSON.parse(process.argv[2] as string) as ProxyOptions
let { delayMs, cutAfterBytes } = given as Proxied
let cuts = 0

/** Passes on in order, each piece after its delay; `end` comes after all of them. */
class Delayed {
  readonly #to: Socket
  #last: Promise<void> = Promise.resolve()

  constructor(to: Socket) {
    this.#to = to
  }

  pass(data: Buffer): void {
    const due = performance.now() + Math.random() * delayMs
    this.#last = this.#last
      .then(() => pauseUntil(due))
      .then(() => {
        if (!this.#to.destroyed) this.#to.write(data)
      })
  }

  end(): void {
    void this.#last.then(() => this.#to.destroy())
  }
}

function pauseUntil(due: number): Promise<void> {
  const ms = due - performance.now()
  return ms <= 0 ? Promise.resolve() : pause(ms)
}

/** How much of it still gets through: all, or up to any byte. */
function lengthThrough(data: Buffer): number {
  const isCut = cutAfterBytes > 0 && Math.random() < data.length / cutAfterBytes
  return isCut ? Math.floor(Math.random() * data.length) : data.length
}

function onConnection(client: Socket): void {
  const server = connect({ host, port: targetPort, noDelay: true })
  const toServer = new Delayed(server)
  const toClient = new Delayed(client)
  const relay = (to: Delayed) => (data: Buffer) => {
    if (client.destroyed) return
    const through = lengthThrough(data)
    to.pass(data.subarray(0, through))
    if (through === data.length) return
    cuts++
    // The client sees the end now; what it had sent is still on its way, and so is the end.
    client.resetAndDestroy()
  }
  client.on('data', relay(toServer))
  server.on('data', relay(toClient))
  client.on('error', () => {}).on('close', () => toServer.end())
  server.on('error', () => {}).on('close', () => toClient.end())
}

process.on('message', (change: Proxied) => {
  delayMs = change.delayMs
  cutAfterBytes = change.cutAfterBytes
  process.send?.({ cuts })
})
process.on('disconnect', () => process.exit(0))
createServer({ noDelay: true }, onConnection).listen(port, host, () => process.send?.({ cuts }))
