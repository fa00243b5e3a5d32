// Looks at a journal without writing, also beside a living server: what it holds, and whether a process holds it.

import { volumeIn, volumeName } from '../names.ts'
import { type DumpedLock, dumpOf, type JournalReport, reportOf } from '../report.ts'
import { isFolderHeld } from './hold.ts'
import { isSame, placeOf } from './place.ts'
import { readJournal } from './read.ts'

export interface JournalLook extends JournalReport {
  /** A process uses it, or is frozen and could go on. */
  readonly held: boolean
  /** Its imprint was written on this machine, in its present boot, into this very folder (D9). */
  readonly here: boolean
}

export interface Looked {
  readonly look: JournalLook
  /** Who held what; null if there is no state. */
  readonly dump: { readonly held: readonly DumpedLock[]; readonly pending: readonly DumpedLock[] } | null
}

export async function lookAtJournal(folder: string): Promise<Looked> {
  const read = await readJournal(folder)
  const volume = Math.max(0, ...read.names.map(({ name }) => volumeIn(name) ?? 0))
  const report = reportOf(read, volume === 0 ? null : volumeName(volume))
  const place = await placeOf(folder)
  const here = report.imprint !== null && isSame(report.imprint, place)
  const dump = read.reading.is === 'whole' ? dumpOf(read.reading.state) : null
  return { look: { ...report, held: await isFolderHeld(folder), here }, dump }
}
