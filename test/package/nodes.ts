// npm run test:nodes: the packed package under each Node that it is for: this one, and the others from the
// npm registry. Downloads each once (npm keeps it), so this is not a part of npm test.

import { existsSync } from 'node:fs'
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execute, Packed } from './packed.ts'

const versions = [20, 22, 24]

await using packed = await Packed.make()
const smoke = join(packed.project, 'smoke.mjs')
await copyFile(fileURLToPath(new URL('./smoke.js', import.meta.url)), smoke)
const folder = await mkdtemp(join(tmpdir(), 'holdfast-nodes-'))
try {
  for (const version of versions) console.log(await said(await nodeOf(version)))
} finally {
  await rm(folder, { recursive: true, force: true })
}

/** The path of a Node of this version; from the registry, unless this process runs on it. */
async function nodeOf(version: number): Promise<string> {
  if (process.versions.node.startsWith(`${version}.`)) return process.execPath
  const name = `node-${process.platform}-${process.arch}`
  const prefix = join(folder, String(version))
  const options = ['--no-audit', '--no-fund', '--prefer-offline', '--prefix', prefix]
  await execute('npm', ['install', ...options, `${name}@${version}`])
  const node = join(prefix, 'node_modules', name, 'bin/node')
  if (!existsSync(node)) throw new Error(`${name}@${version} has no bin/node`)
  return node
}

async function said(node: string): Promise<string> {
  const { stdout } = await execute(node, [smoke], { timeout: 60_000 })
  return stdout.trim()
}
