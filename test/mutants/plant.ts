// Puts a planted bug into a copy of the build: only the changed sources are compiled, and put into a separate
// folder. What ships is never touched.

import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
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

/** Why the mutant can't be planted in the sources as they are, or undefined. */
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
    cpSync(join(root, 'dist'), join(folder, 'dist'), {
      recursive: true,
      filter: path => !/\.(d\.ts|map)$/.test(path),
    })
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

function write(folder: string, sources: ReadonlyMap<string, string>): void {
  for (const [file, source] of sources)
    writeFileSync(join(folder, 'dist', file.replace(/ts$/, 'js')), toJavaScript(file, source))
  if ([...sources.keys()].some(file => ofValidators.includes(file)))
    execFileSync(process.execPath, [join(folder, 'dist/wire/compile.js')])
}

/** What the validators of messages are compiled from. */
const ofValidators = ['wire/messages.ts', 'wire/shape.ts', 'wire/compile.ts']

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
