// Peers that no server may let in: another wire version, a wrong secret, a kind that belongs elsewhere, no
// hello, too much of it, no JSON. Each must learn why, and nothing else (F13).

import { encode } from '../../wire/codec.ts'
import type { ErrorCode } from '../../wire/errors.ts'
import type { HelloFrom, Message } from '../../wire/messages.ts'
import { wireVersion } from '../../wire/version.ts'
import type { Cluster } from '../fixtures/cluster.ts'
import { Machine, sameClocks } from '../fixtures/machine.ts'
import type { Random } from '../fixtures/random.ts'
import { idleHello } from '../fixtures/said.ts'
import type { Trace } from './trace.ts'
import type { Verdict } from './verdict.ts'

/** What a stranger says, frame by frame, and what it must hear. */
interface Visit {
  readonly what: string
  readonly says: readonly string[]
  readonly told: ErrorCode
  /** It is welcomed first: only what it says then is wrong. */
  readonly welcome?: boolean
}

const anyId = 'f'.repeat(32)
const asClient: HelloFrom = { kind: 'client', name: 'stranger' }
const asProbe: HelloFrom = { kind: 'probe' }
/** What anybody hears who is let in. */
const welcomes: ReadonlySet<string> = new Set(['welcome', 'view', 'map'])
/** A peer that has said no hello is turned away after 5 s; a story is over by then if all is well. */
const staysMs = 6_000

export class Strangers {
  readonly #cluster: Cluster
  readonly #verdict: Verdict
  readonly #trace: Trace
  #visits = 0

  constructor(cluster: Cluster, verdict: Verdict, trace: Trace) {
    this.#cluster = cluster
    this.#verdict = verdict
    this.#trace = trace
  }

  /** Several, since each of them tries one thing. */
  come(dice: Random): void {
    for (let left = 1 + dice.below(4); left > 0; left--) this.#visit(dice)
  }

  #visit(dice: Random): void {
    const { servers, viewServer } = this.#cluster
    const host = dice.pick([viewServer, ...servers])
    if (!host.alive) return
    const visit = dice.pick(host === viewServer ? this.#atViewServer() : this.#atLockServer())
    const stranger = new Stranger(this.#cluster, `stranger ${++this.#visits}`)
    this.#trace.tell(() => `${stranger.name} comes to ${host.name}: ${visit.what}`)
    stranger.visit(host.address, visit, told => {
      this.#verdict.blame('F13 let in', `${host.name} says "${told}" to a stranger: ${visit.what}`)
    })
    this.#cluster.network.after(staysMs, () => stranger.kill())
  }

  #atViewServer(): Visit[] {
    const primary = { id: anyId, address: 'ws://nowhere' }
    const view = { group: 0, number: 9, primary, backup: null, durability: 'memory' as const, start: null }
    return [
      ...this.#anywhere(),
      this.#hello('a probe', asProbe, 'UNEXPECTED_MESSAGE'),
      this.#hello('a primary', { kind: 'primary', id: anyId, to: anyId, view }, 'UNEXPECTED_MESSAGE'),
    ]
  }

  #atLockServer(): Visit[] {
    const server: HelloFrom = idleHello(anyId, 'ws://nowhere')
    const probe = this.#text(asProbe)
    const elsewhere = encode([['hello', wireVersion, anyId, this.#cluster.secret, asClient]])
    return [
      ...this.#anywhere(),
      this.#hello('a lock server', server, 'UNEXPECTED_MESSAGE'),
      // A server that knows of no view yet can't tell.
      { what: 'a client of another cluster', says: [elsewhere], told: 'WRONG_CLUSTER', welcome: true },
      { what: 'a probe that goes on', says: [probe, probe], told: 'UNEXPECTED_MESSAGE', welcome: true },
    ]
  }

  #anywhere(): Visit[] {
    const { secret } = this.#cluster
    const hello = this.#text(asClient)
    const other = encode([['hello', wireVersion + 1, null, secret, asClient]])
    const spy = encode([['hello', wireVersion, null, 'another secret', asClient]])
    const nameless = encode([['hello', wireVersion, null, null, asClient]])
    const twice = encode(['', ''].map(() => ['hello', wireVersion, null, secret, asClient] as Message))
    const visits: Visit[] = [
      { what: 'another wire version', says: [other], told: 'WRONG_WIRE_VERSION' },
      { what: 'two messages at once', says: [twice], told: 'UNEXPECTED_MESSAGE' },
      { what: 'half a hello', says: [hello.slice(0, -9)], told: 'BAD_MESSAGE' },
      { what: 'a request without a hello', says: ['[["renew",1]]'], told: 'UNEXPECTED_MESSAGE' },
      { what: 'no word', says: [], told: 'HELLO_TIMEOUT' },
    ]
    if (secret === null) return visits
    const told = this.#cluster.guard.hasRules ? 'WRONG_TOKEN' : 'WRONG_SECRET'
    return [
      ...visits,
      { what: 'a wrong secret', says: [spy], told },
      { what: 'no secret', says: [nameless], told },
    ]
  }

  #hello(what: string, from: HelloFrom, told: ErrorCode): Visit {
    return { what, says: [this.#text(from)], told }
  }

  #text(from: HelloFrom): string {
    return encode([['hello', wireVersion, null, this.#cluster.secret, from]])
  }
}

class Stranger extends Machine {
  readonly kind = 'client'
  readonly address = null
  override readonly hostile = true

  constructor(cluster: Cluster, name: string) {
    super(cluster.network, name, sameClocks, cluster.lotsOf('client'))
    this.network.join(this)
  }

  /** `hears`: something else than it must hear. */
  visit(address: string, { says, told, welcome = false }: Visit, hears: (text: string) => void): void {
    const socket = this.openSocket(address)
    socket.hear({
      opened: () => {
        for (const text of says) socket.send(text)
      },
      received: text => {
        for (const [kind, code] of JSON.parse(text) as Message[]) {
          const right = kind === 'error' ? welcome || code === told : welcome && welcomes.has(kind)
          if (!right) hears(text)
        }
      },
      receivedBinary() {},
      closed() {},
    })
  }

  accept(): void {
    throw new Error(`${this.name} listens nowhere`)
  }
}
