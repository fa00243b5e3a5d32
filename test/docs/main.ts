// npm run check:docs: README and docs hold what they say. Links inside lead somewhere; scripts, commands, options and
// variables that are named exist; and each command line in a block is run, or says why not (lines.ts). README's are run
// in a project that has the packed package installed, as a newcomer does.

import { execFile, execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Line, linesOf } from './lines.ts'
import { blocksOf, codeOf } from './markdown.ts'
import { mentionProblem, type Project, strangeVariables } from './mentions.ts'
import { deadLinks } from './places.ts'
import { type Done, play, type Step } from './scene.ts'

const execute = promisify(execFile)
const root = fileURLToPath(new URL('../../../', import.meta.url))
const command = join(root, 'dist/cli/main.js')

const files = ['.', 'docs'].flatMap(folder =>
  readdirSync(join(root, folder))
    .filter(name => name.endsWith('.md'))
    .map(name => join(root, folder, name)),
)
const texts = new Map(files.map(file => [file, readFileSync(file, 'utf8')]))
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Pick<Project, 'scripts'>
const project: Project = { root, scripts, ci: readFileSync(join(root, '.ci/run'), 'utf8') }
const problems: string[] = []

/** As the guide sets them up. */
const threeMachines: readonly Step[] = [
  'holdfast init --data /var/lib/holdfast --nobody-has-run',
  'holdfast viewserver --listen 10.0.0.1:7400 --data /var/lib/holdfast --secret "…"',
  ...[1, 2, 3].map(
    i => `holdfast lockserver --listen 10.0.0.${i}:7401 --view ws://10.0.0.1:7400 --secret "…"`,
  ),
].map(text => ({ at: 'three machines', text }))

problems.push(...deadLinks(texts, root))
for (const [file, text] of texts) await checkMentions(relative(root, file), text)
report('links, scripts, commands, options and variables')

const trouble = obstacle()
if (trouble !== null) console.log(`SKIPPED, no command was run: ${trouble}`)
else await runAll()
process.exitCode = problems.length === 0 ? 0 : 1

async function checkMentions(file: string, text: string): Promise<void> {
  const named = [
    ...codeOf(text),
    ...commandLines(text).map(({ line, text: code }) => ({ line, code: code.replace(/ +#.*$/, '') })),
    ...[...text.matchAll(/^ *\$ (.+)$/gm)].map(({ 1: code = '' }) => ({ line: 0, code })),
  ]
  for (const { line, code } of named)
    for (const part of code.split(' && ')) {
      const problem = await mentionProblem(part, project)
      if (problem !== undefined) problems.push(`${file}:${line}: ${code}: ${problem}`)
    }
  for (const name of strangeVariables(text)) problems.push(`${file}: no program knows ${name}`)
}

function commandLines(text: string): Line[] {
  return blocksOf(text)
    .filter(({ language }) => language === 'sh')
    .flatMap(({ text: lines, line }) => linesOf(lines, line))
}

function obstacle(): string | null {
  try {
    execFileSync('unshare', ['--net', '--mount', 'ip', 'link', 'set', 'lo', 'up'], { stdio: 'pipe' })
    return null
  } catch (error) {
    return `it needs unshare, ip and the right to use them: ${(error as Error).message}`
  }
}

async function runAll(): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'holdfast-reader-'))
  try {
    for (const [file, text] of texts) {
      const name = relative(root, file)
      const lines = commandLines(text)
      for (const { line, text: each, reason } of lines)
        if (reason !== undefined) console.log(`not run  ${name}:${line}  ${each}\n         ${reason}`)
      const steps = lines.filter(({ reason }) => reason === undefined)
      if (steps.length > 0) await runFile(name, steps, work)
    }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  report('command lines')
}

async function runFile(name: string, lines: readonly Line[], work: string): Promise<void> {
  const folder = await readersFolder(name, work)
  const isInstallation = ({ text }: Line) => text.startsWith('npm install /path/to/')
  for (const line of lines.filter(isInstallation)) await install(name, line, folder, work)
  const steps = lines.filter(line => !isInstallation(line)).map(line => stepOf(name, line))
  const before: readonly Step[] = name === 'docs/OPERATIONS.md' ? threeMachines : []
  for (const done of await play([...before, ...steps], command, folder)) note(done)
}

async function readersFolder(name: string, work: string): Promise<string> {
  const folder = join(work, name.replaceAll(/\W/g, '-'))
  mkdirSync(join(folder, 'deploy'), { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{}')
  writeFileSync(join(folder, 'report.sh'), '#!/bin/sh\n')
  chmodSync(join(folder, 'report.sh'), 0o755)
  return folder
}

/** With the registry, which the scene can't reach. */
async function install(name: string, { line, text }: Line, folder: string, work: string): Promise<void> {
  const args = ['pack', '--silent', '--ignore-scripts', '--pack-destination', work]
  const { stdout } = await execute('npm', args, { cwd: root })
  const since = performance.now()
  const filled = text.replace(/\/path\/to\/\S+/, join(work, stdout.trim())).replace(/ +#.*$/, '')
  const done = await execute('sh', ['-c', filled], { cwd: folder }).then(
    () => ({ code: 0, said: '' }),
    ({ code, stderr }: { code: number; stderr: string }) => ({ code, said: stderr }),
  )
  note({ at: `${name}:${line}`, text, ms: Math.round(performance.now() - since), ...done })
}

function stepOf(name: string, { line, text }: Line): Step {
  const simulate = /^npm run simulate -- (.*?)( +#.*)?$/.exec(text)
  return {
    at: `${name}:${line}`,
    text: simulate === null ? quoted(text) : `node ${root}dist/test/simulator/main.js ${simulate[1]}`,
  }
}

/** What is put in for … has spaces. */
function quoted(text: string): string {
  return text.replaceAll(/(?<==|--secret )…/g, '"…"')
}

function note({ at, text, code, ms, said }: Done): void {
  console.log(`${code === 0 ? 'ok' : 'NOT OK'}  ${(ms / 1000).toFixed(1)} s  ${at}  ${text}`)
  if (code !== 0) problems.push(`${at}: ${text} ended with ${code}: ${said.slice(-2_000)}`)
}

function report(what: string): void {
  if (problems.length === 0) console.log(`${what}: all well`)
  else console.log(`${what}:\n${problems.join('\n')}`)
}
