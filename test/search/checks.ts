// What must hold in every state (DESIGN 3, docs/RULES.md), judged from outside the cores: what clients
// know, which views were made, and whether the servers that may go on hold all of it.

import type { CallResult } from '../../client/session/effects.ts'
import type { State } from '../../lockserver/state/state.ts'
import { textOf } from '../fixtures/state-story.ts'
import { blankHistory, type Grant, Histories, type History, type OpenCall } from './history.ts'
import { wallAtStart } from './ids.ts'
import type { Parties } from './parties.ts'
import { requestsOf, rolesOf } from './plain.ts'
import type { Seen as SeenThing } from './processes/process.ts'
import type { Op } from './setting.ts'

type Seen<S extends SeenThing['see']> = Extract<SeenThing, { see: S }>

/** What a check may look at: the state as it is being made. */
export interface Situation {
  readonly clock: number
  readonly history: number
  readonly locals: readonly number[]
}

export interface Folded {
  readonly history: number
  readonly problem: string | undefined
}

/** What the checks need of one lock server; worked out once for each of its states. */
interface Summary {
  readonly id: string
  readonly role: 'primary' | 'backup' | 'idle'
  readonly view: number
  /** It answers without a backup's word. */
  readonly alone: boolean
  readonly latched: boolean
  readonly toldInSync: boolean
  readonly whole: number
  readonly state: State | null
  readonly opNumber: number
  readonly problem: string | undefined
  /** By session id. */
  readonly sessions: ReadonlyMap<string, Standing>
}

/** What a server knows of one session. */
interface Standing {
  readonly next: number
  readonly holds: ReadonlySet<number>
  /** Tokens that its client can't know of yet. */
  readonly untold: ReadonlySet<number>
  /** S5: tokens that were lost, which its client has not acknowledged. */
  readonly losses: ReadonlySet<number>
  /** S1: requests that wait, or whose reply is stored. */
  readonly kept: ReadonlySet<number>
}

/** What the checks need of one client. */
interface ClientSummary {
  readonly session: string
  /** When it stops to believe in its session, if nothing is renewed (S4); the two clocks run alike here. */
  readonly until: number
  readonly ending: boolean
  /** The next request number, and which of those before it are unanswered. */
  readonly next: number
  readonly unanswered: ReadonlySet<number>
}

/** Notes of level error that faults explain. */
const harmless = new Set(['the state is lost', 'the view server refuses this server'])

export class Checks {
  readonly histories = new Histories()
  readonly blank: number
  readonly #parties: Parties
  readonly #summaries = new Map<number, Summary | null>()
  readonly #clients = new Map<number, ClientSummary | null>()
  /** By what was seen, then by the history before. */
  readonly #folded = new WeakMap<SeenThing, Map<number, Folded>>()

  constructor(parties: Parties) {
    this.#parties = parties
    this.blank = this.histories.numberOf(blankHistory)
  }

  // ---- what has just been seen

  fold(number: number, seen: SeenThing): Folded {
    const folded = this.#folded.get(seen) ?? new Map<number, Folded>()
    this.#folded.set(seen, folded)
    const known = folded.get(number)
    if (known !== undefined) return known
    const history = this.histories.get(number)
    const problem = this.#problemOf(history, seen)
    const made = { history: this.histories.numberOf(this.#after(history, seen)), problem }
    folded.set(number, made)
    return made
  }

  #problemOf(history: History, seen: SeenThing): string | undefined {
    switch (seen.see) {
      case 'record':
        return viewProblem(history, seen)
      case 'answered':
        return this.#answerProblem(history, seen)
      case 'lost':
        return lossProblem(history, seen)
      case 'given up':
        return history.reset ? undefined : 'S4: the servers gave up a session that its client did not'
      case 'error':
        return harmless.has(seen.text) ? undefined : `a server says: ${seen.text}`
      case 'broken':
        return `a core threw: ${seen.text}`
      case 'replaced':
        return `S2: the newest connection of ${this.#parties.name(seen.slot)} is given up for another`
      case 'stepped down':
        return seen.text.startsWith('named primary')
          ? `V4: promoted a server that is not in sync: ${seen.text}`
          : undefined
      case 'exit':
        return seen.status === 0 ? undefined : `a server ended itself: ${seen.text}`
      default:
        return undefined
    }
  }

  #answerProblem(history: History, seen: Seen<'answered'>): string | undefined {
    const call = history.calls.find(({ slot, op }) => slot === seen.slot && op === seen.op)
    if (call === undefined) return undefined
    const { result } = seen
    switch (result.verb) {
      case 'acquire':
        if (result.tokens === null) return unavailableProblem(call)
        if (seen.late) return `S4: ${this.#parties.name(seen.slot)} is told of a grant after its deadline`
        return grantProblem(history, call, result.tokens)
      case 'release':
        return result.held || seen.over ? undefined : releaseProblem(history, seen)
      case 'query':
        return queryProblem(history, call, result)
      default:
        return undefined
    }
  }

  #op(slot: number, op: number): Op {
    return this.#parties.program(slot)[op] as Op
  }

  #after(history: History, seen: SeenThing): History {
    switch (seen.see) {
      case 'record': {
        const { view, acked } = seen.record
        if (view.start === null || view.number === 1) return { ...history, view, acked }
        return { ...history, view, acked, reset: true, floor: view.start.tokenFloor }
      }
      case 'called':
        return this.#called(history, seen)
      case 'answered':
        return this.#answered(history, seen)
      case 'failed':
        return { ...history, calls: without(history.calls, seen) }
      case 'lost':
        return {
          ...history,
          grants: history.grants.filter(grant => grant.token !== seen.token || grant.slot !== seen.slot),
        }
      case 'over':
        return { ...history, grants: history.grants.filter(grant => grant.session !== seen.session) }
      default:
        return history
    }
  }

  #called(history: History, { slot, op: index, session }: Seen<'called'>): History {
    const op = this.#op(slot, index)
    const names = namesOf(op)
    const byForce = isForce(op)
    const grants = history.grants.map(grant => {
      if (byForce && names.includes(grant.name)) return taken(grant)
      const gone = (op.do === 'release' && grant.op === op.of) || op.do === 'end'
      return gone && grant.slot === slot && grant.session === session ? leaving(grant) : grant
    })
    const rivals = history.calls.filter(call => overlap(names, namesOf(this.#op(call.slot, call.op))))
    const alone = rivals.length === 0 && !history.grants.some(grant => names.includes(grant.name))
    const calls = history.calls.map(call =>
      rivals.includes(call) ? { ...call, alone: false, forced: call.forced || byForce } : call,
    )
    const behind = calls.filter(call => call.waits && overlap(names, namesOf(this.#op(call.slot, call.op))))
    const shown =
      op.do === 'query' ? grants.filter(grant => grant.is === 'held').map(grant => grant.token) : []
    return {
      ...history,
      grants,
      calls: [
        ...calls,
        {
          slot,
          op: index,
          session,
          above: history.largest,
          alone,
          forced: rivals.some(rival => isForce(this.#op(rival.slot, rival.op))),
          shown,
          gone: op.do === 'query' ? history.released : [],
          waits: false,
          behind: byForce ? [] : behind.map(keyOf),
          passedBy: 0,
        },
      ],
    }
  }

  #answered(history: History, seen: Seen<'answered'>): History {
    const { slot, op: index, result } = seen
    const op = this.#op(slot, index)
    const calls = without(history.calls, seen)
    if (result.verb === 'query')
      return {
        ...history,
        calls: calls.map(call => (this.#isShown(call, result) ? { ...call, waits: true } : call)),
      }
    if (result.verb === 'acquire' && result.tokens !== null && op.do === 'acquire') {
      const behind = history.calls.find(call => call.slot === slot && call.op === index)?.behind ?? []
      const granted = result.tokens.map((token, i) =>
        this.#grant(history, seen, op, token, op.names[i] as string),
      )
      return {
        ...history,
        calls: passed(calls, behind, result.tokens),
        grants: [...history.grants, ...granted],
        largest: Math.max(history.largest, ...result.tokens),
      }
    }
    if (result.verb !== 'release' || op.do !== 'release') return { ...history, calls }
    const grants = history.grants.filter(grant => grant.token !== seen.token)
    const left = grants.some(grant => grant.slot === slot && grant.op === op.of)
    const released = result.held ? [...history.released, seen.token] : history.released
    return { ...history, calls: left ? history.calls : calls, grants, released }
  }

  /** L3: a confirmed answer lists it as waiting, for its only name. */
  #isShown(
    { slot, op, session }: OpenCall,
    { pending, confirmed }: Extract<CallResult, { verb: 'query' }>,
  ): boolean {
    const [name, ...more] = namesOf(this.#op(slot, op))
    return (
      confirmed && more.length === 0 && pending.some(wait => wait.clientId === session && wait.name === name)
    )
  }

  /** One that another client has tried to take by force may be lost already. */
  #grant(
    history: History,
    { slot, op: index, session }: Seen<'answered'>,
    op: Extract<Op, { do: 'acquire' }>,
    token: number,
    name: string,
  ): Grant {
    const call = history.calls.find(open => open.slot === slot && open.op === index)
    const mode = op.manner === 'steal' ? 'exclusive' : (op.mode ?? 'exclusive')
    return { token, name, mode, slot, op: index, session, is: call?.forced ? 'taken' : 'held' }
  }

  // ---- what must hold in a state as it stands

  inspect(situation: Situation): string | undefined {
    const history = this.histories.get(situation.history)
    const believed = history.grants.filter(grant => this.#believes(grant, situation))
    return this.#beliefProblem(history, believed) ?? this.#serverProblem(situation, history, believed)
  }

  /** S4: by the client's own clock. */
  #believes({ slot, session, is }: Grant, { clock, locals }: Situation): boolean {
    const client = is === 'held' || is === 'taken' ? this.#client(locals[slot] as number) : null
    return client !== null && client.session === session && clock < client.until
  }

  /** What is taken by force may be believed in until its holder learns of it; but not beyond a reset, which can't tell it (F14). */
  #beliefProblem({ floor }: History, believed: readonly Grant[]): string | undefined {
    for (const one of believed) {
      const rival = believed.find(
        grant =>
          grant.token > one.token &&
          grant.name === one.name &&
          (grant.mode === 'exclusive' || one.mode === 'exclusive') &&
          ((grant.is === 'held' && one.is === 'held') || (one.token <= floor && grant.token > floor)),
      )
      if (rival !== undefined)
        return `L1: ${this.#parties.name(one.slot)} and ${this.#parties.name(rival.slot)} both believe in ${one.name}`
    }
    return undefined
  }

  #serverProblem(situation: Situation, history: History, believed: readonly Grant[]): string | undefined {
    const { view, acked } = history
    if (view === null) return undefined
    let primary: Summary | null = null
    let backup: Summary | null = null
    for (let slot = 1; slot <= this.#parties.setting.servers; slot++) {
      const summary = this.#summary(situation.locals[slot] as number)
      if (summary === null) continue
      if (summary.problem !== undefined) return summary.problem
      if (summary.alone && summary.id !== view.primary.id && this.#parties.setting.operator !== 'forcing')
        return `R1: ${this.#parties.name(slot)} answers alone in view ${summary.view}, and view ${view.number} names another primary`
      if (summary.id === view.primary.id) primary = summary
      if (summary.id === view.backup?.id) backup = summary
    }
    if (this.#parties.setting.spared && primary === null && (backup === null || !acked))
      return `V3: nobody who may go on after view ${view.number} lives`
    return (
      this.#goOnProblem(situation, history, believed, primary) ??
      (acked
        ? this.#promotableProblem(situation, history, believed, view.number, primary, backup)
        : undefined) ??
      sameProblem(primary, backup)
    )
  }

  /** The primary holds all that clients know of. */
  #goOnProblem(
    situation: Situation,
    history: History,
    believed: readonly Grant[],
    primary: Summary | null,
  ): string | undefined {
    if (primary === null || (primary.state === null && history.view?.start !== null)) return undefined
    if (primary.state === null) return `V2: the primary of view ${history.view?.number} has no state`
    return this.#missing(situation, history, believed, primary, 'the primary')
  }

  /** V4: acked = promotable. */
  #promotableProblem(
    situation: Situation,
    history: History,
    believed: readonly Grant[],
    number: number,
    primary: Summary | null,
    backup: Summary | null,
  ): string | undefined {
    if (backup === null) return undefined
    if (backup.role !== 'backup' || backup.view !== number || backup.whole !== number || !backup.toldInSync)
      return `V4: view ${number} is acked, and its backup does not know that it is in sync`
    if (primary !== null && primary.view === number && !primary.latched)
      return `V4: view ${number} is acked, and its primary answers alone`
    return this.#missing(situation, history, believed, backup, 'the backup of an acked view')
  }

  /** R1: what clients know of and this state does not hold, or what it holds in addition. */
  #missing(
    situation: Situation,
    history: History,
    believed: readonly Grant[],
    { sessions }: Summary,
    who: string,
  ): string | undefined {
    if (history.reset) return undefined
    for (const grant of believed) {
      const session = sessions.get(grant.session)
      if (session?.holds.has(grant.token) === true) continue
      if (grant.is === 'held')
        return `R1: ${who} does not know that ${this.#parties.name(grant.slot)} holds ${grant.name}`
      if (session?.losses.has(grant.token) === false)
        return `S5: ${who} does not know that ${this.#parties.name(grant.slot)} is to be told of its loss of ${grant.name}`
    }
    for (let slot = this.#parties.setting.servers + 1; slot < situation.locals.length; slot++) {
      const problem = this.#clientProblem(situation, slot, history, sessions, who)
      if (problem !== undefined) return problem
    }
    return undefined
  }

  #clientProblem(
    { clock, locals }: Situation,
    slot: number,
    history: History,
    sessions: Summary['sessions'],
    who: string,
  ): string | undefined {
    const client = this.#client(locals[slot] as number)
    if (client === null || client.ending || clock >= client.until) return undefined
    const session = sessions.get(client.session)
    if (session === undefined) return `R1: ${who} does not know the session of ${this.#parties.name(slot)}`
    for (let number = session.next; number < client.next; number++) {
      if (!client.unanswered.has(number))
        return `R1: ${who} does not know request ${number} of ${this.#parties.name(slot)}, which was answered`
    }
    for (const number of client.unanswered) {
      if (number < session.next && !session.kept.has(number))
        return `S1: ${who} has forgotten the reply to request ${number} of ${this.#parties.name(slot)}, which has not heard it`
    }
    for (const token of session.holds) {
      const told = session.untold.has(token) || history.grants.some(grant => grant.token === token)
      if (!told) return `S1: ${who} has a hold of ${this.#parties.name(slot)} that it does not know of`
    }
    return undefined
  }

  #client(number: number): ClientSummary | null {
    let client = this.#clients.get(number)
    if (client === undefined) {
      client = this.#summarizeClient(number)
      this.#clients.set(number, client)
    }
    return client
  }

  #summarizeClient(number: number): ClientSummary | null {
    const local = this.#parties.local(number)
    if (local.place !== 'client') return null
    const { core } = local
    const { next, unanswered } = requestsOf(core)
    return {
      session: core.sessionId,
      until: core.remainingMs({ monotonic: 0, wall: wallAtStart }),
      ending: [...local.asked.values()].some(({ op }) => this.#op(local.slot, op).do === 'end'),
      next,
      unanswered: new Set(unanswered.keys()),
    }
  }

  #summary(local: number): Summary | null {
    let summary = this.#summaries.get(local)
    if (summary === undefined) {
      summary = this.#summarize(local)
      this.#summaries.set(local, summary)
    }
    return summary
  }

  #summarize(number: number): Summary | null {
    const local = this.#parties.local(number)
    if (local.place !== 'lockserver' || local.core === null) return null
    const { core } = local
    const { primary, backup } = rolesOf(core)
    const { state } = core
    const sessions = new Map<string, Standing>()
    for (const session of state?.sessions.values() ?? []) {
      const untold = [...session.replies.values()].flatMap(reply => (reply[0] === 'granted' ? reply[2] : []))
      for (const acquire of session.waiting.values()) untold.push(...acquire.tokens)
      sessions.set(session.id, {
        next: session.nextRequest,
        holds: new Set(session.holds.keys()),
        untold: new Set(untold),
        losses: new Set(session.losses.keys()),
        kept: new Set([...session.replies.keys(), ...session.waiting.keys()]),
      })
    }
    return {
      id: core.id,
      role: core.role,
      view: core.view?.number ?? 0,
      alone: primary !== null && !primary.replication.join.latched,
      latched: primary?.replication.join.latched ?? false,
      toldInSync: backup?.toldInSync ?? false,
      whole: backup?.whole ?? 0,
      state,
      opNumber: state?.opNumber ?? 0,
      problem: state?.problem(),
      sessions,
    }
  }
}

function namesOf(op: Op): readonly string[] {
  if (op.do === 'force-release') return [op.name]
  return op.do === 'acquire' ? op.names : []
}

function isForce(op: Op): boolean {
  return op.do === 'force-release' || (op.do === 'acquire' && op.manner === 'steal')
}

function overlap(some: readonly string[], others: readonly string[]): boolean {
  return some.some(name => others.includes(name))
}

function keyOf({ slot, op }: { slot: number; op: number }): string {
  return `${slot}.${op}`
}

function taken(grant: Grant): Grant {
  return { ...grant, is: grant.is === 'held' || grant.is === 'taken' ? 'taken' : 'gone' }
}

function leaving(grant: Grant): Grant {
  return { ...grant, is: grant.is === 'held' || grant.is === 'leaving' ? 'leaving' : 'gone' }
}

/** L3: one that was called behind these was granted. */
function passed(
  calls: readonly OpenCall[],
  behind: readonly string[],
  tokens: readonly number[],
): readonly OpenCall[] {
  const token = Math.min(...tokens)
  return calls.map(call =>
    behind.includes(keyOf(call)) && (call.passedBy === 0 || token < call.passedBy)
      ? { ...call, passedBy: token }
      : call,
  )
}

function without(
  calls: readonly OpenCall[],
  { slot, op }: { slot: number; op: number },
): readonly OpenCall[] {
  return calls.filter(call => call.slot !== slot || call.op !== op)
}

/** V1, V2, V3 of one view and the next. */
function viewProblem(
  { view: before, acked }: History,
  { record: { view } }: Seen<'record'>,
): string | undefined {
  if (before === null)
    return view.number === 1 && view.start !== null ? undefined : 'V1: the first view is not view 1'
  if (view.number === before.number)
    return JSON.stringify(view) === JSON.stringify(before) ? undefined : 'V1: one view number for two views'
  if (view.number !== before.number + 1) return `V1: view ${view.number} follows view ${before.number}`
  if (view.start !== null) return view.backup === null ? undefined : "V3: a reset's view names a backup"
  const stays = view.primary.id === before.primary.id
  if (!stays && view.primary.id !== before.backup?.id)
    return `V2: the primary of view ${view.number} comes from nowhere`
  if (!stays && !acked) return `V3: promoted from view ${before.number}, which was not acked`
  if (stays && view.backup?.id === before.backup?.id) return `V7: view ${view.number} changes nothing`
  return undefined
}

function grantProblem(
  { grants, largest }: History,
  { above, passedBy }: OpenCall,
  tokens: readonly number[],
): string | undefined {
  if (tokens.some(token => token <= above))
    return `L2: token ${Math.min(...tokens)} was granted after ${largest}`
  if (passedBy > 0 && tokens.some(token => token > passedBy))
    return `L3: token ${passedBy} was granted to one that came behind the one with ${Math.max(...tokens)}`
  const twice = grants.find(grant => tokens.includes(grant.token))
  return twice && `L2: token ${twice.token} was granted twice`
}

function unavailableProblem({ alone }: OpenCall): string | undefined {
  return alone ? 'L1: unavailable, and nobody has it or wants it' : undefined
}

function releaseProblem({ grants, reset }: History, { token }: Seen<'answered'>): string | undefined {
  const grant = grants.find(held => held.token === token)
  return grant?.is === 'leaving' && !reset ? 'S1: its own release found nothing held' : undefined
}

/** Linearizable: what was held from before the question until after the answer is in it, what was given back before is not. */
function queryProblem(
  { grants }: History,
  { shown, gone }: OpenCall,
  { held }: Extract<CallResult, { verb: 'query' }>,
): string | undefined {
  for (const token of shown) {
    const still = grants.some(grant => grant.token === token && grant.is === 'held')
    if (still && !held.some(hold => hold.token === token))
      return `R1: a query does not show token ${token}, which was told before`
  }
  const back = held.find(hold => gone.includes(hold.token))
  return back && `R1: a query shows token ${back.token}, which was released before`
}

function lossProblem({ grants, reset }: History, { slot, token, reason }: Seen<'lost'>): string | undefined {
  const grant = grants.find(held => held.slot === slot && held.token === token)
  if (reason === 'EXPIRED' || reset) return undefined
  if (reason === 'SESSION_LOST') return 'S4: a session that its client believed in is unknown'
  return grant !== undefined && grant.is !== 'taken' && grant.is !== 'gone'
    ? `S5: ${reason}, and nobody took it by force`
    : undefined
}

/** R4: copies that are level are the same. */
function sameProblem(primary: Summary | null, backup: Summary | null): string | undefined {
  if (primary === null || backup === null || primary.view !== backup.view || backup.whole !== backup.view)
    return undefined
  if (primary.role !== 'primary' || backup.role !== 'backup') return undefined
  if (backup.opNumber > primary.opNumber)
    return `R2: the backup has applied operation ${backup.opNumber}, the primary ${primary.opNumber}`
  if (backup.opNumber < primary.opNumber) return undefined
  return contentOf(backup) === contentOf(primary)
    ? undefined
    : `R4: at operation ${primary.opNumber} the copies differ`
}

const contents = new WeakMap<State, string>()

/** All that a state holds; a state that was summed up changes no more. */
function contentOf({ state }: Summary): string {
  if (state === null) return ''
  const content = contents.get(state) ?? textOf(state)
  contents.set(state, content)
  return content
}
