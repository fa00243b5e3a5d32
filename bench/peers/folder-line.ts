// Where benchmarks keep what they write: a file system in memory would make any sync look free.

import { statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'

/** By what Linux says of them. */
const kinds: Readonly<Record<number, string>> = {
  61267: 'ext4',
  1481003842: 'xfs',
  2435016766: 'btrfs',
  2035054128: 'overlay',
  16914836: 'tmpfs, in memory: syncs cost nothing there, so give TMPDIR a folder on a disk',
}

export function folderLine(): string {
  const { type } = statfsSync(tmpdir())
  return `folders below ${tmpdir()}, on ${kinds[type] ?? `a file system of type 0x${type.toString(16)}`}`
}
