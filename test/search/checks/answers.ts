// L1, L2, L3, S1, S4, R1, S5: whether an answer, or the news of a loss, may be what a client gets, by what
// clients knew before. It sees no server.

import type { CallResult } from '../../../client/session/effects.ts'
import type { History, OpenCall } from '../history.ts'
import type { Parties } from '../parties.ts'
import type { SeenAs } from './seen-as.ts'

export function answerProblem(
  parties: Parties,
  history: History,
  seen: SeenAs<'answered'>,
): string | undefined {
  const call = history.calls.find(({ slot, op }) => slot === seen.slot && op === seen.op)
  if (call === undefined) return undefined
  const { result } = seen
  if (call.forbidden && isDone(result)) return `F21: ${parties.name(seen.slot)} may not, and it is done`
  switch (result.verb) {
    case 'acquire':
      if (result.tokens === null) return unavailableProblem(call)
      if (seen.late) return `S4: ${parties.name(seen.slot)} is told of a grant after its deadline`
      return grantProblem(history, call, result.tokens) ?? claimProblem(parties, history, seen, result.tokens)
    case 'release':
      return result.held || seen.over ? undefined : releaseProblem(history, seen)
    case 'query':
      return queryProblem(history, call, result)
    default:
      return undefined
  }
}

/** What needs a right; what a session does with what it has needs none. */
function isDone(result: CallResult): boolean {
  if (result.verb === 'acquire') return result.tokens !== null
  return result.verb === 'query' || result.verb === 'force-release'
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

/** C3: nothing that lasts is granted to another; C5: a key runs once. */
function claimProblem(
  parties: Parties,
  { kept, ran }: History,
  { slot, op: index, at }: SeenAs<'answered'>,
  tokens: readonly number[],
): string | undefined {
  const op = parties.program(slot)[index]
  if (op?.do !== 'acquire') return undefined
  const lasting = kept.find(
    ({ name, token, until }) => op.names.includes(name) && until > at && !tokens.includes(token),
  )
  if (lasting !== undefined && tokens.some(token => token > lasting.token))
    return `C3: ${lasting.name} is granted, and token ${lasting.token} lasts until ${lasting.until}`
  const key = op.terms?.once?.key
  const before = ran.find(run => run.key === key)
  if (before === undefined || (before.until !== null && before.until <= at)) return undefined
  return `C5: ${key} is run a second time, and is kept until ${before.until ?? 'it has ended'}`
}

function unavailableProblem({ alone }: OpenCall): string | undefined {
  return alone ? 'L1: unavailable, and nobody has it or wants it' : undefined
}

function releaseProblem({ grants, reset }: History, { token }: SeenAs<'answered'>): string | undefined {
  const grant = grants.find(held => held.token === token)
  return grant?.is === 'leaving' && !reset ? 'S1: its own release found nothing held' : undefined
}

/** Linearizable: what was held from before the question until after the answer is in it, what was given back before is not. */
function queryProblem(
  { grants }: History,
  { shown, gone, noted }: OpenCall,
  { held }: Extract<CallResult, { verb: 'query' }>,
): string | undefined {
  for (const token of shown) {
    const still = grants.some(grant => grant.token === token && grant.is === 'held')
    if (still && !held.some(hold => hold.token === token))
      return `R1: a query does not show token ${token}, which was told before`
  }
  for (const { token, note } of noted) {
    const hold = held.find(hold => hold.token === token)
    if (hold !== undefined && hold.terms?.note !== note)
      return `C6: a query shows ${hold.terms?.note} with token ${token}, and ${note} was set before`
  }
  const back = held.find(hold => gone.includes(hold.token))
  return back && `R1: a query shows token ${back.token}, which was released before`
}

export function lossProblem(
  { grants, reset }: History,
  { slot, token, reason }: SeenAs<'lost'>,
): string | undefined {
  const grant = grants.find(held => held.slot === slot && held.token === token)
  if (reason === 'EXPIRED' || reset) return undefined
  if (reason === 'SESSION_LOST') return 'S4: a session that its client believed in is unknown'
  return grant !== undefined && grant.is !== 'taken' && grant.is !== 'gone'
    ? `S5: ${reason}, and nobody took it by force`
    : undefined
}
