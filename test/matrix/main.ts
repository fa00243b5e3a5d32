// npm run test:matrix: the package as npm would publish it, in small projects of the runtimes, compilers, bundlers and test runners that
// its users have. --short leaves out what differs little; --only TEXT runs the rows that have it in their name. Prints a line for each row,
// and exits 1 if any failed.

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startCluster } from 'holdfast/testing'
import { Packed } from '../package/packed.ts'
import { Project } from './project.ts'
import { type Row, rows } from './rows.ts'

const { values } = parseArgs({
  options: { short: { type: 'boolean', default: false }, only: { type: 'string', default: '' } },
})
await using packed = await Packed.make()
await using cluster = await startCluster({ origins: ['http://localhost'] })
const chosen = rows.filter(({ name, short }) => (short || !values.short) && name.includes(values.only))
if (chosen.length === 0) throw new Error(`no row has "${values.only}" in its name`)
/** Two at a time: downloads wait for the network, projects for the processor. */
const waiting = chosen.entries()
let failed = 0
await Promise.all([work(), work()])
console.log(`\n${chosen.length - failed} of ${chosen.length} are well`)
process.exitCode = failed === 0 ? 0 : 1

async function work(): Promise<void> {
  for (const [number, row] of waiting) await tryRow(row, join(packed.project, 'rows', `${number}`))
}

async function tryRow({ name, run }: Row, folder: string): Promise<void> {
  const began = performance.now()
  const took = () => `${((performance.now() - began) / 1_000).toFixed(1).padStart(5)} s`
  await mkdir(folder, { recursive: true })
  try {
    await run(new Project(folder, cluster.url))
    console.log(`ok      ${took()}  ${name}`)
  } catch (error) {
    failed++
    const { stdout = '', stderr = '', message } = error as Error & { stdout?: string; stderr?: string }
    console.log(`NOT OK  ${took()}  ${name}\n${message}\n${stdout.slice(-3_000)}\n${stderr.slice(-3_000)}`)
  }
}
