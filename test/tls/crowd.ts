// `npm run test:tls -- --crowd [N [TTL]]`: N clients, each with a lock, and the death of the primary, over TLS and without it. How long until
// all of them have come over, how many were lost, and whether the handshakes made a view that no death had made. Once as soon as they
// hold their locks, so that all of them must dial the next primary, and once when they have a connection to the backup already (S4).

import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Crowd } from '../../bench/scale/crowd.ts'
import { useTls } from '../../cli/tls.ts'
import { renewPart, restLeaseMs } from '../../wire/limits.ts'
import { printTable } from '../fixtures/table.ts'
import { OwnAuthority } from './authority.ts'
import { Members } from './members.ts'

interface CrowdRow extends Crowded {
  readonly holders: number
  readonly allOverMs: number
  readonly lost: number
  readonly viewsTooMany: number
}

interface Crowded {
  readonly tls: 'none' | 'EC P-256'
  /** The primary dies once each of them has had the time to connect to the backup. */
  readonly settled: boolean
}

const patienceMs = 60_000
const processes = 2
/** As servers are that are not of a test. */
const rehearsed = { HOLDFAST_UNREHEARSED: '' }

/** Returns whether no session was lost. */
export async function measureCrowd(holders: number, ttlMs: number): Promise<boolean> {
  const rows: CrowdRow[] = []
  for (const tls of ['none', 'EC P-256'] as const)
    for (const settled of [true, false]) rows.push(await comeOver({ tls, settled }, holders, ttlMs))
  printTable(
    ['TLS', 'THE PRIMARY DIES', 'HOLDERS', 'LAST ONE OVER AFTER', 'LOST', 'VIEWS TOO MANY'],
    rows.map(({ tls, settled, holders, allOverMs, lost, viewsTooMany }) => [
      tls,
      settled ? 'when all know the backup' : 'at once',
      String(holders),
      `${allOverMs} ms`,
      String(lost),
      String(viewsTooMany),
    ]),
  )
  return rows.every(({ lost }) => lost === 0)
}

async function comeOver({ tls, settled }: Crowded, holders: number, ttlMs: number): Promise<CrowdRow> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-tls-crowd-'))
  const ends: (() => void | Promise<void>)[] = [() => rmSync(folder, { recursive: true })]
  const stage = { teardown: (end: () => void | Promise<void>) => void ends.push(end) }
  try {
    const authority = tls === 'none' ? null : new OwnAuthority(join(folder, 'authority'))
    for (const name of ['view', 'a', 'b', 'c']) authority?.issue(name)
    if (authority === null) delete process.env.HOLDFAST_TLS_CA
    else process.env.HOLDFAST_TLS_CA = authority.caFile
    useTls({})
    const members = await Members.prepare(stage, folder)
    const view = `${authority === null ? 'ws' : 'wss'}://127.0.0.1:${members.port}`
    await members.startViewServer({ ...rehearsed, ...authority?.environmentOf('view') })
    for (const name of ['a', 'b', 'c'])
      await members.startLockServer(name, view, { ...rehearsed, ...authority?.environmentOf(name) })
    const before = await members.healthy(view)
    await using crowd = new Crowd(view, ttlMs, processes)
    const wanted = { sessions: holders, locks: holders }
    await crowd.grow(wanted)
    // A draw of that length, and the handshakes.
    if (settled) await pause(restLeaseMs(ttlMs) * renewPart + 2_000)
    const [, primary] = members.primaryOf(before)
    const diedAt = Date.now()
    primary.process.kill('SIGKILL')
    await primary.ended
    for (;;) {
      await pause(500)
      const { lost, over, lastHolderAt } = await crowd.standing(wanted)
      if (lost + over < holders && Date.now() - diedAt < patienceMs) continue
      const number = (await members.statusNow(view)).view?.number ?? 0
      // The death makes one; the spare server that becomes backup stands in it already.
      const viewsTooMany = number - (before.view?.number ?? 0) - 1
      return { tls, settled, holders, allOverMs: lastHolderAt - diedAt, lost, viewsTooMany }
    }
  } finally {
    for (const end of ends.reverse()) await end()
  }
}
