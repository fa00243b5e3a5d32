// Several names that live in several groups (G4): taken group by group, in their order, so that such calls never wait
// for one another in a circle; and given back, all of them, when that fails or a session is lost on the way.

import { LockError } from './errors.ts'
import type { Part } from './groups.ts'
import type { Lock } from './lock.ts'
import type { Limits } from './options.ts'
import { reasonOf, watchSignal } from './signals.ts'

/** Takes the names of one group, as one acquire. */
export type TakePart = (part: Part, limits: Limits) => Promise<readonly Lock[]>

const sessionEnds: ReadonlySet<string> = new Set(['EXPIRED', 'SESSION_LOST'])

/** In the order of `names`. */
export async function takeInOrder(
  names: readonly string[],
  parts: readonly Part[],
  { signal, timeout = Number.POSITIVE_INFINITY }: Limits,
  take: TakePart,
  monotonic: () => number,
): Promise<Lock[]> {
  const end = monotonic() + timeout
  const stop = new AbortController()
  const unwatch = signal === undefined ? () => {} : watchSignal(signal, () => stop.abort(reasonOf(signal)))
  const taken = new Map<string, Lock>()
  try {
    for (const part of parts) {
      const left = Math.max(0, end - monotonic())
      const locks = await take(part, { signal: stop.signal, timeout: left })
      for (const lock of locks) {
        taken.set(lock.name, lock)
        lock.signal.addEventListener('abort', () => stopIfSessionEnds(stop, lock), { once: true })
      }
      // A session that was lost before its locks were watched.
      for (const lock of taken.values()) stopIfSessionEnds(stop, lock)
      if (stop.signal.aborted) throw stop.signal.reason
    }
    return names.map(name => taken.get(name) as Lock)
  } catch (error) {
    for (const lock of taken.values()) void lock.release()
    throw error
  } finally {
    unwatch()
  }
}

/** A lock that was stolen is handed on as lost, as one of a single group is; a session takes all of a group with it. */
function stopIfSessionEnds(stop: AbortController, { signal }: Lock): void {
  const { reason } = signal
  if (signal.aborted && reason instanceof LockError && sessionEnds.has(reason.code)) stop.abort(reason)
}
