// Build step: the CommonJS form of each entry, for what can't load modules with `require` (Jest as it comes, older
// bundlers, TypeScript's resolution `node`). Node itself loads the modules in either way, so there the two never meet. Decides only
// what is bundled with what; the sources know nothing of it.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const dist = fileURLToPath(new URL('..', import.meta.url))
const manifest = JSON.parse(readFileSync(join(dist, '../package.json'), 'utf8')) as {
  readonly exports: Readonly<Record<string, string | { readonly require?: { readonly default: string } }>>
}

/** Where a file of the modules has its files relative to it: two folders below `dist`, as all that ask for theirs are. */
const place = `require('node:url').pathToFileURL(__dirname + '/bundled/file.js').href`

/** The entries that share one bundle: a cluster for tests is made of both kinds of servers. */
const servers = ['viewservice', 'lockserver', 'testing']

rmSync(join(dist, 'cjs'), { recursive: true, force: true })
await Promise.all([
  bundle('client', `export * from '${dist}client/index.js'`),
  bundle('fencing', `export * from '${dist}client/fencing.js'`),
  bundle('servers', servers.map(entry => `export * from '${dist}${entry}/index.js'`).join('\n')),
  bundle('cron', `export * from '${dist}client/cron.js'`),
  bundle('opentelemetry', `export * from '${dist}client/opentelemetry/index.js'`),
  bundle('runtime-node', `export * from '${dist}wire/net/runtime-node.js'`),
  bundle('runtime-web', `export * from '${dist}wire/net/runtime-web.js'`),
])
for (const entry of servers) await reexport(entry)
const clients = ['index', 'fencing', 'cron', 'opentelemetry/index'].map(file => `client/${file}`)
const entries = [...clients, ...servers.map(entry => `${entry}/index`)]
for (const file of typesOf(entries)) copyTypes(file)
checkEntries()

async function bundle(name: string, contents: string): Promise<void> {
  await build({
    stdin: { contents, resolveDir: dist },
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'es2022',
    // One runtime for all bundles, and the one that the conditions of package.json say.
    external: ['#runtime'],
    packages: 'external',
    define: { 'import.meta.url': 'ownPlace' },
    banner: { js: `'use strict';${name === 'servers' ? `const ownPlace = ${place};` : ''}` },
    outfile: join(dist, 'cjs', `${name}.cjs`),
    // Names stay, for stacks.
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    logLevel: 'warning',
  })
}

/** By name, so that an import of it finds the names without running it. */
async function reexport(entry: string): Promise<void> {
  const names = Object.keys((await import(`${dist}${entry}/index.js`)) as object)
  const lines = names.map(name => `exports.${name} = servers.${name}`)
  const code = ["'use strict'", `const servers = require('./servers.cjs')`, ...lines]
  writeFileSync(join(dist, 'cjs', `${entry}.cjs`), `${code.join('\n')}\n`)
}

/** All declarations that these need, and those, and so on. */
function typesOf(starts: readonly string[]): Set<string> {
  const found = new Set<string>()
  const next = [...starts]
  for (let file = next.pop(); file !== undefined; file = next.pop()) {
    if (found.has(file)) continue
    found.add(file)
    const text = readFileSync(join(dist, `${file}.d.ts`), 'utf8')
    for (const [, path = ''] of text.matchAll(/(?:from |import\()['"](\.[^'"]+)\.[jt]s['"]/g))
      next.push(posix.join(posix.dirname(file), path))
  }
  return found
}

function copyTypes(file: string): void {
  const text = readFileSync(join(dist, `${file}.d.ts`), 'utf8')
  const target = join(dist, 'cjs', `${file}.d.cts`)
  mkdirSync(dirname(target), { recursive: true })
  // What is imported for its effect only declares nothing.
  const declared = text.replace(/^import '[^']+';\n/gm, '')
  writeFileSync(target, declared.replace(/((?:from |import\()(['"])\.[^'"]+)\.[jt]s\2/g, '$1.cjs$2'))
}

/** A new entry needs its CommonJS form, too. */
function checkEntries(): void {
  for (const [name, entry] of Object.entries(manifest.exports)) {
    if (typeof entry === 'string') continue
    if (entry.require === undefined) throw new Error(`${name} has no CommonJS form in package.json`)
    readFileSync(join(dist, '..', entry.require.default))
  }
}
