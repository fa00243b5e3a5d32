// npm run size: how long the import of the client takes in Node, what it loads, and how large it is for a
// page. From the packed package. --before COMMIT says the size for a page of that commit, too, and nothing else.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { OlderBuild } from '../operations/older-build.ts'
import { bundleForPages } from './bundle.ts'
import { execute, Packed } from './packed.ts'

/** Child processes for each time: what one process has cached would make the next look faster. */
const times = 15

const kb = (bytes: number) => `${(bytes / 1024).toFixed(1)} KB`
const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1] ?? 0

const { values } = parseArgs({ options: { before: { type: 'string' } } })
await using packed = await Packed.make()
if (values.before === undefined) await tell()
else {
  using before = new OlderBuild(values.before)
  await tellBundles(`of ${before.commit.slice(0, 7)} (${before.subject.slice(0, 60)})`, before.folder)
}
await tellBundles('of this tree', packed.project)

async function tell(): Promise<void> {
  console.log(
    `the package: ${kb(packed.packedBytes)} packed, ${kb(packed.unpackedBytes)} in ${packed.files.length} files`,
  )
  console.log(`\nstart in Node ${process.versions.node}, medians of ${times} processes each, in turns:`)
  for (const [what, { wallMs, cpuMs }] of Object.entries(await starts()))
    console.log(
      `  ${what.padEnd(28)} ${wallMs.toFixed(1).padStart(6)} ms, CPU ${cpuMs.toFixed(1).padStart(6)} ms`,
    )

  const { own, ws, node } = await loadedBy('holdfast')
  console.log(`\nfiles that the import of holdfast loads: ${own.length} of its own, ${ws.length} of ws`)
  for (const file of [...own, ...ws]) console.log(`  ${file}`)
  console.log(`\nand of Node, beyond what \`node -e 0\` loads:\n  ${node.join(' ')}`)
}

async function tellBundles(whose: string, folder: string): Promise<void> {
  console.log(`\nbundles for pages, minified, ${whose}:`)
  for (const [what, program] of [
    ['connect', `import { connect } from 'holdfast'; globalThis.connect = connect`],
    ['FenceGuard', `import { FenceGuard } from 'holdfast'; globalThis.FenceGuard = FenceGuard`],
  ] as const) {
    const { bytes, gzipBytes, inputs } = await bundleForPages(program, folder)
    console.log(`  ${what}: ${kb(bytes)}, ${kb(gzipBytes)} gzip, from ${inputs.length} files`)
    for (const [path, size] of inputs.slice(0, 5)) console.log(`    ${kb(size).padStart(9)} ${path}`)
  }
}

interface Start {
  readonly wallMs: number
  readonly cpuMs: number
}

/** The whole process of a program that does nothing; and what each import adds, by a clock inside. */
async function starts(): Promise<Record<string, Start>> {
  const entries = ['holdfast', 'holdfast/fencing', 'holdfast/testing']
  const programs: Record<string, string> = { 'node -e 0, all of it': '' }
  for (const entry of entries) programs[`import '${entry}'`] = `await import('${entry}')`
  const runs = Object.entries(programs).map(([what, program]) => ({ what, program, seen: [] as Start[] }))
  for (let i = 0; i < times; i++) for (const { program, seen } of runs) seen.push(await startOf(program))
  const middle = (seen: readonly Start[]) => ({
    wallMs: median(seen.map(({ wallMs }) => wallMs)),
    cpuMs: median(seen.map(({ cpuMs }) => cpuMs)),
  })
  return Object.fromEntries(runs.map(({ what, seen }) => [what, middle(seen)]))
}

async function startOf(program: string): Promise<Start> {
  const timed =
    program === ''
      ? `const began = 0, cpu = { user: 0, system: 0 }`
      : `const began = performance.now(), cpu = process.cpuUsage(); ${program}`
  const end = `const { user, system } = process.cpuUsage()
    console.log(performance.now() - began, (user - cpu.user + system - cpu.system) / 1000)`
  const args = ['--input-type=module', '-e', `${timed}; ${end}`]
  const { stdout } = await execute(process.execPath, args, { cwd: packed.project })
  const [wallMs = 0, cpuMs = 0] = stdout.split(' ').map(Number)
  return { wallMs, cpuMs }
}

interface Loaded {
  readonly own: readonly string[]
  readonly ws: readonly string[]
  readonly node: readonly string[]
}

/** A loader's hook sees every module that is imported; what these require is in the cache of require. */
async function loadedBy(entry: string): Promise<Loaded> {
  const hooks = `export async function load(url, context, next) {
    if (url.startsWith('file:')) (await import('node:fs')).writeSync(1, url + '\\n')
    return next(url, context)
  }`
  await writeFile(join(packed.project, 'hooks.mjs'), hooks)
  const program = `import { createRequire, register } from 'node:module'
    const before = new Set(process.moduleLoadList)
    if (process.argv[2] === 'hooked') register('./hooks.mjs', import.meta.url)
    await import('${entry}')
    const required = Object.keys(createRequire(import.meta.url).cache)
    const builtin = process.moduleLoadList.filter(name => !before.has(name))
    console.log(JSON.stringify({ required, builtin }))`
  await writeFile(join(packed.project, 'loaded.mjs'), program)
  const run = async (...args: string[]) => {
    const { stdout } = await execute(process.execPath, ['loaded.mjs', ...args], { cwd: packed.project })
    return stdout.trim().split('\n')
  }
  const { required, builtin } = JSON.parse((await run()).at(-1) ?? '')
  const files = [...(await run('hooked')).filter(line => !line.startsWith('{')), ...required]
  const inside = (folder: string) =>
    [...new Set(files.flatMap(file => file.split(`/node_modules/${folder}/`)[1] ?? []))].sort()
  return {
    own: inside('holdfast').map(file => `holdfast/${file}`),
    ws: inside('ws').map(file => `ws/${file}`),
    node: builtin.flatMap((name: string) => /^NativeModule ((?!internal\/)\S+)$/.exec(name)?.[1] ?? []),
  }
}
