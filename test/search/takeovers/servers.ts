// Lock servers as view servers know them, in as few words as they need: which view each knows, whether it lives, and
// what it pings. A copy is whole as soon as primary and backup know of their view. They decide nothing.

import type { Ping, View } from '../../../wire/messages.ts'
import { idlePing } from '../../fixtures/idle-ping.ts'
import { idOf } from '../ids.ts'

export interface KnownServer {
  readonly id: string
  readonly address: string
  alive: boolean
  view: View | null
}

export function newServers(count: number): KnownServer[] {
  return Array.from({ length: count }, (_, i) => ({
    id: idOf('server', i + 1, 1),
    address: `ws://S${i + 1}`,
    alive: true,
    view: null,
  }))
}

/** What it says of itself now. */
export function pingOf(server: KnownServer, all: readonly KnownServer[]): Ping {
  const { id, view } = server
  const number = view?.number ?? 0
  const role = view?.primary.id === id ? 'primary' : view?.backup?.id === id ? 'backup' : 'idle'
  const peer = role === 'primary' ? view?.backup : view?.primary
  const knows = all.find(other => other.id === peer?.id)?.view?.number === number
  return {
    ...idlePing,
    role,
    view: number,
    acked: role === 'primary' && (view?.backup === null || knows),
    inSync: role === 'backup' && knows,
  }
}

export function helloOf({ id, address, view }: KnownServer) {
  const known = {
    group: 0,
    view: view?.number ?? 0,
    pid: 1,
    host: 'h',
    version: '',
    journal: false,
    imprint: null,
  }
  const role = view?.primary.id === id ? 'primary' : view?.backup?.id === id ? 'backup' : 'idle'
  return { kind: 'lockserver', id, address, role, ...known } as const
}
