// Commands in the text, which are not run where they stand: what they name must exist. A script of package.json, with why it is not
// run if .ci/run does not run it; a command of `holdfast` with its options; a variable of the environment.

import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Command } from '../../cli/arguments.ts'
import { variables } from '../../cli/environment.ts'

/** Scripts that .ci/run leaves out. */
export const notInCi: Readonly<Record<string, string>> = {
  start: 'it goes on until it is ended; test/terminal and test/processes/cli-cluster run what it runs',
  figures: 'half an hour on a quiet machine',
  bench: 'figures need a quiet machine; test/processes/bench runs it for a moment',
  'bench:failover': 'figures need a quiet machine; test/bench runs its parts',
  'bench:peers': 'figures need a quiet machine, and Redis',
  'bench:scale': 'figures need a quiet machine',
  'bench:inside': 'figures need a quiet machine, and another build to compare with',
  'bench:groups': 'figures need a quiet machine with many cores',
  search: 'hours; test/search runs it for some seconds',
  mutants: 'hours; npm test checks that each planted bug still fits',
  harm: 'it needs another build',
  story: 'it runs the tests of npm test, by their names',
  'test:one': 'it runs one file of npm test, which runs all',
  build: 'npm ci does',
  'build:watch': 'it goes on until it is ended',
  format: 'npm run lint finds what it would change',
  pictures: 'it makes pictures to look at',
  grafana: 'npm run check:board makes the same text, and compares',
  'show:failover': 'it prints a log to read; test/processes/logs holds the lines',
}

export interface Project {
  readonly root: string
  readonly scripts: Readonly<Record<string, string>>
  readonly ci: string
}

/** They look like commands and variables, and are none: texts that are hashed, and a mistake that is shown. */
const others = ['holdfast public id ID KEY', 'holdfast client KEY', 'HOLDFAST_PING_INTERVALL_MS']

/** What is wrong with a command that is named. */
export async function mentionProblem(code: string, project: Project): Promise<string | undefined> {
  if (others.includes(code)) return undefined
  const words = code.split(' ')
  while (/^[A-Z_]+=/.test(words[0] ?? '')) words.shift()
  if (words[0] === 'npx') words.shift()
  if (words[0] === 'npm') return scriptProblem(words, project)
  if (words[0] === 'node') return fileProblem(words, project.root)
  if (words[0] === 'holdfast' && words.length > 1) return await commandProblem(words.slice(1))
  return undefined
}

function scriptProblem(words: readonly string[], { scripts, ci, root }: Project): string | undefined {
  const name = words[1] === 'run' ? words.slice(2).find(word => !word.startsWith('-')) : words[1]
  if (name === undefined || ['ci', 'install', 'pack', '…'].includes(name)) return undefined
  if (!(name in scripts)) return `there is no script ${name}`
  const runs = new RegExp(`npm (run )?${name}(?![\\w:-])`).test(ci)
  if (!runs && !(name in notInCi))
    return `neither .ci/run runs ${name} nor does test/docs/mentions.ts say why not`
  if (name !== 'test:one') return undefined
  return testProblem(words.at(-1) ?? '', root)
}

/** `npm run test:one -- NAME` runs the files whose names begin so. */
function testProblem(name: string, root: string): string | undefined {
  if (/^[A-Z]+$/.test(name)) return undefined
  const [folder, beginning] = [join(root, 'dist/test', dirname(name)), basename(name)]
  const fits = existsSync(folder) && readdirSync(folder).some(file => file.startsWith(beginning))
  return fits ? undefined : `there is no test ${name}`
}

function fileProblem(words: readonly string[], root: string): string | undefined {
  const file = words.find(word => /^(dist|deploy|build)\//.test(word))
  return file === undefined || existsSync(join(root, file)) ? undefined : `there is no ${file}`
}

async function commandProblem(words: readonly string[]): Promise<string | undefined> {
  const [name = '', ...rest] = words
  if (name.startsWith('-') || /^[A-Z…]/.test(name)) return undefined
  const file = new URL(`../../cli/${name}.js`, import.meta.url)
  if (!existsSync(file)) return `there is no command ${name}`
  const { options } = ((await import(file.href)) as { command: Command }).command
  const own = rest.includes('--') ? rest.slice(0, rest.indexOf('--')) : rest
  const flags = own.flatMap(word => /^--([a-z-]+)/.exec(word)?.[1] ?? [])
  const strange = flags.find(flag => !(flag in options) && flag !== 'help')
  return strange === undefined ? undefined : `holdfast ${name} has no option --${strange}`
}

/** Variables in a text that no program of this project knows. */
export function strangeVariables(text: string): string[] {
  const known = new Set<string>([...variables, 'HOLDFAST_INIT', ...others])
  return [...new Set(text.match(/\bHOLDFAST_[A-Z_]+\b/g))].filter(
    name => !known.has(name) && !/^HOLDFAST_(TEST|BENCH)_/.test(name),
  )
}
