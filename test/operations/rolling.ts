// `npm run test:rolling`: a rolling restart under load, as docs/OPERATIONS.md tells operators to do it. Each
// lock server in turn, then the view server, ends by SIGTERM and is started again at its place. Fails if any
// call of any client fails, or if a server ends otherwise than in order.

import { parseArgs } from 'node:util'
import type { Status } from '../../wire/messages.ts'
import { here, ServerProcesses } from '../fixtures/server-processes.ts'
import { printTable } from '../fixtures/table.ts'
import { Load } from './load.ts'

const { values } = parseArgs({
  options: { clients: { type: 'string', default: '8' }, rounds: { type: 'string', default: '2' } },
})

interface Restart {
  readonly what: string
  readonly status: number | null
  readonly awayMs: number
  readonly calls: number
  readonly longestMs: number
}

const servers = new ServerProcesses()
const load = new Load()
const restarts: Restart[] = []

async function restart(what: string, end: () => Promise<number | null>, start: () => Promise<void>) {
  load.takeLongestMs()
  const before = { calls: load.calls, at: performance.now() }
  const status = await end()
  await start()
  const awayMs = performance.now() - before.at
  await servers.healthy() // an operator waits for that before the next one
  await moreCalls(load.calls + 100)
  restarts.push({ what, status, awayMs, calls: load.calls - before.calls, longestMs: load.takeLongestMs() })
}

/** The load continues after the restart, too. */
async function moreCalls(wanted: number): Promise<void> {
  await servers.until(() => load.calls >= wanted, `at ${wanted} calls`)
}

/** The first round follows the guide: the fewest views. The second makes the most of them. */
const gentle = ['idle', 'backup', 'primary']
const rough = ['primary', 'backup', 'idle']

function next({ servers: all }: Status, left: ReadonlySet<string>, order: readonly string[]) {
  const waiting = all.filter(({ alive, address }) => alive && left.has(address))
  const [first] = waiting.sort((a, b) => order.indexOf(a.role) - order.indexOf(b.role))
  if (first === undefined) throw new Error('no server is left to restart')
  return first
}

try {
  await servers.start([here, here, here])
  await load.start(servers.viewUrl, Number(values.clients))
  await moreCalls(100)
  for (let round = 0; round < Number(values.rounds); round++) {
    const left = new Set(servers.addresses)
    while (left.size > 0) {
      const { address, role } = next(await servers.healthy(), left, round % 2 === 0 ? gentle : rough)
      left.delete(address)
      await restart(
        `lock server, ${role}`,
        () => servers.kill(address, 'SIGTERM'),
        () => servers.restart(address),
      )
    }
    await restart(
      'view server',
      () => servers.killViewServer('SIGTERM'),
      () => servers.startViewServer(),
    )
  }
  await load.end()
} finally {
  await servers.end()
}

printTable(
  ['restarted', 'exit code', 'away, ms', 'calls meanwhile', 'longest call, ms'],
  restarts.map(({ what, status, awayMs, calls, longestMs }) => [
    what,
    String(status),
    awayMs.toFixed(0),
    String(calls),
    longestMs.toFixed(1),
  ]),
)
console.log(`\n${load.calls} calls, ${load.failures.length} failed`)
for (const failure of load.failures.slice(0, 20)) console.log(failure)
const disorderly = restarts.filter(({ status }) => status !== 0)
process.exit(load.failures.length > 0 || disorderly.length > 0 ? 1 : 0)
