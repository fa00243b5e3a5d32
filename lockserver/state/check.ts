// What is broken in a state: a server that finds the state of its backup different checks its own (R4), and so
// do tests. It walks over everything and changes nothing.

import type { Hold, LockEntry } from './lock.ts'
import type { Session } from './sessions.ts'
import { ofPermits } from './special.ts'
import type { State } from './state.ts'
import { holdBytes, lockBytes, onceBytes, termsBytes, waitBytes } from './tally.ts'

/** Holds that one walk over all locks has found. */
interface Found {
  /** How many, those without a session left out. */
  owned: number
  /** C3: those without a session. */
  readonly kept: Hold[]
  /** Those with terms. */
  readonly special: Hold[]
}

/** Undefined: nothing is. */
export function problemOf(state: State): string | undefined {
  const { table, owners } = state
  const found: Found = { owned: 0, kept: [], special: [] }
  for (const lock of table.locks.values()) {
    const problem = lockProblem(state, lock, found)
    if (problem !== undefined) return problem
    if (!state.slots.serves(lock.name))
      return `G2: ${JSON.stringify(lock.name)} is in use, and its slot is closed`
  }
  const { kept, special } = found
  const bytes = recount(state, special)
  if (bytes !== state.bytes) return `B4: ${state.bytes} bytes are counted, and there are ${bytes}`
  const sessions = [...state.sessions.values(), ...table.unfinished.ending.values()]
  const owned = sessions.reduce((sum, session) => sum + session.holds.size, 0)
  // Each hold of a lock is its session's, so that equally many are the same ones, and no set of all is needed.
  if (owned !== found.owned) return unknownHold(state, sessions)
  if (table.useProblem !== undefined) return table.useProblem
  if (kept.length !== table.kept)
    return `C3: ${table.kept} kept holds are counted, and there are ${kept.length}`
  return (
    timesProblem(state, special) ??
    oncesProblem(state, special) ??
    owners.problem(sessions, kept, table.onces.each())
  )
}

function unknownHold({ table }: State, sessions: readonly Session[]): string {
  const known = new Set<Hold>()
  for (const lock of table.locks.values()) for (const hold of lock.holders) known.add(hold)
  for (const session of sessions)
    for (const hold of session.holds.values())
      if (!known.has(hold)) return `session ${session.ordinal}: holds what ${hold.lock.name} does not know of`
  return 'a hold is counted twice'
}

function lockProblem(state: State, lock: LockEntry, found: Found): string | undefined {
  const { table } = state
  const { name, holders } = lock
  const problem = holdersProblem(state, lock, holders, found)
  if (problem !== undefined) return problem
  for (const waiter of lock.queue) {
    // One that it had and lost while it waits for the others may be another group's by now.
    if (!waiter.names.slice(waiter.tokens.length).every(wanted => state.slots.serves(wanted)))
      return `G8: ${name} has a waiter that wants a lock whose slot is closed`
    if (waiter.session.waiting.get(waiter.request) !== waiter)
      return `${name}: its waiter does not know of it`
  }
  if (holders.length === 0 && lock.waiters === 0) return `${name}: kept though no client has it`
  if (!table.paused && table.mayGo(lock) && !isUnserved(state, name))
    return `L3: ${name} is free for the first who waits for it`
  return permitsProblem(lock, holders)
}

function holdersProblem(
  state: State,
  lock: LockEntry,
  holders: readonly Hold[],
  found: Found,
): string | undefined {
  const { name } = lock
  if (holders.length > 1) {
    if (holders.some(({ mode }) => mode === 'exclusive'))
      return `L1: ${name} has an exclusive holder and another`
    if (new Set(holders).size < holders.length) return `${name}: has a holder twice`
  }
  for (const hold of holders) {
    if (hold.lock !== lock) return `${name}: has a hold of ${hold.lock.name}`
    if (hold.token > state.table.lastToken) return `L2: ${name} has token ${hold.token} above the counter`
    if (hold.special !== null) found.special.push(hold)
    if (hold.session.isNobody) {
      if (!hold.special?.lasting) return `C3: ${name} is kept though it need not last`
      found.kept.push(hold)
      continue
    }
    found.owned++
    if (hold.session.holds.get(hold.token) !== hold) return `${name}: its holder does not know of it`
    if (!knows(state, hold.session)) return `${name}: held by a session that is gone`
  }
  return undefined
}

/** C1 */
function permitsProblem(lock: LockEntry, holders: readonly Hold[]): string | undefined {
  const { name, of, taken } = lock
  let sum = 0
  for (const { mode, special } of holders) {
    sum += special?.terms.permits?.take ?? 0
    if (ofPermits(special?.terms ?? null) !== of) return `C1: ${name} is held with several numbers of permits`
    if ((mode === 'permits') !== of > 0) return `C1: ${name} is held in mode ${mode} with permits of ${of}`
  }
  for (const { claim } of lock.queue)
    if (ofPermits(claim.terms) !== of) return `C1: ${name} is waited for with several numbers of permits`
  if (sum !== taken) return `C1: ${taken} permits of ${name} are counted, and ${sum} are taken`
  return sum > of ? `C1: ${sum} of ${of} permits of ${name} are taken` : undefined
}

/** C3, C4 */
function timesProblem({ table }: State, special: readonly Hold[]): string | undefined {
  let count = 0
  for (const hold of special) {
    const { holdAtLeastMs = null, holdAtMostMs = null } = hold.special?.terms ?? {}
    if (holdAtLeastMs === null && holdAtMostMs === null) continue
    count++
    if (table.timed.get(hold.token) !== hold) return `C3: the times of ${hold.lock.name} are not known`
  }
  return count === table.timed.size ? undefined : `C3: ${table.timed.size} holds have times, not ${count}`
}

/** C5 */
function oncesProblem({ table, slots }: State, holds: readonly Hold[]): string | undefined {
  let running = 0
  for (const { special, lock, token } of holds) {
    const once = special?.terms.once
    if (once === undefined || once === null) continue
    const key = table.onces.get(lock.name, once.key)
    // A key that was freed by a failure may run again while its hold is kept.
    if (key === undefined || key.token !== token) continue
    running++
    if (!key.running) return `C5: the key of ${lock.name} may be forgotten while it runs`
  }
  let all = 0
  for (const key of table.onces.each()) {
    all++
    if (!slots.serves(key.name)) return `G8: a key of ${key.name} is kept, and its slot is closed`
    if (key.running) running--
  }
  if (running !== 0) return 'C5: a key runs that no hold has'
  return all === table.onces.size ? undefined : `C5: ${table.onces.size} keys are counted, not ${all}`
}

function recount({ sessions, table }: State, holds: readonly Hold[]): number {
  let bytes = 0
  for (const session of sessions.values()) bytes += session.weight.bytes
  for (const lock of table.locks.values()) {
    bytes += lockBytes(lock.name) + lock.held * holdBytes
    for (const waiter of lock.queue) bytes += waitBytes(waiter)
  }
  for (const { special } of holds) bytes += termsBytes(special?.terms ?? null)
  for (const key of table.onces.each()) bytes += onceBytes(key)
  return bytes
}

function knows({ sessions, table }: State, session: Session): boolean {
  return sessions.get(session.ordinal) === session || table.unfinished.ending.has(session.ordinal)
}

function isUnserved({ table }: State, name: string): boolean {
  const { unserved, evictions } = table.unfinished
  return unserved.has(name) || evictions.has(name)
}
