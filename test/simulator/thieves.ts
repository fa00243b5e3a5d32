// Peers that may connect, list what there is to list, and try to take sessions over: with public ids, and with ids that
// only their clients have, which no list shows; with keys of their own. Each must be told what one is told of a session
// that there is not, and nobody else may notice (C9).

import { publicIdOf } from '../../lockserver/session-key.ts'
import type { Message } from '../../wire/messages.ts'
import { type Cluster, HandParty, type LockServerParty } from '../fixtures/cluster.ts'
import type { Random } from '../fixtures/random.ts'
import type { Trace } from './trace.ts'
import type { Verdict } from './verdict.ts'

const staysMs = 3_000
/** They list first. */
const listensMs = 300
/** What such a peer may hear. */
const harmless: ReadonlySet<string> = new Set([
  ...[
    'welcome',
    'view',
    'map',
    'unknown-session',
    'echoed',
    'locks',
    'clients',
    'watching',
    'event',
    'missed',
  ],
  ...['error', 'watch-refused'],
])
/** Counts of connections of the stories' clients are smaller. */
const countsFrom = 1_000_000

export class Thieves {
  readonly #cluster: Cluster
  readonly #verdict: Verdict
  readonly #trace: Trace
  #thieves = 0
  /** Sessions that thieves may have opened for themselves, each under an id that it had picked up: ids with their keys. */
  readonly #own = new Set<string>()

  constructor(cluster: Cluster, verdict: Verdict, trace: Trace) {
    this.#cluster = cluster
    this.#verdict = verdict
    this.#trace = trace
  }

  come(dice: Random): void {
    const { servers, view } = this.#cluster
    const primary = servers.find(server => server.alive && server.id === view?.primary.id)
    const host = primary ?? dice.pick(servers)
    if (!host.alive) return
    const spy = this.#thief(host)
    spy.say(['query', 1, '', true], ['clients', 1, '', true, 0], ['clients', 2, '', false, 0])
    spy.after(listensMs, () => this.#steal(host, spy, dice))
  }

  #steal(host: LockServerParty, spy: HandParty, dice: Random): void {
    if (!host.alive) return
    const words = new Set(JSON.stringify(spy.heard).match(/\b[0-9a-f]{32}\b/g) ?? [])
    const listed = [...words].sort()
    if (listed.length > 0) {
      const [id, key] = [dice.pick(listed), dice.pick(listed)]
      this.#tries(host, 'listed ids', dice.pick(waysOf(id, key, this.#count)))
    }
    // What a frame that was overheard would have, but for its key.
    const known = [...(host.core.state?.sessions.values() ?? [])].filter(({ id }) => this.#isOpen(id))
    if (known.length === 0) return
    const victim = dice.pick(known)
    const key = dice.pick([this.#cluster.newId(), victim.id, victim.publicId, victim.keyHash.slice(0, 32)])
    this.#tries(
      host,
      `the id of ${victim.name}`,
      dice.pick(waysOf(victim.id, key, this.#count)),
      victim.publicId,
    )
  }

  /** Two thieves may meet in a session of their own: the later one has the newer connection (S2). */
  get #count(): number {
    return countsFrom + this.#thieves
  }

  /** Its client knows that it is: its next open has another id. */
  #isOpen(id: string): boolean {
    return this.#cluster
      .inEach(group => this.#cluster.clients.map(client => client.coreIn(group)))
      .some(sessions => sessions.some(({ sessionId, opened }) => sessionId === id && opened))
  }

  #tries(host: LockServerParty, what: string, way: readonly Message[], victim: string | null = null): void {
    const thief = this.#thief(host)
    this.#trace.tell(() => `${thief.name} tries ${what}: ${JSON.stringify(way)}`)
    for (const [kind, id, key] of way) if (kind === 'open') this.#own.add(`${id} ${key}`)
    thief.say(...way, ['echo', 1])
    thief.after(staysMs - 10, () => {
      for (const message of thief.heard) this.#judge(host, thief, way, message, victim)
    })
  }

  /** The session may have ended meanwhile: then whoever opens one under this id has a session of its own. */
  #judge(
    host: LockServerParty,
    thief: HandParty,
    way: readonly Message[],
    message: Message,
    victim: string | null,
  ): void {
    if (harmless.has(message[0])) return
    // There is no room for a session of its own.
    if (message[0] === 'open-refused' && this.#cluster.usedUp.has(String(message[2]))) return
    const resumed = message[0] === 'resumed' ? way.find(([kind]) => kind === 'resume') : undefined
    if (resumed !== undefined && this.#own.has(`${resumed[1]} ${resumed[2]}`)) return
    const opened = message[0] === 'opened' ? way.find(([kind]) => kind === 'open') : undefined
    const own = opened && publicIdOf(opened[1] as string, opened[2] as string)
    if (own !== undefined && message[4] === own && own !== victim) return
    this.#verdict.blame('C9 takeover', `${host.name} says ${JSON.stringify(message)} to ${thief.name}`)
  }

  #thief(host: LockServerParty): HandParty {
    const thief = new HandParty(this.#cluster, `thief ${++this.#thieves}`).dial(host.address)
    this.#cluster.network.after(staysMs, () => thief.kill())
    return thief
  }
}

/** Each alone, since nothing more is heard on a connection that names a session which there is not. */
function waysOf(id: string, key: string, count: number): readonly (readonly Message[])[] {
  const open: Message = ['open', id, key, count, 1_500, 'thief', null, null, '']
  const resume: Message = ['resume', id, key, count, 1, []]
  return [
    [resume],
    [['abandon', id, key], resume],
    [['abandon', id, key]],
    [open],
    [['abandon', id, key], open],
  ]
}
