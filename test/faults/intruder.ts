// F13: a hostile peer, in its own process: it sends what is no HTTP, no WebSocket, no JSON, no message, too
// long, too early, under a wrong secret; and opens connections that never say a word. It reports how each of
// its connections ended. Ends when its parent does.

import { frame, HostilePeer, hello, RawPeer, upgradeRequest } from '../fixtures/hostile-peer.ts'
import { pause } from '../fixtures/real-pause.ts'

export interface Intrusion {
  /** Servers; each is attacked in every way. */
  readonly urls: readonly string[]
  readonly secret: string
  /** Connections at each server that stay open and say nothing. */
  readonly silent: number
}

export interface Ending {
  readonly url: string
  readonly what: string
  /** The close number, HTTP status or error code that it received; null: none in time. */
  readonly got: string | null
}

const { urls, secret, silent } = JSON.parse(process.argv[2] as string) as Intrusion
const withinMs = 8_000
const noise = () => Buffer.from(Array.from({ length: 2_000 }, () => Math.floor(Math.random() * 256)))

type Attack = (url: string) => Promise<string>

/** What it sends as bytes; a close without an answer counts as an answer. */
const raw =
  (write: (peer: RawPeer) => Promise<void> | void): Attack =>
  async url => {
    const peer = new RawPeer(url)
    await write(peer)
    await peer.ended()
    return peer.close === null ? peer.text.split('\r\n')[0] || 'closed' : String(peer.close)
  }

const spoken =
  (say: (peer: HostilePeer) => void): Attack =>
  async url => {
    const peer = await HostilePeer.connect(url)
    say(peer)
    const { error, close } = await peer.ended()
    return error ?? String(close)
  }

/** As above, but after a correct hello. */
const trusted = (text: string): Attack =>
  spoken(peer => {
    peer.say(hello({ kind: 'client', name: 'intruder' }, { secret }))
    peer.socket.send(text)
  })

const attacks: Record<string, Attack> = {
  'noise instead of HTTP': raw(peer => peer.write(noise())),
  'a header without end': raw(peer => peer.write(`GET / HTTP/1.1\r\nX: ${'x'.repeat(100_000)}`)),
  'noise instead of frames': raw(async peer => {
    await peer.upgrade()
    peer.write(frame(0xff, noise()))
  }),
  'an unmasked frame': raw(async peer => {
    await peer.upgrade()
    peer.write(frame(0x81, '[]', false))
  }),
  'a frame of 4 GB': raw(peer => {
    const head = Buffer.from([0x81, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4])
    peer.write(upgradeRequest())
    peer.write(head)
  }),
  'no JSON': spoken(peer => peer.socket.send('[["hello",')),
  'a wrong secret': spoken(peer => peer.say(hello(undefined, { secret: 'wrong' }))),
  'no secret': spoken(peer => peer.say(hello())),
  'a call before the hello': spoken(peer => peer.say(['acquire', 1, ['x'], 'exclusive', 'wait', null])),
  'a frame of 5 MB': spoken(peer => peer.socket.send(`["${'x'.repeat(5_000_000)}"]`)),
  'an unknown message': trusted('[["conquer", 1]]'),
  'a malformed message': trusted('[["acquire", -1, "x"]]'),
  'a call without a session': trusted('[["acquire", 1, ["x"], "exclusive", "wait", null]]'),
  '50,000 nested arrays': trusted('['.repeat(50_000) + ']'.repeat(50_000)),
}

async function attempt(url: string, what: string): Promise<Ending> {
  const attack = (attacks[what] as Attack)(url).catch(error => String(error))
  const got = await Promise.race([attack, pause(withinMs, null)])
  return { url, what, got }
}

process.on('disconnect', () => process.exit(0))
for (const url of urls) for (let i = 0; i < silent; i++) new RawPeer(url)
const endings: Ending[] = []
for (const url of urls)
  endings.push(...(await Promise.all(Object.keys(attacks).map(what => attempt(url, what)))))
process.send?.(endings)
