// `holdfast cluster`: a whole cluster on this machine, one process a server. Starts the servers, restarts
// those that die, reports what happens; when it ends, for whatever reason, all of them end.

import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { frozenMs } from '../wire/limits.ts'
import { byDefault, type Command, json, text, type Values, whole } from './arguments.ts'
import { Child, type Death } from './child.ts'
import { checkPort, checkPorts, openFolder } from './cluster-place.ts'
import { type ClusterReport, JsonReport, PlainReport } from './cluster-report.ts'
import { type Change, ClusterWatch } from './cluster-watch.ts'
import { printConfig } from './config.ts'
import { Failure, UsageError } from './failure.ts'
import { ownsTerminal } from './foreground.ts'
import { type Crew, Live } from './live.ts'
import type { Member } from './live-picture.ts'
import { print } from './output.ts'
import { passedOn } from './serving.ts'
import type { Deed } from './signal-asks.ts'

const serversMax = 32

const options = {
  servers: byDefault(3, whole('COUNT', 'lock servers', 1, serversMax)),
  viewservers: byDefault(1, whole('COUNT', 'view servers: one is active, others are standbys', 1, 3)),
  port: byDefault(
    7400,
    whole('PORT', 'of the view server; lock servers take the next ones; 0: free ones', 0, 65_535),
  ),
  data: byDefault('a temporary one', text('DIR', 'folder for the view record and the logs')),
  ...printConfig,
  ...json,
}

/** The children get this long after SIGTERM: there is no server left to hand over to. */
const patienceMs = 250

export const command: Command<typeof options> = {
  usage: 'cluster [options]',
  does: 'run a whole local cluster, restarting what dies',
  more: `Prints who is who once the view has a backup in sync, then each change with the gap that a
client saw. Locks live in memory: they end with the cluster. With a --data DIR that holds a view record
the cluster goes on from it, and 'holdfast reset --yes' gives it a new, empty state.
Logs are in DIR/logs. The servers take HOLDFAST_SECRET, HOLDFAST_PING_INTERVAL_MS and so on.
--json prints one line an event: { event, … }, event being ready (url, data, pids by URL,
view), view (number, primary, backup, gapMs), acked (number), died, started, halted, ended.
On a terminal a live picture stays at the foot of it, with keys that kill, freeze and add servers.
Ctrl-C ends all of it.`,
  options,
  passesOn: passedOn,
  names: [],
  serves: true,
  async run({ values }) {
    const cluster = await Cluster.prepare(values)
    return await cluster.run()
  },
}

interface Plan {
  readonly servers: number
  readonly viewServers: number
  /** 0: any free ports. */
  readonly port: number
  readonly data: string
  readonly temporary: boolean
  /** The folder holds no view record. */
  readonly fresh: boolean
}

class Cluster implements Crew {
  readonly #plan: Plan
  readonly #report: ClusterReport
  /** Null if it doesn't run on a terminal. */
  readonly #live: Live | null
  readonly #viewServer: Child
  /** On free ports: the next ones are the lock servers'. */
  readonly #standbys: Child[]
  readonly #lockServers: Child[]
  #watch: ClusterWatch | undefined
  #ready = false
  #ending = false
  #end: () => void = () => {}
  readonly #toldToEnd = new Promise<void>(resolve => {
    this.#end = resolve
  })

  static async prepare(values: Values<typeof options>): Promise<Cluster> {
    const { servers = 3, viewservers: viewServers = 1, port = 7400, data, json } = values
    if (port !== 0 && port + servers > 65_535)
      throw new UsageError(
        `--port ${port} leaves no room for ${servers} lock servers above it; give a smaller one`,
      )
    await checkPorts(port, servers)
    const folder = await openFolder(data)
    const plan = { servers, viewServers, port, temporary: data === undefined, ...folder }
    return new Cluster(plan, json)
  }

  private constructor(plan: Plan, json: boolean) {
    this.#plan = plan
    const live = json || ownsTerminal() === false ? null : new Live(this)
    const say = live === null ? print : (line: string) => live.say(line)
    this.#live = live
    this.#report = json ? new JsonReport() : new PlainReport(plan.port, say, live !== null)
    this.#viewServer = this.#child('viewserver', plan.port, (port, again) => [
      ...this.#viewServerArgs(port),
      ...(plan.fresh && !again ? ['--new-cluster'] : []),
    ])
    this.#standbys = Array.from({ length: plan.viewServers - 1 }, (_, i) =>
      this.#child(`viewserver-${i + 2}`, 0, port => this.#viewServerArgs(port)),
    )
    this.#lockServers = Array.from({ length: plan.servers }, (_, i) =>
      this.#lockServer(i + 1, plan.port === 0 ? 0 : plan.port + 1 + i),
    )
  }

  /** Resolves with the exit code when everything has ended and nothing is left behind. */
  async run(): Promise<number> {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => this.#onSignal())
    // By default SIGQUIT would end the process and leave the terminal in the picture's mode.
    if (this.#live !== null) process.on('SIGQUIT', () => this.#onSignal())
    // If a program started it with an IPC channel, it ends with that program.
    process.on('disconnect', () => this.#onSignal())
    try {
      await Promise.race([this.#start(), this.#toldToEnd])
      await this.#toldToEnd
      return 0
    } finally {
      this.#ending = true
      await this.#stop()
    }
  }

  async #start(): Promise<void> {
    const { data, temporary } = this.#plan
    this.#report.starting({ servers: this.#plan.servers, data, temporary })
    await this.#viewServer.start()
    for (const standby of this.#standbys) if (!this.#ending) await standby.start()
    if (this.#ending) return
    await Promise.all(this.#lockServers.map(server => server.start()))
    if (this.#ending) return
    this.#watch = new ClusterWatch(this.#viewUrls, this.#plan.servers, {
      changed: change => this.#onChanged(change),
      acked: status => this.#onAcked(status.view?.number ?? 0, status),
      halted: reason => this.#report.halted(reason, this.#viewUrls.join(',')),
    })
    this.#watch.start()
  }

  #onChanged(change: Change): void {
    if (!this.#ready) return
    this.#report.changed(change, this.#pids())
    if (change.gapMs !== null) this.#live?.gap(change.gapMs)
    void this.#live?.look()
  }

  #onAcked(number: number, status: Parameters<ClusterReport['ready']>[0]['status']): void {
    void this.#live?.look()
    if (this.#ready) return this.#report.acked(number, status.survives)
    this.#ready = true
    const { data } = this.#plan
    this.#report.ready({ url: this.#viewUrls.join(','), data, pids: this.#pids(), status })
    this.#live?.open()
  }

  members(): Member[] {
    return [...this.#viewServers, ...this.#lockServers].map(({ name, url, pid }) => ({ name, url, pid }))
  }

  signal(pid: number, signal: NodeJS.Signals): void {
    this.#children()
      .find(child => child.pid === pid)
      ?.kill(signal)
  }

  /** B8: only a child of this process, and only the one that listens there and says that it is it. */
  #signal(deed: Deed, { address, pid }: { readonly address: string; readonly pid: number }): void {
    const child = this.#lockServers.find(({ url }) => url === address)
    if (child?.pid === undefined || child.pid !== pid)
      throw new Failure(`no server of this cluster runs at ${address} with pid ${pid}`)
    child.kill(deed === 'kill' ? 'SIGKILL' : 'SIGSTOP')
    if (deed === 'freeze') setTimeout(() => child.kill('SIGCONT'), frozenMs).unref()
  }

  async add(): Promise<Member> {
    const count = this.#lockServers.length
    if (count >= serversMax) throw new Failure(`${serversMax} lock servers are as many as one cluster runs`)
    const child = this.#lockServer(count + 1, await this.#nextPort(count))
    this.#lockServers.push(child)
    try {
      await child.start()
    } catch (error) {
      this.#lockServers.splice(this.#lockServers.indexOf(child), 1)
      await child.end(0)
      throw error
    }
    this.#watch?.serverAdded()
    return child
  }

  /** The next port in the row, or any free one if that is taken. */
  async #nextPort(count: number): Promise<number> {
    const port = this.#plan.port === 0 ? 0 : this.#plan.port + 1 + count
    if (port === 0 || port > 65_535) return 0
    return await checkPort(port, count + 1).then(
      () => port,
      () => 0,
    )
  }

  quit(): void {
    this.#onSignal()
  }

  get #viewServers(): Child[] {
    return [this.#viewServer, ...this.#standbys]
  }

  get #viewUrls(): string[] {
    return this.#viewServers.map(({ url }) => url)
  }

  #viewServerArgs(port: number): string[] {
    return ['viewserver', `--listen=127.0.0.1:${port}`, `--data=${this.#plan.data}`, '--play']
  }

  #lockServer(number: number, port: number): Child {
    return this.#child(`lockserver-${number}`, port, own => [
      'lockserver',
      `--listen=127.0.0.1:${own}`,
      `--view=${this.#viewUrls.join(',')}`,
    ])
  }

  #child(name: string, port: number, args: (port: number, again: boolean) => readonly string[]): Child {
    return new Child({
      name,
      port,
      args,
      logFile: join(this.#plan.data, 'logs', `${name}.log`),
      environment: childEnvironment(),
      listening: child => this.#onListening(child),
      died: (child, death) => this.#onDied(child, death),
      signal: (deed, server) => this.#signal(deed, server),
    })
  }

  #onListening(child: Child): void {
    if (this.#ready) this.#report.started(child)
    this.#watch?.look()
    void this.#live?.look()
  }

  #onDied(child: Child, death: Death): void {
    if (this.#ending) return
    this.#report.died(child, death)
    this.#watch?.serverDied(child.url)
    void this.#live?.look()
  }

  #pids(): Record<string, number> {
    return Object.fromEntries(
      [...this.#viewServers, ...this.#lockServers].flatMap(({ url, pid }) =>
        pid === undefined ? [] : [[url, pid]],
      ),
    )
  }

  #onSignal(): void {
    if (this.#ending) for (const child of this.#children()) child.kill('SIGKILL')
    this.#ending = true
    this.#end()
  }

  #children(): Child[] {
    return [...this.#lockServers, ...this.#viewServers]
  }

  async #stop(): Promise<void> {
    this.#live?.close()
    await this.#watch?.close()
    await Promise.all(this.#children().map(child => child.end(patienceMs)))
    const { temporary, data } = this.#plan
    if (temporary) await rm(data, { recursive: true, force: true })
    this.#report.ended()
  }
}

/** Without the variables of those settings that the cluster gives each server as arguments. */
function childEnvironment(): NodeJS.ProcessEnv {
  const environment = { ...process.env }
  for (const name of ['LISTEN', 'ADMIN_LISTEN', 'VIEW', 'DATA', 'ADVERTISE', 'NEW_CLUSTER'])
    delete environment[`HOLDFAST_${name}`]
  return environment
}
