// One answer of several groups (G5): what they say put together, and which of them have said nothing in time. It asks
// no server itself.

import type { ClientList } from './clients.ts'
import { LockError } from './errors.ts'
import type { ClientGroup } from './group.ts'
import type { NearestSnapshot, Snapshot } from './web-locks.ts'

interface Answers<T> {
  readonly answers: readonly T[]
  /** Of a single group there is nothing to say. */
  readonly missing: { readonly missing?: readonly number[] }
}

/**
 * Asks all at once. A group that does not answer in time is missing; only if none answers the call fails. `groups`: those
 * that there are now. Groups that came meanwhile are asked, too (G8): what moved there before an answer was given is not in
 * that answer, and the news of it came in front of the answer.
 */
export async function fromAll<T>(
  groups: () => readonly ClientGroup[],
  ask: (group: ClientGroup) => Promise<T>,
): Promise<Answers<T>> {
  const all: ClientGroup[] = []
  const settled: PromiseSettledResult<T>[] = []
  for (let more = groups(); more.length > 0; more = groups().filter(group => !all.includes(group))) {
    all.push(...more)
    settled.push(...(await Promise.allSettled(more.map(ask))))
  }
  return together(all, settled)
}

function together<T>(
  groups: readonly ClientGroup[],
  settled: readonly PromiseSettledResult<T>[],
): Answers<T> {
  const answers = settled.flatMap(each => (each.status === 'fulfilled' ? [each.value] : []))
  const failed = settled.flatMap(each => (each.status === 'rejected' ? [each.reason] : []))
  const worse = failed.find(reason => !isLate(reason))
  if (worse !== undefined) throw worse
  if (answers.length === 0) throw failed[0]
  const missing = groups.filter((_, i) => settled[i]?.status === 'rejected').map(({ number }) => number)
  return { answers, missing: missing.length > 0 ? { missing } : {} }
}

function isLate(reason: unknown): boolean {
  return reason instanceof LockError && reason.code === 'TIMEOUT'
}

export function mergedSnapshot({ answers, missing }: Answers<Snapshot>): Snapshot {
  const [only] = answers
  if (answers.length === 1 && only !== undefined) return { ...only, ...missing }
  return {
    held: answers.flatMap(({ held }) => held),
    pending: answers.flatMap(({ pending }) => pending),
    confirmed: answers.every(({ confirmed }) => confirmed),
    cut: answers.some(({ cut }) => cut),
    ...missing,
  }
}

/** As old as the oldest. */
export function mergedNearest(all: Answers<NearestSnapshot>): NearestSnapshot {
  const { answers } = all
  const asOfMs = Math.max(...answers.map(answer => answer.asOfMs))
  const onDisk = answers.map(answer => answer.onDisk)
  return {
    ...mergedSnapshot(all),
    confirmed: false,
    asOfMs,
    onDisk: onDisk.includes(null) ? null : !onDisk.includes(false),
  }
}

export function mergedClients({ answers, missing }: Answers<ClientList>): ClientList {
  return {
    clients: answers.flatMap(({ clients }) => clients),
    confirmed: answers.every(({ confirmed }) => confirmed),
    ...missing,
  }
}
