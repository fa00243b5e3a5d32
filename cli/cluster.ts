// `holdfast cluster`: a whole cluster on this machine, one process a server. Starts them, starts again
// what dies, says what happens; when it ends, however it ends, all of them end.

import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { byDefault, type Command, json, text, type Values, whole } from './arguments.ts'
import { Child, type Death } from './child.ts'
import { type ClusterReport, JsonReport, PlainReport } from './cluster-report.ts'
import { ClusterWatch } from './cluster-watch.ts'
import { printConfig } from './config.ts'
import { Failure, messageOf, UsageError } from './failure.ts'
import { passedOn } from './serving.ts'

const options = {
  servers: byDefault(3, whole('COUNT', 'lock servers', 1, 32)),
  port: byDefault(
    7400,
    whole('PORT', 'of the view server; lock servers take the next ones; 0: free ones', 0, 65_535),
  ),
  data: byDefault('a temporary one', text('DIR', 'folder for the view record and the logs')),
  ...printConfig,
  ...json,
}

/** The children get this long after SIGTERM: nobody is left to hand over to. */
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
Ctrl-C ends all of it.`,
  options,
  passesOn: passedOn,
  names: [],
  async run({ values }) {
    const cluster = await Cluster.prepare(values)
    return await cluster.run()
  },
}

interface Plan {
  readonly servers: number
  /** 0: free ones. */
  readonly port: number
  readonly data: string
  readonly temporary: boolean
  /** The folder holds no view record. */
  readonly fresh: boolean
}

class Cluster {
  readonly #plan: Plan
  readonly #report: ClusterReport
  readonly #viewServer: Child
  readonly #lockServers: Child[]
  #watch: ClusterWatch | undefined
  #ready = false
  #ending = false
  #end: () => void = () => {}
  readonly #toldToEnd = new Promise<void>(resolve => {
    this.#end = resolve
  })

  static async prepare({ servers = 3, port = 7400, data, json }: Values<typeof options>): Promise<Cluster> {
    if (port !== 0 && port + servers > 65_535)
      throw new UsageError(
        `--port ${port} leaves no room for ${servers} lock servers above it; give a smaller one`,
      )
    await checkPorts(port, servers)
    const folder = await openFolder(data)
    const plan = { servers, port, temporary: data === undefined, ...folder }
    return new Cluster(plan, json ? new JsonReport() : new PlainReport(port))
  }

  private constructor(plan: Plan, report: ClusterReport) {
    this.#plan = plan
    this.#report = report
    this.#viewServer = this.#child('viewserver', plan.port, (port, again) => [
      'viewserver',
      `--listen=127.0.0.1:${port}`,
      `--data=${plan.data}`,
      '--play',
      ...(plan.fresh && !again ? ['--new-cluster'] : []),
    ])
    this.#lockServers = Array.from({ length: plan.servers }, (_, i) =>
      this.#child(`lockserver-${i + 1}`, plan.port === 0 ? 0 : plan.port + 1 + i, port => [
        'lockserver',
        `--listen=127.0.0.1:${port}`,
        `--view=${this.#viewServer.url}`,
      ]),
    )
  }

  /** Resolves with the exit code when everything has ended and nothing is left behind. */
  async run(): Promise<number> {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => this.#onSignal())
    // Of the IPC channel, if a program has started it with one: then it ends with that program.
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
    if (this.#ending) return
    await Promise.all(this.#lockServers.map(server => server.start()))
    if (this.#ending) return
    this.#watch = new ClusterWatch(this.#viewServer.url, this.#plan.servers, {
      changed: change => this.#ready && this.#report.changed(change, this.#pids()),
      acked: status => this.#onAcked(status.view?.number ?? 0, status),
      halted: reason => this.#report.halted(reason, this.#viewServer.url),
    })
    this.#watch.start()
  }

  #onAcked(number: number, status: Parameters<ClusterReport['ready']>[0]['status']): void {
    if (this.#ready) return this.#report.acked(number)
    this.#ready = true
    const { data } = this.#plan
    this.#report.ready({ url: this.#viewServer.url, data, pids: this.#pids(), status })
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
    })
  }

  #onListening(child: Child): void {
    if (this.#ready) this.#report.started(child)
    this.#watch?.look()
  }

  #onDied(child: Child, death: Death): void {
    if (this.#ending) return
    this.#report.died(child, death)
    this.#watch?.serverDied(child.url)
  }

  #pids(): Record<string, number> {
    return Object.fromEntries(
      [this.#viewServer, ...this.#lockServers].flatMap(({ url, pid }) =>
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
    return [...this.#lockServers, this.#viewServer]
  }

  async #stop(): Promise<void> {
    await this.#watch?.close()
    await Promise.all(this.#children().map(child => child.end(patienceMs)))
    const { temporary, data } = this.#plan
    if (temporary) await rm(data, { recursive: true, force: true })
    this.#report.ended()
  }
}

/** What a server would take for its own, or for being alone. */
function childEnvironment(): NodeJS.ProcessEnv {
  const environment = { ...process.env }
  for (const name of ['LISTEN', 'VIEW', 'DATA', 'ADVERTISE', 'NEW_CLUSTER'])
    delete environment[`HOLDFAST_${name}`]
  return environment
}

async function checkPorts(port: number, servers: number): Promise<void> {
  if (port === 0) return
  for (let each = port; each <= port + servers; each++) await checkPort(each, servers)
}

async function checkPort(port: number, servers: number): Promise<void> {
  const server = createServer()
  try {
    await new Promise<void>((listening, failed) => {
      server.once('error', failed)
      server.listen(port, '127.0.0.1', listening)
    })
    await new Promise(closed => server.close(closed))
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const why = code === 'EADDRINUSE' ? 'is taken (perhaps another cluster runs)' : `can't be had: ${message}`
    throw new Failure(
      `port ${port} ${why}; a cluster of ${servers} needs ${servers + 1} ports in a row: give --port a free one, or 0 for any`,
    )
  }
}

async function openFolder(given: string | undefined): Promise<{ data: string; fresh: boolean }> {
  const data = given === undefined ? await mkdtemp(join(tmpdir(), 'holdfast-')) : resolve(given)
  try {
    await mkdir(join(data, 'logs'), { recursive: true })
    const names = await readdir(data)
    return { data, fresh: !names.some(name => name.startsWith('view-record-')) }
  } catch (error) {
    throw new Failure(
      `can't write to the data folder ${data}: ${messageOf(error)}; give --data a folder that this user may write to`,
    )
  }
}
