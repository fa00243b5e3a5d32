// What caught each planted bug the last time, kept in caught.json: a run tries that first. It proves nothing by itself: a
// bug that is not caught there is hunted as if nothing were known of it.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { searches } from '../search/searches.ts'
import { takeoverSearches } from '../search/takeovers/run.ts'
import type { Catch, Verdict } from './hunt.ts'
import { root } from './plant.ts'

/** One seed of the simulator, one search, or one test, by its name. */
export type LastCatch =
  | { readonly by: 'simulator'; readonly seed: number }
  | { readonly by: 'search'; readonly only: string }
  | { readonly by: 'test'; readonly name: string }

type Kept = Readonly<Record<string, LastCatch>>

const searchNames = [...searches, ...takeoverSearches].map(({ name }) => name)
const path = join(root, 'test/mutants/caught.json')

export function lastCaught(): Kept {
  if (!existsSync(path)) return {}
  const kept = JSON.parse(readFileSync(path, 'utf8')) as Kept
  return Object.fromEntries(Object.entries(kept).filter(([, last]) => isThere(last)))
}

/** A search or a test may have another name by now. */
function isThere(last: LastCatch): boolean {
  if (last.by === 'test') return existsSync(join(root, `test/${last.name}.ts`))
  return last.by === 'simulator' || searchNames.includes(last.only)
}

/** Bugs that were not in this run, or not caught by it, keep what was known of them. */
export function keepCaught(verdicts: readonly Verdict[], names: readonly string[]): void {
  const kept: Record<string, LastCatch> = { ...lastCaught() }
  for (const { mutant, caught } of verdicts) if (caught !== null) kept[mutant.name] = lastCatchOf(caught)
  const rows = Object.entries(kept)
    .filter(([name]) => names.includes(name))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, last]) => `  ${JSON.stringify(name)}: ${JSON.stringify(last)}`)
  writeFileSync(path, `{\n${rows.join(',\n')}\n}\n`)
}

function lastCatchOf({ by, check, effort }: Catch): LastCatch {
  if (by === 'simulator') return { by, seed: effort.seeds ?? 1 }
  if (by === 'search') return { by, only: searchNames.find(name => check.startsWith(`${name}: `)) ?? check }
  return { by, name: check.replace(/^test\/|\.ts$/g, '') }
}
