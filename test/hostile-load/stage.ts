// One run of one scenario: a cluster of real processes, the observer, the attacker, and a server's
// death if the scenario has one. However a run ends, it stops everything that it started.

import { type ChildProcess, execFileSync, fork, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, statfsSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Status } from '../../wire/messages.ts'
import { until } from '../fixtures/deadline.ts'
import { pause } from '../fixtures/real-pause.ts'
import { here, type Place, ServerProcesses } from '../fixtures/server-processes.ts'
import type { Order } from './attacker.ts'
import type { Run, Turns } from './judge.ts'
import { greet } from './member.ts'
import type { Observed, Report, Watched } from './observer.ts'
import type { Outcome, Scenario, Setting } from './scenario.ts'
import type { Metered } from './turn-meter.ts'

export interface StageOptions {
  readonly seconds: number
  readonly deadPings: number
}

/** An attack that takes longer is stopped. */
const attackMsMax = 60_000
const healthyMsMax = 30_000
/** Wait after the attack, so that the measurements include what it leaves behind. */
const settleMs = 1_000
const lockServers = 3
const secretOfAll = 'a secret of this run'

type Telling = { ready?: true; outcome?: Outcome; report?: Report }

export class LoadStage {
  readonly #scenario: Scenario
  readonly #options: StageOptions
  readonly #secret: string | null
  readonly #servers: ServerProcesses
  /** The meters of the servers' turns write here. */
  readonly #meters = mkdtempSync(join(tmpdir(), 'turns-'))
  readonly #children: ChildProcess[] = []
  #mounted = false

  constructor(scenario: Scenario, options: StageOptions) {
    this.#scenario = scenario
    this.#options = options
    const { setting = {} } = scenario
    this.#secret = setting.secret ? secretOfAll : null
    const secret = this.#secret === null ? [] : ['--secret', this.#secret]
    const timings = ['--dead-pings', String(options.deadPings)]
    this.#servers = new ServerProcesses(viewPlace(setting, this.#meters), [...secret, ...timings])
  }

  async run(): Promise<Run> {
    const { view, servers } = await this.#start()
    const watched = this.#watched(view, servers)
    const observer = await this.#observe(watched)
    const before = coreTimes()
    const began = Date.now()
    const outcome = await this.#attack(view, servers)
    await pause(settleMs)
    const busy = busyPart(before, coreTimes())
    observer.send('stop')
    const { report } = await told(observer, 'report')
    if (report === undefined) throw new Error('the observer reported nothing')
    const turns = watched.map(({ pid }) => turnsOf(this.#meters, pid, began))
    return { scenario: this.#scenario, report, turns, outcome, busy, died: this.#died(watched, view) }
  }

  async end(): Promise<void> {
    this.abandon()
    await this.#servers.end()
  }

  /** At once, when the process must end: the servers end when their channel to this process closes. */
  abandon(): void {
    for (const child of this.#children) child.kill('SIGKILL')
    if (this.#mounted) this.#unmount()
  }

  /** Must not throw, since a process that is ending calls it. Apart, for a signal to its group would end umount, too. */
  #unmount(): void {
    this.#mounted = false
    const { status } = spawnSync('setsid', ['--wait', 'umount', '--lazy', this.#servers.data])
    if (status !== 0) process.stderr.write(`${this.#servers.data} is still mounted\n`)
  }

  async #start(): Promise<{ view: View; servers: Status['servers'] }> {
    const { setting = {} } = this.#scenario
    if (setting.fullDisk) this.#mount()
    await this.#servers.start([])
    for (let i = 0; i < lockServers; i++) await this.#servers.addServer(lockPlace(setting, this.#meters))
    const found = await this.#healthy()
    if (setting.fullDisk) fill(this.#servers.data)
    return found
  }

  /** Asks by socket, since a server may refuse pages to clients without the secret. */
  async #healthy(): Promise<{ view: View; servers: Status['servers'] }> {
    const peer = await greet(this.#servers.viewUrl, this.#secret)
    let number = 0
    const look = async () => {
      peer.say(['status', ++number])
      const { view, acked, survives, servers } = (await peer.next('status'))[2] as Status
      const all = servers.filter(server => server.alive).length === lockServers
      return view !== null && acked && survives > 0 && all && { view, servers }
    }
    const found = await until('the cluster is healthy', look, healthyMsMax)
    peer.leave()
    return found
  }

  #watched(view: View, servers: Status['servers']): Watched[] {
    const locks = servers.map(({ id, address, pid }) => ({ name: roleOf(view, id), url: address, pid }))
    return [...locks, { name: 'view server', url: this.#servers.viewUrl, pid: this.#servers.viewServerPid }]
  }

  async #observe(servers: Watched[]): Promise<ChildProcess> {
    const observed: Observed = { view: this.#servers.viewUrl, secret: this.#secret, servers }
    const observer = this.#fork('observer.js', observed)
    await told(observer, 'ready')
    return observer
  }

  async #attack(view: View, servers: Status['servers']): Promise<Outcome> {
    const idle = servers.find(({ id }) => roleOf(view, id) === 'idle')?.address ?? ''
    const [primary, backup] = [view.primary.address, view.backup?.address ?? '']
    const { name } = this.#scenario
    const { seconds } = this.#options
    const order: Order = {
      name,
      view: this.#servers.viewUrl,
      primary,
      backup,
      idle,
      secret: this.#secret,
      seconds,
    }
    const attacker = this.#fork('attacker.js', order)
    const timer = setTimeout(() => attacker.kill('SIGKILL'), attackMsMax)
    if (this.#scenario.death) {
      await told(attacker, 'ready')
      await this.#servers.kill(primary)
      attacker.send('struck')
    }
    const { outcome } = await told(attacker, 'outcome')
    clearTimeout(timer)
    return outcome ?? { wrong: [`the attack was not over after ${attackMsMax} ms`] }
  }

  #died(watched: readonly Watched[], view: View): string[] {
    const meant = this.#scenario.death ? view.primary.address : null
    const gone = watched.filter(({ pid, url }) => url !== meant && !isRunning(pid))
    return gone.map(({ name }) => name)
  }

  #fork(program: string, words: object): ChildProcess {
    const child = fork(fileURLToPath(new URL(program, import.meta.url)), [JSON.stringify(words)])
    this.#children.push(child)
    return child
  }

  #mount(): void {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', this.#servers.data])
    this.#mounted = true
  }
}

type View = NonNullable<Status['view']>

function roleOf(view: View, id: string): string {
  if (view.primary.id === id) return 'primary'
  return view.backup?.id === id ? 'backup' : 'idle'
}

/** Waits for a message with this property; gets an empty one if the process ends first. */
async function told(child: ChildProcess, what: keyof Telling): Promise<Telling> {
  const ended = new AbortController()
  child.once('exit', () => ended.abort())
  try {
    for (;;) {
      const [telling] = (await once(child, 'message', { signal: ended.signal })) as [Telling]
      if (telling[what] !== undefined) return telling
    }
  } catch {
    return {}
  }
}

const meter = new URL('turn-meter.js', import.meta.url)

/** Each server has the meter of its turns in it. */
function metered(folder: string, heapMb?: number): string[] {
  const heap = heapMb === undefined ? '' : ` --max-old-space-size=${heapMb}`
  return ['env', `TURN_METER=${folder}`, `NODE_OPTIONS=--import ${meter}${heap}`]
}

function lockPlace({ heapMb, sessionsPerAddress }: Setting, folder: string): Place {
  const quota =
    sessionsPerAddress === undefined ? [] : [`HOLDFAST_SESSIONS_PER_ADDRESS=${sessionsPerAddress}`]
  return { ...here, within: [...metered(folder, heapMb), ...quota] }
}

function viewPlace({ viewFiles }: Setting, folder: string): Place {
  const files = viewFiles === undefined ? [] : ['prlimit', `--nofile=${viewFiles}:${viewFiles}`]
  return { ...here, within: [...files, ...metered(folder)] }
}

/** What the meter of this process has told since then. */
function turnsOf(folder: string, pid: number, since: number): Turns {
  const file = join(folder, String(pid))
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : []
  const all = lines.map(line => JSON.parse(line) as Metered).filter(({ at }) => at >= since)
  const longest = (kind: Metered['is']) =>
    Math.max(0, ...all.filter(one => one.is === kind).map(one => one.ms))
  return { turnMs: longest('turn'), collectionMs: longest('collection') }
}

/** Why this scenario can't run here; null if it can. */
export function obstacleTo({ setting = {} }: Scenario): string | null {
  if (setting.fullDisk && process.getuid?.() !== 0) return 'a disk of its own needs root'
  if (setting.viewFiles !== undefined && !existsSync('/usr/bin/prlimit')) return 'there is no prlimit'
  return existsSync('/proc/self/schedstat') ? null : 'CPU time is read from /proc'
}

function fill(folder: string): void {
  const { bavail, bsize } = statfsSync(folder)
  writeFileSync(join(folder, 'filler'), Buffer.alloc(Number(bavail) * Number(bsize)))
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

function coreTimes(): { idle: number; all: number } {
  const times = cpus().map(core => core.times)
  const all = times.reduce((sum, one) => sum + one.user + one.nice + one.sys + one.irq + one.idle, 0)
  return { idle: times.reduce((sum, one) => sum + one.idle, 0), all }
}

function busyPart(before: { idle: number; all: number }, after: { idle: number; all: number }): number {
  return 1 - (after.idle - before.idle) / (after.all - before.all)
}
