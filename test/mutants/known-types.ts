// Which planted bugs are known to compile, so that a second check takes no time: a bug is known by its sources as
// edited and by what all other files declare, which is all that the compiler reads of them. Nothing is compiled here.

import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import ts from 'typescript'
import type { Mutant } from './mutant.ts'
import { root, sourcesOf } from './plant.ts'

const path = join(root, 'node_modules/.cache/planted-bugs.json')
/** Those of some commits; then all are checked anew. */
const knownMax = 5_000

export class KnownTypes {
  readonly #known = new Set<string>(read())
  readonly #declared = declared()

  has(mutant: Mutant): boolean {
    return this.#known.has(this.#keyOf(mutant))
  }

  /** All of these compile. */
  keep(mutants: readonly Mutant[]): void {
    if (this.#known.size > knownMax) this.#known.clear()
    for (const mutant of mutants) this.#known.add(this.#keyOf(mutant))
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, JSON.stringify([...this.#known]))
  }

  #keyOf(mutant: Mutant): string {
    const hash = createHash('sha256').update(this.#declared)
    for (const [file, source] of sourcesOf(mutant)) hash.update(`${file}\n${source}\n`)
    return hash.digest('hex')
  }
}

function read(): string[] {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as string[]
  } catch {
    return [] // no check was made yet
  }
}

/** What the built files declare, and what compiles them. */
function declared(): string {
  const hash = createHash('sha256').update(ts.version)
  hash.update(readFileSync(join(root, 'tsconfig.json')))
  for (const folder of ['wire', 'viewservice', 'lockserver', 'client', 'cli']) {
    const files = readdirSync(join(root, 'dist', folder), { recursive: true, encoding: 'utf8' })
    for (const file of files.filter(name => name.endsWith('.d.ts')).sort())
      hash.update(file).update(readFileSync(join(root, 'dist', folder, file)))
  }
  return hash.digest('hex')
}
