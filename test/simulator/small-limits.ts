// Which limits a story draws small, so that its users meet them: those of the replicated state, and those of how
// much a server does at a time. What clients may see when one is passed is judged by the checker.

import type { DrawnLimits, StateLimits } from '../../wire/limits.ts'
import type { Random } from '../fixtures/random.ts'
import { tightLeastMax, tightLocksMax, tightSharedMax } from './checker.ts'

export const tightSessionsMax = 16
export const tightUnansweredMax = 24
/** A client limits itself by what real servers allow, and these cut it at twice their limit: its user calls no more than this at a time. */
export const tightCallsMax = 36
/** Room for the sessions of all users, and for some locks. */
const tightBytesMax = 9_000

/** Only guests ask for locks whose names begin with this, and no judge knows of their calls. */
export const guestNames = 'guest/'

/** What a client hears that opens a session where there is no room for it. */
export const roomCodes = ['SESSIONS_LIMIT', 'STATE_LIMIT'] as const

/** Tight limits of the state; the servers of one cluster need not have the same ones. */
export function tightLimitsOf(name: string): Partial<StateLimits> {
  const number = Number(name.slice(1))
  return {
    waitersPerLockMax: 2 + (number % 3),
    locksPerSessionMax: tightLocksMax,
    sharedHoldsPerLockMax: tightSharedMax,
    sessionsMax: tightSessionsMax,
    unansweredMax: tightUnansweredMax,
    ...(number % 2 === 1 && { stateBytesMax: tightBytesMax }),
    // So that what ends several holds or waits is cut into pieces, with deaths in between (B2).
    changesPerOperationMax: 1 + (number % 4),
    holdAtLeastMsMax: tightLeastMax,
    onceKeysPerNameMax: 2,
  }
}

/** `first`: what watches and answers leave; `dice`: how much is done in one turn, or is on its way. */
export function smallLimits(first: Random, dice: Random, large: boolean): DrawnLimits {
  const [unseen, part] = [first.pick([null, null, 2, 32]), first.pick([null, null, 1, 3])]
  const seen = {
    ...(unseen !== null && { eventsUnseenMax: unseen }),
    ...(part !== null && { queryPartMax: part }),
  }
  // A large state would take for ever.
  if (large || dice.chance(0.5)) return seen
  const small = Object.entries(mayBeSmall).flatMap(([name, values]) =>
    dice.chance(0.4) ? [[name, dice.pick(values)]] : [],
  )
  return { ...seen, ...Object.fromEntries(small) }
}

const mayBeSmall: Readonly<Record<string, readonly number[]>> = {
  ttlMsDefault: [1_000],
  queryMax: [1, 4],
  // A list takes a turn of its own, and some more to find its locks.
  queriedInPlaceMax: [0, 2],
  locksWalkedPerTurnMax: [1, 3],
  clientTurnCostMax: [2, 8],
  turnCostMax: [4, 16],
  expireWeightMax: [1, 3],
  chunkRecordsMax: [1, 4],
  chunksInFlightMax: [1],
  joinBacklogMax: [1, 8],
  latchLagMax: [1, 8],
  appliedPerTurnMax: [1, 4],
  unreachableMax: [1],
  // Turns last for up to 2 ms in half of the stories; with none, each does one piece.
  turnMsMax: [0, 0.2, 0.5],
  // Far more than a user asks at a time.
  queriesWaitingMax: [64],
  eventsKeptMax: [2, 16],
  eventsTurnMax: [1, 24],
  // Frames are cut in two again and again, down to one message.
  clientFrameBytesMax: [600],
  readAheadBytesMax: [1, 2_000],
  answersStuckMax: [1, 4],
  unverifiedMax: [2],
  verifyingMax: [1],
  watchesMax: [4],
  viewsRememberedMax: [2],
  // A server that was silent for so long may come back under the same id.
  forgetServerMs: [1_500],
  frameMessagesMax: [2],
  acknowledgedAtOnce: [2],
}
