// Whether the planted bugs compile: types are checked with many bugs at once, at most one in each file, so that some
// thirty programs do for all. A hunt transpiles without types, so an edit that names what is gone would
// be another mistake than it says. It plants nothing.

import { join } from 'node:path'
import ts from 'typescript'
import { KnownTypes } from './known-types.ts'
import type { Mutant } from './mutant.ts'
import { options, root, sourcesOf } from './plant.ts'

/** What the compiler says of each bug that does not compile, by its name. */
export function typeProblems(mutants: readonly Mutant[]): Map<string, string> {
  const problems = new Map<string, string>()
  const known = new KnownTypes()
  const compiler = new Compiler()
  for (const batch of batchesOf(mutants.filter(mutant => !known.has(mutant)))) {
    const owners = new Map<string, Mutant>()
    const sources = new Map<string, string>()
    for (const mutant of batch)
      for (const [file, source] of sourcesOf(mutant)) {
        owners.set(file, mutant)
        sources.set(file, source)
      }
    for (const file of compiler.problemsOf(sources).keys()) {
      const mutant = owners.get(file) as Mutant
      // Another bug of the batch may have changed what this file imports.
      const alone = [...compiler.problemsOf(sourcesOf(mutant)).values()][0]
      if (alone !== undefined) problems.set(mutant.name, alone)
    }
  }
  known.keep(mutants.filter(({ name }) => !problems.has(name)))
  return problems
}

/** As few lists as can be in which no file occurs twice. Bugs whose mistake is one of types are left out. */
function batchesOf(mutants: readonly Mutant[]): Mutant[][] {
  const batches: { readonly files: Set<string>; readonly mutants: Mutant[] }[] = []
  for (const mutant of mutants) {
    if (mutant.typesDiffer !== undefined) continue
    const files = mutant.edits.map(({ file }) => file)
    let batch = batches.find(({ files: taken }) => files.every(file => !taken.has(file)))
    if (batch === undefined) {
      batch = { files: new Set(), mutants: [] }
      batches.push(batch)
    }
    for (const file of files) batch.files.add(file)
    batch.mutants.push(mutant)
  }
  return batches.map(batch => batch.mutants)
}

const checked: ts.CompilerOptions = {
  ...options,
  noEmit: true,
  incremental: false,
  // A piece that is taken out may leave what only it used.
  noUnusedLocals: false,
  noUnusedParameters: false,
}
delete checked.tsBuildInfoFile

class Compiler {
  readonly #plain = new Map<string, ts.SourceFile | undefined>()
  #last: ts.Program | undefined

  /** What is wrong in the files of these sources, by file. */
  problemsOf(sources: ReadonlyMap<string, string>): Map<string, string> {
    const program = this.#programOf(sources)
    const problems = new Map<string, string>()
    for (const file of sources.keys()) {
      const [first] = program.getSemanticDiagnostics(program.getSourceFile(join(root, file)))
      if (first !== undefined)
        problems.set(file, `${file}: ${ts.flattenDiagnosticMessageText(first.messageText, ' ')}`)
    }
    return problems
  }

  #programOf(sources: ReadonlyMap<string, string>): ts.Program {
    const edited = new Map([...sources].map(([file, source]) => [join(root, file), source]))
    const host = ts.createCompilerHost(checked)
    const read = host.getSourceFile.bind(host)
    host.getSourceFile = (name, version, ...rest) => {
      const source = edited.get(name)
      if (source !== undefined) return ts.createSourceFile(name, source, version, true)
      if (!this.#plain.has(name)) this.#plain.set(name, read(name, version, ...rest))
      return this.#plain.get(name)
    }
    const last = this.#last === undefined ? {} : { oldProgram: this.#last }
    this.#last = ts.createProgram({ rootNames: [...edited.keys()], options: checked, host, ...last })
    return this.#last
  }
}
