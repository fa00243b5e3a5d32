// What `holdfast cluster` prints: lines to read, or one JSON line an event. It only words things.

import type { View } from '../client/index.ts'
import type { Status } from '../wire/messages.ts'
import { viewDefault } from './arguments.ts'
import type { Child, Death } from './child.ts'
import type { Change } from './cluster-watch.ts'
import { note, paint, printJson, table } from './output.ts'

type Pids = Readonly<Record<string, number>>

export interface ClusterReport {
  /** `goesOnFrom`: the view of the record that is there. */
  starting(about: {
    servers: number
    data: string
    temporary: boolean
    durable: boolean
    goesOnFrom: number | null
  }): void
  ready(about: { url: string; data: string; pids: Pids; status: Status }): void
  changed(change: Change, pids: Pids): void
  acked(number: number, survives: number): void
  died(child: Child, death: Death): void
  started(child: Child): void
  /** The state is on disk, and something keeps it from being recovered at once. */
  recovers(reason: string): void
  halted(reason: string, url: string, status: Status): void
  ended(): void
}

export class JsonReport implements ClusterReport {
  starting(): void {}

  ready({ url, data, pids, status }: Parameters<ClusterReport['ready']>[0]): void {
    const view = status.view && inView(status.view, pids)
    printJson({ event: 'ready', url, data, pids, view })
  }

  changed({ view, gapMs }: Change, pids: Pids): void {
    const rounded = gapMs === null ? null : Math.round(gapMs * 10) / 10
    printJson({ event: 'view', ...inView(view, pids), gapMs: rounded })
  }

  acked(number: number): void {
    printJson({ event: 'acked', number })
  }

  died({ name, url }: Child, { pid, code, signal, restartMs }: Death): void {
    printJson({ event: 'died', name, url, pid, code, signal, restartMs })
  }

  started({ name, url, pid }: Child): void {
    printJson({ event: 'started', name, url, pid })
  }

  recovers(reason: string): void {
    printJson({ event: 'recovers', reason })
  }

  halted(reason: string): void {
    printJson({ event: 'halted', reason })
  }

  ended(): void {
    printJson({ event: 'ended' })
  }
}

export class PlainReport implements ClusterReport {
  readonly #port: number
  readonly #print: (line: string) => void
  /** The live picture is also shown: it has the roles and the keys. */
  readonly #pictured: boolean
  #durable = false

  /** `print`: where its lines go. */
  constructor(port: number, print: (line: string) => void, pictured: boolean) {
    this.#port = port
    this.#print = print
    this.#pictured = pictured
  }

  starting(about: Parameters<ClusterReport['starting']>[0]): void {
    const { servers, data, temporary, durable, goesOnFrom } = about
    this.#durable = durable
    const count = servers === 1 ? 'one lock server' : `${servers} lock servers`
    const kept = temporary ? ', removed at the end' : ''
    const what = durable ? 'record, locks and logs' : 'record and logs'
    this.#print(`starting a view server and ${count}; ${what} in ${data}${kept}`)
    if (goesOnFrom !== null) this.#print(`it goes on from view ${goesOnFrom}${this.#keeps()}`)
  }

  #keeps(): string {
    return this.#durable
      ? ', with the locks that are on disk'
      : ", whose locks were in memory and are gone: its record says that this cluster is not on disk. 'holdfast durability --set disk' changes that while it runs; so does another --data DIR"
  }

  ready({ url, pids, status }: Parameters<ClusterReport['ready']>[0]): void {
    if (!this.#pictured) this.#whoIsWho(url, pids, status)
    this.#print('')
    this.#print('Now try, in another terminal:')
    const view = this.#port === 7400 ? '' : ` --view ${url}`
    this.#print(`  npx holdfast run demo${view} -- sh -c 'echo $HOLDFAST_TOKEN; sleep 5'`)
    this.#print(`  npx holdfast status${view}`)
    this.#print(`  npx holdfast kill primary${view}`)
    this.#print(`The dashboard, where servers can be killed and frozen, too: ${url.replace(/^ws/, 'http')}/`)
    if (!this.#pictured) this.#print('Ctrl-C ends the cluster.')
    this.#print('')
    const backup =
      status.view?.backup === null ? `has no backup: ${this.#death('a death')}` : 'has its backup in sync'
    this.#say(`${paint('bold', `view ${status.view?.number ?? 0}`)} ${backup}`)
  }

  #whoIsWho(url: string, pids: Pids, { view }: Status): void {
    const rows = Object.entries(pids)
      .map(([address, pid]) => [roleOf(view, address, url), address, String(pid)])
      .sort((a, b) => roles.indexOf(a[0] as string) - roles.indexOf(b[0] as string))
    this.#print('')
    for (const [i, line] of table(['ROLE', 'ADDRESS', 'PID'], rows).entries())
      this.#print(i === 0 ? paint('dim', line) : line)
  }

  changed({ view, gapMs, died }: Change, pids: Pids): void {
    const { primary, backup } = inView(view, pids)
    const names = [`primary ${shortOf(primary)}`, backup === null ? 'no backup' : `backup ${shortOf(backup)}`]
    const length = `gap ${gapMs?.toFixed(gapMs < 100 ? 1 : 0)} ms${died ? '' : ' since it was noticed'}`
    const gap = gapMs === null ? 'no gap' : paint('green', length)
    const of = view.group === 0 ? '' : ` of group ${view.group}`
    this.#say(`${paint('bold', `view ${view.number}${of}`)}: ${names.join(', ')}; ${gap}`)
  }

  acked(number: number, survives: number): void {
    const backup =
      survives === 0
        ? `has no backup: ${this.#death('the next death')}`
        : 'has its backup in sync: survives one more death'
    this.#say(paint('dim', `view ${number} ${backup}`))
  }

  #death(which: string): string {
    return this.#durable ? `${which} stops the service until it is back` : `${which} loses all locks`
  }

  died({ name, url }: Child, { pid, code, signal, restartMs }: Death): void {
    const how = signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`
    this.#say(`${paint('red', `${name} at ${url}`)} (pid ${pid}) ${how}; starts again in ${restartMs} ms`)
  }

  started({ name, url, pid, again }: Child): void {
    this.#say(`${name} is ${again ? 'back' : 'up'} at ${url} (pid ${pid})`)
  }

  recovers(reason: string): void {
    this.#say(paint('yellow', reason))
  }

  halted(reason: string, url: string, { groups }: Status): void {
    this.#say(paint('red', reason))
    const view = url === viewDefault ? '' : ` --view ${url}`
    const lost =
      groups.length === 1 ? [''] : groups.flatMap(each => (each.lost ? [` --group ${each.group}`] : []))
    for (const group of lost)
      this.#say(`to go on without the old locks: npx holdfast reset --yes${group}${view}`)
  }

  ended(): void {
    note('all servers have ended')
  }

  #say(line: string): void {
    this.#print(`${paint('dim', new Date().toTimeString().slice(0, 8))} ${line}`)
  }
}

interface InView {
  readonly id: string
  readonly address: string
  readonly pid: number | null
}

function inView({ number, primary, backup }: View, pids: Pids) {
  const known = (server: { id: string; address: string }): InView => ({
    id: server.id,
    address: server.address,
    pid: pids[server.address] ?? null,
  })
  return { number, primary: known(primary), backup: backup === null ? null : known(backup) }
}

function shortOf({ address, pid }: InView): string {
  return pid === null ? address : `${address} (pid ${pid})`
}

const roles = ['view server', 'primary', 'backup', 'idle']

function roleOf(view: View | null, address: string, viewServer: string): string {
  if (address === viewServer) return 'view server'
  if (view?.primary.address === address) return 'primary'
  return view?.backup?.address === address ? 'backup' : 'idle'
}
