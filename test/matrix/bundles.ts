// Bundles of esbuild, webpack and Vite, made of the packed package and then run.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'esbuild'
import { useModules, useTesting } from './programs.ts'
import { type Project, well } from './project.ts'
import { modulesOf } from './tools.ts'

const banner = `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);`

/** Every entry, in both formats; the files of the dashboard are in none. */
export async function esbuildNode(project: Project): Promise<void> {
  await project.write({ 'use.mjs': useModules, 'testing.mjs': useTesting })
  const bundle = (from: string, to: string, format: 'esm' | 'cjs') =>
    build({
      entryPoints: [join(project.folder, from)],
      outfile: join(project.folder, to),
      ...{ bundle: true, platform: 'node', format, logLevel: 'silent' },
      ...(format === 'esm' && { banner: { js: banner } }),
    })
  await bundle('use.mjs', 'out/use.mjs', 'esm')
  await bundle('testing.mjs', 'out/testing.mjs', 'esm')
  await bundle('testing.mjs', 'out/testing.cjs', 'cjs')
  well(await project.node('out/use.mjs'))
  for (const file of ['out/testing.mjs', 'out/testing.cjs']) {
    const printed = await project.node(file)
    well(printed)
    if (!printed.includes('dashboard 404 true')) throw new Error(`${file} printed ${printed}`)
  }
}

/** In modules and in CommonJS for Node, and for a page without any warning. */
export async function webpack(project: Project): Promise<void> {
  const script = `const webpack = require(${JSON.stringify(join(await modulesOf('webpack'), 'webpack'))})
const make = (target, entry, filename) => new Promise((resolve, reject) => webpack(
  { mode: 'production', performance: false, target, entry, output: { path: __dirname + '/out', filename }, context: __dirname },
  (error, stats) => error || stats.hasErrors() ? reject(error ?? new Error(stats.toString('errors-only'))) : resolve(stats),
))
;(async () => {
  await make('node', './testing.mjs', 'testing.cjs')
  const page = await make('web', './page.mjs', 'page.js')
  if (page.hasWarnings()) throw new Error(page.toString())
})()
`
  await project.write({ 'make.cjs': script, 'testing.mjs': useTesting, 'page.mjs': page })
  await project.node('make.cjs')
  well(await project.node('out/testing.cjs'))
}

const page = `import { connect } from 'holdfast'
globalThis.connect = connect
`

/** A page, with nothing of Node in it. */
export async function vite(project: Project): Promise<void> {
  const entry = join(await modulesOf('vite'), 'vite/dist/node/index.js')
  const script = `import { build } from ${JSON.stringify(entry)}
await build({ root: import.meta.dirname, logLevel: 'warn', build: { outDir: 'out', lib: { entry: 'page.mjs', formats: ['es'], fileName: 'page' } } })
`
  await project.write({ 'make.mjs': script, 'page.mjs': page })
  await project.node('make.mjs')
  const text = await readFile(join(project.folder, 'out/page.js'), 'utf8').catch(() =>
    readFile(join(project.folder, 'out/page.mjs'), 'utf8'),
  )
  if (/node:|\brequire\(|setImmediate/.test(text)) throw new Error('the page has something of Node')
}

/** An edge runtime has neither MessageChannel nor anything of Node; its sockets are given to it. */
export async function edge(project: Project): Promise<void> {
  await project.write({ 'page.mjs': page })
  await build({
    entryPoints: [join(project.folder, 'page.mjs')],
    outfile: join(project.folder, 'page.js'),
    ...{ bundle: true, platform: 'neutral', format: 'iife', logLevel: 'silent' },
  })
  const script = `const { EdgeVM } = require(${JSON.stringify(join(await modulesOf('edge'), '@edge-runtime/vm'))})
const vm = new EdgeVM({ extend: context => Object.assign(context, { WebSocket: require('ws').WebSocket, url: process.env.HOLDFAST_TEST_URL }) })
if (vm.evaluate('typeof MessageChannel') !== 'undefined') throw new Error('it has channels by now')
vm.evaluate(require('node:fs').readFileSync('page.js', 'utf8'))
vm.evaluate(\`(async () => {
  const locks = await connect(url)
  const lock = await locks.acquire('edge')
  await lock.release()
  await locks.close()
})()\`).then(() => console.log('well'))
`
  await project.write({ 'run.cjs': script })
  well(await project.node('run.cjs'))
}
