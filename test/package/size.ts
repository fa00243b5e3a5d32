// npm run size: how long the import of the client takes in Node, what it loads, and how large it is for a
// page. From the packed package.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { bundleForPages } from './bundle.ts'
import { execute, Packed } from './packed.ts'

/** Child processes for each time: what is cached by one would flatter the next. */
const times = 15

const kb = (bytes: number) => `${(bytes / 1024).toFixed(1)} KB`
const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1] ?? 0

await using packed = await Packed.make()

console.log(
  `the package: ${kb(packed.packedBytes)} packed, ${kb(packed.unpackedBytes)} in ${packed.files.length} files`,
)
console.log(`\nimport in Node ${process.versions.node}, median of ${times} processes, and their CPU time:`)
for (const entry of ['holdfast', 'holdfast/fencing', 'holdfast/testing', 'ws'])
  console.log(`  ${entry.padEnd(18)} ${await importMs(entry)}${entry === 'ws' ? ' (of which)' : ''}`)

const files = await loadedBy('holdfast')
console.log(`\nfiles that the import of holdfast loads: ${files.length}`)
for (const file of files) console.log(`  ${file}`)

console.log('\nbundles for pages, minified:')
for (const [what, program] of [
  ['connect', `import { connect } from 'holdfast'; globalThis.connect = connect`],
  ['FenceGuard', `import { FenceGuard } from 'holdfast'; globalThis.FenceGuard = FenceGuard`],
] as const) {
  const { bytes, gzipBytes, inputs } = await bundleForPages(program, packed.project)
  console.log(`  ${what}: ${kb(bytes)}, ${kb(gzipBytes)} gzip, from ${inputs.length} files`)
  for (const [path, size] of inputs.slice(0, 5)) console.log(`    ${kb(size).padStart(9)} ${path}`)
}

async function importMs(entry: string): Promise<string> {
  const program = `const began = performance.now(); const cpu = process.cpuUsage()
    await import('${entry}')
    const { user, system } = process.cpuUsage(cpu)
    console.log(performance.now() - began, (user + system) / 1000)`
  const elapsed: number[] = []
  const cpu: number[] = []
  for (let i = 0; i < times; i++) {
    const args = ['--input-type=module', '-e', program]
    const { stdout } = await execute(process.execPath, args, { cwd: packed.project })
    const [ms, cpuMs] = stdout.split(' ').map(Number)
    elapsed.push(ms ?? 0)
    cpu.push(cpuMs ?? 0)
  }
  return `${median(elapsed).toFixed(1)} ms, CPU ${median(cpu).toFixed(1)} ms`
}

/** A loader's hook sees every file that is loaded as a module; ws is CommonJS and counts as one. */
async function loadedBy(entry: string): Promise<string[]> {
  const hooks = `export async function load(url, context, next) {
    if (url.startsWith('file:')) (await import('node:fs')).writeSync(1, url + '\\n')
    return next(url, context)
  }`
  await writeFile(join(packed.project, 'hooks.mjs'), hooks)
  const program = `import { register } from 'node:module'
    register('./hooks.mjs', import.meta.url); await import('${entry}')`
  await writeFile(join(packed.project, 'loaded.mjs'), program)
  const { stdout } = await execute(process.execPath, ['loaded.mjs'], { cwd: packed.project })
  const found = stdout.split('\n').filter(line => line.includes('/node_modules/'))
  return found.map(line => line.slice(line.lastIndexOf('/node_modules/') + '/node_modules/'.length)).sort()
}
