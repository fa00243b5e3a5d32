// What an acquire asks of each of its locks, as one value: it travels whole from a caller's options to the lock
// table and into snapshots. In messages it is the fields `claim` of messages.ts; how holds go together is decided
// in lockserver/state/lock-table.ts.

import type { Manner, Mode } from './messages.ts'

export interface Claim {
  readonly mode: Mode
  /** What to do when a lock is not free. */
  readonly manner: Manner
}

const manners = (mode: Mode): Readonly<Record<Manner, Claim>> => ({
  wait: { mode, manner: 'wait' },
  ifAvailable: { mode, manner: 'ifAvailable' },
  steal: { mode, manner: 'steal' },
})
const claims: Readonly<Record<Mode, Readonly<Record<Manner, Claim>>>> = {
  exclusive: manners('exclusive'),
  shared: manners('shared'),
}

/** There are few, so none is made for a request. */
export function claimOf(mode: Mode, manner: Manner): Claim {
  return claims[mode][manner]
}
