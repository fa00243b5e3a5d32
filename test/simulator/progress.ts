// Liveness while it hurts: what the rules say may go on is judged during the faults. From outside it decides who
// can serve which client, and since when nothing has kept them from it; whoever waits for longer than the limit
// then is blamed on the service. It steps nothing, and excuses what a fault explains.

import { joinBacklogMax, redialMsMax, pingIntervalMs as usualPingMs } from '../../wire/limits.ts'
import type { Message, View } from '../../wire/messages.ts'
import {
  type ClientParty,
  type Cluster,
  deadPings,
  type LockServerParty,
  type ViewServerParty,
} from '../fixtures/cluster.ts'
import type { Machine } from '../fixtures/machine.ts'
import type { Party, Wire } from '../fixtures/network.ts'
import type { Checker } from './checker.ts'
import type { Shape } from './plan.ts'
import type { Referee } from './referee.ts'
import type { Open, Users } from './users.ts'
import type { Verdict } from './verdict.ts'

const never = Number.POSITIVE_INFINITY
const pingLimitMs = usualPingMs * deadPings
/** Of a client that was turned away everywhere: its next dials (client/session/addresses.ts). */
const redialsMs = 1.5 * redialMsMax
/** Dial, hello, welcome, resume, request, batch, confirmation, answer: each may take as long as the network lets it. */
const hops = 8
/** Acts of disks that an answer may wait for, when others are under way. */
const syncs = 100

/** Liveness while it hurts: how long a client waits at most, in simulated ms, for what no fault keeps from it. */
export const meanwhileMs = {
  /** The primary serves already, and the client must only find it. */
  served: pingLimitMs + redialsMs,
  /** The view server has to miss a server first, and to make a view without it. */
  replaced: 3 * pingLimitMs + redialsMs,
}

/** G8: a call that was refused asks again after a pause (client/pauses.ts). */
const movedMs = 750

/** LEAVING, and no reason at all. */
const leavingCodes: ReadonlySet<number> = new Set([4433, 1000])

/** An open, a resume or a renewal that has no answer. */
interface Asked {
  readonly kind: string
  readonly number: number
  readonly at: number
  readonly wire: Wire
}

export class Progress {
  readonly #cluster: Cluster
  readonly #verdict: Verdict
  readonly #checker: Checker
  readonly #referee: Referee
  readonly #users: Users
  /** Since when its rights let this user in; 0: always. */
  readonly #allowedSince: (user: string) => number
  readonly #slackMs: number
  /** `meanwhileMs`, with the pings of this cluster. */
  readonly #withinMs: { readonly served: number; readonly replaced: number }
  /** G8: since when these names live here, and are not under way; Infinity: they are. */
  readonly #settledSince: (names: readonly string[]) => number
  /** Of which group this is; calls for locks of several are not judged. */
  readonly #group: number
  /** Views whose backup has applied something: from there on nothing is shown without it (V4). */
  readonly #latched = new Set<number>()
  /** Which servers know the newest view, and since when. */
  #view = 0
  #adopted = new Map<string, number>()
  /** The server that must serve, with the view server's help where needed, and since when. */
  #server: { readonly party: LockServerParty; readonly since: number } | null = null
  /** What each user has asked for first of what its session needs. */
  readonly #asked = new Map<Party, Asked>()
  /** On which connection each user has its session, and when it was last seen to wait for one that leads nowhere. */
  readonly #wires = new Map<Party, Wire>()
  readonly #misledAt = new Map<Party, number>()

  constructor(
    cluster: Cluster,
    shape: Shape,
    verdict: Verdict,
    checker: Checker,
    referee: Referee,
    users: Users,
    allowedSince: (user: string) => number = () => 0,
    group = 0,
    settledSince: (names: readonly string[]) => number = () => 0,
  ) {
    this.#settledSince = settledSince
    this.#group = group
    this.#allowedSince = allowedSince
    this.#cluster = cluster
    this.#verdict = verdict
    this.#checker = checker
    this.#referee = referee
    this.#users = users
    const { typicalMs, rarePart, worstMs } = shape.delay
    const longerMs = pingLimitMs * (cluster.slowness - 1)
    const { served, replaced } = meanwhileMs
    const pausesMs = shape.moves === null ? 0 : movedMs
    this.#withinMs = {
      served: served + longerMs + pausesMs,
      replaced: replaced + 3 * longerMs + pausesMs,
    }
    const syncsMs = shape.disk === null ? 0 : syncs * shape.disk.actMs
    this.#slackMs = syncsMs + hops * (rarePart > 0 ? worstMs : typicalMs * 1.2)
    const { network } = cluster
    const { onFrame, onArrival, onClose } = network
    network.onFrame = (from, to, messages, wire) => {
      if (from.kind === 'client' && this.#isOfGroup(to)) this.#says(from, messages, wire)
      return onFrame?.(from, to, messages, wire) ?? 'pass'
    }
    network.onArrival = (from, to, messages, wire) => {
      onArrival?.(from, to, messages, wire)
      if (this.#isOfGroup(from)) this.#arrived(from, to, messages)
    }
    network.onClose = (from, to, code, wire) => {
      onClose?.(from, to, code, wire)
      if (this.#isOfGroup(from)) this.#within(() => this.#closes(from, to, code))
    }
  }

  /** G1: a server may have a part in another one. */
  #isOfGroup(party: Party): boolean {
    if (!this.#cluster.hasSeveral) return true
    return party.kind === 'lockserver' && (party as LockServerParty).core.view?.group === this.#group
  }

  #within(act: () => void): void {
    this.#cluster.within(this.#group, act)
  }

  // ---- what crosses the wires

  #says(user: Party, messages: readonly Message[], wire: Wire): void {
    for (const [kind, number] of messages) {
      // What was asked on an older connection is not waited for any more.
      if (kind === 'open' || kind === 'resume') {
        this.#asked.set(user, { kind, number: 0, at: this.#now, wire })
        this.#wires.set(user, wire)
      } else if (kind === 'renew' && !this.#asked.has(user))
        this.#asked.set(user, { kind, number: number as number, at: this.#now, wire })
    }
  }

  #arrived(from: Party, to: Party, messages: readonly Message[]): void {
    for (const [kind, first] of messages) {
      if (kind === 'applied' && from.kind === 'lockserver') this.#latched.add(first as number)
      else if (kind === 'renewed') this.#answered(to, first as number)
      else if (begins.has(kind)) this.#answered(to, 0)
      else if (kind === 'unknown-session') this.#asked.delete(to)
    }
  }

  #answered(user: Party, number: number): void {
    if ((this.#asked.get(user)?.number ?? never) <= number) this.#asked.delete(user)
  }

  /** A server that leaves hands its clients over: it sends no client away before a view relieves it. */
  #closes(from: Party, to: Party, code: number): void {
    if (from.kind !== 'lockserver' || to.kind !== 'client' || !leavingCodes.has(code)) return
    const { id, name } = from as LockServerParty
    const { view } = this.#cluster
    // The last server of a cluster on disk may be turned off: its state is there.
    const relieved = view?.primary.id !== id || (view.durability === 'disk' && view.backup === null)
    if (!relieved && this.#referee.leaving.has(id) && !this.#referee.hurried.has(id))
      this.#verdict.blame(
        'liveness meanwhile',
        `${name} leaves, and sends ${to.name} away before it is relieved`,
      )
  }

  // ---- who may serve

  /** Looks at all that waits; to be called often. */
  judge(): void {
    this.#within(() => {
      this.#follow()
      for (const [user, { cut, stalled, ends }] of this.#wires)
        if ((cut || stalled) && ends.some(end => end.party === user && end.open))
          this.#misledAt.set(user, this.#now)
      for (const open of this.#users.open) if (this.#isMine(open)) this.#judgeCall(open)
      for (const user of this.#users.users) this.#judgeAsked(user)
    })
  }

  /** G6: whatever befalls other groups, calls for locks of this one go on. */
  #isMine({ names }: Open): boolean {
    if (!this.#cluster.hasSeveral) return true
    return names.length > 0 && names.every(name => this.#cluster.homeOf(name) === this.#group)
  }

  #follow(): void {
    const { servers, view, viewServer } = this.#cluster
    if (view === null) return
    if (view.number !== this.#view) {
      this.#view = view.number
      this.#adopted = new Map()
    }
    for (const { id, alive, core } of servers)
      if (alive && isSame(core.view, view) && !recovers(core) && !this.#adopted.has(id))
        this.#adopted.set(id, this.#now)
    const party = this.#mustServe()
    if (party === null || viewServer.saving) this.#server = null
    else if (this.#server?.party !== party) this.#server = { party, since: this.#now }
  }

  #living(id: string | undefined): LockServerParty | undefined {
    return this.#cluster.servers.find(server => server.alive && server.id === id)
  }

  /** F1, F2: the primary, or in an acked view its backup once the primary is gone. */
  #mustServe(): LockServerParty | null {
    const { view, viewServer } = this.#cluster
    const primary = this.#living(view?.primary.id)
    const backup = this.#living(view?.backup?.id)
    const leaves = primary?.core.leaving === true && this.#latched.has(this.#view)
    if (primary !== undefined && recovers(primary.core)) return null
    if (primary !== undefined && !primary.frozen && !leaves) return primary
    return viewServer.acked && backup !== undefined && !backup.core.leaving ? backup : null
  }

  /** Since when nothing has kept this user from the server that serves already; Infinity: something does. */
  #servedSince(user: ClientParty): number {
    const { view } = this.#cluster
    const primary = this.#living(view?.primary.id)
    if (view === null || primary === undefined) return never
    const own = Math.max(
      runs(primary),
      this.#adopted.get(primary.id) ?? never,
      this.#referee.diskWellSince(primary.name),
    )
    return Math.max(
      own,
      this.#confirmedSince(primary),
      this.#linkedSince(user, primary),
      this.#knowsSince(user),
    )
  }

  /** R1: since when what the primary decides can be shown. Before the latch it needs no word of a backup. */
  #confirmedSince(primary: LockServerParty): number {
    const id = this.#cluster.view?.backup?.id
    // R3: where little may be behind, operations soon wait for a joining backup.
    const needed = id !== undefined && (this.#latched.has(this.#view) || joinBacklogMax < 1_000)
    if (!needed) return 0
    if (this.#referee.arePartedIn(this.#group, this.#view)) return never
    const backup = this.#living(id)
    const { corrupted } = this.#referee
    if (backup === undefined || primary.core.leaving || corrupted.has(id) || corrupted.has(primary.id))
      return never
    const disks = this.#referee.diskWellSince(backup.name)
    return Math.max(runs(backup), disks, this.#adopted.get(id) ?? never, this.#linkedSince(primary, backup))
  }

  /** The same where the view server may have to make a view first. */
  #replacedSince(user: ClientParty): number {
    if (this.#server === null) return never
    const { party, since } = this.#server
    const { viewServer } = this.#cluster
    const disk = this.#referee.diskWellSince(party.name)
    const servers = Math.max(
      since,
      disk,
      runs(party),
      serves(viewServer),
      this.#linkedSince(party, viewServer),
    )
    return Math.max(servers, this.#linkedSince(user, party), this.#knowsSince(user))
  }

  /** G8: since when nothing keeps this group from leaving slots and opening them, and the view server from hearing of it. */
  reportsSince(): number {
    return this.#cluster.within(this.#group, () => {
      const { view, viewServer } = this.#cluster
      const primary = this.#living(view?.primary.id)
      if (primary === undefined || recovers(primary.core)) return never
      const disk = this.#referee.diskWellSince(primary.name)
      const own = Math.max(runs(primary), this.#adopted.get(primary.id) ?? never, disk)
      return Math.max(
        own,
        this.#confirmedSince(primary),
        serves(viewServer),
        this.#linkedSince(primary, viewServer),
      )
    })
  }

  get patienceMs(): number {
    return this.#withinMs.served + this.#slackMs
  }

  #linkedSince(one: Party, other: Party): number {
    return this.#cluster.network.quietSince(one, other)
  }

  /** It learns from the view server, or from any server that it was told of, which one is primary. */
  #knowsSince(user: ClientParty): number {
    const { viewServer, viewServers } = this.#cluster
    // A client that believes to hear of views dials only whom they name.
    const misled =
      this.#cluster.hasSeveral && viewServer.alive && this.#linkedSince(user, viewServer) === never
    if (misled) return never
    if (user.seeds.length > viewServers.length) return 0
    const known = viewServers.map(each => Math.max(runs(each), this.#linkedSince(user, each)))
    return Math.max(serves(viewServer), ...known)
  }

  // ---- who waits

  #judgeCall(open: Open): void {
    const { user, text, at, attempt, parts } = open
    if (!user.alive || user.frozen || this.#now - at < this.#withinMs.served) return
    const all = attempt === null ? [] : parts
    const since = Math.max(at, ...all.map(part => this.#checker.grantableSince(part)))
    this.#waits(user, Math.max(since, this.#settledSince(open.names)), `${text}, and is not answered`)
  }

  #judgeAsked(user: ClientParty): void {
    const asked = this.#asked.get(user)
    if (asked === undefined || this.#now - asked.at < this.#withinMs.served) return
    const { kind, at, wire } = asked
    const [mine] = wire.ends
    const there = mine?.open && mine.other.party === this.#living(this.#cluster.view?.primary.id)
    const own = user.coreIn(this.#group)
    const over = own.over || own.expired(user.now())
    // A session that rests need not go to the next server at once.
    if (!there || over) this.#asked.delete(user)
    else if (user.alive && !user.frozen) this.#waits(user, at, `the ${kind} of ${user.name} is not answered`)
  }

  #waits(user: ClientParty, since: number, what: string): void {
    const alone = this.#referee.aloneUntil.get(user.name) ?? 0
    const misled = Math.max(alone, this.#misledAt.get(user) ?? 0)
    const own = Math.max(since, user.runsSince, this.#allowedSince(user.name), misled)
    const served = this.#now - Math.max(own, this.#servedSince(user))
    const replaced = this.#now - Math.max(own, this.#replacedSince(user))
    if (served > this.#withinMs.served + this.#slackMs) this.#blame(what, served)
    else if (replaced > this.#withinMs.replaced + this.#slackMs) this.#blame(what, replaced)
  }

  #blame(what: string, ms: number): void {
    const text = `${what} for ${Math.floor(ms)} ms, in which nothing kept ${this.#cluster.viewText} from it`
    this.#verdict.blame('liveness meanwhile', text)
  }

  get #now(): number {
    return this.#cluster.network.time
  }
}

function isSame(one: View | null, other: View): boolean {
  return one !== null && one.group === other.group && one.number === other.number
}

/** D5: it has the state, and may not show it yet. */
function recovers({ role, state }: LockServerParty['core']): boolean {
  return role === 'idle' && state !== null
}

/** What answers an open or a resume. */
const begins: ReadonlySet<string> = new Set(['opened', 'open-refused', 'resumed'])

/** The same of a view server that has its own record; of several, while one of them decides. */
function serves(viewServer: ViewServerParty): number {
  return viewServer.misled ? never : Math.max(runs(viewServer), viewServer.decidesSince)
}

/** Since when this process has run; Infinity: it does not. */
function runs({ alive, frozen, runsSince }: Machine): number {
  return alive && !frozen ? runsSince : never
}
