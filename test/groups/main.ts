// Several groups as users have them: `npm run test:groups -- [--groups 3] [--rounds 8] [--steps 2,4,2]`. Real processes; in each round the
// primaries of all groups are killed at once, while clients take locks in every group and several names at a time. No
// lock is held twice, every group goes on, and at the end nothing is left held. Exit code 1 if one of that fails. Then growing.ts: more groups and fewer, under load.

import { parseArgs } from 'node:util'
import { askStatus, meetViewServer } from '../../cli/ask.ts'
import { listLocks } from '../../cli/locks.ts'
import { connect, type Lock, type LockClient } from '../../client/index.ts'
import type { Status } from '../../wire/messages.ts'
import { groupOf } from '../../wire/slots.ts'
import { Running } from '../fixtures/command.ts'
import { until } from '../fixtures/deadline.ts'
import { grow } from './growing.ts'

const { values } = parseArgs({
  options: {
    groups: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '8' },
    /** Numbers of groups, one after the other. */
    steps: { type: 'string', default: '2,4,2,5,1' },
    kills: { type: 'string', default: '4' },
    clients: { type: 'string', default: '4' },
  },
})
const groups = Number(values.groups)
const rounds = Number(values.rounds)
const clientsInAll = 4
const namesPerGroup = 2

const ends: (() => unknown)[] = []
const t = { teardown: (act: () => unknown) => void ends.unshift(act) }
const problems: string[] = []

/** Who believes in which lock: two at a time must not. */
const believed = new Map<string, Lock>()
/** Grants by group since the last look. */
const grants = new Map<number, number>()

function took(lock: Lock, group: number): void {
  const other = believed.get(lock.name)
  if (other?.held && lock.held) problems.push(`${lock.name} is held twice: ${other.token} and ${lock.token}`)
  if (other !== undefined && other.token >= lock.token)
    problems.push(`${lock.name}: token ${lock.token} came after ${other.token}`)
  believed.set(lock.name, lock)
  grants.set(group, (grants.get(group) ?? 0) + 1)
}

async function statusAt(url: string): Promise<Status> {
  using peer = await meetViewServer({ view: [url], secret: undefined })
  return await askStatus(peer)
}

/** Takes locks until it is told to stop: one by one, and now and then one of each group. */
async function work(
  locks: LockClient,
  names: readonly (readonly string[])[],
  stop: AbortSignal,
): Promise<void> {
  for (let i = 0; !stop.aborted; i++) {
    try {
      const wanted = i % 4 === 0 ? names.map(of => of[i % of.length] as string).reverse() : [oneOf(names, i)]
      const taken = await locks.acquireAll(wanted, { timeout: 20_000, signal: stop })
      for (const lock of taken)
        took(
          lock,
          names.findIndex(of => of.includes(lock.name)),
        )
      await Promise.resolve()
      await taken[Symbol.asyncDispose]()
    } catch (error) {
      if (!stop.aborted) problems.push(`a call failed: ${error}`)
    }
  }
}

function oneOf(names: readonly (readonly string[])[], i: number): string {
  const of = names[i % names.length] ?? []
  return of[(i >> 2) % of.length] ?? ''
}

/** The primaries of all groups die at the same moment; resolves once all groups have given locks again. */
async function killAll(url: string): Promise<number> {
  const before = await statusAt(url)
  const dying = before.groups.flatMap(({ view }) =>
    before.servers.filter(server => server.id === view?.primary.id).map(({ pid }) => pid),
  )
  for (const pid of dying) process.kill(pid, 'SIGKILL')
  const began = performance.now()
  await until('all views are others', async () => {
    const { groups: now } = await statusAt(url)
    return now.every(({ view }, i) => view?.primary.id !== before.groups[i]?.view?.primary.id)
  })
  grants.clear()
  await until('every group grants again', () => grants.size === groups, 30_000)
  const tookMs = performance.now() - began
  await until('a death would be survived', async () => (await statusAt(url)).survives > 0, 30_000)
  return tookMs
}

async function main(): Promise<void> {
  const cluster = new Running(t, ['cluster', '--json', '--port', '0', '--groups', `${groups}`])
  const { url } = await cluster.event('ready')
  await until('all groups survive a death', async () => (await statusAt(url)).survives > 0, 30_000)
  const { map } = await statusAt(url)
  if (map === null) throw new Error('there is no map')
  const all = Array.from({ length: 4_096 }, (_, i) => `lock/${i}`)
  const names = Array.from({ length: groups }, (_, group) =>
    all.filter(name => groupOf(map, name) === group).slice(0, namesPerGroup),
  )
  const clients = await Promise.all(Array.from({ length: clientsInAll }, () => connect(url, { ttl: 5_000 })))
  const stop = new AbortController()
  const works = clients.map(locks => work(locks, names, stop.signal))
  for (let round = 1; round <= rounds; round++) {
    const ms = await killAll(url)
    console.log(
      `round ${round}: all ${groups} primaries killed; every group granted again after ${Math.round(ms)} ms`,
    )
  }
  stop.abort()
  await Promise.all(works)
  await Promise.all(clients.map(locks => locks.close()))
  const left = await listLocks({ view: [url], secret: undefined }, 'lock/')
  if (left.held.length + left.missing.length > 0)
    problems.push(`left: ${JSON.stringify(left.held)}, missing ${left.missing}`)
}

/** The cluster of the part before has ended by then: two cores are few. */
async function endAll(): Promise<void> {
  for (const end of ends.splice(0)) await end()
}

try {
  if (rounds > 0) await main()
  await endAll()
  const steps = values.steps.split(',').map(Number)
  const [clients, kills] = [Number(values.clients), Number(values.kills)]
  if (steps.length > 1) problems.push(...(await grow(t, { steps, clients, kills })))
} catch (error) {
  problems.push(`${error}`)
} finally {
  await endAll()
}
for (const problem of problems.slice(0, 20)) console.log(problem)
console.log(
  problems.length === 0
    ? 'no lock was held twice, each call was answered, and nothing is left'
    : `${problems.length} problems`,
)
process.exit(problems.length === 0 ? 0 : 1)
