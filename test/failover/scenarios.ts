// The faults of the failover tests, one scenario after the other. Each gives the gaps that clients saw and
// what must not have happened.

import { execFile, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { connect, type LockClient } from '../../client/index.ts'
import type { Status } from '../../wire/messages.ts'
import { pause } from '../fixtures/real-pause.ts'
import { hasIdle, here, ServerProcesses } from '../fixtures/server-processes.ts'
import { Crew, type CrewReferee, type Verdict } from './crew.ts'

export interface Row {
  readonly scenario: string
  readonly operations: number
  /** The longest gap that any client saw, in ms; one for each time. */
  readonly gaps: readonly number[]
  /** The gap of the client that was served first. */
  readonly firstServed?: readonly number[]
  readonly violations: readonly string[]
}

export interface Scenario {
  readonly name: string
  readonly run: (referee: CrewReferee, times: number) => Promise<Row>
}

const wall = () => performance.timeOrigin + performance.now()
const execute = promisify(execFile)
const holdfast = fileURLToPath(new URL('../../cli/main.js', import.meta.url))
const addressOf = (status: Status, role: 'primary' | 'backup') => status.view?.[role]?.address as string

/** One fault, injected again and again while clients work; `heal` repairs it. */
interface Blow {
  readonly workers: number
  /** Calls at a time that each worker makes on shared locks, beside the call on its own lock. */
  readonly shared: number
  readonly inject: (processes: ServerProcesses, status: Status, turn: number) => Promise<() => Promise<void>>
}

function underLoad(name: string, blow: Blow): Scenario {
  return {
    name,
    run: (referee, times) => withProcesses(processes => repeatFault(name, blow, processes, referee, times)),
  }
}

async function repeatFault(
  name: string,
  blow: Blow,
  processes: ServerProcesses,
  referee: CrewReferee,
  times: number,
): Promise<Row> {
  const locks = await connect(processes.viewUrl)
  const first = await countingToken(locks)
  const crew = await Crew.start(referee, processes.viewUrl, blow.workers, blow.shared)
  try {
    const gaps: number[] = []
    const firstServed: number[] = []
    for (let turn = 0; turn < times; turn++) {
      await crew.progress(20)
      const status = await processes.healthy()
      const from = wall()
      const heal = await blow.inject(processes, status, turn)
      await crew.progress(20)
      const seen = await crew.gaps(from)
      gaps.push(Math.max(...seen))
      firstServed.push(Math.min(...seen))
      await heal()
    }
    await processes.healthy()
    const verdict = await crew.stop()
    const violations = [...verdict.violations, ...(await leftOver(locks, first, verdict))]
    return { scenario: name, operations: verdict.operations, gaps, firstServed, violations }
  } finally {
    crew.end()
    await locks.close()
  }
}

/** Tokens count grants: no grant was made that no client received, and no lock stays held. */
async function leftOver(locks: LockClient, first: number, verdict: Verdict): Promise<string[]> {
  const last = await countingToken(locks)
  const { held, pending } = await locks.query()
  const problems = held.map(({ name }) => `${name}: an acknowledged release was lost`)
  if (pending.length > 0) problems.push(`${pending.length} waiters are left`)
  if (last - first - 1 !== verdict.grants)
    problems.push(`${last - first - 1} grants were made, ${verdict.grants} were told`)
  return problems
}

async function countingToken(locks: LockClient): Promise<number> {
  const lock = await locks.acquire('counting')
  await lock.release()
  return lock.token
}

async function withProcesses(run: (processes: ServerProcesses) => Promise<Row>, servers = 3): Promise<Row> {
  const processes = new ServerProcesses()
  try {
    await processes.start(Array.from({ length: servers }, () => here))
    return await run(processes)
  } finally {
    await processes.end()
  }
}

/** Kills the server of a role; it is started again once the gap is measured. */
function killing(role: (turn: number) => 'primary' | 'backup', moment = false): Blow['inject'] {
  return async (processes, status, turn) => {
    if (moment) await pause(Math.random() * 20) // a random moment under load
    const address = addressOf(status, role(turn))
    await processes.kill(address)
    return () => processes.restart(address)
  }
}

const freezing: Blow['inject'] = async (processes, status) => {
  const address = addressOf(status, 'primary')
  processes.signal(address, 'SIGSTOP')
  await pause(3_000)
  return async () => processes.signal(address, 'SIGCONT')
}

const restarting: Blow['inject'] = async (processes, status, turn) => {
  const address = addressOf(status, turn % 2 === 0 ? 'primary' : 'backup')
  await processes.kill(address)
  await processes.restart(address)
  return async () => {}
}

const viewServerKilled: Blow['inject'] = async processes => {
  await processes.killViewServer()
  await pause(500)
  await processes.startViewServer()
  return async () => {}
}

const viewServerFrozen: Blow['inject'] = async processes => {
  process.kill(processes.viewServerPid, 'SIGSTOP')
  await pause(3_000)
  process.kill(processes.viewServerPid, 'SIGCONT')
  return async () => {}
}

const terminating: Blow['inject'] = async (processes, status) => {
  const address = addressOf(status, 'primary')
  const exit = await processes.kill(address, 'SIGTERM')
  if (exit !== 0) throw new Error(`the leaving primary exited with ${exit}`)
  return () => processes.restart(address)
}

/** How much a busy machine may add. */
const busyMs = 1_500

/** A holder is killed: the first waiter gets its lock within the ttl, and not before it is safe. */
const clientKilled: Scenario = {
  name: 'client killed while holding (gap: ttl 2000)',
  run: (_referee, times) =>
    withProcesses(async processes => {
      const locks = await connect(processes.viewUrl)
      const gaps: number[] = []
      const violations: string[] = []
      for (let turn = 0; turn < times; turn++) {
        const holder = fork(fileURLToPath(new URL('./holder.js', import.meta.url)), [
          processes.viewUrl,
          'x',
          '2000',
        ])
        const [{ token }] = (await once(holder, 'message')) as [{ token: number }]
        const waiting = locks.acquire('x')
        const died = wall()
        holder.kill('SIGKILL')
        const lock = await waiting
        gaps.push(wall() - died)
        if (lock.token <= token) violations.push(`token ${lock.token} does not exceed ${token}`)
        if ((gaps.at(-1) as number) > 2_000 + busyMs) violations.push(`granted only after ${gaps.at(-1)} ms`)
        await lock.release()
      }
      await locks.close()
      return { scenario: clientKilled.name, operations: times * 3, gaps, violations }
    }),
}

/** F14: all servers with the state die; the service halts; a reset starts an empty one behind a pause. */
const lastHolderKilled: Scenario = {
  name: 'last holder of the state killed, then reset (F14; gap: with the pause of 10 s)',
  run: () =>
    withProcesses(async processes => {
      const status = await processes.healthy(2)
      await using before = await connect(processes.viewUrl)
      const old = await before.acquire('x')
      const violations: string[] = []
      const died = wall()
      await processes.kill(addressOf(status, 'primary'))
      await processes.kill(addressOf(status, 'backup'))
      await processes.restart(addressOf(status, 'primary'))
      await processes.until(hasIdle, 'back with an idle server')
      // The pause begins within the command, so that a slow moment can't make it look too short here.
      const resetAt = wall()
      const reset = await execute(process.execPath, [
        holdfast,
        'reset',
        '--yes',
        '--view',
        processes.viewUrl,
      ]).catch(error => error)
      if (reset.code !== undefined) violations.push(`reset: ${reset.stderr}`)
      await using after = await connect(processes.viewUrl, { timeout: 20_000 })
      const fresh = await after.acquire('x')
      const gap = wall() - died
      if (wall() - resetAt < 9_990) violations.push(`granted ${wall() - resetAt} ms after the reset`)
      if (fresh.token <= old.token) violations.push(`token ${fresh.token} does not exceed ${old.token}`)
      if (old.held) violations.push('the old holder still believes')
      return { scenario: lastHolderKilled.name, operations: 4, gaps: [gap], violations }
    }, 2),
}

/** A copy in one piece always pauses longer than this; other work on the machine does so only sometimes. */
const pauseMsMax = 60

/** R3: the primary serves while it copies; the gap is the longest pause of its event loop. */
const copying: Scenario = {
  name: "100,000 held locks copied to a new backup (gap: the primary's longest pause)",
  run: (_referee, times) =>
    withProcesses(async processes => {
      const program = fileURLToPath(new URL('./watched-server.js', import.meta.url))
      const watched = fork(program, [processes.viewUrl])
      using _ended = { [Symbol.dispose]: () => watched.disconnect() }
      await once(watched, 'message')
      const longestPause = async () => {
        const answer = once(watched, 'message')
        watched.send('pause')
        return ((await answer) as [{ longestPauseMs: number }])[0].longestPauseMs
      }
      await processes.addServer()
      await processes.healthy(2)
      await using locks = await connect(processes.viewUrl, { ttl: 60_000 })
      for (let i = 0; i < 100; i++) {
        await Promise.all(Array.from({ length: 1_000 }, (_, n) => locks.acquire(`held/${i}/${n}`)))
      }
      const gaps: number[] = []
      for (let turn = 0; turn < times; turn++) {
        const address = addressOf(await processes.healthy(2), 'backup')
        await processes.kill(address)
        await processes.until(status => status.view?.backup === null, 'without a backup')
        await longestPause()
        await processes.restart(address)
        await processes.healthy(2)
        gaps.push(await longestPause())
      }
      const shortest = Math.min(...gaps)
      const violations = shortest > pauseMsMax ? [`a pause of ${shortest} ms each time`] : []
      return { scenario: copying.name, operations: 100_000, gaps, violations }
    }, 0),
}

const load = { workers: 4, shared: 8 }

export const scenarios: readonly Scenario[] = [
  underLoad('primary killed at rest', { workers: 1, shared: 0, inject: killing(() => 'primary') }),
  underLoad('primary killed under load', { ...load, inject: killing(() => 'primary', true) }),
  underLoad('backup killed', { ...load, inject: killing(() => 'backup') }),
  underLoad('both killed in turn', {
    ...load,
    inject: killing(turn => (turn % 2 === 0 ? 'backup' : 'primary')),
  }),
  underLoad('server killed and restarted at once', { ...load, inject: restarting }),
  underLoad('primary frozen for 3 s and thawed', { ...load, inject: freezing }),
  underLoad('view server killed and restarted', { ...load, inject: viewServerKilled }),
  underLoad('view server frozen for 3 s', { ...load, inject: viewServerFrozen }),
  underLoad('primary terminated (SIGTERM), no failed call', { ...load, inject: terminating }),
  clientKilled,
  copying,
  lastHolderKilled,
]
