// npm test, and npm run test:one -- NAME [--grep TEXT]: runs the built test files, some at a time, each as a process of its own, the
// longest first. A file passes when its process ends with 0 and has told of at least one test; what passes inside
// of it is tap's to say. What a file printed is kept in .tap/test-results, where tap itself would keep it.

import { spawn } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { failuresOf, longestFirst, namedBy, storiesOf } from './output.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const results = join(root, '.tap/test-results')
const timesFile = join(results, 'times.json')
/** For a whole file; the process that ignores it is killed a little later. */
const fileSeconds = 240

interface Ended {
  readonly name: string
  readonly passed: boolean
  readonly seconds: number
  readonly out: string
}

const { values, positionals } = parseArgs({
  options: {
    // A third file has work while two wait for processes.
    jobs: { type: 'string', default: String(availableParallelism() + 1) },
    /** Only the stories with this in their name. */
    grep: { type: 'string' },
  },
  allowPositionals: true,
})
const only = values.grep === undefined ? {} : { TAP_GREP: values.grep }
const print = (text: string) => process.stdout.write(`${text}\n`)
const all = readdirSync(join(root, 'test'))
  .filter(name => name.endsWith('.ts'))
  .map(name => name.slice(0, -'.ts'.length))
const chosen = namedBy(positionals, all)

mkdirSync(results, { recursive: true })
if (chosen.length === 0) {
  print(`there is no test file of this name; there are ${all.join(', ')}`)
  process.exitCode = 2
} else await runAll(chosen)

async function runAll(names: readonly string[]): Promise<void> {
  const began = performance.now()
  const times = lastTimes()
  const waiting = longestFirst(names, times)
  const ended: Ended[] = []
  const work = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const one = await run(name, names.length === 1)
      ended.push(one)
      if (one.passed) times[name] = one.seconds
      if (names.length > 1) tell(one)
    }
  }
  await Promise.all(Array.from({ length: Math.max(1, Number(values.jobs)) }, work))
  writeFileSync(timesFile, JSON.stringify(times))
  const failed = ended.filter(({ passed }) => !passed)
  print(
    `${ended.length - failed.length} test files passed, ${failed.length} failed, in ${secondsSince(began)} s`,
  )
  for (const { name, out } of failed)
    print(`\nFAILED test/${name}.ts; again: npm run test:one -- ${name}\n${failuresOf(out)}`)
  if (failed.length > 0) process.exitCode = 1
}

/** One file alone is shown as it goes; its stacks name lines of the sources, which costs time in each process. */
function run(name: string, alone: boolean): Promise<Ended> {
  const began = performance.now()
  const maps = alone ? ['--enable-source-maps'] : []
  const child = spawn(process.execPath, [...maps, join(root, `dist/test/${name}.js`)], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TAP_TIMEOUT: String(fileSeconds), ...only },
    timeout: (fileSeconds + 20) * 1_000,
    killSignal: 'SIGKILL',
  })
  let [out, shown] = ['', 0]
  const hear = (text: string) => {
    out += text
    if (!alone) return
    const end = out.lastIndexOf('\n') + 1
    process.stdout.write(storiesOf(out.slice(shown, end)))
    shown = end
  }
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', hear)
  return new Promise((resolve, reject) => {
    child.once('error', reject).once('close', (code, signal) => {
      if (signal !== null) hear(`not ok - ended by ${signal}\n`)
      writeFileSync(join(results, `${name}.tap`), out)
      resolve({ name, passed: code === 0 && /^ok /m.test(out), seconds: secondsSince(began), out })
    })
  })
}

function tell({ name, passed, seconds, out }: Ended): void {
  const stories = out.match(/^ok /gm)?.length ?? 0
  print(`${passed ? 'ok    ' : 'FAILED'} ${String(seconds).padStart(5)} s  ${name} (${stories})`)
}

function secondsSince(began: number): number {
  return Math.round((performance.now() - began) / 100) / 10
}

/** Of the runs before; none in a fresh clone. */
function lastTimes(): Record<string, number> {
  try {
    return JSON.parse(readFileSync(timesFile, 'utf8'))
  } catch {
    return {}
  }
}
