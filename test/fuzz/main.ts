// npm run fuzz -- --frames COUNT [--seed SEED] [--case NUMBER]: sends valid frames and
// requests, and ones broken in one place, to a cluster of real processes. An oracle
// written from docs/PROTOCOL.md judges each. Prints every surprise with how to reproduce
// it, and exits 1 if there was one. However the run ends, it leaves nothing behind.

import { rmSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { Status } from '../../wire/messages.ts'
import { GoodClient, HostilePeer, hello } from '../fixtures/hostile-peer.ts'
import { random } from '../fixtures/random.ts'
import { here, ServerProcesses } from '../fixtures/server-processes.ts'
import { type Targets, tell } from './cases.ts'
import type { Tally } from './talk.ts'

const { values } = parseArgs({
  options: {
    frames: { type: 'string', default: '100000' },
    seed: { type: 'string' },
    /** Only this case. */
    case: { type: 'string' },
  },
})
const frames = Number(values.frames)
const seed = Number(values.seed ?? Date.now() % 1_000_000)
/** Conversations at the same time. */
const atOnce = 16
/** Pause between two checks of the cluster. */
const casesPerLook = 500
const surprisesMax = 10
const healthyWithinMs = 30_000
/** A busy machine alone must cause no view change here: this suite tests messages, not timing. */
const timings = ['--dead-pings', '30']

for (const name of Object.keys(process.env)) if (name.startsWith('HOLDFAST_')) delete process.env[name]
const servers = new ServerProcesses(here, timings)
const lonelyServers = new ServerProcesses(here, timings)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130))
// The servers end when their channel to this process closes.
process.on('exit', () => {
  for (const { data } of [servers, lonelyServers]) rmSync(data, { recursive: true, force: true })
})
const tally: Tally = { frames: 0, outcomes: new Map() }
let surprises = 0
let cases = 0
const began = performance.now()
try {
  await fuzz()
} finally {
  await Promise.all([servers.end(), lonelyServers.end()])
}
process.exit(surprises > 0 ? 1 : 0)

async function fuzz(): Promise<void> {
  await servers.start([])
  for (let i = 0; i < 3; i++) await servers.addServer()
  const { targets, status } = await healthy()
  const good = await (await GoodClient.connect(targets.primary)).open()
  if (values.case !== undefined) await one(Number(values.case), targets)
  else {
    while (tally.frames < frames && surprises < surprisesMax) {
      await Promise.all(Array.from({ length: atOnce }, () => work(targets)))
      await unharmed(good, status)
    }
  }
  await unharmed(good, status)
  tellAll()
}

/** Runs some cases, one after the other. */
async function work(targets: Targets): Promise<void> {
  for (let i = 0; i < casesPerLook / atOnce; i++) {
    if (tally.frames >= frames || surprises >= surprisesMax) return
    await one(++cases, targets)
  }
}

async function one(number: number, targets: Targets): Promise<void> {
  const dice = random(seed * 1_000_003 + number)
  try {
    await tell({ number, dice, targets, tally })
  } catch (error) {
    surprise(`npm run fuzz -- --seed ${seed} --case ${number}`, error as Error)
  }
}

function surprise(again: string, { message, name, stack }: Error): void {
  surprises++
  console.log(`SURPRISE, told again by: ${again}\n  ${name === 'Error' ? message : stack}`)
}

/** Other clients must not have noticed: a well-behaved client is served, and no view was made. */
async function unharmed(good: GoodClient, before: Status): Promise<void> {
  try {
    await good.acquireAndRelease('fuzz, the one that behaves')
    const { view, halted } = await statusOf()
    if (halted !== null) throw new Error(`the view server halted: ${halted}`)
    if (view?.number !== before.view?.number)
      throw new Error(`view ${view?.number} after ${before.view?.number}`)
  } catch (error) {
    surprise(`npm run fuzz -- --seed ${seed} --frames ${tally.frames}`, error as Error)
    surprises = surprisesMax
  }
}

async function statusOf(): Promise<Status> {
  const peer = await HostilePeer.connect(servers.viewUrl)
  peer.say(hello())
  await peer.next('welcome')
  peer.say(['status', 1])
  const [, , status] = await peer.next('status')
  peer.leave()
  return status as Status
}

async function healthy(): Promise<{ targets: Targets; status: Status }> {
  const end = performance.now() + healthyWithinMs
  while (performance.now() < end) {
    const status = await statusOf()
    const { view, acked, survives, servers: all, cluster } = status
    if (view === null || cluster === null || !acked || survives === 0 || all.length < 3) continue
    const primary = view.primary.address
    const others = all.map(({ address }) => address).filter(address => address !== primary)
    return {
      status,
      targets: { cluster, view: servers.viewUrl, primary, others, lonely: await startLonely() },
    }
  }
  throw new Error('the cluster does not become healthy')
}

/** A lock server without a view server. */
async function startLonely(): Promise<Targets['lonely']> {
  const url = await lonelyServers.addServer()
  const peer = await HostilePeer.connect(url)
  peer.say(hello({ kind: 'probe' }))
  const { id } = (await peer.next('welcome'))[1] as { id: string }
  peer.leave()
  return { id, url }
}

function tellAll(): void {
  const seconds = (performance.now() - began) / 1_000
  const sorted = [...tally.outcomes].sort((a, b) => b[1] - a[1])
  const what = sorted.map(([outcome, count]) => `${outcome} ${count}`).join(', ')
  console.log(
    `seed ${seed}: ${tally.frames} frames in ${cases} cases, ${seconds.toFixed(1)} s: ${surprises} surprises`,
  )
  console.log(what)
}
