// Nodes that do not reach each other, packets that are lost, connections that are slow and cut, peers
// that are hostile: F6, F7, F10, F13.

import { once } from 'node:events'
import type { Status } from '../../wire/messages.ts'
import { pause } from '../fixtures/real-pause.ts'
import { now } from './history.ts'
import type { Ending, Intrusion } from './intruder.ts'
import { patient, type Scenario } from './scenario.ts'
import { addressOf, guestNode, nodes, type Stage, serverNodes, userNodes, viewNumber } from './stage.ts'
import { forkAt } from './users.ts'

// ---- partitions

const ways = ['both ways', 'there', 'back'] as const
type Way = (typeof ways)[number]

function cut({ network }: Stage, one: string, other: string, way: Way): void {
  if (way === 'both ways') network.cut(one, other)
  if (way === 'there') network.cutOneWay(one, other)
  if (way === 'back') network.cutOneWay(other, one)
}

const strandedTtlMs = 30_000

/** F6: the primary still reaches its backup and its users; one user reaches only this primary. */
async function cutPrimaryFromView(stage: Stage, turn: number): Promise<void> {
  const { network, users } = stage
  const before = await stage.ready()
  const primary = stage.nodeOf(addressOf(before, 'primary'))
  const way = ways[turn % ways.length] as Way
  const others = [...users.all]
  const stranded = await users.start('stranded', [network.place(guestNode)], {
    ttlMs: strandedTtlMs,
    sharedCalls: 3,
  })
  await stage.served()
  const from = now()
  for (const node of ['view', ...serverNodes]) if (node !== primary) network.cut(guestNode, node)
  cut(stage, primary, 'view', way)
  // Where its pings still arrive the view server does not take it for dead.
  if (way !== 'back') await stage.processes.until(status => isReplaced(status, before), 'replaced')
  await stage.served(others)
  await pause(800)
  await stage.measure(from, others)
  for (const { who } of stranded) stage.wasCutOff(who, from, strandedTtlMs)
  network.heal()
  await stage.served()
  for (const user of stranded) await users.leave(user)
}

const isReplaced = (now: Status, before: Status) =>
  now.view?.primary.id !== before.view?.primary.id && viewNumber(now) > viewNumber(before)

/** F7: the view changes once, and every user is served all the time. */
async function cutPrimaryFromBackup(stage: Stage, turn: number): Promise<void> {
  const { network, processes } = stage
  const before = await stage.ready()
  const [primary, backup] = (['primary', 'backup'] as const).map(role =>
    stage.nodeOf(addressOf(before, role)),
  )
  const from = now()
  cut(stage, primary as string, backup as string, ways[turn % ways.length] as Way)
  await processes.until(status => viewNumber(status) > viewNumber(before), 'in another view')
  await stage.served()
  await pause(1_500)
  await stage.served()
  await stage.measure(from)
  network.heal()
  const after = await stage.ready()
  const views = viewNumber(after) - viewNumber(before)
  stage.expect(views === 1, `F7: the view changed ${views} times`)
}

type End = 'view' | 'primary' | 'backup' | 'idle' | 'user'
const pairs: readonly (readonly [End, End])[] = [
  ['primary', 'view'],
  ['user', 'primary'],
  ['primary', 'backup'],
  ['idle', 'primary'],
  ['backup', 'view'],
  ['user', 'backup'],
  ['idle', 'view'],
  ['user', 'view'],
  ['backup', 'idle'],
]

/** Each pair, each way; the three ways of a pair are far apart, so that the short form meets several pairs. */
async function cutPair(stage: Stage, turn: number): Promise<void> {
  const status = await stage.ready()
  const [one, other] = pairs[turn % pairs.length] as readonly [End, End]
  const way = ways[(turn + Math.floor(turn / pairs.length)) % ways.length] as Way
  const nodeOf = (end: End) => {
    if (end === 'view') return 'view'
    if (end === 'user') return userNodes[0]
    return end === 'idle' ? stage.idleNode(status) : stage.nodeOf(addressOf(status, end))
  }
  await stage.served()
  const from = now()
  cut(stage, nodeOf(one), nodeOf(other), way)
  const others = stage.users.all.filter(user => one !== 'user' || user.who !== userNodes[0])
  await stage.served(others)
  await pause(1_200)
  await stage.served(others)
  await stage.measure(from, others)
  if (one === 'user') stage.wasCutOff(userNodes[0], from)
  stage.network.heal()
  await stage.served()
}

// ---- a bad network

/** Every node loses packets, for some seconds. */
async function losePackets(stage: Stage): Promise<void> {
  await stage.ready()
  const from = now()
  for (const node of nodes) stage.network.lose(node, 3)
  await pause(3_000)
  await stage.served()
  await stage.measure(from)
  stage.network.heal()
  await stage.served()
}

/** F10: all traffic to a lock server passes its proxy, which delays it and cuts at any byte. */
async function delayAndCut(stage: Stage): Promise<void> {
  await stage.ready()
  const from = now()
  await stage.proxy({ delayMs: 20, cutAfterBytes: 0 })
  await stage.served()
  await stage.proxy({ delayMs: 20, cutAfterBytes: 10_000 })
  await pause(3_000)
  await stage.served()
  const cuts = await stage.proxy({ delayMs: 0, cutAfterBytes: 0 })
  stage.expect(cuts > 0, 'F10: no connection was cut')
  await stage.served()
  await stage.measure(from)
}

// ---- a bad peer

/** F13: every server is attacked in every way, while connections that say nothing stay open. */
async function intrude(stage: Stage): Promise<void> {
  const { network, processes } = stage
  const before = await stage.ready()
  const from = now()
  const intrusion: Intrusion = {
    urls: [processes.viewUrl, ...processes.addresses],
    secret: process.env.HOLDFAST_SECRET ?? '',
    silent: 200,
  }
  const child = forkAt(network.place(guestNode), './intruder.js', [JSON.stringify(intrusion)])
  const [endings] = (await once(child, 'message')) as [readonly Ending[]]
  await stage.served()
  await stage.measure(from)
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
  for (const { url, what, got } of endings) stage.expect(got !== null, `F13: ${what} at ${url}: no end`)
  const after = await stage.ready()
  stage.expect(viewNumber(after) === viewNumber(before), 'F13: an intruder changed the view')
}

export const networkFaults: readonly Scenario[] = [
  {
    fault: 'F6',
    name: 'primary cut off from the view server',
    turns: [6, 1],
    turn: cutPrimaryFromView,
  },
  {
    fault: 'F7',
    name: 'primary and backup cut off (gap: ping limit of 1200)',
    turns: [6, 1],
    setting: patient,
    turn: cutPrimaryFromBackup,
  },
  { fault: 'F7', name: 'each pair cut off, both ways and one way', turns: [27, 3], turn: cutPair },
  { fault: 'F10', name: '3 % of all packets lost', turns: [3, 1], turn: losePackets },
  {
    fault: 'F10',
    name: 'delayed, cut at any byte, overtaken',
    turns: [3, 1],
    setting: { proxied: true },
    turn: delayAndCut,
  },
  { fault: 'F13', name: 'hostile peers', turns: [3, 1], setting: patient, turn: intrude },
]
