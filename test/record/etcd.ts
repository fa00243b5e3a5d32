// An etcd of one node or three on this machine, with its data in a temporary folder; nodes can be killed,
// frozen and started again.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Gateway } from '../../viewservice/stores/gateway.ts'
import { member } from '../../viewservice/stores/json.ts'
import type { RecordTls } from '../../viewservice/stores/post.ts'
import { until } from '../fixtures/deadline.ts'
import { freePort } from '../fixtures/server-processes.ts'

/** How long etcd may take until it serves, on a busy machine. */
const startMs = 30_000

export class EtcdNode {
  readonly host: string
  readonly #args: readonly string[]
  readonly #tls: RecordTls | null
  #child: ChildProcess | undefined

  constructor(host: string, args: readonly string[], tls: RecordTls | null) {
    this.host = host
    this.#args = args
    this.#tls = tls
  }

  start(): void {
    this.#child = spawn('etcd', this.#args, { stdio: 'ignore' })
  }

  freeze(): void {
    this.#child?.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child?.kill('SIGCONT')
  }

  async kill(): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }

  /** Whether it is the leader; false also if it does not answer. */
  async leads(): Promise<boolean> {
    const endpoint = `http${this.#tls === null ? '' : 's'}://${this.host}`
    const gateway = new Gateway({
      endpoints: [endpoint],
      user: null,
      timeoutMs: 1_000,
      ...(this.#tls !== null && { tls: this.#tls }),
    })
    try {
      const status = await gateway.read('/v3/maintenance/status', {})
      return member(member(status, 'header'), 'member_id') === member(status, 'leader')
    } catch {
      return false
    } finally {
      gateway.close()
    }
  }
}

export interface Secure {
  readonly args: readonly string[]
  readonly tls: RecordTls
}

export class Etcd implements AsyncDisposable {
  readonly nodes: EtcdNode[] = []
  readonly #folder = mkdtempSync(join(tmpdir(), 'holdfast-etcd-'))

  /** `secure`: what its nodes need to speak TLS to clients, and what this test dials them with. */
  static async start(count: number, secure: Secure | null = null): Promise<Etcd> {
    const etcd = new Etcd()
    const places: { name: string; client: string; peer: string }[] = []
    for (let i = 0; i < count; i++)
      places.push({
        name: `n${i}`,
        client: `127.0.0.1:${await freePort()}`,
        peer: `http://127.0.0.1:${await freePort()}`,
      })
    const all = places.map(({ name, peer }) => `${name}=${peer}`).join(',')
    for (const { name, client, peer } of places)
      etcd.nodes.push(
        new EtcdNode(
          client,
          [
            ...argumentsOf(join(etcd.#folder, name), name, client, peer, all, secure),
            ...(secure?.args ?? []),
          ],
          secure?.tls ?? null,
        ),
      )
    for (const node of etcd.nodes) node.start()
    await etcd.serves()
    return etcd
  }

  /** Such as `etcd://127.0.0.1:1234,127.0.0.1:1235/prefix`. */
  url(prefix: string): string {
    return `etcd://${this.nodes.map(({ host }) => host).join(',')}/${prefix}`
  }

  async serves(): Promise<void> {
    await until('etcd has a leader', () => this.leader().then(found => found !== undefined), startMs)
  }

  async leader(): Promise<EtcdNode | undefined> {
    for (const node of this.nodes) if (await node.leads()) return node
    return undefined
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map(node => node.kill()))
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

function argumentsOf(
  folder: string,
  name: string,
  client: string,
  peer: string,
  all: string,
  secure: Secure | null,
): string[] {
  const scheme = secure === null ? 'http' : 'https'
  return [
    `--name=${name}`,
    `--data-dir=${folder}`,
    `--listen-client-urls=${scheme}://${client}`,
    `--advertise-client-urls=${scheme}://${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=${all}`,
    '--initial-cluster-state=new',
  ]
}
