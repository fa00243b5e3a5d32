// D6: of a copy for the disk no remaining times are kept: whoever reads it gives each of them whole again.

import type { Hold } from './state/lock.ts'
import type { OnceKey } from './state/onces.ts'
import type { Session } from './state/sessions.ts'
import type { LeaseTimes } from './state/snapshot.ts'

export class WholeTimes implements LeaseTimes {
  remainingMs(session: Session): number {
    return session.ttlMs
  }

  leastMs(hold: Hold): number | null {
    return hold.special?.terms.holdAtLeastMs ?? null
  }

  mostMs(hold: Hold): number | null {
    return hold.special?.terms.holdAtMostMs ?? null
  }

  keptMs(key: OnceKey): number {
    return key.keepMs
  }
}
