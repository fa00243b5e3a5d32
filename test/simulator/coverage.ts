// Which functions and branches of what ships a run of seeds has taken: the simulator in a process of its
// own under V8's coverage, told as a table, and the branches that were never taken as a list. A branch is
// what a condition, a case, a loop, a catch or the right side of &&, || and ?? leads to.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { SourceMap } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

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

interface Place {
  /** In the source. */
  readonly line: number
  readonly text: string
  readonly taken: boolean
}

interface FileCoverage {
  readonly file: string
  readonly functions: readonly Place[]
  readonly branches: readonly Place[]
}

const top = new URL('../../', import.meta.url).href
/** The drivers; the cores and their parts are printed after them. */
const drivers: readonly string[] = [
  ...[
    'wire/net/driver',
    'wire/net/connections',
    'wire/net/connection',
    'wire/net/dial',
    'wire/net/hello',
    'wire/codec',
    'wire/runs',
  ],
  ...['lockserver/running', 'viewservice/running', 'client/session-driver', 'client/pending'],
]
/** Without what compile.ts makes. */
const rooms = /^(wire|lockserver|viewservice|client)\/(?!validators)/

/** Tells it; `args` are the simulator's. */
export function tellCoverage(args: readonly string[]): void {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-coverage-'))
  try {
    const main = fileURLToPath(new URL('main.js', import.meta.url))
    const { status } = spawnSync(process.execPath, [main, ...args], {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, NODE_V8_COVERAGE: folder },
    })
    if (status !== 0) process.exitCode = 1
    tell(scriptsIn(folder).map(coverageOf))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function scriptsIn(folder: string): Script[] {
  const scripts = readdirSync(folder).flatMap(
    name => (JSON.parse(readFileSync(join(folder, name), 'utf8')) as { result: Script[] }).result,
  )
  return scripts.filter(({ url }) => url.startsWith(top) && rooms.test(url.slice(top.length)))
}

function coverageOf({ url, functions }: Script): FileCoverage {
  const path = fileURLToPath(url)
  const text = readFileSync(path, 'utf8')
  const lineOf = lines(path, text)
  const ranges = functions.flatMap(({ ranges }) => ranges)
  const place = (node: ts.Node, shown: string): Place => {
    const start = node.getStart(source)
    return { line: lineOf(start), text: shown, taken: countAt(ranges, start) > 0 }
  }
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true)
  const [entered, branches]: [Place[], Place[]] = [[], []]
  const visit = (node: ts.Node) => {
    if (isFunction(node) && node.body !== undefined) entered.push(place(node.body, nameOf(node)))
    for (const branch of branchesOf(node)) branches.push(place(branch, shortText(branch, source)))
    ts.forEachChild(node, visit)
  }
  visit(source)
  return { file: url.slice(top.length).replace(/\.js$/, '.ts'), functions: entered, branches }
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

// ---- what a source consists of

type Function = ts.FunctionLikeDeclaration

function isFunction(node: ts.Node): node is Function {
  return ts.isFunctionLike(node) && 'body' in node
}

function nameOf(node: Function): string {
  if (ts.isConstructorDeclaration(node)) return 'constructor'
  return node.name?.getText() ?? 'a function'
}

function branchesOf(node: ts.Node): ts.Node[] {
  if (ts.isIfStatement(node))
    return node.elseStatement === undefined
      ? [node.thenStatement]
      : [node.thenStatement, ...(ts.isIfStatement(node.elseStatement) ? [] : [node.elseStatement])]
  if (ts.isConditionalExpression(node)) return [node.whenTrue, node.whenFalse]
  if (ts.isCaseOrDefaultClause(node)) return node.statements.slice(0, 1)
  if (ts.isBinaryExpression(node) && isShortCut(node.operatorToken.kind)) return [node.right]
  if (ts.isCatchClause(node)) return [node.block]
  if (ts.isIterationStatement(node, false)) return [node.statement]
  return []
}

function isShortCut(kind: ts.SyntaxKind): boolean {
  return (
    kind === ts.SyntaxKind.AmpersandAmpersandToken ||
    kind === ts.SyntaxKind.BarBarToken ||
    kind === ts.SyntaxKind.QuestionQuestionToken
  )
}

function shortText(node: ts.Node, source: ts.SourceFile): string {
  const text = node.getText(source).replace(/\s+/g, ' ')
  return text.length > 90 ? `${text.slice(0, 89)}…` : text
}

/** From a place in what was built to the line of its source. */
function lines(path: string, text: string): (offset: number) => number {
  const map = new SourceMap(JSON.parse(readFileSync(`${path}.map`, 'utf8')))
  const starts = [0]
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return offset => {
    let row = 0
    while (row + 1 < starts.length && (starts[row + 1] as number) <= offset) row++
    const entry = map.findEntry(row, offset - (starts[row] as number))
    return 'originalLine' in entry ? entry.originalLine + 1 : 0
  }
}

// ---- as text

function tell(files: readonly FileCoverage[]): void {
  const isDriver = ({ file }: FileCoverage) => drivers.includes(file.replace(/\.ts$/, ''))
  const sorted = files.filter(hasCode).sort((a, b) => (a.file < b.file ? -1 : 1))
  const [some, others] = [sorted.filter(isDriver), sorted.filter(file => !isDriver(file))]
  console.log('\n| what runs the cores | functions | branches | of them |\n|---|---|---|---|')
  for (const file of some) console.log(rowOf(file.file, [file]))
  console.log(rowOf('together', some))
  console.log('\n| the cores | functions | branches | of them |\n|---|---|---|---|')
  for (const file of others) console.log(rowOf(file.file, [file]))
  console.log(rowOf('together', others))
  console.log(rowOf('all', sorted))
  console.log('\nnever taken:')
  for (const file of sorted)
    for (const { line, text } of neverTaken(file)) console.log(`${file.file}:${line}  ${text}`)
}

function neverTaken({ functions, branches }: FileCoverage): Place[] {
  const called = functions.map(place => ({ ...place, text: `${place.text}()` }))
  return [...called, ...branches].filter(({ taken }) => !taken).sort((a, b) => a.line - b.line)
}

function hasCode({ functions, branches }: FileCoverage): boolean {
  return functions.length + branches.length > 0
}

function rowOf(name: string, files: readonly FileCoverage[]): string {
  const functions = files.flatMap(({ functions }) => functions)
  const branches = files.flatMap(({ branches }) => branches)
  const taken = (places: readonly Place[]) => places.filter(({ taken }) => taken).length
  const part = branches.length === 0 ? 100 : (100 * taken(branches)) / branches.length
  return `| ${name} | ${taken(functions)}/${functions.length} | ${taken(branches)}/${branches.length} | ${part.toFixed(1)} % |`
}
