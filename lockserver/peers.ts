// The peer at the other end of each connection of a lock server. There is one table of them: what may arrive
// on a connection, and which part it is for, both follow from the peer. It decides nothing.

import type { Client } from './clients.ts'

export type Peer =
  | Client
  /** Dialled by us: the view server, the backup, and any server that is only asked whether it is there. */
  | { readonly is: 'view server' | 'backup' | 'probe' }
  /** The primary, which has dialled us. */
  | { readonly is: 'primary' }

/** Peers by connection. A connection that the server has closed is gone, whatever still arrives on it. */
export type Peers = Map<number, Peer>

/** The kind of peer that a server dials with this hello. */
export const dialledAs = { lockserver: 'view server', primary: 'backup', probe: 'probe' } as const
