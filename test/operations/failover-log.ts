// `npm run show:failover`: kills the primary of a local cluster and prints what all processes logged, for
// display only: the time since the first line, the process, the message, and the fields that matter.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startCluster } from '../fixtures/command.ts'
import { failoverLog, type Line } from '../fixtures/failover-log.ts'

const acts: (() => void | Promise<void>)[] = []
const test = { teardown: (act: () => void | Promise<void>) => void acts.unshift(act) }

function shown(line: Line, first: Line): string {
  const { of, level, time, msg, view, role, server, pid, ...fields } = line
  const ms = String(Date.parse(time) - Date.parse(first.time)).padStart(5)
  const rest = Object.entries(fields).map(([name, value]) => `${name}=${short(value)}`)
  return `${ms} ms  ${of.padEnd(12)}  view ${view}  ${level === 'info' ? ' ' : level}  ${msg}: ${rest.join(' ')}`
}

/** Ids are long. */
function short(value: unknown): string {
  return typeof value === 'string' && /^[0-9a-f]{32}$/.test(value) ? value.slice(0, 8) : String(value)
}

const data = await mkdtemp(join(tmpdir(), 'holdfast-failover-'))
try {
  const lines = await failoverLog(test, await startCluster(test, '--data', data))
  for (const line of lines) console.log(shown(line, lines[0] as Line))
} finally {
  for (const act of acts) await act()
  await rm(data, { recursive: true, force: true })
}
