// Clients that open a session as they should, and then ask for what no client may: a number that is not next, two
// sessions on one connection, more than any limit. Each must hear the error that is meant for it, and no other;
// the cluster goes on as if it had not been there (F13).

import type { ErrorCode } from '../../wire/errors.ts'
import { queriesWaitingMax, watchesMax } from '../../wire/limits.ts'
import type { Message } from '../../wire/messages.ts'
import type { Connection } from '../../wire/net/connection.ts'
import { dial, helloOf } from '../../wire/net/dial.ts'
import type { Cluster, LockServerParty } from '../fixtures/cluster.ts'
import { Machine, sameClocks } from '../fixtures/machine.ts'
import type { Random } from '../fixtures/random.ts'
import { openOf, resumeOf } from '../fixtures/said.ts'
import { guestNames, roomCodes, tightSessionsMax, tightUnansweredMax } from './small-limits.ts'
import type { Trace } from './trace.ts'
import type { Verdict } from './verdict.ts'

/** Said in one frame, when the answer that the step before waits for has come. */
interface Step {
  readonly says: readonly Message[]
  /** The kind of message that it waits for; the last step waits for what the guest must be told. */
  readonly awaits?: string
}

interface Visit {
  readonly what: string
  readonly steps: readonly Step[]
  /** The error, or the code in another answer; null: it is welcome, and asks for an echo at the end. */
  readonly told: ErrorCode | null
}

/** Any server may say so at any time, to anybody. */
const fair: ReadonlySet<unknown> = new Set<ErrorCode>([
  ...(['NOT_PRIMARY', 'STEPPED_DOWN', 'LEAVING', 'SLOW_READER', 'INTERNAL', 'WRONG_SECRET'] as const),
  ...(['SESSIONS_LIMIT', 'STATE_LIMIT'] as const),
])
const ttlMs = 1_500
const staysMs = 5_000
/** Nothing is on its way for longer than this where nothing is broken. */
const patienceMs = 3_000
const crowd = tightSessionsMax + 2

export class Guests {
  readonly #cluster: Cluster
  readonly #verdict: Verdict
  readonly #trace: Trace
  #visits = 0
  /** Its host is told to leave. */
  onHostLeaves: (host: LockServerParty) => void = () => {}
  /** The leases of many are about to end. */
  onExpiry: (dice: Random) => void = () => {}

  constructor(cluster: Cluster, verdict: Verdict, trace: Trace) {
    this.#cluster = cluster
    this.#verdict = verdict
    this.#trace = trace
  }

  come(dice: Random): void {
    const { view, servers } = this.#cluster
    const primary = servers.find(server => server.alive && server.id === view?.primary.id)
    const host = primary ?? dice.pick(servers)
    if (!host.alive) return
    const tight = this.#cluster.options.limitsOf === undefined ? [] : tightVisits
    const what = dice.pick([...Object.keys(visits), ...tight, 'a crowd', 'a crowd', 'two connections'])
    if (what === 'a crowd') for (const code of roomCodes) this.#cluster.usedUp.add(code)
    if (what === 'too many watches') this.#cluster.usedUp.add('WATCHES_LIMIT')
    if (what === 'a crowd') this.#crowd(host, dice)
    else if (what === 'too much while its host leaves')
      this.#visit(host, what).onWelcome = () => this.onHostLeaves(host)
    else if (what === 'two connections') this.#comesTwice(host)
    else this.#visit(host, what)
  }

  /** Some of them die together, and their leases end together, while the primary stands still (S3). */
  #crowd(host: LockServerParty, dice: Random): void {
    const dies = dice.chance(0.6)
    const guests = Array.from({ length: crowd }, () => this.#visit(host, dies ? 'a hold' : 'a session'))
    if (!dies) return
    this.#cluster.network.after(200, () => {
      for (const guest of guests) guest.kill()
      this.onExpiry(dice)
    })
  }

  #visit(host: LockServerParty, what: string, id = this.#cluster.newId()): Guest {
    const guest = new Guest(this.#cluster, `guest ${++this.#visits}`)
    this.#trace.tell(() => `${guest.name} comes to ${host.name}: ${what}`)
    guest.visit(host, (visits[what] as (id: string) => Visit)(id), text =>
      this.#verdict.blame('F13 guest', `${host.name} ${text} to ${guest.name}: ${what}`),
    )
    this.#cluster.network.after(staysMs, () => guest.kill())
    return guest
  }

  /** S2: the second one says that it is older. */
  #comesTwice(host: LockServerParty): void {
    const id = this.#cluster.newId()
    this.#visit(host, 'the newer connection', id).onWelcome = () =>
      this.#visit(host, 'the older connection', id)
  }
}

function open(id: string, count = 2, ttl = ttlMs): Message {
  return openOf(id, count, ttl, 'guest')
}

/** After its session is open. */
function afterwards(what: string, told: ErrorCode | null, ...steps: Step[]): (id: string) => Visit {
  return id => ({ what, told, steps: [{ says: [open(id)], awaits: 'opened' }, ...steps] })
}

function releases(first: number, count: number): Message[] {
  return Array.from({ length: count }, (_, i) => ['release', first + i, 1])
}

/** Tokens that no session has lost, more than one operation acknowledges. */
const manyTokens = Array.from({ length: 100 }, (_, i) => i + 1)
const unanswered: Step = { says: releases(1, tightUnansweredMax), awaits: 'released' }

const visits: Readonly<Record<string, (id: string) => Visit>> = {
  'a session': afterwards('a session', null),
  'a hold': afterwards('a hold', null, {
    says: [['acquire', 1, [`${guestNames}c`], 'shared', 'ifAvailable', null]],
    awaits: 'granted',
  }),
  'too much while its host leaves': afterwards('too much', 'UNEXPECTED_MESSAGE', {
    says: releases(1, 4 * tightUnansweredMax),
  }),
  'the newer connection': afterwards('a session', null),
  'the older connection': id => ({ what: 'older', told: 'REPLACED', steps: [{ says: [open(id, 1)] }] }),
  'two sessions': afterwards('two sessions', 'UNEXPECTED_MESSAGE', { says: [open('e'.repeat(32))] }),
  'two opens': id => ({
    what: 'two opens',
    told: 'UNEXPECTED_MESSAGE',
    steps: [{ says: [open(id), open(id, 3)] }],
  }),
  'a resume of a second session': id =>
    afterwards('a second resume', 'UNEXPECTED_MESSAGE', { says: [resumeOf(id, 3, 1, [])] })(id),
  'a short ttl': id => ({
    what: 'short ttl',
    told: 'TTL_OUT_OF_RANGE',
    steps: [{ says: [open(id, 1, 10)] }],
  }),
  'no session': () => ({ what: 'no session', told: 'UNEXPECTED_MESSAGE', steps: [{ says: [['renew', 1]] }] }),
  'a number ahead': afterwards('ahead', 'OUT_OF_ORDER', { says: [['release', 5, 1]] }),
  'a number that is done': afterwards(
    'done',
    'OUT_OF_ORDER',
    { says: releases(1, 3), awaits: 'released' },
    {
      says: [
        ['acknowledge', [1, 3], []],
        ['release', 2, 1],
      ],
    },
  ),
  'a wide acknowledgement': afterwards(
    'wide',
    'OUT_OF_ORDER',
    { says: releases(1, 3), awaits: 'released' },
    {
      says: [
        ['acknowledge', [1, 40], []],
        ['release', 2, 1],
      ],
    },
  ),
  'an endless acknowledgement': afterwards(
    'endless',
    'OUT_OF_ORDER',
    { says: releases(1, 3), awaits: 'released' },
    {
      says: [
        ['acknowledge', [1, 1_000_000], manyTokens],
        ['release', 2, 1],
      ],
    },
  ),
  'a watch that is not there': afterwards('no watch', null, {
    says: [
      ['seen', 9, 4],
      ['unwatch', 9],
    ],
  }),
  'too many watches': afterwards('watches', 'WATCHES_LIMIT', {
    says: Array.from({ length: watchesMax + 1 }, (_, i) => ['watch', i, 'guest']),
  }),
  'too many queries': id =>
    afterwards('queries', 'UNEXPECTED_MESSAGE', {
      says: Array.from({ length: Math.min(queriesWaitingMax, 64) + 60 }, (_, i) => [
        'query',
        i,
        'guest',
        true,
      ]),
    })(id),
  'nothing acknowledged': afterwards('unanswered', 'UNEXPECTED_MESSAGE', unanswered, {
    says: releases(tightUnansweredMax + 1, 2 * tightUnansweredMax),
  }),
  'an acquire too many': afterwards('acquire', 'UNANSWERED_LIMIT', unanswered, {
    says: [['acquire', tightUnansweredMax + 1, [`${guestNames}a`], 'exclusive', 'wait', null]],
  }),
  'a request of no session that ends': afterwards('after the end', null, {
    says: [
      ['acquire', 1, [`${guestNames}b`], 'shared', 'wait', null],
      ['end', 2],
      ['renew', 1],
    ],
    awaits: 'ended',
  }),
}

/** Only where limits are small they meet one. */
const tightVisits: readonly string[] = [
  ...['too much while its host leaves', 'too much while its host leaves', 'too much while its host leaves'],
  ...['nothing acknowledged', 'nothing acknowledged', 'an acquire too many'],
]

/** Whether they hear an error depends on the limits, and on how busy the server is. */
const mayPass: ReadonlySet<string> = new Set(['unanswered', 'acquire', 'queries', 'too much'])

export class Guest extends Machine {
  readonly kind = 'client'
  readonly address = null
  /** Its session is open. */
  onWelcome: (() => void) | null = null
  readonly #cluster: Cluster
  #connection: Connection | null = null
  #step = 0
  #done = false

  constructor(cluster: Cluster, name: string) {
    super(cluster.network, name, sameClocks, cluster.lotsOf('client'))
    this.#cluster = cluster
    this.network.join(this)
  }

  /** `wrong`: it hears something that it must not, or not what it must. */
  visit(host: LockServerParty, visit: Visit, wrong: (text: string) => void): void {
    const hello = helloOf(null, this.#cluster.secret, { kind: 'client', name: 'guest' })
    const over = () => {
      this.#done = true
    }
    const messages = (heard: readonly Message[]) => {
      for (const message of heard) this.#hears(host, visit, message, wrong)
    }
    this.#connection = dial(host.address, hello, { messages, closed: over, failed: over }, this).connection
  }

  #hears(host: LockServerParty, visit: Visit, message: Message, wrong: (text: string) => void): void {
    const { told, steps } = visit
    const [kind] = message
    const code = kind === 'error' ? message[1] : message[2]
    if (this.#done) return
    if (kind === 'unknown-session' || fair.has(code)) this.#done = true
    else if (told !== null && code === told) this.#done = true
    else if (kind === 'error') wrong(`says ${message}`)
    else if (kind === 'echoed') this.#unanswered(host, visit, wrong)
    else if (kind === 'welcome') this.#say(steps[0] as Step)
    else if (kind === steps[this.#step]?.awaits) {
      if (kind === 'opened') this.onWelcome?.()
      const next = steps[++this.#step]
      if (next !== undefined) this.#say(next)
      if (this.#step < steps.length - 1) return
      this.network.after(patienceMs, () => this.alive && this.#say({ says: [['echo', 1]] }))
    }
  }

  /** The echo shows that the server has read all that the guest has said. */
  #unanswered({ core, frozen }: LockServerParty, { told, what }: Visit, wrong: (text: string) => void): void {
    this.#done = true
    if (told === null || mayPass.has(what)) return
    const { parked, lag } = core.vitals
    if (core.role === 'primary' && !frozen && parked === 0 && lag === 0) wrong(`does not say ${told}`)
  }

  #say({ says }: Step): void {
    if (this.#done) return
    for (const message of says) this.#connection?.send(message)
    this.#connection?.flush()
  }

  accept(): void {
    throw new Error(`${this.name} listens nowhere`)
  }
}
