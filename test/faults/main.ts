// npm run test:faults -- [--short] [--only TEXT]: real processes in their own network, real partitions, real
// signals. Prints a table and exits 1 when anything happened that must not; where such a network can't be
// made it says why and exits 0. However it ends, nothing of the network is left.

import { randomUUID } from 'node:crypto'
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { isRunning, obstacle, RealNetwork, removeLeftOvers } from './network.ts'
import type { RunOptions } from './run.ts'
import { nodes, operatorNode } from './stage.ts'
import { forkAt } from './users.ts'

const { values } = parseArgs({
  options: { short: { type: 'boolean', default: false }, only: { type: 'string', default: '' } },
})
/** It ends after this time, whatever happens. */
const minutesMax = values.short ? 20 : 90

/** Everything that the run writes is in here. */
const folder = join(tmpdir(), `holdfast-faults-${process.pid}`)

// The run must not see the caller's own cluster; beyond loopback a secret is needed.
for (const name of Object.keys(process.env)) if (name.startsWith('HOLDFAST_')) delete process.env[name]
process.env.HOLDFAST_SECRET = randomUUID()

const trouble = obstacle()
if (trouble === null) await run()
else console.log(`SKIPPED, nothing was tested: ${trouble}`)

async function run(): Promise<void> {
  removeLeftOvers()
  removeOldFolders()
  const network = new RealNetwork(nodes)
  const options: RunOptions = { networkOf: process.pid, short: values.short, only: values.only }
  try {
    mkdirSync(folder)
    process.env.TMPDIR = folder
    network.make()
    process.exitCode = await runInside(network, options)
  } finally {
    network.remove()
    rmSync(folder, { recursive: true, force: true })
  }
}

function removeOldFolders(): void {
  for (const name of readdirSync(tmpdir())) {
    const [, pid] = /^holdfast-faults-(\d+)$/.exec(name) ?? []
    if (pid !== undefined && !isRunning(Number(pid)))
      rmSync(join(tmpdir(), name), { recursive: true, force: true })
  }
}

function runInside(network: RealNetwork, options: RunOptions): Promise<number> {
  const child = forkAt(network.place(operatorNode), './run.js', [JSON.stringify(options)])
  return new Promise(resolve => {
    const stop = (code: number, why: string) => {
      process.stderr.write(`${why}: ended before its time\n`)
      child.kill('SIGKILL')
      resolve(code)
    }
    AbortSignal.timeout(minutesMax * 60_000).onabort = () => stop(1, `${minutesMax} minutes are over`)
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop(130, signal))
    child.on('exit', code => resolve(code ?? 1))
  })
}
