// The run's own network: a namespace for each node, all on one bridge in one more namespace, so that nothing
// gets in or out. Cuts and losses are nftables rules inside of the namespaces; the machine's own interfaces
// and firewall are never touched. It knows no server and no user.

import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import type { Place } from '../fixtures/server-processes.ts'

const namespaceFolder = '/run/netns'
/** Every namespace is named `holdfast-PID-NODE` after the process that made it. */
const prefix = 'holdfast-'

/** Why this machine can't make such a network; null if it can. */
export function obstacle(): string | null {
  if (process.platform !== 'linux') return 'network namespaces need Linux'
  for (const [program, source] of Object.entries({ ip: 'iproute2', nft: 'nftables', nsenter: 'util-linux' }))
    if (spawnSync(program, ['--version']).error !== undefined)
      return `the program ${program} is missing; it comes with the package ${source}`
  const probe = new RealNetwork(['probe'])
  try {
    probe.make()
    probe.lose('probe', 50)
    execFileSync('nsenter', [`--net=${namespaceFolder}/${probe.nameOf('probe')}`, 'true'], { stdio: 'pipe' })
    return null
  } catch (error) {
    const { stderr = String(error) } = error as { stderr?: unknown }
    return `this user may not make network namespaces with firewall rules: ${String(stderr).trim()}`
  } finally {
    probe.remove()
  }
}

/** What killed runs left behind. */
export function removeLeftOvers(): void {
  for (const name of namespaces()) {
    const maker = Number(/^holdfast-(\d+)-/.exec(name)?.[1])
    if (Number.isInteger(maker) && !isRunning(maker)) removeNamespace(name)
  }
}

export class RealNetwork {
  readonly #nodes: readonly string[]
  readonly #pid: number

  /** The nodes of the network that this process, or the given one, has made. */
  constructor(nodes: readonly string[], pid = process.pid) {
    this.#nodes = nodes
    this.#pid = pid
  }

  make(): void {
    const bridge = this.nameOf('bridge')
    ip('netns', 'add', bridge)
    ip('-n', bridge, 'link', 'add', 'bridge', 'type', 'bridge')
    ip('-n', bridge, 'link', 'set', 'bridge', 'up')
    for (const node of this.#nodes) this.#makeNode(node, bridge)
  }

  nameOf(node: string): string {
    return `${prefix}${this.#pid}-${node}`
  }

  hostOf(node: string): string {
    return `10.87.0.${this.#nodes.indexOf(node) + 1}`
  }

  /** Where a node's programs run. */
  place(node: string): Place {
    const within = ['nsenter', `--net=${namespaceFolder}/${this.nameOf(node)}`]
    return { host: this.hostOf(node), within }
  }

  /** What the first sends does not arrive at the second; the other direction works. */
  cutOneWay(from: string, to: string): void {
    this.#rule(to, `ip saddr ${this.hostOf(from)} drop`)
  }

  cut(one: string, other: string): void {
    this.cutOneWay(one, other)
    this.cutOneWay(other, one)
  }

  /** The node loses this percentage of the packets that arrive. */
  lose(node: string, percent: number): void {
    this.#rule(node, `numgen random mod 100 < ${percent} drop`)
  }

  /** Undoes all cuts and losses. */
  heal(): void {
    for (const node of this.#nodes) this.#nft(node, 'flush chain inet holdfast arriving')
  }

  /** Ends everything that still runs in it, except the run itself. */
  clear(): void {
    for (const name of this.#namespaces()) killAllIn(name)
  }

  /** As above, and removes the network. */
  remove(): void {
    for (const name of this.#namespaces()) removeNamespace(name)
  }

  #namespaces(): string[] {
    const own = this.nameOf('')
    return namespaces().filter(name => name.startsWith(own))
  }

  #makeNode(node: string, bridge: string): void {
    const name = this.nameOf(node)
    ip('netns', 'add', name)
    ip('-n', name, 'link', 'set', 'lo', 'up')
    ip('-n', name, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', `to-${node}`, 'netns', bridge)
    ip('-n', bridge, 'link', 'set', `to-${node}`, 'master', 'bridge', 'up')
    ip('-n', name, 'address', 'add', `${this.hostOf(node)}/24`, 'dev', 'eth0')
    ip('-n', name, 'link', 'set', 'eth0', 'up')
    this.#nft(node, 'add table inet holdfast')
    this.#nft(node, 'add chain inet holdfast arriving { type filter hook input priority 0; policy accept; }')
  }

  #rule(node: string, rule: string): void {
    this.#nft(node, `add rule inet holdfast arriving ${rule}`)
  }

  #nft(node: string, command: string): void {
    const inside = `--net=${namespaceFolder}/${this.nameOf(node)}`
    execFileSync('nsenter', [inside, 'nft', command], { stdio: 'pipe' })
  }
}

function ip(...words: string[]): string {
  return execFileSync('ip', words, { stdio: 'pipe', encoding: 'utf8' })
}

function namespaces(): string[] {
  try {
    return readdirSync(namespaceFolder).filter(name => name.startsWith(prefix))
  } catch {
    return [] // no such network was ever made
  }
}

function removeNamespace(name: string): void {
  killAllIn(name)
  ip('netns', 'delete', name)
}

function killAllIn(name: string): void {
  const pids = ip('netns', 'pids', name).split('\n').filter(Boolean).map(Number)
  for (const pid of pids) if (pid !== process.pid) killIfThere(pid)
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended since.
  }
}

/** Whether this process is a run of tests in such networks that still goes on. */
export function isRunning(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').match(/faults|deploy/) !== null
  } catch {
    return false
  }
}
