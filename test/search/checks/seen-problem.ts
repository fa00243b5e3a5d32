// Whether one thing that was seen of a process may be: each kind has its rules. What follows from it for later
// is in learning.ts.

import type { History } from '../history.ts'
import type { Parties } from '../parties.ts'
import { loser } from '../processes/access.ts'
import type { Seen } from '../processes/process.ts'
import { answerProblem, lossProblem } from './answers.ts'
import type { SeenAs } from './seen-as.ts'
import { viewProblem } from './views.ts'

/** Notes of level error that faults explain. */
const harmless = new Set([
  'the state is lost',
  'the state waits for its recovery',
  'the view server refuses this server',
])

export function seenProblem(parties: Parties, history: History, seen: Seen): string | undefined {
  switch (seen.see) {
    case 'record':
      return viewProblem(history, seen)
    case 'answered':
      return answerProblem(parties, history, seen)
    case 'failed':
      return refusalProblem(parties, history, seen)
    case 'lost':
      return lossProblem(history, seen)
    case 'given up':
      return history.reset ? undefined : 'S4: the servers gave up a session that its client did not'
    case 'error':
      return harmless.has(seen.text) ? undefined : `a server says: ${seen.text}`
    case 'broken':
      return `a core threw: ${seen.text}`
    case 'replaced':
      return `S2: the newest connection of ${parties.name(seen.slot)} is given up for another`
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

/** A2: only what is not allowed is refused so, and what is refused was not done. */
function refusalProblem(
  parties: Parties,
  { read }: History,
  { slot, code, definite }: SeenAs<'failed'>,
): string | undefined {
  if (code !== 'NOT_ALLOWED') return undefined
  if (parties.name(slot) !== loser || read.length === 0)
    return `F21: ${parties.name(slot)} is refused what it may`
  return definite ? undefined : 'A2: the refusal for a right is not definite'
}
