// What one file is made of, counted from its syntax: lines, functions and their lengths, casts, fields of classes, and who steps a core.

import ts from 'typescript'

/** A class with more fields than this holds more than one thing. */
export const fieldsMax = 15

export interface Counted {
  readonly file: string
  readonly lines: number
  /** Lines of each function. */
  readonly functions: readonly number[]
  /** `as` to another type; `as const` is none. */
  readonly casts: number
  readonly anys: number
  /** `x!`. */
  readonly bangs: number
  readonly classes: readonly { readonly name: string; readonly place: string; readonly fields: number }[]
  /** It hands a core an input, other than to itself. */
  readonly steps: boolean
  /** Fields of the type `View`. */
  readonly views: readonly string[]
  readonly longHeads: readonly string[]
}

const parametersMax = 5
/** `core.step(…)`, and of what drivers and parties call their core. */
const stepping = /\b(core|inner)\.step\($/i

export function count(source: ts.SourceFile): Counted {
  const { fileName: file, text } = source
  const functions: number[] = []
  const classes: { name: string; place: string; fields: number }[] = []
  const views: string[] = []
  const longHeads: string[] = []
  let [casts, anys, bangs, steps] = [0, 0, 0, false]
  const lineOf = (position: number) => source.getLineAndCharacterOfPosition(position).line + 1
  const visit = (node: ts.Node): void => {
    const place = `${file}:${lineOf(node.getStart(source))}`
    if (ts.isAsExpression(node) && node.type.getText(source) !== 'const') casts++
    if (node.kind === ts.SyntaxKind.AnyKeyword) anys++
    if (ts.isNonNullExpression(node)) bangs++
    if (ts.isCallExpression(node)) steps ||= stepping.test(`${node.expression.getText(source)}(`)
    if (ts.isClassDeclaration(node))
      classes.push({ name: node.name?.text ?? 'a class', place, fields: fieldsOf(node) })
    if (keepsView(node)) views.push(place)
    if (ts.isFunctionLike(node) && 'body' in node && node.body !== undefined) {
      functions.push(lineOf(node.end) - lineOf(node.getStart(source)) + 1)
      if (node.parameters.length > parametersMax) longHeads.push(`${place} (${node.parameters.length})`)
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return {
    file,
    lines: text.split('\n').length - 1,
    functions,
    casts,
    anys,
    bangs,
    classes,
    steps,
    views,
    longHeads,
  }
}

/** Properties, and parameters of the constructor that are properties, too. */
function fieldsOf(node: ts.ClassDeclaration): number {
  const isOwn = (member: ts.Node) => !ts.canHaveModifiers(member) || !isStatic(member)
  const declared = node.members.filter(member => ts.isPropertyDeclaration(member) && isOwn(member)).length
  const made = node.members.find(ts.isConstructorDeclaration)?.parameters ?? []
  return declared + made.filter(parameter => (parameter.modifiers?.length ?? 0) > 0).length
}

/** A field of a class, or of a record that is changed in place. */
function keepsView(node: ts.Node): boolean {
  const isField = ts.isPropertyDeclaration(node) || (ts.isPropertySignature(node) && !isReadonly(node))
  return isField && /^View( \| null)?$/.test(node.type?.getText() ?? '')
}

function isReadonly(node: ts.PropertySignature): boolean {
  return node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ReadonlyKeyword) ?? false
}

function isStatic(member: ts.HasModifiers): boolean {
  return ts.getModifiers(member)?.some(({ kind }) => kind === ts.SyntaxKind.StaticKeyword) ?? false
}
