// The rows of the matrix: what is tried, and whether the short form tries it. What a row does is in the files beside this one.

import { join } from 'node:path'
import { root } from '../package/packed.ts'
import { edge, esbuildNode, vite, webpack } from './bundles.ts'
import { scheduler, skew, testInJsdom, testWith, useCommonJs, useModules, useTesting } from './programs.ts'
import { type Project, well } from './project.ts'
import { modulesOf, nodeOf, programOf, type Tool } from './tools.ts'
import { compile } from './types.ts'

export interface Row {
  readonly name: string
  readonly short: boolean
  readonly run: (project: Project) => Promise<unknown>
}

const typeRoots = join(root, 'node_modules/@types')
const compilers = (['5.4', '5.5', '5.6', '5.7', '5.8', '5.9', '6.0', '7.0'] as const).map(version => ({
  name: `TypeScript ${version}, in each of its resolutions`,
  short: ['5.4', '7.0'].includes(version),
  run: (project: Project) => compile(project, `typescript-${version}`, typeRoots),
}))

export const rows: readonly Row[] = [
  { name: 'Node of this process', short: true, run: project => bothForms(project, process.execPath) },
  { name: 'Node 22', short: false, run: async project => bothForms(project, await nodeOf('node22')) },
  { name: 'Node 24', short: true, run: async project => bothForms(project, await nodeOf('node24')) },
  { name: 'Deno', short: true, run: deno },
  { name: 'Bun, as a client', short: true, run: bun },
  ...compilers,
  { name: 'esbuild, modules and CommonJS', short: true, run: esbuildNode },
  { name: 'webpack, for Node and for a page', short: true, run: webpack },
  { name: 'Vite, for a page', short: true, run: vite },
  { name: 'an edge runtime', short: true, run: edge },
  { name: 'Jest 30 as it comes, and in jsdom', short: true, run: project => jest(project, 'jest30') },
  { name: 'Jest 29 as it comes, and in jsdom', short: true, run: project => jest(project, 'jest29') },
  { name: 'vitest', short: true, run: vitest },
  { name: 'node-cron, with clocks that differ', short: true, run: nodeCron },
]

async function bothForms(project: Project, node: string): Promise<void> {
  await project.write({ 'use.mjs': useModules, 'use.cjs': useCommonJs, 'testing.mjs': useTesting })
  for (const file of ['use.mjs', 'use.cjs', 'testing.mjs']) well(await project.run(node, [file]))
}

async function deno(project: Project): Promise<void> {
  const program = await programOf('deno')
  await project.write({ 'use.mjs': useModules, 'use.cjs': useCommonJs, 'testing.mjs': useTesting })
  for (const file of ['use.mjs', 'use.cjs', 'testing.mjs'])
    well(await project.run(program, ['run', '-A', '--node-modules-dir=manual', file]))
}

/** Its own ws has no bounds for frames, so a server says that it does not run there. */
async function bun(project: Project): Promise<void> {
  const program = await programOf('bun')
  const refused = `import { startCluster } from 'holdfast/testing'
startCluster().catch(error => console.log(/servers do not run in Bun/.test(error.message) ? 'well' : error))
`
  await project.write({ 'use.mjs': useModules, 'use.cjs': useCommonJs, 'refused.mjs': refused })
  for (const file of ['use.mjs', 'use.cjs', 'refused.mjs']) well(await project.run(program, [file]))
}

/** No settings at all but the root. */
async function jest(project: Project, tool: Tool): Promise<void> {
  const head = `const { connect, LockError } = require('holdfast')\nconst { startCluster } = require('holdfast/testing')`
  await project.write({
    'package.json': '{}',
    'locks.test.js': testWith(head, 'jest'),
    'jsdom.test.js': testInJsdom,
  })
  await project.node(await programOf(tool, 'jest/bin/jest.js'), '--rootDir', project.folder)
}

async function vitest(project: Project): Promise<void> {
  const head = `import { expect, test, vi } from 'vitest'
import { connect, LockError } from 'holdfast'
import { startCluster } from 'holdfast/testing'`
  await project.link('vitest', 'vitest')
  await project.write({ 'package.json': '{}', 'locks.test.mjs': testWith(head, 'vi') })
  await project.node(join(await modulesOf('vitest'), 'vitest/vitest.mjs'), 'run')
}

/** C5: each second of the time that all of them saw ran once, on one of them. */
async function nodeCron(project: Project): Promise<void> {
  await project.link('node-cron', 'node-cron')
  await project.write({ 'scheduler.mjs': scheduler, 'skew.mjs': skew })
  const name = `job-${process.pid}`
  const printed = await Promise.all(
    ['-2300', '0', '1700'].map(SKEW =>
      project.run(process.execPath, ['--import', './skew.mjs', 'scheduler.mjs', name], { SKEW }),
    ),
  )
  const ran = printed.flatMap(text => text.match(/\d{4}-\S+Z/g) ?? []).sort()
  if (new Set(ran).size !== ran.length) throw new Error(`some ran twice: ${ran.join(' ')}`)
  const seconds = (Date.parse(ran.at(-1) ?? '') - Date.parse(ran[0] ?? '')) / 1_000
  if (ran.length < 8 || ran.length !== seconds + 1) throw new Error(`some are missing: ${ran.join(' ')}`)
}
