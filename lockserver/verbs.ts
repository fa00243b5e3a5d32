// Which verb a request needs, and for which lock (A2). It knows no rules and no session.

import { allows, type LockVerb, type Principal } from '../wire/access/principal.ts'
import type { MessageOf } from '../wire/messages.ts'

/** What a principal may not do. */
export interface Denied {
  readonly verb: LockVerb
  readonly lock: string
}

type Numbered = MessageOf<
  'clientToServer',
  'acquire' | 'cancel' | 'release' | 'fail' | 'set-note' | 'force-release' | 'forget-key' | 'end'
>

/** What of this request is not allowed, the first of its locks in order; undefined: all of it is. */
export function deniedOf(principal: Principal, request: Numbered): Denied | undefined {
  switch (request[0]) {
    case 'acquire':
      return deniedAmong(principal, acquireVerb(request[4]), request[2])
    case 'force-release':
    case 'forget-key':
      return deniedAmong(principal, 'force', [request[2]])
    default:
      // What a session does with what it has needs no verb.
      return undefined
  }
}

export function acquireVerb(manner: string): LockVerb {
  return manner === 'steal' ? 'steal' : 'acquire'
}

export function deniedAmong(
  principal: Principal,
  verb: LockVerb,
  locks: readonly string[],
): Denied | undefined {
  const lock = locks.find(each => !allows(principal, verb, each))
  return lock === undefined ? undefined : { verb, lock }
}
