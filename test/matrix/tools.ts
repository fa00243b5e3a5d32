// The tools of the matrix, with pinned versions, from the npm registry into folders of their own: never into the project's. A folder is
// kept between runs under the name of what is in it, so that only the first run downloads. Runs none of them.

import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execute } from '../package/packed.ts'

const node = `node-${process.platform}-${process.arch}`

const versions = {
  bun: { bun: '1.4.5' },
  deno: { deno: '2.9.6' },
  edge: { '@edge-runtime/vm': '5.0.0' },
  jest29: { jest: '29.7.0', 'jest-environment-jsdom': '29.7.0' },
  jest30: { jest: '30.5.2', 'jest-environment-jsdom': '30.5.2' },
  node22: { [node]: '22.23.5' },
  node24: { [node]: '24.22.3' },
  'node-cron': { 'node-cron': '4.6.0' },
  'typescript-5.4': { typescript: '5.4.5' },
  'typescript-5.5': { typescript: '5.5.4' },
  'typescript-5.6': { typescript: '5.6.3' },
  'typescript-5.7': { typescript: '5.7.3' },
  'typescript-5.8': { typescript: '5.8.3' },
  'typescript-5.9': { typescript: '5.9.3' },
  'typescript-6.0': { typescript: '6.0.3' },
  'typescript-7.0': { typescript: '7.0.2' },
  vite: { vite: '8.4.0' },
  vitest: { vitest: '4.1.12' },
  webpack: { webpack: '5.113.0' },
} as const satisfies Readonly<Record<string, Readonly<Record<string, string>>>>

export type Tool = keyof typeof versions

const kept = join(tmpdir(), `holdfast-matrix-${process.getuid?.() ?? 'user'}`)

/** Its `node_modules`. */
export async function modulesOf(tool: Tool): Promise<string> {
  const wanted = JSON.stringify(versions[tool])
  const folder = join(kept, `${tool}-${createHash('sha256').update(wanted).digest('hex').slice(0, 8)}`)
  const modules = join(folder, 'node_modules')
  if (existsSync(modules)) return modules
  // Moved into its place when it is whole: a run that ends in the middle leaves nothing that looks so.
  const making = `${folder}.${process.pid}`
  await mkdir(making, { recursive: true })
  await writeFile(
    join(making, 'package.json'),
    JSON.stringify({ private: true, dependencies: versions[tool] }),
  )
  await execute('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline'], { cwd: making })
  await rename(making, folder).catch(() => rm(making, { recursive: true, force: true }))
  return modules
}

/** A program of it; `node` itself is one of `node22`. */
export async function programOf(tool: Tool, path = `.bin/${tool}`): Promise<string> {
  return join(await modulesOf(tool), path)
}

export async function nodeOf(tool: 'node22' | 'node24'): Promise<string> {
  return await programOf(tool, `${node}/bin/node`)
}
