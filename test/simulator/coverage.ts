// Which functions and branches of what ships a run of seeds has taken: the simulator in a process of its
// own under V8's coverage, told as a table, and what was never taken as a list. It fails when the table of
// what seeds can't take (untaken.ts) no longer fits, and with many seeds when too little is taken.

import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Part, type Place, partsOf, sourcesOf } from './places.ts'
import { type Untaken, untaken } from './untaken.ts'

/** What V8 writes. */
interface Range {
  readonly startOffset: number
  readonly endOffset: number
  readonly count: number
}
interface Script {
  readonly url: string
  readonly functions: readonly { readonly functionName: string; readonly ranges: readonly Range[] }[]
}

interface Judged extends Place {
  readonly taken: boolean
  /** Why seeds can't take it; null: the table does not name it. */
  readonly why: string | null
}

interface FileCoverage {
  readonly file: string
  readonly functions: readonly Judged[]
  readonly branches: readonly Judged[]
}

const top = new URL('../../', import.meta.url)
/** The drivers; the cores and their parts are printed after them. */
const drivers: readonly string[] = [
  ...['driver', 'connections', 'connection', 'dial', 'hello'].map(name => `wire/net/${name}.ts`),
  ...['wire/codec.ts', 'wire/runs.ts', 'lockserver/running.ts', 'viewservice/running.ts'],
  ...['client/session-driver.ts', 'client/pending.ts'],
]
/** From so many seeds on the run is judged by what it has taken. */
const judgedSeeds = 1_000
const takenMin = 0.97

/** Tells it; `args` are the simulator's, with `--seeds`. Each of `processes` takes its share of the seeds. */
export async function tellCoverage(args: readonly string[], processes: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-coverage-'))
  try {
    const [first, seeds] = [numberIn(args, '--seed', 1), numberIn(args, '--seeds', 100)]
    const share = Math.ceil(seeds / processes)
    const statuses = await Promise.all(
      Array.from({ length: processes }, async (_, i) => {
        const [from, count] = [first + i * share, Math.min(share, seeds - i * share)]
        const own = [...args, '--seed', `${from}`, '--seeds', `${count}`]
        const ordinary = await runs(own, folder)
        if (args.includes('--theme')) return ordinary
        // No ordinary seed changes the number of groups: some of the same ones do, with this theme.
        return (await runs([...own, '--theme', 'moves'], folder)) || ordinary
      }),
    )
    if (statuses.some(status => status !== 0)) process.exitCode = 1
    const files = coverageOf(scriptsIn(folder))
    tell(files)
    judge(files, seeds)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function numberIn(args: readonly string[], name: string, unlessTold: number): number {
  const at = args.indexOf(name)
  return at < 0 ? unlessTold : Number(args[at + 1])
}

/** Of an option that is given twice, the last one counts. */
function runs(args: readonly string[], folder: string): Promise<number | null> {
  const main = fileURLToPath(new URL('main.js', import.meta.url))
  const child = spawn(process.execPath, [main, ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, NODE_V8_COVERAGE: folder },
  })
  return new Promise(resolve => child.once('exit', resolve))
}

/** By file, what each process has counted. */
function scriptsIn(folder: string): Map<string, Range[][]> {
  const scripts = readdirSync(folder).flatMap(
    name => (JSON.parse(readFileSync(join(folder, name), 'utf8')) as { result: Script[] }).result,
  )
  const byFile = new Map<string, Range[][]>()
  for (const { url, functions } of scripts) {
    if (!url.startsWith(top.href)) continue
    const file = url.slice(top.href.length).replace(/\.js$/, '.ts')
    byFile.set(file, [...(byFile.get(file) ?? []), functions.flatMap(({ ranges }) => ranges)])
  }
  return byFile
}

function coverageOf(rangesOf: ReadonlyMap<string, readonly (readonly Range[])[]>): FileCoverage[] {
  return sourcesOf(top).map(file => {
    const counted = rangesOf.get(file) ?? []
    const judged = ({ place, inside }: Part): Judged => ({
      ...place,
      taken: counted.some(ranges => countAt(ranges, place.offset) > 0),
      why: rowOf(file, [place, ...inside])?.why ?? null,
    })
    const { functions, branches } = partsOf(top, file)
    return { file, functions: functions.map(judged), branches: branches.map(judged) }
  })
}

/** The row that names the place, or one that it stands inside of. */
function rowOf(file: string, places: readonly Place[]): Untaken | undefined {
  return untaken.find(row => row.file === file && places.some(place => isNamedBy(row, place)))
}

function isNamedBy(row: Untaken, place: Place): boolean {
  return row.in === place.in && row.text === place.text
}

/** The smallest range around a place says how often it was come to. */
function countAt(ranges: readonly Range[], offset: number): number {
  let [smallest, count] = [Number.POSITIVE_INFINITY, 0]
  for (const { startOffset, endOffset, count: times } of ranges) {
    const size = endOffset - startOffset
    if (startOffset <= offset && offset < endOffset && size <= smallest) [smallest, count] = [size, times]
  }
  return count
}

/** Rows of the table that name nothing, or more than they say. */
export function misfits(): string[] {
  return untaken.flatMap(row => {
    const { functions, branches } = partsOf(top, row.file)
    const found = [...functions, ...branches].filter(({ place }) => isNamedBy(row, place))
    return found.length === (row.times ?? 1)
      ? []
      : [`${row.file}  ${row.in}: ${row.text} (${found.length} places)`]
  })
}

/** How many branches the table names, taken or not. */
export function namedBranches(): { readonly named: number; readonly all: number } {
  const branches = coverageOf(new Map()).flatMap(file => file.branches)
  return { named: branches.filter(({ why }) => why !== null).length, all: branches.length }
}

// ---- the verdict

function judge(files: readonly FileCoverage[], seeds: number): void {
  const wrong = misfits().map(row => `untaken.ts names what is not there, or not so often: ${row}`)
  const branches = files.flatMap(({ branches }) => branches)
  const all = files.flatMap(({ functions, branches }) => [...functions, ...branches])
  const part = branches.filter(({ taken }) => taken).length / branches.length
  const unexplained = all.filter(({ taken, why }) => !taken && why === null).length
  if (seeds >= judgedSeeds) {
    if (part < takenMin) wrong.push(`fewer than ${100 * takenMin} % of all branches are taken`)
    if (unexplained > 0) wrong.push(`${unexplained} places are neither taken nor named`)
  }
  for (const text of wrong) console.log(`WRONG: ${text}`)
  if (wrong.length > 0) process.exitCode = 1
}

// ---- as text

function tell(files: readonly FileCoverage[]): void {
  const isDriver = ({ file }: FileCoverage) => drivers.includes(file)
  const [some, others] = [files.filter(isDriver), files.filter(file => !isDriver(file))]
  table('what runs the cores', some)
  table('the cores, and all else', others)
  console.log(lineOf('all', files))
  console.log('\nnever taken, and why:')
  for (const file of files)
    for (const { line, in: inside, text, why } of neverTaken(file))
      console.log(`${file.file}:${line}  ${inside}: ${text}${why === null ? '' : `  (${why})`}`)
  for (const kind of ['functions', 'branches'] as const) console.log(sharesOf(kind, files))
}

function table(title: string, files: readonly FileCoverage[]): void {
  console.log(
    `\n| ${title} | functions | branches | of them | named, not taken | neither |\n|---|---|---|---|---|---|`,
  )
  for (const file of files) console.log(lineOf(file.file, [file]))
  console.log(lineOf('together', files))
}

function neverTaken({ functions, branches }: FileCoverage): Judged[] {
  return [...functions, ...branches].filter(({ taken }) => !taken).sort((a, b) => a.line - b.line)
}

function lineOf(name: string, files: readonly FileCoverage[]): string {
  const functions = files.flatMap(({ functions }) => functions)
  const branches = files.flatMap(({ branches }) => branches)
  const { taken, named, neither } = counted(branches)
  const part = branches.length === 0 ? 100 : (100 * taken) / branches.length
  return `| ${name} | ${counted(functions).taken}/${functions.length} | ${taken}/${branches.length} | ${part.toFixed(1)} % | ${named} | ${neither} |`
}

function sharesOf(kind: 'functions' | 'branches', files: readonly FileCoverage[]): string {
  const places = files.flatMap(file => file[kind])
  const { taken, named, neither } = counted(places)
  const share = (part: number) => `${((100 * part) / places.length).toFixed(1)} %`
  return `${kind}: ${places.length}; ${taken} taken (${share(taken)}), ${named} named and not taken (${share(named)}), ${neither} neither (${share(neither)})`
}

function counted(places: readonly Judged[]): { taken: number; named: number; neither: number } {
  const taken = places.filter(place => place.taken).length
  const named = places.filter(place => !place.taken && place.why !== null).length
  return { taken, named, neither: places.length - taken - named }
}
