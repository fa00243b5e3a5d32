// The access file of a search with principals: the old one lets each client do all, the new one takes a rule or a token
// from C1. What a lock server's driver keeps of it, and what it asks of who connects.

import type { Principal } from '../../../wire/access/principal.ts'
import type { Standing } from '../../../wire/access/standing.ts'
import { frozen } from '../plain.ts'
import type { Setting } from '../setting.ts'

export interface SearchedAccess {
  /** It has read the new file. */
  isRead: boolean
  /** By connection, the principal whose token was shown on it. */
  readonly shown: Map<number, string>
}

/** The one that the new file takes something from. */
export const loser = 'C1'
const all = ['']
const none: readonly string[] = []

function principalOf(name: string, prefixes: readonly string[]): Principal {
  return frozen({
    name,
    locks: { acquire: prefixes, steal: prefixes, force: prefixes, read: prefixes },
    cluster: [],
  })
}

/** What this client may do, by the file that was read; null: it has no token. */
export function bearer(setting: Setting, { isRead }: SearchedAccess, name: string): Principal | null {
  if (!isRead || name !== loser) return principalOf(name, all)
  return setting.access === 'no rule' ? principalOf(name, none) : null
}

/** A3: null: no rules apply to any client. */
export function standing(setting: Setting, access: SearchedAccess): Standing | null {
  if (setting.access === 'none') return null
  const names = setting.programs.map((_, i) => `C${i + 1}`)
  const bearers = names.flatMap(name => bearer(setting, access, name) ?? [])
  return { bearers: new Map(bearers.map(principal => [principal.name, principal])), issuers: new Set() }
}
