// npm test: runs all test files of test/, a few processes at a time, and says how each process went. A process that fails
// is shown with all that it said but its stories that went well. Exit 1 if one fails.

import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { forShortRuns } from '../fixtures/short-runs.ts'
import { processesOf } from './groups.ts'

const usage = `npm test -- [options]

  --jobs N     so many processes at a time (default 3)
`

interface Ended {
  readonly names: readonly string[]
  readonly lines: readonly string[]
  /** Null: it went well. */
  readonly problem: string | null
  readonly seconds: number
}

const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '3' },
    help: { type: 'boolean', default: false },
  },
})
const folder = new URL('../', import.meta.url)
/** The sources say which there are: the build may hold tests that are gone. */
const names = readdirSync(new URL('../../../test/', import.meta.url))
  .filter(name => name.endsWith('.ts'))
  .map(name => name.slice(0, -'.ts'.length))

if (values.help) process.stdout.write(usage)
else process.exitCode = await runAll(processesOf(names), Number(values.jobs))

async function runAll(processes: readonly (readonly string[])[], jobs: number): Promise<number> {
  const began = process.hrtime.bigint()
  const waiting = [...processes]
  const ended: Ended[] = []
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const one = await run(next)
      ended.push(one)
      show(one)
    }
  }
  await Promise.all(Array.from({ length: Math.max(1, jobs) }, work))
  return summary(ended, secondsSince(began))
}

async function run(names: readonly string[]): Promise<Ended> {
  const began = process.hrtime.bigint()
  const [first = ''] = names
  const args = names.length === 1 ? [pathOf(first)] : [pathOf('all/group'), ...names]
  const child = spawn(process.execPath, [...forShortRuns, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { TAP_TIMEOUT: '240', ...process.env },
  })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part))
  child.stderr.setEncoding('utf8').on('data', (part: string) => (text += part))
  const problem = await new Promise<string | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (status, signal) => {
      if (signal !== null) resolve(`was ended by ${signal}`)
      else resolve(status === 0 ? null : `ended with status ${status}`)
    })
  })
  return { names, lines: text.split('\n'), problem, seconds: secondsSince(began) }
}

function pathOf(name: string): string {
  return fileURLToPath(new URL(`${name}.js`, folder))
}

function secondsSince(began: bigint): number {
  return Number(process.hrtime.bigint() - began) / 1e9
}

function show({ names, lines, problem, seconds }: Ended): void {
  print(`${problem === null ? 'ok    ' : 'FAILED'} ${seconds.toFixed(1).padStart(6)} s  ${names.join(' ')}`)
  if (problem === null) return
  for (const line of lines) if (!isWell(line)) print(`    ${line}`)
  print(`    it ${problem}`)
}

/** Of the output of a process that failed, what need not be read. */
function isWell(line: string): boolean {
  return /^\s*(ok \d|1\.\.|# (Subtest|time)|TAP version|$)/.test(line)
}

function summary(ended: readonly Ended[], seconds: number): number {
  const stories = ended.flatMap(({ lines }) => lines.filter(line => /^(not )?ok \d/.test(line)))
  for (const story of stories)
    if (/ # (SKIP|TODO)/.test(story)) print(story.replace(/^(not )?ok \d+ - /, 'skipped: '))
  const bad = stories.filter(story => story.startsWith('not ok'))
  for (const story of bad) print(`FAILED: ${story.replace(/^not ok \d+ - /, '')}`)
  const failed = ended.filter(({ problem }) => problem !== null)
  print(
    `${stories.length} stories in ${ended.length} processes, ${bad.length} failed; ${seconds.toFixed(0)} s`,
  )
  return failed.length === 0 ? 0 : 1
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
