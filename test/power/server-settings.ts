// Loaded into a lock server before its own code (`node --import`), with the settings in its address: the journal's files
// and the log between two snapshots are small, and from some moment on syncs do nothing and say that all is well.

import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { type JournalSizes, journalSizes } from '../../lockserver/journal/sizes.ts'

export interface Settings {
  readonly sizes: Partial<JournalSizes>
  /** Syncs lie once this file exists. */
  readonly lyingFile: string
}

const { sizes, lyingFile } = JSON.parse(
  decodeURIComponent(new URL(import.meta.url).search.slice(1)) || '{"sizes":{},"lyingFile":""}',
) as Settings
Object.assign(journalSizes, sizes)
if (lyingFile !== '') {
  const { fdatasync } = fs
  const mayLie = (file: number, done: (error: Error | null) => void) =>
    fs.existsSync(lyingFile) ? setImmediate(done, null) : fdatasync(file, done)
  Object.assign(fs, { fdatasync: mayLie })
  syncBuiltinESMExports()
}
