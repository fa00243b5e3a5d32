// Why a view leaves a server out, for display only. It decides nothing.

import type { KnownServer } from './servers.ts'

/**
 * `gone`: its process had ended. `silent`: it missed its pings. `leaving`: it was told to leave. `full`: its disk is nearly
 * full. `unreachable`: the primary did not reach it.
 */
export const lossCauses = ['gone', 'silent', 'leaving', 'full', 'unreachable'] as const
export type LossCause = (typeof lossCauses)[number]

export function causeOf({ ping, refused, replaced }: KnownServer, isDead: boolean): LossCause {
  if (ping?.leaving) return 'leaving'
  if (refused || replaced) return 'gone'
  if (isDead) return 'silent'
  return ping?.low ? 'full' : 'unreachable'
}
