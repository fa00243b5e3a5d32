// npm run test:faults -- [--short] [--only TEXT]: real processes in a network of their own, real partitions,
// real signals. Prints a table and exits 1 when anything happened that must not; where such a network
// can't be made it says why and exits 0. However it ends, nothing of the network is left.

import { randomUUID } from 'node:crypto'
import { parseArgs } from 'node:util'
import { Network, obstacle, removeLeftOvers } from './network.ts'
import type { RunOptions } from './run.ts'
import { nodes, operatorNode } from './stage.ts'
import { forkAt } from './users.ts'

const { values } = parseArgs({
  options: { short: { type: 'boolean', default: false }, only: { type: 'string', default: '' } },
})
/** Whatever happens, it ends. */
const minutesMax = values.short ? 6 : 40

// Nothing of the caller's own cluster gets in; beyond loopback a secret is needed.
for (const name of Object.keys(process.env)) if (name.startsWith('HOLDFAST_')) delete process.env[name]
process.env.HOLDFAST_SECRET = randomUUID()

const trouble = obstacle()
if (trouble === null) await run()
else console.log(`SKIPPED, nothing was tested: ${trouble}`)

async function run(): Promise<void> {
  removeLeftOvers()
  const network = new Network(nodes)
  const options: RunOptions = { networkOf: process.pid, short: values.short, only: values.only }
  try {
    network.make()
    process.exitCode = await runInside(network, options)
  } finally {
    network.remove()
  }
}

function runInside(network: Network, options: RunOptions): Promise<number> {
  const child = forkAt(network.place(operatorNode), './run.js', [JSON.stringify(options)])
  return new Promise(resolve => {
    const stop = (code: number, why: string) => {
      process.stderr.write(`${why}: ended before its time\n`)
      child.kill('SIGKILL')
      resolve(code)
    }
    const limit = setTimeout(() => stop(1, `${minutesMax} minutes are over`), minutesMax * 60_000)
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop(130, signal))
    child.on('exit', code => {
      clearTimeout(limit)
      resolve(code ?? 1)
    })
  })
}
