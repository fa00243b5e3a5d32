// npm run check:package: whether the package, as npm would publish it, works for everyone that it is for, and
// holds only what is needed. Prints a line for each question, and exits 1 if any answer is no.

import { writeFile } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { bundleForPages } from './bundle.ts'
import { type Conditions, execute, Packed, root } from './packed.ts'

await using packed = await Packed.make()
const manifest = await packed.manifest()
const entries = Object.entries(manifest.exports).flatMap(([name, value]) =>
  typeof value === 'string' ? [] : [{ name: `holdfast${name.slice(1)}`, ...value }],
)
const forReaders =
  /^(dist\/(cjs\/)?(client|lockserver|testing|viewservice|wire)\/.*\.d\.c?ts|docs\/.*\.(md|svg|png|json)|README\.md|LICENSE|package\.json)$/
let failed = 0

await check('publint', async () => {
  const { stdout } = await execute('npx', ['publint', packed.tarball, '--strict'], { cwd: root })
  if (!stdout.includes('All good!')) throw new Error(stdout)
})

await check('attw, in every resolution', () => {
  return execute('npx', ['attw', packed.tarball, '--profile', 'strict'], { cwd: root })
})

await check('no script runs at its installation', () => {
  // prepare runs where the sources are, as in an installation from git, and never in one from a registry.
  const bad = ['preinstall', 'install', 'postinstall'].filter(name => name in manifest.scripts)
  if (bad.length > 0) throw new Error(bad.join(', '))
})

await check('every packed file is used, or for a reader', async () => {
  const starts = [
    ...Object.values(manifest.exports).flatMap(filesOf),
    ...Object.values(manifest.bin),
    ...Object.values(manifest.imports).flatMap(filesOf),
    // The service to measure comes from the command line.
    'dist/bench/holdfast.js',
  ]
  const modules = await reachable(starts.map(path => posix.normalize(path)))
  // The view server serves files by a table of their names; operators copy those that the guide names.
  const served = await packed.text('dist/viewservice/pages/dashboard-files.js')
  const guide = await packed.text('docs/OPERATIONS.md')
  const isUsed = async (file: string) => {
    const name = posix.basename(file)
    if (file.startsWith('dist/dashboard/')) return served.includes(`'${name}'`)
    if (file.startsWith('deploy/')) return guide.includes(name.replace(/\.service$/, ''))
    if (/\.c?js$/.test(file)) return modules.has(file) || isEmpty(await packed.text(file))
    if (/\.c?js\.map$/.test(file)) return packed.files.includes(file.slice(0, -'.map'.length))
    return forReaders.test(file)
  }
  const unused: string[] = []
  for (const file of packed.files) if (!(await isUsed(file))) unused.push(file)
  if (unused.length > 0) throw new Error(`not used: ${unused.join(', ')}`)
})

await check('every source map has its sources with it', async () => {
  const maps = packed.files.filter(file => file.endsWith('.js.map'))
  for (const file of maps) {
    const { sourcesContent } = JSON.parse(await packed.text(file)) as { sourcesContent?: unknown[] }
    if (typeof sourcesContent?.[0] !== 'string') throw new Error(`${file} has none`)
  }
  if (maps.length < 50) throw new Error(`there are only ${maps.length}`)
})

await check('every entry can be required as well as imported, and is one module', async () => {
  const names = JSON.stringify(entries.map(({ name }) => name))
  const program = `(async () => { for (const name of ${names})
    if (require(name) !== (await import(name))) throw new Error(name) })()`
  await execute(process.execPath, ['-e', program], { cwd: packed.project })
})

await check('the CommonJS form of every entry has the same names, and its own runtime', async () => {
  const forms = JSON.stringify(
    entries.map(({ name, require }) => [name, `holdfast/${require.default.slice(2)}`]),
  )
  const program = `(async () => { for (const [name, file] of ${forms}) {
    const [modules, form] = [await import(name), require('./node_modules/' + file)]
    if (modules === form || Object.keys(form).sort().join() !== Object.keys(modules).sort().join()) throw new Error(name)
  } })()`
  await execute(process.execPath, ['-e', program], { cwd: packed.project })
})

for (const [name, settings] of Object.entries({
  'module nodenext, strict, no skipLibCheck': { module: 'nodenext', target: 'es2022' },
  'a page: bundler resolution, DOM, no types of Node': {
    module: 'esnext',
    moduleResolution: 'bundler',
    target: 'es2022',
    types: [],
  },
}))
  await check(`types: ${name}`, () => compileUser(settings, name.startsWith('a page')))

await check('the examples of README.md and docs/ compile', compileDocs)

await check('the bundle for pages takes nothing of Node, ws or ajv, and evaluates no text', async () => {
  const program = `import { connect } from 'holdfast'; globalThis.connect = connect`
  const { text, inputs } = await bundleForPages(program, packed.project)
  const foreign = inputs.filter(([path]) => !path.includes('node_modules/holdfast/') && path !== '<stdin>')
  if (foreign.length > 0 || /\beval\(|new Function|\bBuffer\b|\bsetImmediate\b|\brequire\(/.test(text))
    throw new Error(JSON.stringify(foreign))
})

process.exitCode = failed === 0 ? 0 : 1

async function check(what: string, act: () => unknown): Promise<void> {
  try {
    await act()
    console.log(`ok      ${what}`)
  } catch (error) {
    failed++
    const { stdout = '', message } = error as Error & { stdout?: string }
    console.log(`NOT OK  ${what}\n${stdout}${message}`)
  }
}

/** All that any condition leads to. */
function filesOf(found: string | Conditions): string[] {
  return typeof found === 'string' ? [found] : Object.values(found).flatMap(filesOf)
}

/** Modules with types only. */
function isEmpty(code: string): boolean {
  return code.replace(/^\s*\/\/.*$|^\s*\/\*[\s\S]*?\*\//gm, '').trim() === 'export {};'
}

/** All files that these import, and those, and so on. */
async function reachable(starts: readonly string[]): Promise<Set<string>> {
  const found = new Set<string>()
  const next = [...starts]
  for (let file = next.pop(); file !== undefined; file = next.pop()) {
    if (found.has(file)) continue
    found.add(file)
    next.push(...(await importsOf(file)))
  }
  return found
}

/** A module that runs as a process is named as `new URL('x.js', import.meta.url)`. */
async function importsOf(file: string): Promise<string[]> {
  const text = await packed.text(file)
  const specifiers = [...text.matchAll(/(?:from |import |import\(|URL\(|require\()['"]([^'"]+)['"]/g)]
  return specifiers
    .map(([, specifier = '']) => posix.join(posix.dirname(file), specifier))
    .filter(path => packed.files.includes(path))
}

/** Each block is a separate module; a comment `<!-- ts: … -->` before it declares what its reader knows. */
async function compileDocs(): Promise<void> {
  const texts = packed.files.filter(file => file.endsWith('.md'))
  const files: string[] = []
  for (const file of texts)
    for (const [, known = '', code = ''] of (await packed.text(file)).matchAll(
      /(?:<!-- ts: ([\s\S]*?) -->\n+)?```ts\n([\s\S]*?)```/g,
    )) {
      files.push(`${file.replaceAll(/\W/g, '-')}-${files.length}.ts`)
      await writeFile(join(packed.project, files.at(-1) ?? ''), `${code}\n${known}\nexport {}\n`)
    }
  if (files.length < 15) throw new Error(`there are only ${files.length}`)
  const compilerOptions = {
    ...{
      strict: true,
      noEmit: true,
      module: 'nodenext',
      target: 'es2022',
      lib: ['es2023', 'esnext.disposable'],
    },
    ...{ types: ['node'], typeRoots: [join(root, 'node_modules/@types')], skipLibCheck: true },
  }
  await writeFile(join(packed.project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }))
  await writeFile(join(packed.project, 'package.json'), '{ "type": "module" }')
  await execute(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', packed.project])
}

async function compileUser(settings: object, inPage: boolean): Promise<void> {
  const imports = entries
    .filter(({ name }) => !inPage || !/server|service|testing/.test(name))
    .map(({ name }, i) => `import * as entry${i} from '${name}'\nconsole.log(entry${i})`)
  const program = `${imports.join('\n')}
import { connect, type Lock } from 'holdfast'
const locks = await connect('ws://127.0.0.1:7400')
const lock: Lock = await locks.acquire('x')
const token: number = lock.token
// @ts-expect-error a name is a string
locks.acquire(token)
`
  await writeFile(join(packed.project, 'user.ts'), program)
  const compilerOptions = {
    strict: true,
    noEmit: true,
    lib: inPage ? ['es2022', 'dom'] : ['es2022'],
    ...settings,
  }
  const config = {
    compilerOptions: inPage
      ? compilerOptions
      : { ...compilerOptions, types: ['node'], typeRoots: [join(root, 'node_modules/@types')] },
    files: ['user.ts'],
  }
  await writeFile(join(packed.project, 'tsconfig.json'), JSON.stringify(config))
  await writeFile(join(packed.project, 'package.json'), '{ "type": "module" }')
  await execute(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', packed.project])
}
