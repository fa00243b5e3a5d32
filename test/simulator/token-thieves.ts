// Peers with a valid token that try what it gives them no right to (F21, A1, A4): to take over the session of another
// principal, with its id and its key; or of their own, with its id alone; to end what others hold, from a session of
// their own; to operate the cluster. Each must be told that there is no such session, or that it may not.

import { principalNameOf } from '../../wire/access/owner.ts'
import type { Message } from '../../wire/messages.ts'
import { type Cluster, HandParty, type LockServerParty } from '../fixtures/cluster.ts'
import type { Random } from '../fixtures/random.ts'
import type { Checker } from './checker.ts'
import type { Theft } from './granting.ts'
import type { Rights } from './rights.ts'
import type { RightsJudge } from './rights-judge.ts'
import type { Trace } from './trace.ts'
import type { Verdict } from './verdict.ts'

const staysMs = 3_000
/** Counts of connections of the stories' clients are smaller. */
const countsFrom = 2_000_000

export class TokenThieves {
  readonly #cluster: Cluster
  readonly #rights: Rights
  readonly #judge: RightsJudge
  readonly #verdict: Verdict
  readonly #trace: Trace
  readonly #checker: Pick<Checker, 'isEnding'>
  #thieves = 0

  constructor(
    cluster: Cluster,
    rights: Rights,
    judge: RightsJudge,
    verdict: Verdict,
    trace: Trace,
    checker: Pick<Checker, 'isEnding'>,
  ) {
    this.#cluster = cluster
    this.#checker = checker
    this.#rights = rights
    this.#judge = judge
    this.#verdict = verdict
    this.#trace = trace
  }

  come(kind: Theft, dice: Random): void {
    const { servers, view } = this.#cluster
    const primary = servers.find(server => server.alive && server.id === view?.primary.id)
    if (kind === 'outsider operates') return this.#operates(primary, dice)
    if (primary === undefined) return
    if (kind === 'thief with a token') this.#takesOver(primary, dice)
    else this.#ownSession(primary, dice)
  }

  // ---- sessions of others

  #takesOver(primary: LockServerParty, dice: Random): void {
    // One that its client has given up may be over by then, and anyone may open another with its id.
    const group = primary.core.view?.group ?? 0
    const own = this.#cluster.clients
      .map(user => user.coreIn(group))
      .filter(core => !this.#checker.isEnding(core))
    const alive = new Set(own.map(({ sessionId }) => sessionId))
    const known = [...(primary.core.state?.sessions.values() ?? [])].filter(
      ({ id, owner }) =>
        alive.has(id) && this.#judge.keys.has(id) && principalNameOf(owner?.name ?? null) !== null,
    )
    if (known.length === 0) return
    const { id, owner, name } = dice.pick(known)
    const principal = principalNameOf(owner?.name ?? null)
    const others = this.#rights.principals.filter(other => other !== principal)
    // Another's token with all that was overheard; the right token with all that is listed; or the secret of all.
    const [by, proof, key] = dice.pick([
      ['another principal', this.#rights.tokenOfPrincipal(dice.pick(others)), this.#judge.keys.get(id)],
      ['its own principal', this.#rights.tokenOfPrincipal(principal ?? ''), this.#cluster.newId()],
      ['no principal', this.#cluster.secret ?? '', this.#judge.keys.get(id)],
    ] as const)
    const count = countsFrom + this.#thieves
    const way = dice.pick(waysOf(id, key ?? '', count))
    const thief = this.#thief(primary.address, proof)
    this.#trace.tell(() => `${thief.name}, of ${by}, tries ${name}: ${JSON.stringify(way)}`)
    this.#judge.note(`thief: of ${by}`)
    thief.say(...way, ['echo', 1])
    this.#judges(thief, ([kind, first]) => kind === 'unknown-session' && first === id)
  }

  /** It has no part in what others hold, whose tokens every list shows. */
  #ownSession(primary: LockServerParty, dice: Random): void {
    const tokens = [...(primary.core.state?.sessions.values() ?? [])].flatMap(({ holds }) => [
      ...holds.keys(),
    ])
    if (tokens.length === 0) return
    const token = dice.pick(tokens.sort((a, b) => a - b))
    const name = dice.pick(this.#rights.principals)
    const thief = this.#thief(primary.address, this.#rights.tokenOfPrincipal(name))
    const [id, key] = [this.#cluster.newId(), this.#cluster.newId()]
    this.#trace.tell(() => `${thief.name} of ${name} would end the hold with token ${token}`)
    this.#judge.note('thief: in a session of its own')
    thief.say(
      ['open', id, key, 1, 1_500, 'thief', null, null, ''],
      ...dice.pick<readonly Message[]>([
        [['release', 1, token]],
        [['fail', 1, token]],
        [['set-note', 1, token, 'mine']],
        [['acknowledge', [], [token]]],
        [
          ['cancel', 1, token],
          ['release', 2, token],
        ],
      ]),
    )
    const fair = new Set(['opened', 'open-refused', 'unknown-session'])
    this.#judges(
      thief,
      ([kind, , held]) =>
        fair.has(kind) ||
        ((kind === 'released' || kind === 'noted') && held === false) ||
        (kind === 'cancel-done' && held === 'nothing'),
    )
  }

  // ---- the cluster

  #operates(primary: LockServerParty | undefined, dice: Random): void {
    const { view, viewServer } = this.#cluster
    const name = dice.pick(this.#rights.principals)
    const proof = this.#rights.tokenOfPrincipal(name)
    const asks = dice.pick<Message>([
      ['reset', 1, 0, view?.number ?? 0, true],
      ['durability', 1, this.#cluster.isDurable ? 'memory' : 'disk'],
      ['gone', 1, view?.primary.id ?? this.#cluster.newId()],
      ['testify', 1],
    ])
    const host = asks[0] === 'testify' ? primary : viewServer
    if (host === undefined || !host.alive) return
    const outsider = this.#thief(host.address, proof)
    this.#trace.tell(() => `${outsider.name} of ${name} asks ${host.name}: ${asks.join(' ')}`)
    this.#judge.note('outsider: operates')
    outsider.say(asks)
    this.#judges(
      outsider,
      ([kind, , what, text]) =>
        (kind.endsWith('-refused') && /^NOT_ALLOWED/.test(String(what))) || text === 'NOT_ALLOWED',
    )
  }

  // ---- what they may hear

  /** Beside what anybody hears. */
  #judges(thief: HandParty, fair: (message: Message) => boolean): void {
    thief.after(staysMs - 10, () => {
      for (const message of thief.heard) {
        if (anybody.has(message[0])) continue
        if (fair(message)) this.#judge.note(`thief: is told ${message[0]}`)
        else this.#verdict.blame('F21 thief', `${thief.name} is told ${JSON.stringify(message)}`)
      }
    })
  }

  #thief(address: string, proof: string): HandParty {
    const thief = new HandParty(this.#cluster, `outsider ${++this.#thieves}`, proof).dial(address)
    this.#cluster.network.after(staysMs, () => thief.kill())
    return thief
  }
}

/** Also one whose token was taken away in the meantime. */
const anybody: ReadonlySet<string> = new Set(['welcome', 'view', 'map', 'echoed', 'error'])

function waysOf(id: string, key: string, count: number): readonly (readonly Message[])[] {
  const resume: Message = ['resume', id, key, count, 1, []]
  return [
    [resume],
    [['abandon', id, key], resume],
    [['abandon', id, key]],
    [['open', id, key, count, 1_500, 'thief', null, null, '']],
    [resume, ['release', 1, 1]],
  ]
}
