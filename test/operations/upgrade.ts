// `npm run test:upgrade`: a rolling upgrade under load, as docs/OPERATIONS.md tells operators to do it. A cluster of the oldest commit that
// speaks this wire is upgraded server by server, while clients of both versions work. Fails if any call of any client fails, if a
// server ends otherwise than in order, or if one still runs the old version at the end.

import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import type { connect } from '../../client/index.ts'
import { here, ServerProcesses } from '../fixtures/server-processes.ts'
import { Load } from './load.ts'
import { OlderBuild } from './older-build.ts'

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '4' },
    durability: { type: 'string', default: 'memory,disk' },
  },
})

/** The order of the guide: the fewest views. */
const order = ['idle', 'backup', 'primary']

async function upgrade(older: OlderBuild, durability: 'memory' | 'disk'): Promise<string[]> {
  const servers = new ServerProcesses(here, [], durability)
  const load = new Load()
  const problems: string[] = []
  const newer = servers.command
  const moreCalls = (wanted: number) => servers.until(() => load.calls >= wanted, `at ${wanted} calls`)
  const ended = (what: string, status: number | null) => {
    if (status !== 0) problems.push(`${what} ended with ${status}`)
  }
  try {
    servers.command = older.at('cli/main.js')
    await servers.start([here, here, here])
    const old = (await import(pathToFileURL(older.at('client/index.js')).href)) as { connect: typeof connect }
    await load.start(servers.viewUrl, Number(values.clients), {}, old.connect)
    await load.start(servers.viewUrl, Number(values.clients))
    await moreCalls(200)
    servers.command = newer
    const left = new Set(servers.addresses)
    while (left.size > 0) {
      const { servers: all } = await servers.healthy()
      const [next] = all
        .filter(({ alive, address }) => alive && left.has(address))
        .sort((a, b) => order.indexOf(a.role) - order.indexOf(b.role))
      if (next === undefined) throw new Error('no server is left to upgrade')
      left.delete(next.address)
      ended(`the ${next.role}`, await servers.kill(next.address, 'SIGTERM'))
      await servers.restart(next.address)
      await servers.healthy()
      await moreCalls(load.calls + 100)
    }
    ended('the view server', await servers.killViewServer('SIGTERM'))
    await servers.startViewServer()
    await servers.healthy()
    await moreCalls(load.calls + 100)
    await load.end()
    console.log(
      `${durability}: ${load.calls} calls, ${load.failures.length} failed, the longest took ${Math.round(load.longestMs)} ms`,
    )
    return [...problems, ...load.failures]
  } finally {
    await servers.end()
  }
}

let failed = false
using older = new OlderBuild()
console.log(`from ${older.commit.slice(0, 7)} (${older.subject})`)
for (const durability of ['memory', 'disk'] as const) {
  if (!values.durability.split(',').includes(durability)) continue
  const problems = await upgrade(older, durability)
  for (const problem of problems.slice(0, 20)) console.log(problem)
  failed ||= problems.length > 0
}
process.exitCode = failed ? 1 : 0
