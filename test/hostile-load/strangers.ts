// Attacks by strangers who don't know the secret, and by false servers: big hellos, held bytes, bare sockets,
// guesses, and invented addresses.

import { type AddressInfo, createServer } from 'node:net'
import { wireVersion } from '../../wire/version.ts'
import { until } from '../fixtures/deadline.ts'
import { HostilePeer, newId, RawPeer } from '../fixtures/hostile-peer.ts'
import { pause } from '../fixtures/real-pause.ts'
import { idleHello } from '../fixtures/said.ts'
import { frameOf, helloOf } from './member.ts'
import type { Outcome, Scenario, Target } from './scenario.ts'

const frameBytes = 4 * 1_024 * 1_024

/** An error on one of these sockets affects only that socket. */
const ignore = () => undefined

async function bigHellos({ primary, backup, idle, seconds }: Target): Promise<Outcome> {
  const text = '['.repeat(frameBytes / 2) + ']'.repeat(frameBytes / 2)
  const end = performance.now() + seconds * 1_000
  let frames = 0
  const stranger = async (url: string) => {
    while (performance.now() < end && frames < 1_000) {
      const peer = await HostilePeer.connect(url)
      peer.socket.send(text)
      frames++
      await peer.ended()
    }
  }
  const urls = [primary, primary, backup, idle]
  await Promise.all(urls.map(url => stranger(url).catch(ignore)))
  return { remark: `${frames} hellos of 4 MiB` }
}

async function nearlyWhole({ primary, seconds }: Target): Promise<Outcome> {
  const part = frameOf('['.repeat(frameBytes)).subarray(0, -1)
  const strangers: RawPeer[] = []
  for (let i = 0; i < 150; i++) {
    const peer = new RawPeer(primary)
    await Promise.race([peer.upgrade().catch(ignore), pause(1_000)])
    peer.write(part)
    strangers.push(peer)
  }
  await pause(seconds * 1_000)
  for (const { socket } of strangers) socket.destroy()
  return { remark: '150 held 4 MiB less a byte' }
}

const sockets = 600

async function bareSockets({ view, ready, seconds }: Target): Promise<Outcome> {
  const end = performance.now() + 1_000 + seconds * 1_000
  let opened = 0
  const hold = async () => {
    while (performance.now() < end && opened < 100_000) {
      const peer = new RawPeer(view)
      opened++
      await Promise.race([peer.ended(), pause(4_000)])
      peer.socket.destroy()
      await pause(1)
    }
  }
  const all = Array.from({ length: sockets }, hold)
  await until('all are at it', () => opened >= sockets)
  await ready()
  await Promise.all(all)
  return { remark: `${opened} sockets, ${sockets} at a time` }
}

/** How many wrong secrets per second one address may try. */
const guessesMax = 200

async function wrongSecrets({ primary, seconds }: Target): Promise<Outcome> {
  const end = performance.now() + seconds * 1_000
  let guesses = 0
  const guess = async () => {
    while (performance.now() < end) {
      const peer = await HostilePeer.connect(primary)
      peer.say(helloOf(`wrong ${guesses}`))
      if ((await Promise.race([peer.ended(), pause(1_000)])) !== undefined) guesses++
      peer.leave()
    }
  }
  await Promise.all(Array.from({ length: 16 }, () => guess().catch(ignore)))
  const each = Math.round(guesses / seconds)
  const wrong = each > guessesMax ? [`${each} guesses a second, not ${guessesMax}`] : []
  return { remark: `${each} guesses a second`, wrong }
}

/** How many dials per second may go to addresses that hellos invent. */
const dialsMax = 200

async function simulatedServers({ view, secret, seconds, ready }: Target): Promise<Outcome> {
  let dials = 0
  const silent = createServer(socket => {
    dials++
    socket.on('error', ignore)
  }).listen(0, '127.0.0.1')
  await new Promise(resolve => silent.once('listening', resolve))
  const { port } = silent.address() as AddressInfo
  const all = await Promise.all(
    Array.from({ length: 1_000 }, (_, i) =>
      HostilePeer.connect(view).then(peer => {
        const address = `ws://127.0.0.1:${port}/${i}`
        const from = idleHello(newId(), address)
        peer.say(['hello', wireVersion, null, secret, from])
        return peer
      }, ignore),
    ),
  )
  await pause(1_000)
  dials = 0
  await ready()
  await pause(seconds * 1_000)
  const each = Math.round(dials / seconds)
  for (const peer of all) peer?.leave()
  silent.close()
  const wrong = each > dialsMax ? [`${each} dials a second, not ${dialsMax}`] : []
  return { remark: `${each} dials a second`, wrong }
}

export const strangerScenarios: readonly Scenario[] = [
  {
    name: 'big hellos',
    rules: 'B3',
    does: 'four strangers say hello with 4 MiB of nested arrays, in a loop, at all lock servers',
    setting: { secret: true },
    short: true,
    attack: bigHellos,
  },
  {
    name: 'nearly whole hellos',
    rules: 'B4',
    does: '150 strangers send 4 MiB less a byte, and hold that',
    setting: { secret: true },
    short: true,
    attack: nearlyWhole,
  },
  {
    name: 'bare sockets',
    rules: 'B3 B6',
    does: '600 sockets without a handshake at a view server with 256 files; then the primary dies',
    setting: { secret: true, viewFiles: 256 },
    death: true,
    short: true,
    attack: bareSockets,
  },
  {
    name: 'wrong secrets',
    rules: 'B3',
    does: '16 strangers guess the secret at speed',
    setting: { secret: true },
    attack: wrongSecrets,
  },
  {
    name: 'simulated lock servers',
    rules: 'B3',
    does: '1,000 hellos of lock servers whose address accepts and says nothing; then the primary dies',
    death: true,
    attack: simulatedServers,
  },
]
