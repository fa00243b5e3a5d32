// What a key means in the live picture of a local cluster. Pure: it decides from the status shown and does
// nothing itself; before an act that would lose all locks it asks for confirmation.

import type { ServerStatus, Status } from '../wire/messages.ts'
import { isLastHolder } from './kill.ts'

export interface Scene {
  /** What the view server says; null: it does not answer. */
  readonly status: Status | null
  /** Which process of this cluster listens at which address, by who started them (B8). */
  readonly pids: ReadonlyMap<string, number>
  /** Processes that run and are not frozen. */
  readonly running: ReadonlySet<number>
  readonly frozen: ReadonlySet<number>
  /** The pid whose death was asked for and would lose all locks: y confirms it. */
  readonly doomed: number | null
}

export type Act =
  | { readonly act: 'kill' | 'freeze'; readonly pid: number; readonly who: string }
  | { readonly act: 'thaw'; readonly pids: readonly number[] }
  | { readonly act: 'add' | 'open' | 'suspend' | 'quit' }
  /** Asks for y, or says why nothing is done. */
  | { readonly act: 'ask'; readonly pid: number; readonly text: string }
  | { readonly act: 'say'; readonly text: string }
  | { readonly act: 'nothing' }

/** As they are shown: one row for the keys that kill or freeze, one for the rest. */
export const keyRows: readonly (readonly { readonly key: string; readonly does: string }[])[] = [
  [
    { key: 'p', does: 'kill primary' },
    { key: 'b', does: 'kill backup' },
    { key: 'f', does: 'freeze primary' },
    { key: 't', does: 'thaw' },
  ],
  [
    { key: 'a', does: 'add a server' },
    { key: 'o', does: 'open dashboard' },
    { key: 'q', does: 'quit' },
  ],
]

const ctrlC = '\x03'
const ctrlZ = '\x1a'

export function onKey(key: string, scene: Scene): Act {
  if (scene.doomed !== null && key === 'y') return kill(scene, scene.doomed)
  switch (key) {
    case 'p':
      return act(scene, 'primary', server => killOnce(scene, server))
    case 'b':
      return act(scene, 'backup', server => killOnce(scene, server))
    case 'f':
      return act(scene, 'primary', ({ pid, address }) => ({
        act: 'freeze',
        pid,
        who: `the primary at ${address}`,
      }))
    case 't':
      if (scene.frozen.size === 0) return say('nothing is frozen')
      return { act: 'thaw', pids: [...scene.frozen] }
    case 'a':
      return { act: 'add' }
    case 'o':
      return { act: 'open' }
    case 'q':
    case ctrlC:
      return { act: 'quit' }
    case ctrlZ:
      return { act: 'suspend' }
    default:
      return { act: 'nothing' }
  }
}

/** Applies `deed` to the server that has this role, if it has a running process. */
function act(scene: Scene, role: 'primary' | 'backup', deed: (server: ServerStatus) => Act): Act {
  const { status, running, frozen } = scene
  if (status === null) return say('the view server does not answer: who is who is not known right now')
  const id = status.view?.[role]?.id
  const server = status.servers.find(server => server.id === id)
  if (server === undefined) return say(`there is no ${role} right now`)
  if (scene.pids.get(server.address) !== server.pid) return say(`the ${role} is dead already`)
  if (frozen.has(server.pid)) return say(`the ${role} is frozen: t thaws it`)
  if (!running.has(server.pid)) return say(`the ${role} is dead already`)
  return deed(server)
}

function killOnce(scene: Scene, { id, pid, role }: ServerStatus): Act {
  const status = scene.status as Status
  const servers = status.servers.map(server => ({ ...server, alive: isThere(server, scene) }))
  if (!isLastHolder({ ...status, servers }, id)) return kill(scene, pid)
  const text = `y: kill the last one that holds the state? All locks are lost then (the ${role})`
  return { act: 'ask', pid, text }
}

/** A server that was heard a moment ago may have died since. */
function isThere({ alive, address, pid }: ServerStatus, { pids, running }: Scene): boolean {
  return alive && pids.get(address) === pid && running.has(pid)
}

function kill({ status, running }: Scene, pid: number): Act {
  const server = status?.servers.find(server => server.pid === pid)
  if (!running.has(pid)) return say('it is dead already')
  return {
    act: 'kill',
    pid,
    who: server === undefined ? `pid ${pid}` : `the ${server.role} at ${server.address}`,
  }
}

function say(text: string): Act {
  return { act: 'say', text }
}
