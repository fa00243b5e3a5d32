// Puts a planted bug into a copy of the build: only the changed sources are compiled, and put into a separate
// folder. What ships is never touched.

import { execFileSync } from 'node:child_process'
import {
  copyFileSync,
  cpSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { edited, type Mutant } from './mutant.ts'

/** The top of the project; this file runs in dist/test/mutants. */
export const root = fileURLToPath(new URL('../../../', import.meta.url))

export interface Planted {
  /** Holds dist, and what it needs to run. */
  readonly folder: string
  remove(): void
}

/** The mutant's sources, by their path; throws if an edit does not fit. */
export function sourcesOf(mutant: Mutant): Map<string, string> {
  const sources = new Map<string, string>()
  for (const edit of mutant.edits) {
    const source = sources.get(edit.file) ?? readFileSync(join(root, edit.file), 'utf8')
    sources.set(edit.file, edited(source, edit))
  }
  return sources
}

/** Why its edits don't fit the sources as they are, or undefined. */
export function misfitOf(mutant: Mutant): string | undefined {
  try {
    sourcesOf(mutant)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  return undefined
}

/** Why the mutant can't be planted in the sources as they are, or undefined: an edit doesn't fit, or is no TypeScript. */
export function problemOf(mutant: Mutant): string | undefined {
  try {
    for (const [file, source] of sourcesOf(mutant)) {
      const parsed = ts.createSourceFile(file, source, ts.ScriptTarget.ES2022) as ts.SourceFile & {
        readonly parseDiagnostics?: readonly ts.Diagnostic[]
      }
      for (const { messageText } of parsed.parseDiagnostics ?? [])
        return `${file}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  return undefined
}

/** The copy with the mutant; without one, the copy is the plain build. */
export function plant(mutant: Mutant | null): Planted {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-mutant-'))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  try {
    share(copiedOnce(), join(folder, 'dist'))
    // Some tests read sources and texts.
    for (const shared of readdirSync(root).filter(name => name !== 'dist'))
      symlinkSync(join(root, shared), join(folder, shared))
    if (mutant !== null) write(folder, sourcesOf(mutant))
  } catch (error) {
    remove()
    throw error
  }
  return { folder, remove }
}

let copied: string | undefined

/** One copy of the build for all bugs of this process, so that a build in the meantime changes none of them. */
function copiedOnce(): string {
  if (copied !== undefined) return copied
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-build-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  cpSync(join(root, 'dist'), folder, { recursive: true, filter: path => !/\.(d\.ts|map)$/.test(path) })
  copied = folder
  return folder
}

/** The same files in another folder. What is to change there is removed first, since the files are one on the disk. */
function share(from: string, to: string): void {
  mkdirSync(to)
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)]
    if (entry.isDirectory()) share(source, target)
    else shareFile(source, target)
  }
}

function shareFile(source: string, target: string): void {
  try {
    linkSync(source, target)
  } catch {
    copyFileSync(source, target) // not every file system has links
  }
}

function write(folder: string, sources: ReadonlyMap<string, string>): void {
  for (const [file, source] of sources)
    replace(join(folder, 'dist', file.replace(/ts$/, 'js')), toJavaScript(file, source))
  if (![...sources.keys()].some(file => file.startsWith('wire/messages') || ofValidators.includes(file)))
    return
  for (const name of readdirSync(join(folder, 'dist/wire')).filter(name => name.startsWith('validators-')))
    rmSync(join(folder, 'dist/wire', name))
  execFileSync(process.execPath, [join(folder, 'dist/wire/compile.js')])
}

function replace(path: string, text: string): void {
  rmSync(path)
  writeFileSync(path, text)
}

/** What the validators of messages are compiled from, beside the messages. */
const ofValidators = ['wire/shape.ts', 'wire/compile.ts']

const tsconfig = ts.parseConfigFileTextToJson(
  'tsconfig.json',
  readFileSync(join(root, 'tsconfig.json'), 'utf8'),
)
export const { options } = ts.convertCompilerOptionsFromJson(tsconfig.config.compilerOptions, root)
// One file alone: where it is, and to which package it belongs, does not matter.
const alone: ts.CompilerOptions = {
  ...options,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  declaration: false,
  sourceMap: false,
}
delete alone.rootDir
delete alone.outDir

function toJavaScript(fileName: string, source: string): string {
  return ts.transpileModule(source, { fileName, compilerOptions: alone }).outputText
}
