// What is special where there are several groups: that a closed client has no session left in any of them (G3), that
// nearest reads are no older than they say (G7); and how often what only groups can have did happen. Its programs ask
// for nearest reads of their own accord; nothing else here steps anything.

import { partOf } from '../../viewservice/record.ts'
import { type ClientParty, type Cluster, type Outcome, ProgramParty } from '../fixtures/cluster.ts'
import type { Random } from '../fixtures/random.ts'
import type { Blamed, Checker } from './checker.ts'
import { leastOf } from './claims.ts'
import type { Users } from './users.ts'

/** What came of groups, as the report has it. */
export const groupOutcomes = [
  'locks of several groups: granted',
  'locks of several groups: given up or lost',
  'a session is lost, and others of its client go on',
  'a client is closed, and no group has a session of it',
  'a query that a group does not answer',
  'nearest read: of all groups',
  'nearest read: while a group has no living primary',
  'nearest read: in vain',
  'a view of one group, and the others keep theirs',
  'views of several groups in one record',
  'a server goes from one group to another',
] as const
export type GroupOutcome = (typeof groupOutcomes)[number]

/** What a nearest read says beside what is held. */
interface Near {
  readonly held: readonly { readonly name: string; readonly token: number }[]
  readonly cut: boolean
  readonly confirmed: boolean
  readonly asOfMs: number
  readonly missing?: readonly number[]
}

/** Of the times that one is due: a program asks. */
const askPart = 0.15
const askWithinMs = 600
/** Clocks differ by 1 % at most; and a server reads its own once a turn. */
const fastest = 1.011
const slackMs = 5

export class GroupsJudge {
  readonly #cluster: Cluster
  readonly #users: Users
  readonly #checker: Checker
  readonly #verdict: Blamed
  readonly #dice: Random
  readonly seen = new Map<GroupOutcome, number>()
  /** The group that each server had a part in last, by name. */
  readonly #homes = new Map<string, number>()
  #records = 0

  constructor(cluster: Cluster, users: Users, checker: Checker, verdict: Blamed, dice: Random) {
    this.#cluster = cluster
    this.#users = users
    this.#checker = checker
    this.#verdict = verdict
    this.#dice = dice
    users.onSeveral = outcome => this.#several(outcome)
    users.onEnded = (user, sessions) => this.#ended(user, sessions)
    users.onSessionLost = (user, group) => this.#lost(user, group)
    users.onMissing = () => this.#note('a query that a group does not answer')
  }

  /** To be called often. */
  look(): void {
    const { disk } = this.#cluster.viewServer
    for (; this.#records < disk.length; this.#records++) this.#recorded(this.#records)
    if (this.#dice.chance(askPart)) this.#asksNearest()
  }

  #note(what: GroupOutcome): void {
    this.seen.set(what, (this.seen.get(what) ?? 0) + 1)
  }

  // ---- what is saved

  #recorded(index: number): void {
    const { disk } = this.#cluster.viewServer
    const [before = null, record = null] = [disk[index - 1], disk[index]]
    const changed = this.#cluster.groupNumbers.filter(group => {
      const [old, view] = [partOf(before, group)?.view, partOf(record, group)?.view]
      if (view === undefined || view.number === old?.number) return false
      for (const server of [view.primary, view.backup]) if (server) this.#comes(server.address, group)
      return old !== undefined
    })
    if (changed.length === 1) this.#note('a view of one group, and the others keep theirs')
    if (changed.length > 1) this.#note('views of several groups in one record')
  }

  #comes(address: string, group: number): void {
    const home = this.#homes.get(address)
    if (home !== undefined && home !== group) this.#note('a server goes from one group to another')
    this.#homes.set(address, group)
  }

  // ---- what clients do

  #several({ result }: Outcome): void {
    const granted = result?.verb === 'acquire' && result.tokens !== null
    this.#note(granted ? 'locks of several groups: granted' : 'locks of several groups: given up or lost')
  }

  /** G3: its `close` has had an answer of all groups, and no session of it is there. */
  #ended({ name }: ClientParty, sessions: readonly { readonly group: number; readonly id: string }[]): void {
    this.#note('a client is closed, and no group has a session of it')
    if (this.#checker.wasReset) return
    for (const { group, id } of sessions)
      for (const { alive, core } of this.#cluster.servers) {
        const serves = alive && core.role === 'primary' && core.view?.group === group
        const newest = this.#cluster.within(group, () => this.#cluster.view?.primary.id === core.id)
        if (serves && newest && core.state?.sessionsById.has(id))
          this.#blame('G3 not ended', `${name} is closed, and group ${group} has its session`)
      }
  }

  /** G3: one of its sessions is lost. */
  #lost(user: ClientParty, group: number): void {
    const others = this.#users.sessionsOf(user).filter(session => (session.group ?? 0) !== group)
    if (others.some(({ opened, over }) => opened && !over))
      this.#note('a session is lost, and others of its client go on')
  }

  // ---- nearest reads

  #asksNearest(): void {
    const programs = this.#users.users.filter(
      (user): user is ProgramParty => user instanceof ProgramParty && user.alive && !user.frozen,
    )
    if (programs.length === 0) return
    const program = this.#dice.pick(programs)
    if (!program.ready()) return
    const calledAt = this.#cluster.network.time
    program.nearest('', askWithinMs, near => this.#nearest(program, near, calledAt))
  }

  #nearest({ name }: ProgramParty, near: Near | null, calledAt: number): void {
    if (near === null) return this.#note('nearest read: in vain')
    const primaries = this.#cluster.inEach(() => this.#cluster.view?.primary.id)
    const alive = primaries.every(
      id => id === undefined || this.#cluster.servers.some(server => server.alive && server.id === id),
    )
    this.#note(alive ? 'nearest read: of all groups' : 'nearest read: while a group has no living primary')
    if (near.confirmed) this.#blame('G7 confirmed', `${name} is told that a nearest read is confirmed`)
    if (!(near.asOfMs >= 0)) this.#blame('G7 age', `a nearest read of ${name} is ${near.asOfMs} ms old`)
    this.#isNoOlder(name, near, calledAt)
  }

  /** What was told before that moment is there, and what was given back before it is not. */
  #isNoOlder(name: string, { held, cut, asOfMs, missing = [] }: Near, calledAt: number): void {
    const now = this.#cluster.network.time
    const asOf = calledAt - asOfMs * fastest - slackMs
    const shown = new Set(held.map(hold => `${hold.token} ${hold.name}`))
    for (const belief of this.#checker.grants()) {
      // Where slots move, a group that is missing may have any name.
      const isMissing = this.#checker.moves
        ? missing.length > 0
        : missing.includes(this.#cluster.homeOf(belief.name))
      if (isMissing || leastOf(belief.attempt) > 0) continue
      if (belief.token <= this.#checker.tokenFloorOf(belief.name)) continue
      const isShown = shown.has(`${belief.token} ${belief.name}`)
      const what = `${belief.attempt.user.name}'s ${belief.name} (token ${belief.token})`
      const lasts =
        belief.toldAt < asOf && this.#checker.believed(belief) && !this.#checker.taken(belief, now)
      if (lasts && !isShown && !cut)
        this.#blame('G7 too old', `${name} is shown a state ${asOfMs} ms old without ${what}`)
      if (isShown && belief.freeAt < asOf)
        this.#blame('G7 too old', `${name} is shown a state ${asOfMs} ms old with ${what}, given back before`)
    }
  }

  #blame(check: string, text: string): void {
    this.#verdict.blame(check, text)
  }
}
