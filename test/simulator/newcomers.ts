// Programs that come for a moment: with a wrong secret, a ttl that is too short, addresses where nobody listens,
// or all in order. Each learns what the surface promises, and leaves nothing behind.

import { LockClient } from '../../client/client.ts'
import { LockError } from '../../client/errors.ts'
import type { ConnectOptions } from '../../client/options.ts'
import { publicIdOf } from '../../lockserver/session-key.ts'
import type { Cluster } from '../fixtures/cluster.ts'
import { Machine, sameClocks } from '../fixtures/machine.ts'
import type { Random } from '../fixtures/random.ts'
import type { Trace } from './trace.ts'
import type { Verdict } from './verdict.ts'

interface Coming {
  readonly what: string
  readonly urls: string[] | string | undefined
  readonly options: ConnectOptions
  /** The error's code; null: it connects. */
  readonly code: string | null
}

const staysMs = 3_000
const timeoutMs = 1_000
/** Any of them may come too late, or when there is no room. */
const always: readonly string[] = ['TIMEOUT', 'SESSIONS_LIMIT', 'STATE_LIMIT']

export class Newcomers {
  readonly #cluster: Cluster
  readonly #verdict: Verdict
  readonly #trace: Trace
  #coming = 0

  constructor(cluster: Cluster, verdict: Verdict, trace: Trace) {
    this.#cluster = cluster
    this.#verdict = verdict
    this.#trace = trace
  }

  come(dice: Random): void {
    const coming = dice.pick(this.#comings(dice))
    const newcomer = new Newcomer(this.#cluster, `newcomer ${++this.#coming}`)
    this.#trace.tell(() => `${newcomer.name} comes with ${coming.what}`)
    const { secret } = this.#cluster
    const options = { ...(secret !== null && { secret }), timeout: timeoutMs, ...coming.options }
    this.#cluster.network.promised = true
    newcomer.connects(coming.urls, options).then(
      client => this.#connected(newcomer, client, coming),
      error => this.#judge(coming, error),
    )
    this.#cluster.network.after(staysMs, () => newcomer.kill())
  }

  #comings(dice: Random): Coming[] {
    const { secret, viewServer, servers } = this.#cluster
    const all = [viewServer.address, ...servers.map(({ address }) => address.toLowerCase())]
    const comings: Coming[] = [
      { what: 'a short ttl', urls: all, options: { ttl: 10 }, code: 'TTL_OUT_OF_RANGE' },
      { what: 'no address', urls: undefined, options: {}, code: 'TIMEOUT' },
      { what: 'addresses of no server', urls: 'ws://nobody, ws://void', options: {}, code: 'TIMEOUT' },
      { what: 'an address that no socket takes', urls: 'wss://view', options: {}, code: 'TIMEOUT' },
      {
        what: 'one address that no socket takes',
        urls: ['wss://view', ...all],
        options: { ttl: 1_500 },
        code: null,
      },
      { what: 'all in order', urls: all, options: { ttl: 1_500 }, code: null },
    ]
    if (secret === null) return comings
    const urls = dice.chance(0.5) ? [viewServer.address] : all
    const code = this.#cluster.guard.hasRules ? 'WRONG_TOKEN' : 'WRONG_SECRET'
    return [...comings, { what: 'a wrong secret', urls, options: { secret: 'a wrong one' }, code }]
  }

  #connected(newcomer: Newcomer, client: LockClient, { what, code }: Coming): void {
    if (code !== null) this.#blame(`one with ${what} gets a session`)
    if (client.lease.remaining <= 0 || client.clientId !== publicIdOf(newcomer.lastId, newcomer.lastKey))
      this.#blame(`one with ${what} gets a session that is over`)
    this.#cluster.network.promised = true
    client[Symbol.asyncDispose]().then(
      () => {
        if (client.lease.remaining > 0) this.#blame('a client has a lease after its close')
      },
      error => this.#blame(`a close fails with ${error}`),
    )
  }

  /** Its time may be over before a server has answered. */
  #judge({ what, code }: Coming, error: unknown): void {
    const fair = error instanceof LockError && error.definite && [code, ...always].includes(error.code)
    if (!fair) this.#blame(`one with ${what} gets ${error}`)
  }

  #blame(text: string): void {
    this.#verdict.blame('client surface', text)
  }
}

class Newcomer extends Machine {
  readonly kind = 'client'
  readonly address = null
  lastId = ''
  lastKey = ''
  readonly #cluster: Cluster

  constructor(cluster: Cluster, name: string) {
    super(cluster.network, name, sameClocks, cluster.lotsOf('client'))
    this.#cluster = cluster
    this.network.join(this)
  }

  connects(urls: string[] | string | undefined, options: ConnectOptions): Promise<LockClient> {
    return LockClient.connect(urls, options, this)
  }

  override newId(): string {
    this.lastId = super.newId()
    return this.lastId
  }

  override newKey(): string {
    this.lastKey = super.newKey()
    return this.lastKey
  }

  /** URLs have their hosts in lower case. */
  override openSocket(address: string) {
    const known = this.#cluster.servers.find(server => server.address.toLowerCase() === address)
    return super.openSocket(known?.address ?? address)
  }

  protected override ran(): void {
    this.network.promised = true
  }

  accept(): void {
    throw new Error(`${this.name} listens nowhere`)
  }
}
