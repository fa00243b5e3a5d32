// A crowd of clients, a tenth of them with a lock, and the death of the primary: do all clients reach the
// next one, and when? Each size has its own cluster and crowd.

import { setTimeout as pause } from 'node:timers/promises'
import { MeasuredCluster } from './cluster.ts'
import { Crowd } from './crowd.ts'

export interface ComeOverRow {
  readonly sessions: number
  readonly holders: number
  /** From the death until the last client with a lock had come over, and the last of the others, in ms. */
  readonly holdersMs: number
  readonly othersMs: number
  readonly lost: number
}

const sizes = [1_000, 5_000, 15_000]
const ttlMs = 10_000
const crowdProcesses = 2
/** Longer than any resting session stays away. */
const patienceMs = 60_000
const askEveryMs = 1_000

export async function measureComeOver(max: number, progress: (text: string) => void): Promise<ComeOverRow[]> {
  const rows: ComeOverRow[] = []
  for (const sessions of sizes.filter(size => size <= max)) {
    progress(`${sessions.toLocaleString('en')} sessions come over`)
    rows.push(await comeOver(sessions))
  }
  return rows
}

async function comeOver(sessions: number): Promise<ComeOverRow> {
  await using cluster = await MeasuredCluster.start()
  await using crowd = new Crowd(cluster.viewUrl, ttlMs, crowdProcesses)
  const wanted = { sessions, locks: sessions / 10 }
  await crowd.grow(wanted)
  const { primary } = await cluster.roles()
  const diedAt = Date.now()
  await cluster.processes.kill(primary.address)
  for (;;) {
    await pause(askEveryMs)
    const { lost, over, lastHolderAt, lastOtherAt } = await crowd.standing(wanted)
    if (lost + over < sessions && Date.now() - diedAt < patienceMs) continue
    const [holdersMs, othersMs] = [lastHolderAt - diedAt, lastOtherAt - diedAt]
    return { sessions, holders: wanted.locks, holdersMs, othersMs, lost: sessions - over }
  }
}
