// Makes the folder in which a server keeps what must survive a loss of power. The name of a new folder lies in the folder
// above it, so that one is synced, too; otherwise all that is in the new one, however well synced, could be gone with its
// name. What is inside is for its owner to sync.

import { mkdir, open, realpath } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

/** For its owner alone. Resolves once its name is on the disk, also if another process has made it. */
export async function makeFolder(path: string): Promise<void> {
  const whole = resolve(path)
  const first = await mkdir(whole, { recursive: true, mode: 0o700 })
  if (first === undefined) return syncIfReadable(dirname(await realpath(whole)))
  for (const folder of foldersAbove(whole, first)) await syncFolder(folder)
}

/** Where the names lie of this folder and of those above it, up to the first that was made; the highest first. */
export function foldersAbove(path: string, first: string): string[] {
  const above = dirname(path)
  return path === first || above === path ? [above] : [...foldersAbove(above, first), above]
}

/** Whoever made the folder could read the one above it, and had it synced. */
async function syncIfReadable(folder: string): Promise<void> {
  await syncFolder(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EACCES') throw error
  })
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
