// What a peer with a client's proof may try on a cluster that is not its own: to take over, to end, to pose as a server,
// to spoil what is recorded. Each row says what it tries and tells in a few words how it was answered; whether there was
// harm is looked at afterwards.

import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { WebSocketServer } from 'ws'
import { until } from '../fixtures/deadline.ts'
import { type Heard, HostilePeer, newId } from '../fixtures/hostile-peer.ts'
import { idlePing } from '../fixtures/idle-ping.ts'
import { idleHello } from '../fixtures/said.ts'
import { client, greet, OwnSession, refusedAs, settled, type Target, Victim, within4s } from './target.ts'

export interface Row {
  readonly name: string
  /** It does no harm even where one secret is everybody's. */
  readonly always?: true
  /** How it was answered; `harm`: what it has got that is no peer's to have. */
  act(target: Target): Promise<{ readonly answer: string; readonly harm?: string }>
}

const most = Number.MAX_SAFE_INTEGER
const answeredPings = 5

export const rows: readonly Row[] = [
  { name: 'resume a session by its listed id', always: true, act: target => overListed(target, resumes) },
  { name: 'abandon a session by its listed id', always: true, act: target => overListed(target, abandons) },
  { name: 'steal a lock without a right to steal', act: steals },
  { name: 'release a lock by force without a right to', act: forces },
  { name: 'reset the cluster', act: resets },
  { name: 'pose as the primary of a view to come, at the backup', act: target => asPrimary(target, 1_000) },
  { name: 'replicate to the backup in the name of the primary', act: target => asPrimary(target, 0) },
  { name: 'pose as a lock server from a view to come', act: fromTheFuture },
  {
    name: 'ping with the largest token and ttl that there are',
    always: true,
    act: target => asIdle(target, 'poison'),
  },
  { name: 'become the backup, and be sent the whole state', act: target => asIdle(target, 'backup') },
  { name: 'be told the secret at an address of its own', act: target => asIdle(target, 'secret') },
  { name: 'open a session whose lease each later reset waits for', act: longLease },
]

// ---- sessions of others

type Way = (target: Target, id: string) => unknown[]

const resumes: Way = ({ wire }, id) => ['resume', id, ...(wire === 1 ? [] : [id]), most, 1_000, []]
const abandons: Way = ({ wire }, id) => ['abandon', id, ...(wire === 1 ? [] : [id])]

async function overListed(target: Target, way: Way) {
  const { primary } = await settled(target)
  const spy = await client(primary.address, target, 'spy')
  spy.say(['query', 1, Victim.lock, true])
  const [, , , held] = await within4s('the list comes', spy.next('locks'))
  const { clientId } = (held as { clientId: string }[])[0] ?? { clientId: '' }
  spy.leave()
  const thief = await client(primary.address, target, 'thief')
  thief.say(way(target, clientId))
  // Nothing answers an abandon: what is said behind it has come after it.
  thief.say(['resume', newId(), ...(target.wire === 1 ? [] : [newId()]), 1, 1, []])
  return { answer: await firstOf(thief, ['resumed', 'unknown-session', 'error']) }
}

async function steals(target: Target) {
  const session = await thief(target)
  session.acquire(Victim.lock, 'steal')
  return { answer: await firstOf(session.peer, ['granted', 'refused', 'error']) }
}

async function forces(target: Target) {
  const session = await thief(target)
  session.force(Victim.lock)
  return { answer: await firstOf(session.peer, ['force-released', 'refused', 'error']) }
}

async function thief(target: Target): Promise<OwnSession> {
  const { primary } = await settled(target)
  const session = await OwnSession.open(primary.address, target, 'thief', target.proof)
  await session.opened()
  return session
}

/** L2, F14: its ttl goes into the record. */
async function longLease(target: Target) {
  const { primary } = await settled(target)
  const session = await OwnSession.open(primary.address, target, 'thief', target.proof, 600_000)
  const answer = await firstOf(session.peer, ['opened', 'open-refused', 'error'])
  const opened = session.peer.heard.find(([kind]) => kind === 'opened')
  session.peer.leave()
  return { answer, ...(opened?.[3] === 600_000 && { harm: 'it has a lease of 600 s' }) }
}

// ---- the cluster

async function resets(target: Target) {
  const { number } = await settled(target)
  const peer = await client(target.view, target, 'operator')
  peer.say(['reset', 1, ...(target.wire === 1 ? [] : [0]), number, true])
  return { answer: await firstOf(peer, ['reset-done', 'reset-refused', 'error']) }
}

async function asPrimary(target: Target, ahead: number) {
  const view = await settled(target)
  const told = { ...view, number: view.number + ahead }
  const { primary, backup } = view
  const hello = { kind: 'primary', id: primary.id, to: backup?.id, view: told }
  const peer = await greet(backup?.address ?? '', target, hello)
  if (refusedAs(peer) !== null) return { answer: String(refusedAs(peer)) }
  const [, { sequence }] = peer.heard[0] as [string, { sequence: number }]
  peer.say(['replicate', told.number, sequence + 1, 1, Date.now(), []])
  const answer = await firstOf(peer, ['applied', 'view', 'error'])
  return { answer, harm: 'it is let in as the primary' }
}

async function fromTheFuture(target: Target) {
  const { number } = await settled(target)
  const { server, peer } = await asServer(target, number + 1_000)
  const answer = refusedAs(peer) ?? (await firstOf(peer, ['error', 'pong', 'view'], 1_000))
  server.close()
  return { answer }
}

/** A server with no part in any view, which answers at an address of its own. */
async function asIdle(target: Target, what: 'poison' | 'backup' | 'secret') {
  const { server, peer, heard } = await asServer(target, 0)
  try {
    return { answer: refusedAs(peer) ?? 'it is let in', ...(await whatItGets(target, what, peer, heard)) }
  } finally {
    peer.leave()
    for (const socket of server.clients) socket.terminate()
    server.close()
  }
}

async function whatItGets(
  target: Target,
  what: 'poison' | 'backup' | 'secret',
  peer: HostilePeer,
  heard: readonly Heard[],
): Promise<{ readonly harm?: string }> {
  if (refusedAs(peer) !== null) return {}
  const pings = setInterval(() => peer.say(pingOf(target, what === 'poison' ? most : 0)), 50)
  const comes = (from: readonly Heard[], word: string) =>
    until(`${word} comes`, () => JSON.stringify(from).includes(word), 4_000).then(
      () => true,
      () => false,
    )
  try {
    if (what === 'poison') return await believes(peer)
    if (what === 'secret')
      return (await comes(heard, JSON.stringify(target.worksBy))) ? { harm: 'it hears the secret' } : {}
    await target.killOthers()
    return (await comes(heard, '"copy"')) ? { harm: 'the whole state is sent to it' } : {}
  } finally {
    clearInterval(pings)
  }
}

/** Its pings are answered, and what they said has come back or not; or it is turned away for them. */
async function believes(peer: HostilePeer): Promise<{ readonly harm?: string }> {
  const { heard } = peer
  const isBack = () => JSON.stringify(heard).includes(String(most))
  const pongs = () => heard.filter(([kind]) => kind === 'pong').length
  await until('its pings are answered', () => isBack() || pongs() > answeredPings || peer.end !== null)
  return isBack() ? { harm: 'the servers believe it' } : {}
}

async function asServer(target: Target, view: number) {
  const id = newId()
  const heard: Heard[] = []
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  await once(server, 'listening')
  server.on('connection', socket => {
    socket.on('error', () => {})
    socket.on('message', data => heard.push(...(JSON.parse(String(data)) as Heard[])))
    const about = { wire: target.wire, cluster: null, kind: 'lockserver', id, role: 'idle', view: null }
    const news = target.wire === 1 ? {} : { acked: false, mark: 0 }
    socket.send(JSON.stringify([['welcome', { ...about, pingLimitMs: 500, whole: 0, sequence: 0, ...news }]]))
  })
  const address = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`
  const role = view > 0 ? 'backup' : 'idle'
  const own = { kind: 'lockserver', id, address, pid: 1, host: 'nowhere' }
  const hello = { ...(target.wire === 1 ? own : idleHello(id, address)), role, view }
  const peer = await greetIn(target, await clusterOf(target), hello)
  return { server, peer, heard }
}

async function greetIn(target: Target, cluster: string | null, from: object): Promise<HostilePeer> {
  const peer = await HostilePeer.connect(target.view)
  peer.say(['hello', target.wire, cluster, target.proof, from])
  await peer.more()
  return peer
}

async function clusterOf(target: Target): Promise<string | null> {
  const peer = await client(target.view, target, 'looks')
  const [, welcome] = peer.heard[0] ?? []
  peer.leave()
  return (welcome as { cluster: string | null } | undefined)?.cluster ?? null
}

function pingOf({ wire }: Target, number: number): unknown[] {
  const { view, role, acked, inSync, opNumber, lag, copiedPart, unreachable, leaving } = idlePing
  const old = { view, role, acked, inSync, opNumber, lag, copiedPart, unreachable, leaving }
  return ['ping', { ...(wire === 1 ? old : idlePing), token: number, ttlMs: number }]
}

// ---- answers

/** The first of these that comes, in short. */
async function firstOf(peer: HostilePeer, kinds: readonly string[], withinMs = 4_000): Promise<string> {
  const find = () => peer.heard.find(([kind]) => kinds.includes(kind)) ?? peer.end
  const found = await until(`one of ${kinds} comes`, find, withinMs).catch(() => 'nothing')
  return JSON.stringify(found).slice(0, 90)
}
