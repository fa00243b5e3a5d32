// Whether one thing that was seen of a process may be: each kind has its rules. What follows from it for later
// is in learning.ts.

import type { History } from '../history.ts'
import type { Parties } from '../parties.ts'
import type { Seen } from '../processes/process.ts'
import { answerProblem, lossProblem } from './answers.ts'
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
