// Peers that know the secret of the cluster and say what no peer may: frames that do not parse, fields that are
// wrong, too much at once; and lock servers of other clusters or other times at the view server. Each must be
// told why it is turned away, and nobody else may notice (F13, B8).

import { encode } from '../../wire/codec.ts'
import type { ErrorCode } from '../../wire/errors.ts'
import { asksPerTurnMax, helloBytesMax, runMax, unfoldedMax, unverifiedMax } from '../../wire/limits.ts'
import type { HelloFrom, Message, Ping } from '../../wire/messages.ts'
import { wireVersion } from '../../wire/version.ts'
import type { Cluster } from '../fixtures/cluster.ts'
import { Machine, sameClocks } from '../fixtures/machine.ts'
import type { Party } from '../fixtures/network.ts'
import type { Random } from '../fixtures/random.ts'
import { idleHello, resumeOf } from '../fixtures/said.ts'
import type { Trace } from './trace.ts'
import type { Verdict } from './verdict.ts'

interface Visit {
  readonly what: string
  readonly from: HelloFrom
  readonly cluster?: string | null
  /** Behind its hello; null: a frame that is no text. */
  readonly says: readonly (string | null)[]
  /** How it must be turned away; null: it is let in, and stays. */
  readonly told: ErrorCode | null
  /** Or so. */
  readonly orTold?: ErrorCode
}

const asClient: HelloFrom = { kind: 'client', name: 'intruder' }
const otherCluster = 'e'.repeat(32)
const anyId = 'd'.repeat(32)
const staysMs = 1_500
const largest = Number.MAX_SAFE_INTEGER
const longName = 'ä'.repeat(600)
/** What anybody may hear who is let in. */
const harmless: ReadonlySet<string> = new Set(['welcome', 'view', 'map', 'pong', 'status', 'echoed'])
/** Any server may say so to anybody at any time. */
const always: ReadonlySet<string> = new Set([
  ...['LEAVING', 'STEPPED_DOWN', 'INTERNAL', 'SLOW_READER', 'TOO_MANY_CONNECTIONS', 'GONE_QUIET'],
])

/** Wherever a client may speak. */
const malformed: readonly (string | null)[] = [
  ...['{}', '5', 'no JSON', '[5]', '[[5]]', '[[]]', '[["nonsense"]]', '[["echo"]]', '[["echo","x"]]', null],
  `[["echo",${2 ** 60}]]`,
]
const malformedRequests: readonly string[] = [
  JSON.stringify([['acquire', 1, ['a', 'a'], 'exclusive', 'wait', null]]),
  JSON.stringify([['acquire', 1, ['__proto__', '__proto__'], 'exclusive', 'wait', null]]),
  JSON.stringify([['acquire', 1, [longName], 'exclusive', 'wait', null]]),
  JSON.stringify([['force-release', 1, longName, null]]),
  JSON.stringify([['acknowledge', [1], []]]),
  JSON.stringify([resumeOf(otherCluster, 1, 1, [1])]),
  JSON.stringify([['release-run', 1, []]]),
  JSON.stringify([['release-run', largest, [1, 2]]]),
]
const far = JSON.stringify(
  Array.from({ length: unfoldedMax / runMax + 1 }, (_, i) => ['release-run', 1 + i * runMax, [1, runMax]]),
)
const tooMany = encode(Array.from({ length: asksPerTurnMax + 5 }, (_, i): Message => ['status', i]))

export class Intruders {
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
    const { servers, viewServer } = this.#cluster
    for (let left = 1 + dice.below(6); left > 0; left--) {
      const host = dice.pick([viewServer, viewServer, ...servers])
      if (!host.alive) continue
      const visit = host === viewServer ? this.#atViewServer(dice) : atLockServer(dice)
      // B3: many lock servers whose addresses nobody can dial.
      const crowd = visit.what === 'an empty address' && dice.chance(0.5)
      for (let more = crowd ? unverifiedMax + 6 : 1; more > 0; more--) this.#visit(host, visit)
    }
  }

  #visit(host: Party, visit: Visit): void {
    const intruder = new Intruder(this.#cluster, `intruder ${++this.#visits}`)
    this.#trace.tell(() => `${intruder.name} comes to ${host.name}: ${visit.what}`)
    const { cluster = null, says } = visit
    const from = this.#withId(visit.from)
    const hello = encode([['hello', wireVersion, cluster, this.#cluster.secret, from]])
    intruder.visit(host.address as string, from, [hello, ...says], ([kind, code]) => {
      const right =
        kind === 'error'
          ? code === visit.told || code === visit.orTold || always.has(code as string)
          : harmless.has(kind)
      if (!right)
        this.#verdict.blame('F13 intruder', `${host.name} says "${kind} ${code}" to one with ${visit.what}`)
    })
    this.#cluster.network.after(staysMs, () => intruder.kill())
  }

  /** Ids are drawn, but where one takes that of another. */
  #withId(from: HelloFrom): HelloFrom {
    if (from.kind !== 'lockserver') return from
    const journal = this.#cluster.hasJournals
    return from.id === anyId ? { ...from, id: this.#cluster.newId(), journal } : { ...from, journal }
  }

  #atViewServer(dice: Random): Visit {
    const { record, view } = this.#cluster.viewServer
    const known = this.#cluster.servers.find(server => server.id === view?.primary.id)
    const visits: Visit[] = [
      says('a malformed frame', dice.pick(malformed)),
      says('too many questions', tooMany),
      says(
        'what a lock server says',
        encode([['answer', 1, { group: 0, view: 0, role: 'idle', inSync: false }]]),
      ),
      { what: 'an undialable address', from: lockServer('nowhere'), says: [], told: 'BAD_MESSAGE' },
      { what: 'a page as its address', from: lockServer('http://x'), says: [], told: 'BAD_MESSAGE' },
      { what: 'a part in its address', from: lockServer('ws://x#y'), says: [], told: 'BAD_MESSAGE' },
      { what: 'a secure address', from: lockServer('wss://nowhere'), says: [], told: null },
      {
        what: "the view server's address",
        from: lockServer(this.#cluster.viewServer.address),
        says: [],
        told: null,
      },
      { what: 'an empty address', from: lockServer('ws://nowhere'), says: answers, told: null },
      { what: 'the address of a decoy', from: lockServer('ws://decoy'), says: answers, told: null },
      {
        what: 'a ping of a view to come',
        from: lockServer('ws://nowhere'),
        says: [encode([9_999, 9_999].map((view): Message => ['ping', idlePing(view)]))],
        told: 'VIEW_FROM_FUTURE',
      },
      {
        what: 'a hello of a view to come',
        from: { ...lockServer('ws://nowhere'), view: 9_999 },
        says: [],
        told: 'VIEW_FROM_FUTURE',
      },
    ]
    const stranger = { cluster: otherCluster, says: [], told: 'WRONG_CLUSTER' } as const
    // Without a record it can't tell what belongs to it; what a lock server then says halts it.
    visits.push({ what: 'a client of another cluster', from: asClient, ...stranger })
    if (record !== null || dice.chance(0.5))
      visits.push({ what: 'a lock server of another cluster', from: lockServer('ws://nowhere'), ...stranger })
    if (known?.alive && this.#pinged)
      visits.push({
        what: 'the id of another server',
        from: { ...lockServer('ws://nowhere'), id: known.id },
        says: [],
        told: 'WRONG_SERVER',
        // That one starts again meanwhile, and its id counts no more.
        orTold: 'ADDRESS_TAKEN',
      })
    return dice.pick(visits)
  }

  /** The view server knows its servers again after its own start. */
  get #pinged(): boolean {
    return this.#cluster.viewServer.core.unready === null
  }
}

function atLockServer(dice: Random): Visit {
  const long = `[["hello","${'x'.repeat(helloBytesMax)}"]]`
  return dice.pick<Visit>([
    says('a malformed frame', dice.pick(malformed)),
    says('a malformed request', dice.pick(malformedRequests)),
    says('runs that stand for too many requests', far),
    { what: 'a second hello, and a long one', from: { kind: 'probe' }, says: [long], told: 'TOO_LARGE' },
  ])
}

function says(what: string, ...frames: (string | null)[]): Visit {
  const misplaced = what === 'too many questions' || what === 'what a lock server says'
  return {
    what: `${what}: ${frames.map(frame => frame?.slice(0, 60) ?? 'binary').join()}`,
    from: asClient,
    says: frames,
    told: misplaced ? 'UNEXPECTED_MESSAGE' : 'BAD_MESSAGE',
  }
}

function lockServer(address: string): Extract<HelloFrom, { kind: 'lockserver' }> {
  return idleHello(anyId, address)
}

/** Of a question that was never asked. */
const answers = [
  encode([['ping', idlePing(0)]]),
  encode([['answer', 99, { group: 0, view: 0, role: 'backup', inSync: true }]]),
]

function idlePing(view: number): Ping {
  return {
    group: 0,
    view,
    role: 'idle',
    ...{ acked: false, inSync: false, opNumber: 0, lag: 0, copiedPart: 0, token: 0 },
    ...{ unreachable: [], leaving: false, ttlMs: 0, low: false, disk: null, left: null },
  }
}

class Intruder extends Machine {
  readonly kind = 'client'
  readonly address = null
  override readonly hostile = true

  constructor(cluster: Cluster, name: string) {
    super(cluster.network, name, sameClocks, cluster.lotsOf('client'))
    this.network.join(this)
  }

  visit(
    address: string,
    from: HelloFrom,
    frames: readonly (string | null)[],
    hears: (message: Message) => void,
  ): void {
    const socket = this.network.dial(this, address)
    socket.claims(from)
    socket.hear({
      opened: () => {
        for (const frame of frames) {
          if (frame === null) socket.sendBinary()
          else socket.send(frame)
        }
      },
      received: text => (JSON.parse(text) as Message[]).forEach(hears),
      receivedBinary() {},
      closed() {},
    })
  }

  accept(): void {
    throw new Error(`${this.name} listens nowhere`)
  }
}
