// Judges what servers count for their metrics: against what their operations did, as it was seen from
// outside, and what the view server has on its disk. It counts by itself, and never steps anything.

import type { Fact } from '../../lockserver/state/facts.ts'
import { changeOf, type ViewCounts } from '../../viewservice/counts.ts'
import type { GroupRecord } from '../../viewservice/record.ts'
import type { Message } from '../../wire/messages.ts'
import type { Cluster, LockServerParty } from '../fixtures/cluster.ts'
import type { Blamed } from './checker.ts'

type Tally = Map<string, number>

export class Counters {
  readonly #verdict: Blamed
  readonly #cluster: Cluster
  /** What each process of a lock server, and each of the view server, has done. */
  readonly #done = new WeakMap<object, Tally>()

  constructor(verdict: Blamed, cluster: Cluster) {
    this.#verdict = verdict
    this.#cluster = cluster
  }

  /** A primary has applied an operation. */
  applied(server: LockServerParty, done: readonly Fact[]): void {
    const tally = this.#of(server)
    for (const fact of done) count(tally, fact)
  }

  /** A lock server says this. */
  sent(server: LockServerParty, messages: readonly Message[]): void {
    for (const [kind, , what] of messages)
      if (kind === 'opened' || kind === 'renewed') plus(this.#of(server), `sent ${kind}`)
      else if (kind === 'clients' || (isList(kind) && !(what as { more: boolean }).more))
        plus(this.#of(server), 'sent lists')
  }

  /** A lock server reads this. */
  arrived(server: LockServerParty, messages: readonly Message[]): void {
    for (const [kind] of messages)
      if (kind === 'open' || kind === 'renew' || kind === 'query' || kind === 'clients' || kind === 'look')
        plus(this.#of(server), `read ${kind}`)
  }

  /** Of one group. */
  saved(before: GroupRecord | null, record: GroupRecord): void {
    const { counts, core } = this.#cluster.viewServer
    // Its mark lapsed while it saved: it reads, like any other, what came of it.
    if (!core.isActive) return
    const tally = this.#of(counts)
    if (before?.view.number !== record.view.number) plus(tally, 'views')
    else if (record.acked && !before.acked) plus(tally, 'acks')
    if (before === null || before.view.number === record.view.number) return
    if (changeOf(before.view, record.view) === 'recovery') plus(tally, 'recoveries')
    else if (before.view.primary.id !== record.view.primary.id)
      plus(tally, record.view.start === null ? 'promotions' : 'resets')
  }

  /** Between two steps. */
  inspect(server: LockServerParty): void {
    const { counts, stepDowns } = server
    const tally = this.#of(server)
    const said = new Map(Object.entries(counts.operations))
    // Of opens there may be more than clients learn of.
    for (const kind of ['open opened', 'open refused']) said.delete(kind)
    for (const [code, times] of Object.entries(counts.refused))
      if (/LOCKS|WAITERS|UNANSWERED|PERMITS|ONCE_KEYS|AT_LEAST/.test(code)) said.set(code, times)
    for (const [how, times] of Object.entries(counts.sessionEnds)) said.set(`session ${how}`, times)
    for (const [reason, times] of Object.entries(counts.losses)) said.set(reason, times)
    said.set('waits', counts.wait.count).set('waited ms', counts.wait.sumMs)
    said.set('holds', counts.hold.count).set('held ms', counts.hold.sumMs)
    for (const [what, times] of said) this.#equal(server.name, what, times, tally.get(what) ?? 0)
    this.#equal(server.name, 'step-downs', counts.stepDowns, stepDowns)
    this.#among(server, 'opened', counts.operations['open opened'], 'sent opened', ['read open'])
    this.#among(server, 'renewals', counts.renewals, 'sent renewed', ['read renew', 'read open'])
    this.#among(server, 'queries', counts.queries, 'sent lists', ['read query', 'read clients', 'read look'])
  }

  /** All is saved, and the view server has heard so. */
  inspectViews({ views, acks }: ViewCounts): void {
    const tally = this.#of(this.#cluster.viewServer.counts)
    const made = Object.values(views).reduce((sum, times) => sum + times, 0)
    this.#equal('VS', 'views', made, tally.get('views') ?? 0)
    this.#equal('VS', 'acks', acks, tally.get('acks') ?? 0)
    this.#equal('VS', 'promotions', views.promotion, tally.get('promotions') ?? 0)
    this.#equal('VS', 'recoveries', views.recovery, tally.get('recoveries') ?? 0)
    this.#equal('VS', 'resets', views.reset, tally.get('resets') ?? 0)
  }

  #equal(who: string, what: string, said: number, seen: number): void {
    if (said !== seen) this.#blame(`${who} counts "${what}" ${said} times, and it was ${seen}`)
  }

  /** What was told counts at least, and what was asked for at most. */
  #among(server: LockServerParty, what: string, said: number, told: string, asked: readonly string[]): void {
    const tally = this.#of(server)
    const least = tally.get(told) ?? 0
    const most = asked.reduce((sum, kind) => sum + (tally.get(kind) ?? 0), 0)
    if (said < least || said > most)
      this.#blame(`${server.name} counts ${said} ${what}; ${least} were answered, ${most} asked for`)
  }

  #of(process: object): Tally {
    const known = this.#done.get(process)
    if (known !== undefined) return known
    const tally: Tally = new Map()
    this.#done.set(process, tally)
    return tally
  }

  #blame(text: string): void {
    this.#verdict.blame('wrong count', text)
  }
}

/** A part of one. */
function isList(kind: string): boolean {
  return kind === 'locks' || kind === 'looked'
}

function plus(tally: Tally, what: string, by = 1): void {
  tally.set(what, (tally.get(what) ?? 0) + by)
}

function count(tally: Tally, fact: Fact): void {
  switch (fact.is) {
    case 'granted':
      plus(tally, 'acquire granted')
      plus(tally, 'waits')
      return plus(tally, 'waited ms', Math.max(0, fact.waitedMs))
    case 'freed':
      plus(tally, 'holds')
      return plus(tally, 'held ms', Math.max(0, fact.heldMs))
    case 'dropped':
      return plus(tally, `session ${fact.how}`)
    case 'output':
      for (const what of namesOf(fact.message)) plus(tally, what)
  }
}

/** What an output counts as. */
function namesOf([kind, , what]: Message): string[] {
  switch (kind) {
    case 'released':
      return [`release ${what ? 'released' : 'not_held'}`]
    case 'force-released':
      return [`force-release ${what === 0 ? 'not_held' : 'released'}`]
    case 'key-forgotten':
      return [`forget-key ${what ? 'forgotten' : 'not_forgotten'}`]
    case 'noted':
      return [`set-note ${what ? 'noted' : 'not_held'}`]
    case 'done-before':
      return ['acquire done_before']
    case 'not-this':
      return ['acquire not_this']
    case 'cancel-done':
      return [`cancel ${what}`]
    case 'ended':
      return ['end ended']
    case 'lost':
      return [what as string]
    case 'refused':
      return ['acquire refused', what as string]
    default:
      return [`acquire ${kind}`]
  }
}
