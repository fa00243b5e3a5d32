// Who may still come in, as a server knows it from the access file that it has read last (A3). By it a session without a
// connection is judged, of whose token the server knows nothing any more. It is plain data and decides nothing.

import type { Principal } from './principal.ts'
import type { AccessTable } from './table.ts'

export interface Standing {
  /** Those that have a valid token, by name. */
  readonly bearers: ReadonlyMap<string, Principal>
  /** Of these issuers bearers may come in as well, by tokens that no file names: of them nothing more is known here. */
  readonly issuers: ReadonlySet<string>
}

export function standingOf({ byHash, issuers }: AccessTable): Standing {
  return {
    bearers: new Map([...byHash.values()].map(principal => [principal.name, principal])),
    issuers: new Set(issuers.keys()),
  }
}
