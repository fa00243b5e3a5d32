// Words that a client hears from its primary and did not ask for: of other sessions, of numbers that it never
// gave, of views that are over. A client must take none of them for an answer (S1, S2, S5).

import type { Message, View } from '../../wire/messages.ts'
import type { Cluster } from '../fixtures/cluster.ts'
import type { Random } from '../fixtures/random.ts'
import type { Trace } from './trace.ts'
import type { Users } from './users.ts'

const otherId = 'b'.repeat(32)
/** No story counts so far. */
const far = 1_000_000_000

export class StrayWords {
  readonly #cluster: Cluster
  readonly #users: Users
  readonly #trace: Trace

  constructor(cluster: Cluster, users: Users, trace: Trace) {
    this.#cluster = cluster
    this.#users = users
    this.#trace = trace
  }

  say(dice: Random): void {
    const { servers, view, network, group } = this.#cluster
    const primary = servers.find(server => server.alive && server.id === view?.primary.id)
    const hearers = this.#users.users.filter(({ alive, frozen }) => alive && !frozen)
    if (primary === undefined || hearers.length === 0) return
    const user = dice.pick(hearers)
    const { sessionId, opened } = user.coreIn(group)
    const words = [...ofOthers(view as View), ...(opened ? ofAnOpenSession(sessionId) : [])]
    const said = words.filter(() => dice.chance(0.5))
    if (said.length === 0) return
    this.#trace.tell(() => `${user.name} hears stray words: ${said.map(([kind]) => kind).join(' ')}`)
    network.inject(primary, user, said)
  }
}

function ofOthers(view: View): Message[] {
  return [
    ['opened', otherId, 1, 1_500, otherId],
    ['resumed', otherId, 1],
    ['unknown-session', otherId],
    ['open-refused', otherId, 'SESSIONS_LIMIT', 'of another session'],
    ['renewed', far],
    ['lost', 1, 'STOLEN'],
    ['locks', far, { more: false, cut: false, confirmed: true }, [], []],
    ['clients', far, { next: null, confirmed: true }, []],
    ['watching', far],
    ['missed', far, 3],
    ['watch-refused', far, 'WATCHES_LIMIT', 'of another watch'],
    ['granted', far, [1], [[1, 'STOLEN']]],
    ['released', far, true],
    ['cancelled', far],
    ['unavailable', far],
    ['echoed', far],
    ['view', { ...view, number: Math.max(1, view.number - 1) }],
  ]
}

/** As if they had come twice. */
function ofAnOpenSession(id: string): Message[] {
  return [
    ['opened', id, 1, 1_500, otherId],
    ['resumed', id, far],
    ['open-refused', id, 'SESSIONS_LIMIT', 'it is open'],
  ]
}
