// The next view, or none: V1, V2, V3 and V7 as pure functions. They know no server table, no clock
// and no message; which servers are dead, and which may be chosen, is found out elsewhere and handed in.

import type { Durability, Server, View } from '../wire/messages.ts'
import type { ViewRecord } from './record.ts'
import { choiceOf, isRecovery, recoveryProblem } from './recovery.ts'

export interface Circumstances {
  readonly primary: 'well' | 'leaving' | 'dead'
  /** The primary has pinged of late, so the view server may rely on it. */
  readonly primaryHeard: boolean
  /** 'unreachable': the primary says so. 'low': its disk is nearly full (D8). 'well' also when there is no backup. */
  readonly backup: 'well' | 'leaving' | 'low' | 'unreachable' | 'dead'
  /** The backup says that it is in sync, asked after the primary was found dead or leaving (V3). */
  readonly backupAnswered: boolean
  /** An idle server that may be chosen, whatever the primary can reach. */
  readonly idle: Server | null
  /** An idle server that may be chosen and that the primary does not report unreachable (V7). */
  readonly idleInReach: Server | null
}

/** The view that must follow now; undefined if nothing has to change, or nothing may. */
export function nextView(view: View, acked: boolean, now: Circumstances): View | undefined {
  // V3: view 1, a reset's view and a recovery view are acked before any other is made.
  if (view.start !== null && !acked) return undefined
  // V7: one view, not two: the idle server comes in with the promotion.
  if (view.backup !== null && mayPromote(acked, now)) return after(view, view.backup, now.idle)
  // V2, V3: no other server holds the state, so wait for the backup's answer, or for the primary.
  if (now.primary === 'dead') return undefined
  // A backup is given up only while the primary is heard: the two may be the only servers with the state.
  if (view.backup !== null && now.backup === 'low') return relieved(view, now)
  if (view.backup !== null && now.backup !== 'well')
    return now.primaryHeard ? after(view, view.primary, now.idleInReach) : undefined
  // D4: once power is back a stale copy may come before the primary that lost it; it can wait.
  const mayAdd = view.durability === 'memory' || now.primaryHeard
  if (view.backup === null && acked && mayAdd && now.idleInReach !== null)
    return after(view, view.primary, now.idleInReach)
  return undefined // V7
}

function mayPromote(acked: boolean, now: Circumstances): boolean {
  if (!acked || !now.backupAnswered) return false // V3
  // A leaving backup is worse than a leaving primary, and better than a dead one.
  return now.primary === 'dead' ? now.backup !== 'dead' : now.primary === 'leaving' && now.backup === 'well'
}

/** D8: a backup that will run out of room is replaced, never dropped for nothing. */
function relieved(view: View, { primaryHeard, idleInReach }: Circumstances): View | undefined {
  return primaryHeard && idleInReach !== null ? after(view, view.primary, idleInReach) : undefined
}

function after(view: View, primary: Server, backup: Server | null): View {
  const { group, number, durability } = view
  return { group, number: number + 1, primary, backup, durability, start: null }
}

/**
 * View 1: its primary starts with an empty state, which grants nothing before the pause is over (E6). `last`: of a group
 * that has ended before, its last view (G8).
 */
export function firstView(
  primary: Server,
  durability: Durability,
  pauseMs = 0,
  group = 0,
  last = 0,
  tokenFloor = 0,
): View {
  const start = { tokenFloor, pauseMs, choice: null }
  return { group, number: last + 1, primary, backup: null, durability, start }
}

/**
 * What is wrong with the step from one view to the next, or undefined. Checked before each view is saved. `last`: of a
 * group without a view, its last one (G8).
 */
export function stepProblem(
  before: Pick<ViewRecord, 'view' | 'acked' | 'lastAcked'> | null,
  next: View,
  backupAnswered: boolean,
  last = 0,
): string | undefined {
  if (before !== null && next.group !== before.view.group) return 'G1: the view is of another group'
  if (next.number !== (before?.view.number ?? last) + 1) return 'V1: the number must grow by exactly one'
  if (!Number.isSafeInteger(next.start?.tokenFloor ?? 0)) return 'L2: the token floor is no safe integer'
  if (next.primary.id === next.backup?.id) return 'V2: one server in two roles'
  if (next.start !== null && next.backup !== null) return 'V3: a view that starts empty names no backup'
  if (isRecovery(next)) return recoveryProblem(before, next)
  if (before !== null && next.durability !== choiceOf(before).durability)
    return 'D11: only a change view has another durability'
  if (next.start !== null) return undefined
  if (before === null) return 'V3: view 1 must say that it is'
  return successorProblem(before.view, before.acked, next, backupAnswered)
}

function successorProblem(
  view: View,
  acked: boolean,
  next: View,
  backupAnswered: boolean,
): string | undefined {
  const stays = next.primary.id === view.primary.id
  if (!stays && next.primary.id !== view.backup?.id)
    return 'V2: the primary was neither primary nor backup before'
  if (!stays && !(acked && backupAnswered))
    return 'V3: promoted from an unacked view, or without having answered'
  if (!acked && view.start !== null) return 'V3: a view that starts empty must be acked first'
  if (!acked && view.backup === null) return 'V3: an unacked view can only drop or replace its backup'
  if (stays && next.backup?.id === view.backup?.id) return 'V7: nothing has changed'
  return undefined
}
