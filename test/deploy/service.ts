// A cluster in containers, as its operator and a program of another container see it: only by commands of the image.

import { randomBytes } from 'node:crypto'
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Status } from '../../wire/messages.ts'
import { hashOf } from '../../wire/net/secret.ts'
import { until } from '../fixtures/deadline.ts'
import type { Container, Ended, Engine, LongCommand, StartedContainer } from './engine.ts'

const operator = randomBytes(24).toString('base64url')
const shop = randomBytes(24).toString('base64url')

const access = {
  format: 1,
  principals: {
    operator: {
      tokens: [hashOf(operator)],
      rules: [{ verbs: ['operate', 'metrics'] }, { prefix: '', verbs: ['read', 'force'] }],
    },
    shop: { tokens: [hashOf(shop)], rules: [{ prefix: '', verbs: ['acquire', 'read'] }] },
  },
}

/** The folder of the secrets that the guide has an operator make. */
export function writeSecrets(
  work: string,
  owner: number,
  more: Readonly<Record<string, string>> = {},
): string {
  const folder = join(work, 'secrets')
  mkdirSync(folder)
  const all = {
    'server-secret': `${randomBytes(32).toString('hex')}\n`,
    'access.json': JSON.stringify(access),
    ...more,
  }
  for (const [name, text] of Object.entries(all)) {
    writeFileSync(join(folder, name), text)
    chownSync(join(folder, name), owner, owner)
    chmodSync(join(folder, name), 0o400)
  }
  return folder
}

/** Where a program runs that uses the cluster. */
export function programAt(view: string): Container {
  return {
    name: 'program',
    names: ['program'],
    entryPoint: ['/usr/local/bin/tini', '--', 'sleep'],
    args: ['infinity'],
    environment: { HOLDFAST_VIEW: view, HOLDFAST_ACCESS_TOKEN: shop },
    mounts: [],
  }
}

export class Deployed {
  readonly engine: Engine
  readonly #viewServer: string

  constructor(engine: Engine, viewServer: string) {
    this.engine = engine
    this.#viewServer = viewServer
  }

  /** As the operator, on the machine of the view server. */
  async ask(...words: string[]): Promise<Ended> {
    const { HOLDFAST_ADVERTISE = 'ws://127.0.0.1:7400' } = this.viewServer.container.environment
    return await this.viewServer.exec(['holdfast', ...words], {
      HOLDFAST_ACCESS_TOKEN: operator,
      HOLDFAST_VIEW: HOLDFAST_ADVERTISE,
    })
  }

  get viewServer(): StartedContainer {
    return this.engine.get(this.#viewServer)
  }

  get program(): StartedContainer {
    return this.engine.get('program')
  }

  /** Begins the cluster with a command of the guide, once its view server waits for a record. */
  async begin(t: Test, words: readonly string[]): Promise<void> {
    const said = () => this.viewServer.output
    await until(
      () => `the view server waits; it has said ${said()}`,
      () => said().includes('no view record'),
      30_000,
    )
    t.match(await this.viewServer.exec(words), { code: 0 }, words.join(' '))
  }

  async status(): Promise<Status> {
    const { stdout, stderr } = await this.ask('status', '--json')
    if (stdout === '') throw new Error(stderr)
    return JSON.parse(stdout)
  }

  /** When a death would be survived, and this many servers live. */
  async healthy(count: number): Promise<Status> {
    let seen = ''
    const look = async () => {
      const { stdout, stderr } = await this.ask('status', '--json')
      seen = stdout + stderr
      if (stdout === '') return undefined
      const status: Status = JSON.parse(stdout)
      const alive = status.servers.filter(server => server.alive && server.role !== null)
      return status.survives > 0 && alive.length === count ? status : undefined
    }
    return await until(() => `${count} servers are well; ${seen}`, look, 60_000)
  }

  /** The container of the primary. */
  async primary(): Promise<StartedContainer> {
    const { view } = await this.status()
    if (view === null) throw new Error('there is no view')
    return this.engine.get(containerOf(view.primary.address))
  }

  /** Takes a lock in the program's container, and keeps it. */
  async hold(name: string): Promise<LongCommand> {
    return await this.program.execLong(['holdfast', 'hold', name, '--ttl', '60s'])
  }

  /** The token of the lock's holder, as everybody sees it; undefined if there is none. */
  async tokenOf(name: string): Promise<string | undefined> {
    const { stdout } = await this.ask('locks', name, '--json')
    const { held } = JSON.parse(stdout) as { held: { name: string; token: number }[] }
    const token = held.find(lock => lock.name === name)?.token
    return token === undefined ? undefined : String(token)
  }

  async run(name: string, ...more: string[]): Promise<number> {
    return (await this.program.exec(['holdfast', 'run', name, ...more, '--', 'true'])).code
  }
}

/** Advertised is `ws://NAME:PORT`, or `ws://POD.SERVICE.NAMESPACE.svc:PORT`. */
function containerOf(address: string): string {
  return new URL(address).hostname.split('.')[0] as string
}

/** F1 by what is deployed: a lock outlives a primary that is killed, and one that is told to end. */
export async function lockSurvives(t: Test, cluster: Deployed, servers: number): Promise<void> {
  await cluster.healthy(servers)
  const holder = await cluster.hold('demo')
  t.match(holder.said, /^\d+$/, 'the lock is taken')
  const killed = await cluster.primary()
  const { view } = await cluster.status()
  await killed.signal('SIGKILL')
  await until('another one is primary', async () => {
    const now = await cluster.status()
    return now.view !== null && now.view.primary.id !== view?.primary.id
  })
  t.equal(await cluster.tokenOf('demo'), holder.said, 'it is held as before')
  t.equal(await cluster.run('demo', '--wait', '500ms'), 75, 'and no other program gets it')

  await cluster.healthy(servers)
  t.ok(killed.starts > 1, 'what was killed was started again, and counts')
  const told = await cluster.primary()
  t.equal(await told.stop('SIGTERM'), 0, 'a primary that is told to end hands its role over')
  t.match(told.output, /"msg":"asked to end"/)
  t.equal(await cluster.tokenOf('demo'), holder.said)
  told.startAgain()
  await cluster.healthy(servers)
  t.ok(holder.isRunning, 'its holder has noticed nothing')
  t.equal(await holder.end(), 0)
  t.equal(await cluster.run('demo', '--wait', '5s'), 0, 'the next one gets it')
}
