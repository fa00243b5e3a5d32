// What every scenario plays on: a cluster and users in the run's own network, the moments at which a fault is
// injected, and the verdict at the end. It knows no particular fault.

import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type LockClient } from '../../client/index.ts'
import type { Status, View } from '../../wire/messages.ts'
import { type Place, ServerProcesses } from '../fixtures/server-processes.ts'
import { now, takeHistories } from './history.ts'
import type { RealNetwork } from './network.ts'
import type { Proxied, ProxyOptions } from './proxy.ts'
import { type Allowed, type Findings, judge } from './replay.ts'
import { forkAt, RealUsers, type User } from './users.ts'

export const serverNodes = ['server-1', 'server-2', 'server-3'] as const
export const userNodes = ['user-1', 'user-2', 'user-3', 'user-4'] as const
/** The node of one more user, and of the hostile peer; then that of this process, which is never cut off. */
export const guestNode = 'guest'
export const operatorNode = 'operator'
export const nodes = ['view', ...serverNodes, ...userNodes, guestNode, operatorNode]

const viewPort = 7400
const serverPort = 7401
const proxyPort = 7501

/** Grants of its own lock that each user must get to show that it is served. */
const enough = 20

/** The lease of each user that no scenario means to hit. */
export const userTtlMs = 10_000

export type Role = 'primary' | 'backup'

export interface Setting {
  /** Users and servers reach the lock servers through proxies. */
  readonly proxied?: boolean
  /** More arguments of every server. */
  readonly serverArgs?: readonly string[]
  /** A stage on which no other scenario has played. */
  readonly fresh?: true
}

export interface Row {
  readonly gaps: readonly number[]
  readonly operations: number
  readonly violations: readonly string[]
}

export class Stage {
  readonly network: RealNetwork
  readonly processes: ServerProcesses
  readonly users: RealUsers
  /** Its session is open all the time; it receives every view. */
  readonly locks: LockClient
  readonly #historyFolder = mkdtempSync(join(tmpdir(), 'holdfast-histories-'))
  readonly #proxies: readonly ChildProcess[]
  #gaps: number[] = []
  #violations: string[] = []
  readonly #views: View[] = []
  #lastCount: number

  private constructor(
    network: RealNetwork,
    processes: ServerProcesses,
    proxies: readonly ChildProcess[],
    locks: LockClient,
    firstToken: number,
  ) {
    this.network = network
    this.processes = processes
    this.#proxies = proxies
    this.locks = locks
    this.#lastCount = firstToken
    this.users = new RealUsers(processes.viewUrl, this.#historyFolder)
    if (locks.view !== null) this.#onView(locks.view)
    locks.on('view', view => this.#onView(view))
  }

  /** Opens when all servers are healthy. */
  static async open(network: RealNetwork, { proxied = false, serverArgs = [] }: Setting): Promise<Stage> {
    const processes = new ServerProcesses({ ...network.place('view'), port: viewPort }, serverArgs)
    const proxies = proxied ? await Promise.all(serverNodes.map(node => startProxy(network, node))) : []
    try {
      const at = (node: string): Place => ({
        ...network.place(node),
        port: serverPort,
        ...(proxied && { advertise: `ws://${network.hostOf(node)}:${proxyPort}` }),
      })
      await processes.start(serverNodes.map(at))
      const locks = await connect(processes.viewUrl, { name: 'scenario', timeout: 30_000 })
      return new Stage(network, processes, proxies, locks, await countingToken(locks))
    } catch (error) {
      await processes.end()
      network.clear()
      throw error
    }
  }

  /** Starts the users that every scenario has; a scenario may add more. */
  async fill(): Promise<void> {
    const places = userNodes.map(node => this.network.place(node))
    await this.users.start('user', places, { ttlMs: userTtlMs, sharedCalls: 3 })
  }

  // ---- who is where

  healthy(): Promise<Status> {
    return this.processes.healthy(serverNodes.length)
  }

  /** Every user is served, and a death would be survived just now. */
  async ready(): Promise<Status> {
    await this.served()
    return await this.healthy()
  }

  nodeOf(address: string): string {
    const node = serverNodes.find(one => this.network.hostOf(one) === new URL(address).hostname)
    if (node === undefined) throw new Error(`nobody of ours is at ${address}`)
    return node
  }

  idleNode(status: Status): string {
    const inView = [addressOf(status, 'primary'), addressOf(status, 'backup')].map(a => this.nodeOf(a))
    return serverNodes.find(node => !inView.includes(node)) as string
  }

  // ---- for scenarios

  /** Every user is served: its own lock is granted again and again. */
  async served(users: readonly User[] = this.users.all): Promise<void> {
    await this.users.progress(enough, users)
  }

  /** The longest time since then in which one of them was not served. */
  async measure(from: number, users: readonly User[] = this.users.all): Promise<void> {
    this.gap(Math.max(...(await this.users.gaps(from, users))))
  }

  /**
   * Call it before the cut is healed: on a busy machine a cut may last, and its lease end. Its last renewal
   * may be a quarter of the ttl older, and its return takes seconds.
   */
  wasCutOff(who: string, from: number, ttlMs = userTtlMs): void {
    if (now() - from > ttlMs / 3) this.users.history.note({ is: 'away' }, undefined, who)
  }

  /** Changes what the proxies do; resolves with how many connections they have cut by now. */
  async proxy(change: Proxied): Promise<number> {
    const cuts = await Promise.all(
      this.#proxies.map(async proxy => {
        const answer = once(proxy, 'message')
        proxy.send(change)
        return ((await answer) as [{ cuts: number }])[0].cuts
      }),
    )
    return cuts.reduce((sum, each) => sum + each, 0)
  }

  gap(ms: number): void {
    this.#gaps.push(ms)
  }

  expect(fact: boolean, violation: string): void {
    if (!fact) this.#violations.push(violation)
  }

  // ---- the end

  /** What was measured and found since the last row. */
  row(operations: number): Row {
    const row = { gaps: this.#gaps, operations, violations: this.#violations }
    this.#gaps = []
    this.#violations = []
    return row
  }

  /** Lets all calls end and judges what happened since the last verdict; then work continues. */
  async verdict(allowed: Allowed): Promise<Row> {
    this.network.heal()
    await this.healthy()
    this.#violations.push(...(await this.users.rest()))
    const { held, pending } = await this.locks.query()
    for (const { name, clientName } of held) this.expect(false, `${name} is still held by ${clientName}`)
    for (const { name, clientName } of pending) this.expect(false, `${clientName} still waits for ${name}`)
    const found = judge(takeHistories(this.#historyFolder), allowed)
    await this.#count(found, allowed)
    await this.users.work()
    this.#violations.push(...found.violations)
    return this.row(found.operations)
  }

  async end(): Promise<void> {
    this.users.end()
    this.network.heal()
    await Promise.all([this.processes.end(), this.locks.close()])
    this.network.clear()
    rmSync(this.#historyFolder, { recursive: true, force: true })
  }

  /** Tokens count grants: none was made that no user asked for, none was made twice. */
  async #count({ granted, untold }: Findings, { stateLost = false }: Allowed): Promise<void> {
    const token = await countingToken(this.locks)
    const made = token - this.#lastCount - 1
    this.#lastCount = token
    const fits = stateLost || (made >= granted && made <= granted + untold)
    this.expect(fits, `S1: ${made} grants were made, ${granted} were told, of ${untold} nobody could be told`)
  }

  /** V1, V2, as one client sees them. */
  #onView(view: View): void {
    const last = this.#views.at(-1)
    this.#views.push(view)
    if (last === undefined) return
    this.expect(view.number > last.number, `V1: view ${view.number} after ${last.number}`)
    if (view.number !== last.number + 1 || view.start !== null) return
    const former = [last.primary.id, last.backup?.id]
    this.expect(former.includes(view.primary.id), `V2: the primary of view ${view.number} comes from nowhere`)
  }
}

export function addressOf({ view }: Status, role: Role): string {
  const server = view?.[role]
  if (!server) throw new Error(`there is no ${role} in ${JSON.stringify(view)}`)
  return server.address
}

export function viewNumber({ view }: Status): number {
  return view?.number ?? 0
}

async function startProxy(network: RealNetwork, node: string): Promise<ChildProcess> {
  const options: ProxyOptions = {
    host: network.hostOf(node),
    port: proxyPort,
    targetPort: serverPort,
    delayMs: 0,
    cutAfterBytes: 0,
  }
  const proxy = forkAt(network.place(node), './proxy.js', [JSON.stringify(options)])
  await once(proxy, 'message')
  return proxy
}

async function countingToken(locks: LockClient): Promise<number> {
  const lock = await locks.acquire('counting', { timeout: 30_000 })
  await lock.release()
  return lock.token
}
