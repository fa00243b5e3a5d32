// The real cores as plain data (see plain-loader.ts): a core can be copied with all that it holds, and
// two cores that hold the same have the same fingerprint. Anything in a core that is not data is an error.

import { createHash } from 'node:crypto'
import { register } from 'node:module'
import type { ClientCore } from '../../client/session/core.ts'
import type { Requests } from '../../client/session/requests.ts'
import type { Backup } from '../../lockserver/backup.ts'
import type { ServerCore } from '../../lockserver/core.ts'
import type { Primary } from '../../lockserver/primary.ts'
import type { Roles } from '../../lockserver/roles.ts'
import type { Recent } from '../../lockserver/state/recent.ts'
import type { Installation } from '../../lockserver/state/snapshot.ts'
import type { State } from '../../lockserver/state/state.ts'
import type { ViewCore } from '../../viewservice/core.ts'

export interface Cores {
  readonly ServerCore: typeof ServerCore
  readonly ViewCore: typeof ViewCore
  readonly ClientCore: typeof ClientCore
  readonly State: typeof State
  readonly Installation: typeof Installation
  readonly Recent: typeof Recent
}

let registered = false

/** `small`: a snapshot's chunk holds one record, and one chunk is on its way at a time. */
export async function loadCores(small = false): Promise<Cores> {
  if (!registered) register('./plain-loader.js', import.meta.url)
  registered = true
  const from = async (file: string) =>
    await import(new URL(`../../${file}?plain${small ? '-small' : ''}`, import.meta.url).href)
  const [server, view, client, state, snapshot, recent] = [
    await from('lockserver/core.js'),
    await from('viewservice/core.js'),
    await from('client/session/core.js'),
    await from('lockserver/state/state.js'),
    await from('lockserver/state/snapshot.js'),
    await from('lockserver/state/recent.js'),
  ]
  const { ServerCore } = server
  const { ViewCore } = view
  const { ClientCore } = client
  const { Installation } = snapshot
  return { ServerCore, ViewCore, ClientCore, State: state.State, Installation, Recent: recent.Recent }
}

/** What the checks read of a lock server beside its public parts. */
export function rolesOf(core: ServerCore): { primary: Primary | null; backup: Backup | null } {
  const { primary, backup } = (core as unknown as { _roles: Roles })._roles
  return { primary, backup }
}

/** What the checks read of a client: which of its requests are unanswered. */
export function requestsOf(core: ClientCore): Requests {
  return (core as unknown as { _requests: Requests })._requests
}

/** And which connection speaks for its session, if it knows one. */
export function sessionConnectionOf(core: ClientCore): number | undefined {
  return (core as unknown as { _links: { session: { number: number } | null } })._links.session?.number
}

type Data = { [key: string]: unknown }

/** A deep copy that keeps prototypes and what is shared inside. What is frozen is shared with the original. */
export function copyOf<T>(value: T): T {
  return copy(value, new Map()) as T
}

function copy(value: unknown, done: Map<object, object>): unknown {
  if (typeof value === 'function') throw new Error(`a core holds a function: ${value}`)
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  const known = done.get(value)
  if (known !== undefined) return known
  if (Array.isArray(value)) {
    const array: unknown[] = []
    done.set(value, array)
    for (const item of value) array.push(copy(item, done))
    return array
  }
  if (value instanceof Map) {
    const map = new Map<unknown, unknown>()
    done.set(value, map)
    for (const [key, item] of value) map.set(copy(key, done), copy(item, done))
    return map
  }
  if (value instanceof Set) {
    const set = new Set<unknown>()
    done.set(value, set)
    for (const item of value) set.add(copy(item, done))
    return set
  }
  const object = Object.create(Object.getPrototypeOf(value)) as Data
  done.set(value, object)
  for (const key of Object.keys(value)) object[key] = copy((value as Data)[key], done)
  return object
}

/** Frozen through and through: shared by all copies, and no change to it goes unnoticed. */
export function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const item of Object.values(value)) frozen(item)
  }
  return value
}

/**
 * What has no influence on anything that a core does later: the time of its last step, when a server
 * was heard last (for display, and for forgetting ids after a minute), options (they never change).
 */
const unseen = new Set(['now', '_now', '_options', '_lossNoted', 'noted'])

const texts = new WeakMap<object, string>()

/** The same for two values that hold the same, with the same parts shared. */
export function fingerprint(value: unknown): string {
  return createHash('md5').update(textOf(value)).digest('base64')
}

/** The text that is hashed; also for a reader who wonders why two states differ. */
export function textOf(value: unknown): string {
  const parts: string[] = []
  write(value, parts, new Map())
  return parts.join(' ')
}

function write(value: unknown, parts: string[], seen: Map<object, number>): void {
  if (typeof value !== 'object' || value === null) {
    parts.push(typeof value === 'string' ? JSON.stringify(value) : String(value))
    return
  }
  if (Object.isFrozen(value)) {
    const text = texts.get(value) ?? JSON.stringify(value)
    texts.set(value, text)
    parts.push(text)
    return
  }
  const known = seen.get(value)
  if (known !== undefined) {
    parts.push(`@${known}`)
    return
  }
  seen.set(value, seen.size)
  parts.push('(')
  if (value instanceof Map) for (const [key, item] of value) writeBoth(key, item, parts, seen)
  else if (Array.isArray(value) || value instanceof Set) for (const item of value) write(item, parts, seen)
  else for (const key of Object.keys(value)) if (!unseen.has(key)) write((value as Data)[key], parts, seen)
  parts.push(')')
}

function writeBoth(key: unknown, item: unknown, parts: string[], seen: Map<object, number>): void {
  write(key, parts, seen)
  write(item, parts, seen)
}
