// What a source consists of: its functions and branches, where each stands and how one can name it. A branch
// is what a condition, a case, a loop, a catch or the right side of &&, || and ?? leads to. It knows no run.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { SourceMap } from 'node:module'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { countedAfterAll, uncounted } from './untaken.ts'

export interface Place {
  /** In the source. */
  readonly line: number
  /** In what was built. */
  readonly offset: number
  /** The function that it stands in, or that it is. */
  readonly in: string
  readonly text: string
}

export interface Part {
  readonly place: Place
  /** The functions and branches that it stands inside of. */
  readonly inside: readonly Place[]
}

export interface Parts {
  readonly functions: readonly Part[]
  readonly branches: readonly Part[]
}

const rooms = ['wire', 'lockserver', 'viewservice', 'client']
const textMax = 100

/** The counted sources that have any code, by path. */
export function sourcesOf(top: URL): string[] {
  const files = rooms.flatMap(room =>
    readdirSync(fileURLToPath(new URL(room, top)), { recursive: true, encoding: 'utf8' })
      .filter(name => name.endsWith('.js') && existsSync(new URL(`${room}/${name}.map`, top)))
      .map(name => `${room}/${name.replace(/\.js$/, '.ts')}`),
  )
  return files
    .filter(isCounted)
    .filter(file => Object.values(partsOf(top, file)).flat().length > 0)
    .sort()
}

function isCounted(file: string): boolean {
  if (countedAfterAll.includes(file)) return true
  const left = uncounted.flatMap(({ files }) => files)
  return !left.some(path => (path.endsWith('/') ? file.startsWith(path) : file === path))
}

const known = new Map<string, Parts>()

export function partsOf(top: URL, file: string): Parts {
  const parts = known.get(file) ?? readParts(top, file)
  known.set(file, parts)
  return parts
}

function readParts(top: URL, file: string): Parts {
  const path = fileURLToPath(new URL(file.replace(/\.ts$/, '.js'), top))
  if (!existsSync(path)) return { functions: [], branches: [] }
  const text = readFileSync(path, 'utf8')
  const lineOf = lines(path, text)
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true)
  const parts = { functions: [] as Part[], branches: [] as Part[] }
  const placeOf = (node: ts.Node, inFunction: string, shown: string): Place => {
    const offset = node.getStart(source)
    return { line: lineOf(offset), offset, in: inFunction, text: shortened(shown) }
  }
  const visit = (node: ts.Node, inFunction: string, inside: readonly Place[]) => {
    const name = isFunction(node) ? (nameOf(node) ?? inFunction) : inFunction
    let around = inside
    if (isFunction(node) && node.body !== undefined) {
      const shown = nameOf(node) === null ? node.getText(source) : `${name}()`
      const place = placeOf(node.body, name, shown)
      parts.functions.push({ place, inside })
      around = [...inside, place]
    }
    const branches = branchesOf(node).map(
      ({ leadsTo, shown }) => [leadsTo, placeOf(leadsTo, name, shown(source))] as const,
    )
    for (const [, place] of branches) parts.branches.push({ place, inside: around })
    ts.forEachChild(node, child => {
      const own = branches.find(([leadsTo]) => leadsTo === child)
      visit(child, name, own === undefined ? around : [...around, own[1]])
    })
  }
  visit(source, '', [])
  return parts
}

// ---- functions

type Function = ts.FunctionLikeDeclaration

function isFunction(node: ts.Node): node is Function {
  return ts.isFunctionLike(node) && 'body' in node
}

/** Null: it has none of its own. */
function nameOf(node: Function): string | null {
  if (ts.isConstructorDeclaration(node)) return 'constructor'
  if (node.name !== undefined) return node.name.getText()
  return ts.isVariableDeclaration(node.parent) ? node.parent.name.getText() : null
}

// ---- branches

interface Branch {
  readonly leadsTo: ts.Node
  readonly shown: (source: ts.SourceFile) => string
}

function branchesOf(node: ts.Node): Branch[] {
  const named = (leadsTo: ts.Node, condition: ts.Node | null, before: string, after: string): Branch => ({
    leadsTo,
    shown: source => `${before}${condition?.getText(source) ?? ''}${after}${leadsTo.getText(source)}`,
  })
  if (ts.isIfStatement(node)) {
    const { expression, thenStatement, elseStatement } = node
    const then = named(thenStatement, expression, 'if (', ') ')
    if (elseStatement === undefined || ts.isIfStatement(elseStatement)) return [then]
    return [then, named(elseStatement, null, 'else ', '')]
  }
  if (ts.isConditionalExpression(node))
    return [
      named(node.whenTrue, node.condition, '', ' ? '),
      named(node.whenFalse, node.condition, 'not ', ' : '),
    ]
  if (ts.isCaseOrDefaultClause(node)) {
    const label = ts.isCaseClause(node) ? node.expression : null
    return node.statements
      .slice(0, 1)
      .map(first => named(first, label, label === null ? 'default' : 'case ', ': '))
  }
  if (ts.isBinaryExpression(node) && isShortCut(node.operatorToken.kind))
    return [named(node.right, node.left, '', ` ${node.operatorToken.getText()} `)]
  if (ts.isCatchClause(node)) return [named(node.block, null, 'catch ', '')]
  if (ts.isIterationStatement(node, false)) return [named(node.statement, null, 'each time: ', '')]
  return []
}

function isShortCut(kind: ts.SyntaxKind): boolean {
  return (
    kind === ts.SyntaxKind.AmpersandAmpersandToken ||
    kind === ts.SyntaxKind.BarBarToken ||
    kind === ts.SyntaxKind.QuestionQuestionToken
  )
}

function shortened(text: string): string {
  const flat = text.replace(/\s+/g, ' ')
  return flat.length > textMax ? `${flat.slice(0, textMax - 1)}…` : flat
}

/** From a place in what was built to the line of its source. */
function lines(path: string, text: string): (offset: number) => number {
  const map = new SourceMap(JSON.parse(readFileSync(`${path}.map`, 'utf8')))
  const starts = [0]
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return offset => {
    let [row, after] = [0, starts.length]
    while (row + 1 < after) {
      const middle = (row + after) >> 1
      if ((starts[middle] as number) <= offset) row = middle
      else after = middle
    }
    const entry = map.findEntry(row, offset - (starts[row] as number))
    return 'originalLine' in entry ? entry.originalLine + 1 : 0
  }
}
