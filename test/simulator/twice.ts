// What happens twice to the same thing, and in how many stories: many a mistake shows only the second time. It
// counts what a story does, by kind and by what it befalls, and judges nothing.

import type { Message } from '../../wire/messages.ts'
import type { Cluster, LockServerParty } from '../fixtures/cluster.ts'
import type { Party } from '../fixtures/network.ts'
import { type AccessKind, accessKinds } from './granting.ts'
import { groupKindsWithMoves } from './grouping.ts'
import { type Outcome, Outcomes, outcomes } from './outcomes.ts'
import { type FaultKind, faultKinds } from './plan.ts'
import { allPowerKinds } from './powering.ts'
import { moveKinds } from './regrouping.ts'

/** What the service and its clients do; the faults come on top of these. */
const doings = [
  'reset: the cluster',
  'promotion: of a server',
  'copy: to a server',
  'in sync: a server',
  'pair: the same two again',
  'step-down: of a server',
  'reconnect: of a session',
  'rest: of a session',
  'session lost: of a user',
  'loss: by a user',
  'limit: met by a user',
  'missed: by a watcher',
  'cancel: by a user',
  'steal: of a lock',
  'force: of a lock',
  ...outcomes,
] as const
type Doing = (typeof doings)[number]
type AccessDoing = `access: ${AccessKind}`

/** For each kind: in how many stories it happened, and in how many at least twice to the same thing. */
export type Counts = ReadonlyMap<string, { readonly stories: number; readonly twice: number }>

/** Two parties make one thing: the connection between them. */
const ofPairs: ReadonlySet<string> = new Set([
  'cut',
  'half-open',
  'block',
  'stall',
  'ambush',
  'silent death',
  'late resume',
])
const party = /\b(?:S\d+|c\d+|VS)\b/g

export class Twice {
  readonly #cluster: Cluster
  readonly #times = new Map<string, Map<string, number>>()
  readonly #resting = new Set<string>()
  readonly outcomes: Outcomes
  #views = 0
  #primary = ''

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    this.outcomes = new Outcomes(cluster, (outcome: Outcome, thing) => this.#note(outcome, thing))
    const { onFrame } = cluster.network
    cluster.network.onFrame = (from, to, messages, wire) => {
      for (const message of messages) this.#said(from, to, message)
      return onFrame?.(from, to, messages, wire) ?? 'pass'
    }
    const { steppedDown } = cluster.watcher
    cluster.watcher.steppedDown = (server, id, reason) => {
      this.#note('step-down: of a server', server.name)
      steppedDown?.(server, id, reason)
    }
  }

  /** How often the same thing was befallen at most, by kind. */
  get most(): ReadonlyMap<string, number> {
    return new Map([...this.#times].map(([kind, times]) => [kind, Math.max(...times.values())]))
  }

  /** A fault, as it is told: what it befalls is named in front. */
  befell(kind: FaultKind, text: string): void {
    const [what = ''] = text.split(' in (')
    const named = what.match(party) ?? ['the cluster']
    this.#note(
      kind,
      named
        .slice(0, ofPairs.has(kind) ? 2 : 1)
        .sort()
        .join(' '),
    )
  }

  /** What befalls the rights of this principal, or of all. */
  changed(kind: AccessKind, principal: string): void {
    this.#note(`access: ${kind}`, principal)
  }

  /** To be called often: what no message says. */
  look(): void {
    const { disk } = this.#cluster.viewServer
    for (; this.#views < disk.length; this.#views++) this.#recorded(this.#views)
    const { view } = this.#cluster
    const state = this.#cluster.servers.find(server => server.alive && server.id === view?.primary.id)?.core
      .state
    for (const { id, rests } of state?.sessions.values() ?? [])
      if (!rests) this.#resting.delete(id)
      else if (!this.#resting.has(id)) {
        this.#resting.add(id)
        this.#note('rest: of a session', id)
      }
  }

  #recorded(index: number): void {
    const { disk } = this.#cluster.viewServer
    const record = disk[index]
    if (record !== undefined) this.outcomes.recorded(disk[index - 1], record)
    const [view, before] = [record?.view, disk[index - 1]?.view]
    if (view === undefined || view.number === before?.number) return
    const { primary, backup, start } = view
    if (start?.choice != null) this.#primary = primary.address
    else if (start !== null && view.number > 1) this.#note('reset: the cluster', '')
    else if (this.#primary !== '' && this.#primary !== primary.address)
      this.#note('promotion: of a server', primary.address)
    if (backup !== null) this.#note('pair: the same two again', `${primary.address} ${backup.address}`)
    this.#primary = primary.address
  }

  #said(from: Party, to: Party, [kind, first, second, , manner]: Message): void {
    if (from.kind === 'client') {
      if (kind === 'resume') this.#note('reconnect: of a session', String(first))
      else if (kind === 'cancel') this.#note('cancel: by a user', from.name)
      else if (kind === 'force-release') this.#note('force: of a lock', String(second))
      else if (kind === 'acquire' && manner === 'steal') this.#note('steal: of a lock', String(second))
    } else if (kind === 'whole') this.#note('copy: to a server', to.name)
    else if (kind === 'heard') this.#note('in sync: a server', (from as LockServerParty).name)
    else if (to.kind === 'client') this.#toClient(to, kind)
    if (from.kind === 'lockserver' && to.kind === 'client')
      this.outcomes.told(from as LockServerParty, to.name, kind)
  }

  #toClient({ name }: Party, kind: Message[0]): void {
    if (kind === 'unknown-session') this.#note('session lost: of a user', name)
    else if (kind === 'lost') this.#note('loss: by a user', name)
    else if (kind === 'refused') this.#note('limit: met by a user', name)
    else if (kind === 'missed') this.#note('missed: by a watcher', name)
  }

  #note(kind: Doing | FaultKind | AccessDoing, thing: string): void {
    const times = this.#times.get(kind) ?? new Map<string, number>()
    times.set(thing, (times.get(thing) ?? 0) + 1)
    this.#times.set(kind, times)
  }
}

/** The stories of a run, added up. */
export class TwiceReport {
  #stories = 0
  readonly #counts = new Map<string, { stories: number; twice: number }>()

  add(most: ReadonlyMap<string, number>): void {
    this.#stories++
    for (const [kind, times] of most) {
      const count = this.#counts.get(kind) ?? { stories: 0, twice: 0 }
      count.stories++
      if (times > 1) count.twice++
      this.#counts.set(kind, count)
    }
  }

  get counts(): Counts {
    return this.#counts
  }

  /** Those of these kinds that no story had. */
  missing(kinds: readonly string[]): string[] {
    return kinds.filter(kind => !this.#counts.has(kind))
  }

  /** One line a kind, the rarest first. A client dies once: another one takes its place. */
  get lines(): string[] {
    const row = (kind: string) => ({ kind, stories: 0, twice: 0, ...this.#counts.get(kind) })
    const faults = faultKinds.filter(kind => kind !== 'kill client')
    const rows = [
      ...doings,
      ...allPowerKinds,
      ...groupKindsWithMoves,
      ...moveKinds,
      ...faults,
      ...accessKinds.map(kind => `access: ${kind}`),
    ]
      .map(row)
      .sort((a, b) => a.twice - b.twice)
    const part = (twice: number) => ((100 * twice) / Math.max(1, this.#stories)).toFixed(1)
    return [
      '| kind | stories | twice or more to the same thing | in % of all |',
      '|---|---|---|---|',
      ...rows.map(({ kind, stories, twice }) => `| ${kind} | ${stories} | ${twice} | ${part(twice)} |`),
    ]
  }
}
