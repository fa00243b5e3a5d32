// Servers that are killed, restarted and frozen: F1 to F5, F8, F9, F14.

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { connect } from '../../client/index.ts'
import type { Status } from '../../wire/messages.ts'
import { pause } from '../fixtures/real-pause.ts'
import { hasIdle } from '../fixtures/server-processes.ts'
import { now } from './history.ts'
import { patient, patientPingLimitMs, type Scenario } from './scenario.ts'
import { addressOf, type Role, type Stage, userNodes, userTtlMs, viewNumber } from './stage.ts'

const execute = promisify(execFile)
const holdfast = fileURLToPath(new URL('../../cli/main.js', import.meta.url))

/** Kills that server under load; every user is served again before it comes back. */
async function kill(stage: Stage, role: Role): Promise<void> {
  const { processes } = stage
  const address = addressOf(await stage.ready(), role)
  await pause(Math.random() * 20) // a random moment
  const from = now()
  await processes.kill(address)
  await stage.served()
  await stage.measure(from)
  await processes.restart(address)
}

/** A cut that is much shorter than the ping limit: no process is believed dead before the kill. */
const shortCutMs = 200

/** Kills a primary whose packets have not arrived at these nodes for a moment. */
async function killCutOff(stage: Stage, unheardAt: (status: Status) => readonly string[]): Promise<void> {
  const { network, processes } = stage
  const status = await stage.ready()
  const address = addressOf(status, 'primary')
  for (const node of unheardAt(status)) network.cutOneWay(stage.nodeOf(address), node)
  await pause(shortCutMs)
  const from = now()
  await processes.kill(address)
  network.heal()
  await stage.served()
  await stage.measure(from)
  await processes.restart(address)
}

/** F1: its backup receives nothing any more, so that it may answer no client; then it dies. */
function killUnreplicated(stage: Stage): Promise<void> {
  return killCutOff(stage, status => [stage.nodeOf(addressOf(status, 'backup'))])
}

/** F3: some users get no answers, while others go on and use the same locks; then it dies. */
function killBeforeReply(stage: Stage): Promise<void> {
  return killCutOff(stage, () => userNodes.slice(0, 2))
}

const idAt = (status: Status, address: string) =>
  status.servers.find(server => server.alive && server.address === address)?.id

/** F4: back within a ping interval, as a different server. */
async function restartAtOnce(stage: Stage, turn: number): Promise<void> {
  const { processes } = stage
  const before = await stage.ready()
  const address = addressOf(before, turn % 2 === 0 ? 'primary' : 'backup')
  const from = now()
  await processes.kill(address)
  await processes.restart(address)
  await stage.served()
  await stage.measure(from)
  const after = await stage.ready()
  stage.expect(idAt(after, address) !== idAt(before, address), 'V5: a restarted server has its old id')
  stage.expect(after.view?.primary.address !== address, 'V5: a restarted server is primary at once')
}

/** F8: frozen until another has taken over, and longer; thawed, it has no role. */
async function freezePrimary(stage: Stage): Promise<void> {
  const { processes } = stage
  const before = await stage.ready()
  const address = addressOf(before, 'primary')
  const from = now()
  processes.signal(address, 'SIGSTOP')
  await stage.served()
  await pause(1_000)
  processes.signal(address, 'SIGCONT')
  await stage.served()
  await stage.measure(from)
  const after = await stage.ready()
  stage.expect(idAt(after, address) !== idAt(before, address), 'V5: a deposed primary kept its id')
  stage.expect(viewNumber(after) > viewNumber(before), 'F8: nobody took over from a frozen primary')
}

// ---- the view server

async function killViewServer(stage: Stage): Promise<void> {
  const { processes } = stage
  const before = await stage.ready()
  const from = now()
  await processes.killViewServer()
  await stage.served()
  await pause(patientPingLimitMs * 1.2)
  await stage.served()
  await processes.startViewServer()
  await stage.served()
  await stage.measure(from)
  const after = await stage.ready()
  stage.expect(viewNumber(after) === viewNumber(before), 'F9: its restart changed the view')
}

async function freezeViewServer(stage: Stage): Promise<void> {
  const { processes } = stage
  const before = await stage.ready()
  const from = now()
  process.kill(processes.viewServerPid, 'SIGSTOP')
  await pause(patientPingLimitMs * 2)
  await stage.served()
  process.kill(processes.viewServerPid, 'SIGCONT')
  await stage.served()
  await stage.measure(from)
  const after = await stage.ready()
  stage.expect(viewNumber(after) === viewNumber(before), 'F9: its own freeze changed the view')
}

/** F9's second death: the service waits for the view server, and goes on when it is back. */
async function killPrimaryWithoutViewServer(stage: Stage): Promise<void> {
  const { processes } = stage
  const address = addressOf(await stage.ready(), 'primary')
  const from = now()
  await processes.killViewServer()
  await processes.kill(address)
  await pause(500)
  await processes.startViewServer()
  await stage.served()
  await stage.measure(from)
  await processes.restart(address)
}

// ---- the state

/**
 * F14: all servers with the state die. No server invents one; an operator's reset starts an empty one, which
 * grants nothing for as long as the longest lease that the cluster ever gave.
 */
async function loseState(stage: Stage): Promise<void> {
  const { processes } = stage
  const before = await stage.ready()
  const [primary, backup] = [addressOf(before, 'primary'), addressOf(before, 'backup')]
  const old = await stage.locks.acquire('old')
  const from = now()
  // Both at once: a backup that lives on after the primary's death would be promoted, and the idle server
  // join it.
  processes.signal(backup, 'SIGSTOP')
  await processes.kill(primary)
  await processes.kill(backup)
  await processes.until(status => status.halted !== null, 'halted')
  await pause(1_000) // and it stays halted
  // Empty, like every other server here: none takes over.
  await processes.restart(backup)
  const halted = await processes.until(hasIdle, 'there with an idle server')
  stage.expect(
    halted.view?.primary.id === before.view?.primary.id,
    'F14: a server without the state took over',
  )
  stage.expect(halted.halted !== null, 'F14: the service does not say that its state is lost')
  const resetAt = now()
  stage.users.history.note({ is: 'reset', pauseMs: userTtlMs })
  const words = [holdfast, 'reset', '--yes', '--view', processes.viewUrl]
  const reset = await execute(process.execPath, words).catch(error => error)
  stage.expect(reset.code === undefined, `F14: the reset failed: ${reset.stderr}`)
  const newcomer = await connect(processes.viewUrl, { timeout: 30_000 })
  const fresh = await newcomer.acquire('old')
  const pausedMs = now() - resetAt
  stage.expect(pausedMs > userTtlMs - 100, `F14: granted ${pausedMs.toFixed(0)} ms after the reset`)
  stage.expect(fresh.token > old.token, `F14: token ${fresh.token} after ${old.token}`)
  stage.expect(!old.held, 'F14: the old holder still believes')
  await newcomer.close()
  await stage.served()
  await stage.measure(from)
  await processes.restart(primary)
}

export const serverFaults: readonly Scenario[] = [
  { fault: 'F1', name: 'primary killed', turns: [20, 3], turn: stage => kill(stage, 'primary') },
  {
    fault: 'F1',
    name: 'primary cut off from its backup, and killed',
    turns: [10, 1],
    setting: patient,
    turn: killUnreplicated,
  },
  { fault: 'F2', name: 'backup killed', turns: [10, 1], turn: stage => kill(stage, 'backup') },
  {
    fault: 'F3',
    name: 'primary killed before it replied',
    turns: [10, 1],
    setting: patient,
    turn: killBeforeReply,
  },
  {
    fault: 'F4',
    name: 'server restarted within a ping interval',
    turns: [10, 2],
    setting: { serverArgs: ['--ping-interval-ms', '600'] },
    turn: restartAtOnce,
  },
  {
    fault: 'F5',
    name: 'killed again and again',
    turns: [12, 3],
    turn: (stage, turn) => kill(stage, turn % 3 === 1 ? 'backup' : 'primary'),
  },
  { fault: 'F8', name: 'primary frozen and thawed', turns: [5, 1], turn: freezePrimary },
  { fault: 'F9', name: 'view server killed', turns: [5, 1], setting: patient, turn: killViewServer },
  { fault: 'F9', name: 'view server frozen', turns: [5, 1], setting: patient, turn: freezeViewServer },
  {
    fault: 'F9',
    name: 'primary killed while the view server is away',
    turns: [5, 1],
    turn: killPrimaryWithoutViewServer,
  },
  {
    fault: 'F14',
    name: `state lost, then reset (gap: the longest ttl, ${userTtlMs})`,
    turns: [1, 1],
    // On a stage where a user once had a longer lease, the pause would be that long.
    setting: { fresh: true },
    allowed: { stateLost: true },
    turn: loseState,
  },
]
