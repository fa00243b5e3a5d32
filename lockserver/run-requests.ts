// A run of requests on its way to the state: it becomes one operation if the primary would take each of its
// messages as it comes; else they come one by one. This file says which, and does nothing itself.

import type { Principal } from '../wire/access/principal.ts'
import type { MessageOf } from '../wire/messages.ts'
import { inMessages, lengthOf } from '../wire/runs.ts'
import type { Session } from './state/sessions.ts'
import type { Operation, State } from './state/state.ts'
import { acquireVerb, deniedAmong } from './verbs.ts'

export type RequestRun = MessageOf<'requestRuns'>

/** S1: its numbers are the session's next ones, and its replies have room; A2: its principal may do all of it. */
export function comesWhole(
  run: RequestRun,
  session: Session,
  principal: Principal | null,
  unansweredMax: number,
): boolean {
  if (run[1] !== session.nextRequest) return false
  if (session.unanswered + lengthOf(run, inMessages) > unansweredMax) return false
  if (principal === null || run[0] === 'release-run') return true
  return deniedAmong(principal, acquireVerb(run[4]), run[2]) === undefined
}

/** B1: all of it changes no more than one operation may; a steal, or a release that others wait for, may each do as much. */
export function isSmall(run: RequestRun, session: Session, { limits, table }: State): boolean {
  if (table.isUnfinished) return false
  if (run[0] === 'acquire-run') return run[4] !== 'steal'
  const tokens = run[2]
  let waiters = 0
  for (let i = 0; i < tokens.length; i += 2) {
    const end = (tokens[i] as number) + (tokens[i + 1] as number)
    for (let token = tokens[i] as number; token < end; token++)
      waiters += session.holds.get(token)?.lock.waiters ?? 0
  }
  return waiters <= limits.changesPerOperationMax
}

export function operationOfRun({ ordinal }: Session, run: RequestRun): Operation {
  return run[0] === 'acquire-run'
    ? ['acquire-run', ordinal, run[1], run[2], run[3], run[4]]
    : ['release-run', ordinal, run[1], run[2]]
}
