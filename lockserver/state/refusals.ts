// What a client is told of a request that was refused: the code, and in words what is wrong and what would be right.
// The texts are made of the state's own limits, so they are the same in every copy (R4). It decides nothing.

import type { LockVerb } from '../../wire/access/principal.ts'
import { type ErrorCode, errors } from '../../wire/errors.ts'
import type { StateLimits } from '../../wire/limits.ts'
import type { Differs } from './lock-table.ts'
import { type Quota, quotaCodes, quotaText } from './owners.ts'

/** A limit, or a quota of an owner (B7). */
export type Refusal = ErrorCode | Quota | Differs

/** The code, and the text for the client. */
export function refusalOf(refusal: Refusal, owner: string | null, limits: StateLimits): [ErrorCode, string] {
  if (typeof refusal === 'object') return [refusal.code, differsText(refusal)]
  if (isQuota(refusal)) return [quotaCodes[refusal], quotaText(refusal, owner ?? 'this client', limits)]
  return [refusal, limitTexts[refusal]?.(limits) ?? errors[refusal].meaning]
}

export function isQuota(refusal: Refusal): refusal is Quota {
  return typeof refusal === 'string' && Object.hasOwn(quotaCodes, refusal)
}

/** A2: names verb and lock. `name`: of a lock, or of all that begins with it. */
export function notAllowedText(principal: string, verb: LockVerb, name: string): string {
  return `the principal ${principal} may not ${verb} ${JSON.stringify(name.slice(0, 200))}`
}

/** Each names its limit. */
const limitTexts: { readonly [C in ErrorCode]?: (limits: StateLimits) => string } = {
  AT_LEAST_OUT_OF_RANGE: ({ holdAtLeastMsMax: max }) =>
    `holdAtLeast is longer than this cluster takes, which is ${max} ms`,
  LOCKS_LIMIT: ({ locksPerSessionMax: locks, sharedHoldsPerLockMax: holds }) =>
    `a session holds or waits for at most ${locks} locks, and holds the same lock at most ${holds} times; release some first`,
  ONCE_KEYS_LIMIT: ({ onceKeysPerNameMax: max }) =>
    `a lock has at most ${max} keys that run or are kept; keep each for a shorter time`,
  SESSIONS_LIMIT: ({ sessionsMax: max }) => `the service has at most ${max} sessions; end some`,
  STATE_LIMIT: ({ stateBytesMax: max }) =>
    `sessions, locks, waits and keys take at most ${max} bytes in all; release or end something first`,
  UNANSWERED_LIMIT: ({ unansweredMax: max }) =>
    `a session has at most ${max} requests that wait for an answer; wait for some of them first`,
  WAITERS_LIMIT: ({ waitersPerLockMax: max }) =>
    `at most ${max} wait for a lock; ask again when the queue is shorter`,
}

/** C1: names the N in force. */
function differsText({ name, of }: Differs): string {
  const kind = of === 0 ? 'with no permits' : `with permits of ${of}`
  return `${JSON.stringify(name.slice(0, 80))} is in use ${kind}; ask for the same, or once it is free`
}
