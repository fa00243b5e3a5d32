// The table by blind spot: how many bugs are planted, how many were caught before and now, and by what. Results come
// from the lines of `npm run mutants -- --json`; nothing is hunted here.

import { blindSpots } from './all.ts'
import { before } from './before.ts'
import type { Catch } from './hunt.ts'

export interface Result {
  readonly name: string
  readonly caught: Catch | null
}

export function resultsIn(text: string): Result[] {
  return text
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line) as Result)
}

export const tableHead = ['blind spot', 'planted', 'before', 'caught now', 'by what'] as const

/** A later result of a bug counts for an earlier one; a bug without a result is not in the numbers of what is caught. */
export function tableRows(results: readonly Result[]): string[][] {
  const byName = new Map(results.map(result => [result.name, result]))
  return Object.entries(blindSpots).map(([spot, mutants]) => {
    const known = mutants.flatMap(({ name }) => byName.get(name) ?? [])
    const caught = known.flatMap(result => result.caught ?? [])
    const now = known.length === 0 ? '' : `${caught.length} of ${known.length}`
    return [spot, String(mutants.length), before[spot] ?? 'not measured', now, toolsOf(caught)]
  })
}

function toolsOf(caught: readonly Catch[]): string {
  return (['simulator', 'search', 'test'] as const)
    .map(tool => [tool, caught.filter(({ by }) => by === tool).length] as const)
    .filter(([, count]) => count > 0)
    .map(([tool, count]) => `${tool} ${count}`)
    .join(', ')
}
