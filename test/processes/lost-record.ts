// E6, E7, F19: the folder of a running cluster's view server is gone, or another one lies in its place, and its operator does what comes to
// mind first: each of these things loses nothing that lives and grants nothing twice. Real servers and folders.

import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { connect, type Lock, type LockClient } from '../../client/index.ts'
import { type LockServer, startLockServer } from '../../lockserver/index.ts'
import { initCluster, startViewServer, type ViewServer } from '../../viewservice/index.ts'
import { startBegun } from '../fixtures/begun.ts'
import { holdfast } from '../fixtures/command.ts'
import { until } from '../fixtures/deadline.ts'

const pings = { pingIntervalMs: 20 }
const name = 'orders/42'
/** No copy of a folder has the sockets of its processes. */
const copying = { recursive: true, filter: (path: string) => !path.endsWith('.sock') }

interface Wanted {
  readonly durability?: 'memory' | 'disk'
  readonly servers?: number
  /** Of the holder. */
  readonly ttl?: number
}

/** A cluster with a lock that a client holds, and what an operator can do to it. */
class Site {
  readonly data: string
  readonly #t: Test
  readonly #folder: string
  readonly #durability: 'memory' | 'disk'
  readonly servers: LockServer[] = []
  #view: ViewServer | undefined
  #port = 0
  #holder: LockClient | undefined
  #held: Lock | undefined

  static async open(
    t: Test,
    { durability = 'memory', servers = 2, ttl = 20_000 }: Wanted = {},
  ): Promise<Site> {
    const site = new Site(t, durability)
    site.#view = await startBegun({ ...pings, data: site.data, port: 0, durability })
    site.#port = Number(new URL(site.view.address).port)
    for (let i = 0; i < servers; i++) await site.startLockServer(i)
    await site.isWell()
    site.#holder = await connect([site.view.address, ...site.addresses], { ttl })
    site.#held = await site.#holder.acquire(name)
    return site
  }

  private constructor(t: Test, durability: 'memory' | 'disk') {
    this.#t = t
    this.#durability = durability
    this.#folder = mkdtempSync(join(tmpdir(), 'holdfast-lost-'))
    this.data = join(this.#folder, 'data')
    t.teardown(() => this.#end())
  }

  get view(): ViewServer {
    if (this.#view === undefined) throw new Error('no view server was started')
    return this.#view
  }

  get held(): Lock {
    if (this.#held === undefined) throw new Error('nothing was acquired')
    return this.#held
  }

  get addresses(): string[] {
    return this.servers.map(({ advertised }) => advertised)
  }

  get halted(): string {
    return this.view.status().halted ?? ''
  }

  async startLockServer(i: number, port = 0): Promise<void> {
    const journal = this.#durability === 'disk' ? { data: join(this.#folder, `journal-${i}`) } : {}
    this.servers[i] = await startLockServer({ ...pings, ...journal, view: this.view.address, port })
  }

  /** At their addresses. */
  async restartLockServers(): Promise<void> {
    const ports = this.addresses.map(address => Number(new URL(address).port))
    await Promise.all(this.servers.map(server => server.kill()))
    for (const [i, port] of ports.entries()) await this.startLockServer(i, port)
  }

  async killViewServer(): Promise<void> {
    await this.view.kill()
  }

  async startViewServer(data = this.data): Promise<void> {
    this.#view = await startViewServer({ ...pings, data, port: this.#port })
  }

  deleteFolder(): void {
    rmSync(this.data, { recursive: true })
  }

  async isWell(survives = 1): Promise<void> {
    await until(
      () => `it is well: ${JSON.stringify(this.view.status())}`,
      () => this.view.status().survives >= survives && this.view.status().halted === null,
    )
  }

  async halts(words: RegExp): Promise<void> {
    await until(
      () => `it halts: ${this.halted}`,
      () => words.test(this.halted),
    )
  }

  adopt(...more: string[]) {
    const servers = this.addresses.join(',')
    return holdfast(this.#t, [
      'adopt',
      '--data',
      this.data,
      '--servers',
      servers,
      '--no-reset-since',
      ...more,
    ])
  }

  /** Its lock is held as before, and is granted to no other client. */
  async holds(t: Test, what: string): Promise<void> {
    t.ok(this.held.held, `${what}: it is held`)
    const other = await connect(this.addresses, { ttl: 2_000 })
    try {
      t.equal(await other.tryAcquire(name), null, `${what}: no other client gets it`)
    } finally {
      await other.close()
    }
  }

  /** All is as it was: the lock is released, and the next token is larger. */
  async goesOn(t: Test): Promise<void> {
    const { token } = this.held
    await this.held.release()
    const other = await connect([this.view.address, ...this.addresses], { ttl: 2_000 })
    try {
      t.ok((await other.acquire(name)).token > token)
    } finally {
      await other.close()
    }
  }

  async #end(): Promise<void> {
    // While there is a primary to tell it to.
    await this.#holder?.close()
    for (const server of this.servers) await server.kill()
    await this.#view?.kill()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

t.test(
  'E6: a new cluster that is begun in its place, by whoever says that no server has run, is stopped',
  async t => {
    const site = await Site.open(t)
    await site.killViewServer()
    site.deleteFolder()
    await initCluster({ data: site.data, nobodyHasRun: true })
    await site.startViewServer()
    await site.halts(/knows view .* holdfast adopt/)
    await site.holds(t, 'stopped')
    t.match(await site.adopt(), { code: 0 })
    await site.isWell()
    await site.holds(t, 'adopted')
    await site.goesOn(t)
  },
)

t.test(
  'F19: the folder of another cluster, copied into its place, takes over no server and grants nothing',
  async t => {
    const [site, other] = [await Site.open(t), await Site.open(t)]
    await site.killViewServer()
    await other.killViewServer()
    site.deleteFolder()
    cpSync(other.data, site.data, copying)
    await site.startViewServer()
    await until('it has the record of the other', () => site.view.status().view !== null)
    await site.holds(t, 'with the record of another')
    t.match(await site.adopt(), { code: 1, stderr: /holds view \d+ of another cluster/ })
    await site.killViewServer()
    site.deleteFolder()
    t.match(await site.adopt(), { code: 0 })
    await site.startViewServer()
    await site.isWell()
    await site.holds(t, 'adopted')
    await site.goesOn(t)
  },
)

t.test('V6, F19: an old copy of the folder makes no view; adopt brings the newer one back', async t => {
  const site = await Site.open(t, { servers: 3 })
  const copy = join(site.data, '..', 'copy')
  cpSync(site.data, copy, copying)
  const { view } = site.view.status()
  const backup = site.servers.findIndex(({ advertised }) => advertised === view?.backup?.address)
  await site.servers[backup]?.kill()
  await until('there is a newer view', () => (site.view.status().view?.number ?? 0) > (view?.number ?? 0))
  site.servers.splice(backup, 1)
  await site.isWell()
  const newer = site.view.status().view
  await site.killViewServer()
  site.deleteFolder()
  cpSync(copy, site.data, copying)
  await site.startViewServer()
  await site.halts(/view/)
  await site.holds(t, 'halted')
  t.match(await site.adopt(), { code: 0 })
  await site.isWell()
  t.equal(site.view.status().view?.primary.id, newer?.primary.id)
  await site.goesOn(t)
})

t.test(
  'V6, F19: the folder is deleted under a living view server: no view is made that is on no disk',
  async t => {
    const site = await Site.open(t, { servers: 3 })
    const before = site.view.status().view
    site.deleteFolder()
    await site.holds(t, 'without a folder')
    const at = site.servers.findIndex(({ advertised }) => advertised === before?.backup?.address)
    const [backup] = site.servers.splice(at, 1)
    await backup?.kill()
    // It tries for a ping limit to save the next view, and then ends.
    await until('it has no next view', async () => (await site.view.status().view?.number) === before?.number)
    t.ok(site.held.held)
    await site.killViewServer()
    await site.startViewServer()
    await site.halts(/holdfast adopt/)
    t.match(
      await site.adopt(),
      { code: 1, stderr: /may have gone on/ },
      'its backup was in sync, and is silent',
    )
    t.match(await site.adopt('--nobody-else', before?.backup?.id ?? ''), { code: 0 })
    await site.isWell()
    await site.holds(t, 'adopted')
    await site.goesOn(t)
  },
)

t.test(
  'E6: all is restarted without the record: a new cluster grants nothing before every old lease is over',
  async t => {
    const site = await Site.open(t, { ttl: 3_000 })
    await site.killViewServer()
    site.deleteFolder()
    await site.startViewServer()
    await site.restartLockServers()
    await site.halts(/no view record|there is none/)
    t.match(await site.adopt(), { code: 1, stderr: /knows a view/ }, 'no server has anything to tell')
    await initCluster({ data: site.data, ttlMaxMs: 10_000 })
    await until('it has a view', () => site.view.status().view !== null)
    const other = await connect(site.addresses, { ttl: 2_000 })
    t.teardown(() => other.close())
    await t.rejects(other.acquire(name, { timeout: 300 }), { code: 'TIMEOUT' })
    await until('the holder has stopped by itself', () => !site.held.held)
  },
)

t.test(
  'F14: all is restarted with a record that is there: a reset grants nothing before every old lease is over',
  async t => {
    const site = await Site.open(t)
    const before = site.view.status().view?.number ?? 0
    await site.killViewServer()
    await site.startViewServer()
    await site.restartLockServers()
    await site.halts(/./)
    t.match(await holdfast(t, ['reset', '--yes', '--view', site.view.address]), { code: 0 })
    await until('a reset is in force', () => (site.view.status().view?.number ?? 0) > before)
    const other = await connect(site.addresses, { ttl: 2_000 })
    t.teardown(() => other.close())
    await t.rejects(other.acquire(name, { timeout: 300 }), { code: 'TIMEOUT' })
  },
)

t.test(
  'E6, E7: on disk all is restarted without the record: the journals stop a new cluster, and bring the locks back',
  async t => {
    const site = await Site.open(t, { durability: 'disk' })
    const { view } = site.view.status()
    await site.killViewServer()
    site.deleteFolder()
    await initCluster({ data: site.data, durability: 'disk', nobodyHasRun: true })
    await site.startViewServer()
    await site.restartLockServers()
    await site.halts(/holdfast adopt/)
    const words = [view?.primary.id ?? '', view?.backup?.id ?? '']
    t.match(await site.adopt('--nobody-else', words[0] ?? ''), { code: 1, stderr: /may have gone on/ })
    t.match(await site.adopt(...words.flatMap(id => ['--nobody-else', id])), { code: 0 })
    await site.isWell()
    await site.holds(t, 'recovered')
    await site.goesOn(t)
  },
)
