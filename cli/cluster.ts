// `holdfast cluster`: a whole cluster on this machine, one process a server. Starts the servers, restarts
// those that die, reports what happens; when it ends, for whatever reason, all of them end.

import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { durabilityOf, groupsIn, type ViewRecord, viewedIn } from '../viewservice/record.ts'
import { frozenMs } from '../wire/limits.ts'
import { byDefault, type Command, json, text, type Values, whole } from './arguments.ts'
import { Child, type Death } from './child.ts'
import { folderOf, foldersIn, membersIn, nextMember } from './cluster-members.ts'
import { beginIn, checkPort, checkPorts, openFolder } from './cluster-place.ts'
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
  groups: byDefault(1, whole('COUNT', 'groups of a primary and a backup that share the lock names', 1, 15)),
  servers: byDefault(
    3,
    whole('COUNT', 'lock servers; of several groups by default two each and a spare', 1, serversMax),
  ),
  viewservers: byDefault(1, whole('COUNT', 'view servers: one is active, others are standbys', 1, 3)),
  port: byDefault(
    7400,
    whole('PORT', 'of the view server; lock servers take the next ones; 0: free ones', 0, 65_535),
  ),
  data: byDefault(
    'a temporary one',
    text('DIR', 'folder that the locks are kept in, with the view record and the logs'),
  ),
  ...printConfig,
  ...json,
}

/** The children get this long after SIGTERM: there is no server left to hand over to. */
const patienceMs = 250

export const command: Command<typeof options> = {
  usage: 'cluster [options]',
  does: 'run a whole local cluster, and restart what dies',
  more: `Prints who is who once the view has a backup in sync, then each change with the gap that a
client saw. With --data DIR the cluster is on disk: stop it, or lose power, and start it again on DIR, and the
same locks are held by the same clients. Each lock server has its journal in DIR/lockserver-N. Without --data,
or on a DIR whose view record says so, locks live in memory and end with the cluster.
Logs are in DIR/logs. The servers take HOLDFAST_SECRET, HOLDFAST_PING_INTERVAL_MS and so on.
--json prints a line for each event: { event, … }; event is ready (url, data, pids by URL,
view), view (number, primary, backup, gapMs), acked (number), died, started, recovers, halted, ended.
On a terminal a live picture stays below that, with keys that kill, freeze and add servers.
'holdfast groups --set N' changes the number of groups while it runs; each needs two lock servers, and key a adds one.
Ctrl-C ends the whole cluster.`,
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
  /** Numbers of the lock servers. */
  readonly members: readonly number[]
  readonly viewServers: number
  /** 0: any free ports. */
  readonly port: number
  readonly data: string
  readonly temporary: boolean
  readonly record: ViewRecord | null
  /** D1 */
  readonly isDurable: boolean
}

/** Two for each group, and a spare. */
function serversFor({
  groups = 1,
  servers = 2 * groups + 1,
}: Pick<Values<typeof options>, 'groups' | 'servers'>) {
  if (servers < groups) throw new UsageError(`--servers ${servers} is too few for ${groups} groups`)
  return servers
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
  /** Their numbers. */
  readonly #members: number[]
  #watch: ClusterWatch | undefined
  #ready = false
  #ending = false
  #end: () => void = () => {}
  readonly #toldToEnd = new Promise<void>(resolve => {
    this.#end = resolve
  })

  static async prepare(values: Values<typeof options>): Promise<Cluster> {
    const { viewservers: viewServers = 1, port = 7400, data: given, json } = values
    const temporary = given === undefined
    if (temporary) await checkPorts(port, firstMembers(serversFor(values)))
    const { data, record: stored } = await openFolder(given)
    const groups = stored === null ? (values.groups ?? 1) : groupsIn(stored)
    if (groups !== (values.groups ?? groups))
      throw new UsageError(
        `--groups ${values.groups}: the cluster in ${data} has ${groups}; start it without --groups, then 'holdfast groups --set ${values.groups}' changes that`,
      )
    const servers = serversFor({ ...values, groups })
    const record = viewedIn(stored)
    const members = temporary ? firstMembers(servers) : await membersIn(data, servers, record)
    if (!temporary) await checkPorts(port, members)
    const durability = stored === null ? (temporary ? 'memory' : 'disk') : durabilityOf(stored)
    if (stored === null) await beginIn(data, durability, groups, await foldersIn(data))
    const isDurable = durability === 'disk'
    return new Cluster({ members, viewServers, port, temporary, data, record, isDurable }, json)
  }

  private constructor(plan: Plan, json: boolean) {
    this.#plan = plan
    this.#members = [...plan.members]
    const live = json || ownsTerminal() === false ? null : new Live(this)
    const say = live === null ? print : (line: string) => live.say(line)
    this.#live = live
    this.#report = json ? new JsonReport() : new PlainReport(plan.port, say, live !== null)
    this.#viewServer = this.#child('viewserver', plan.port, port => this.#viewServerArgs(port))
    this.#standbys = Array.from({ length: plan.viewServers - 1 }, (_, i) =>
      this.#child(`viewserver-${i + 2}`, 0, port => this.#viewServerArgs(port)),
    )
    this.#lockServers = plan.members.map(number =>
      this.#lockServer(number, plan.port === 0 ? 0 : plan.port + number),
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
    const { data, temporary, members, record } = this.#plan
    const about = { servers: members.length, data, temporary, durable: this.#plan.isDurable }
    this.#report.starting({ ...about, goesOnFrom: record?.view.number ?? null })
    await this.#viewServer.start()
    for (const standby of this.#standbys) if (!this.#ending) await standby.start()
    if (this.#ending) return
    await Promise.all(this.#lockServers.map(server => server.start()))
    if (this.#ending) return
    this.#watch = new ClusterWatch(this.#viewUrls, this.#plan.members.length, {
      changed: change => this.#onChanged(change),
      acked: status => this.#onAcked(status.view?.number ?? 0, status),
      recovers: reason => this.#report.recovers(reason),
      halted: (reason, status) => this.#report.halted(reason, this.#viewUrls.join(','), status),
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
    const number = nextMember(this.#members)
    const child = this.#lockServer(number, await this.#portFor(number))
    this.#lockServers.push(child)
    this.#members.push(number)
    try {
      await child.start()
    } catch (error) {
      this.#lockServers.splice(this.#lockServers.indexOf(child), 1)
      this.#members.splice(this.#members.indexOf(number), 1)
      await child.end(0)
      throw error
    }
    this.#watch?.serverAdded()
    return child
  }

  /** Its own in the row, or any free one if that is taken. */
  async #portFor(number: number): Promise<number> {
    const port = this.#plan.port === 0 ? 0 : this.#plan.port + number
    if (port === 0 || port > 65_535) return 0
    return await checkPort(port, number).then(
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

  /** A journal's folder serves a cluster in memory, too; that of a temporary cluster would be removed at its end. */
  #lockServer(number: number, port: number): Child {
    const { temporary, data } = this.#plan
    return this.#child(`lockserver-${number}`, port, own => [
      'lockserver',
      `--listen=127.0.0.1:${own}`,
      `--view=${this.#viewUrls.join(',')}`,
      ...(temporary ? [] : [`--data=${folderOf(data, number)}`]),
    ])
  }

  #child(name: string, port: number, args: (port: number) => readonly string[]): Child {
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

function firstMembers(servers: number): number[] {
  return Array.from({ length: servers }, (_, i) => i + 1)
}

/** Without the variables of those settings that the cluster gives each server as arguments. */
function childEnvironment(): NodeJS.ProcessEnv {
  const environment = { ...process.env }
  for (const name of [
    ...['LISTEN', 'ADMIN_LISTEN', 'VIEW', 'DATA', 'RECORD', 'RECORD_FILE', 'ADVERTISE'],
    ...['INIT_IF_NONE', 'DURABILITY', 'TTL_MAX'],
  ])
    delete environment[`HOLDFAST_${name}`]
  return environment
}
