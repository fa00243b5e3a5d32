// What a seed draws of owners (B7): from which addresses its clients come, and the quotas of each address. Only where other
// limits of the state are low, too, and of dice of their own: all other seeds tell what they told before.

import type { StateLimits } from '../../wire/limits.ts'
import type { Random } from '../fixtures/random.ts'

export interface OwnerShape {
  readonly addresses: readonly string[]
  readonly limits: Partial<StateLimits>
}

/** Of the seeds with low limits. */
const ownersPart = 0.5
/** What a client may be refused with for what others of its address have. */
export const ownerCodes = ['LOCKS_LIMIT', 'WAITERS_LIMIT', 'WATCHES_LIMIT'] as const
/** The last two are of one network, and so one owner. */
const known = ['192.0.2.1', '::ffff:192.0.2.2', '2001:db8:0:1::7', '2001:db8:0:1:9::8']

/** Null: all are on the servers' own machines, for which there are no quotas. */
export function drawOwners(dice: Random): OwnerShape | null {
  if (!dice.chance(ownersPart)) return null
  return {
    addresses: known.slice(dice.below(known.length - 1)),
    limits: {
      sessionsPerOwnerMax: dice.pick([null, 4, 8]),
      locksPerOwnerMax: dice.pick([null, 5, 9]),
      waitersPerOwnerMax: dice.pick([null, 2, 4]),
      watchesPerOwnerMax: dice.pick([null, 1, 3]),
    },
  }
}

/** Operators stay on loopback. */
export function addressIn({ addresses }: OwnerShape, name: string): string {
  const number = /^(?:c|guest )(\d+)$/.exec(name)?.[1]
  return number === undefined ? '127.0.0.1' : (addresses[Number(number) % addresses.length] as string)
}
