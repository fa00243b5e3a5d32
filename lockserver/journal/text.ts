// The messages of a journal as text, before they stand in a block. A batch's entries are folded as they are for a
// backup.

import type { Entry, JournalImprint } from '../../wire/messages.ts'
import { fold, inEntries } from '../../wire/runs.ts'
import type { Imprint, JournalWrite } from './asked.ts'

/** Where a journal is written: it tells a copy of a disk from the disk (D9). */
export type Place = Pick<JournalImprint, 'machine' | 'boot' | 'folder'>

export function imprintOf(imprint: Imprint, place: Place): JournalImprint {
  const { cluster, id, address, group, view, as, told, differs, longestTtlMs } = imprint
  const { machine, boot, folder } = place
  return { cluster, id, address, group, view, as, told, differs, longestTtlMs, machine, boot, folder }
}

export function imprintText(imprint: JournalImprint): string {
  return JSON.stringify(['imprint', imprint])
}

export function batchText({ view, firstOp, wallMs, entries }: JournalWrite & { is: 'batch' }): string {
  return `["batch",${view},${firstOp},${wallMs},${entriesText(entries)}]`
}

function entriesText(entries: readonly Entry[]): string {
  return JSON.stringify(fold(entries, inEntries))
}
