// Writes a view record that was rebuilt (E7) into the store that it was lost from. Where the store holds a record that
// may be in force, it writes nothing.

import { placeOf } from './options.ts'
import type { StoredRecord, ViewRecord } from './record.ts'
import { groupsIn, lastViewOf, viewedIn } from './record.ts'
import { openStore, placeOption } from './stores/place.ts'
import { StoreError } from './stores/store.ts'

export interface AdoptPlace {
  readonly data?: string | undefined
  readonly record?: string | undefined
}

/** Rejects if the store holds a record that is not older, or of another cluster with a view. */
export async function writeAdopted(given: AdoptPlace, adopted: ViewRecord): Promise<void> {
  const place = placeOf(given)
  const store = openStore(place, () => {})
  try {
    const held = await store.load()
    const problem = held === null ? null : inTheWay(held.record, adopted)
    if (problem !== null) throw new Error(`${placeOption(place)} ${problem}: nothing was written`)
    await store.save({ ...adopted, record: 1 + (held?.record.record ?? 0) }, held)
  } catch (error) {
    if (error instanceof StoreError && error.trouble === 'taken')
      throw new Error(
        `${placeOption(place)} has got another view record meanwhile; look at it, and try again`,
      )
    throw error
  } finally {
    store.close()
  }
}

/** What a new cluster or an old copy left there is replaced. */
function inTheWay(held: StoredRecord, adopted: ViewRecord): string | null {
  const { cluster } = adopted
  const record = viewedIn(held)
  if (record === null) return null
  if (record.cluster !== cluster)
    return `holds view ${record.view.number} of another cluster, ${record.cluster}`
  if (isOlder(record, adopted)) return null
  return `holds view ${record.view.number} of this cluster, which is not older than what its lock servers tell of`
}

/** In some group, and newer in none. */
function isOlder(held: ViewRecord, adopted: ViewRecord): boolean {
  const ahead = numbersIn(held).map((number, group) => number - (numbersIn(adopted)[group] ?? 0))
  return ahead.every(more => more <= 0) && ahead.some(more => more < 0)
}

function numbersIn(record: ViewRecord): number[] {
  return Array.from({ length: groupsIn(record) }, (_, group) => lastViewOf(record, group))
}
