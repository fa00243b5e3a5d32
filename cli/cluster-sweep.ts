// Temporary folders of local clusters that were killed (SIGKILL) and could not remove theirs: the next cluster does. It
// removes only what is surely left behind: of this user, and by a process of this very boot and pid namespace that is
// gone. Where the system can't tell, it removes nothing.

import { readFileSync, readlinkSync } from 'node:fs'
import { lstat, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const folderPrefix = 'holdfast-'
const fileName = 'cluster-process'

/** Says in the folder whose it is. */
export async function markFolder(folder: string): Promise<void> {
  await writeFile(join(folder, fileName), JSON.stringify({ ...worldOf(), ...processOf(process.pid) }), {
    mode: 0o600,
  })
}

export async function sweepFolders(within = tmpdir()): Promise<void> {
  const names = await readdir(within).catch(() => [])
  for (const name of names.filter(each => each.startsWith(folderPrefix))) {
    const folder = join(within, name)
    // Another cluster may remove it at the same time.
    if (await isLeft(folder).catch(() => false))
      await rm(folder, { recursive: true, force: true }).catch(() => {})
  }
}

async function isLeft(folder: string): Promise<boolean> {
  const about = await lstat(folder)
  if (!about.isDirectory() || about.uid !== process.getuid?.()) return false
  const { boot, space, pid, startedAt } = JSON.parse(await readFile(join(folder, fileName), 'utf8'))
  const here = worldOf()
  // In another container the pid belongs to another process.
  if (here.boot === null || boot !== here.boot || space !== here.space) return false
  return Number.isSafeInteger(pid) && processOf(pid).startedAt !== startedAt
}

/** Where a pid means something: this boot of this machine, and this namespace. Null where that can't be known. */
function worldOf(): { readonly boot: string | null; readonly space: string | null } {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    return { boot, space: readlinkSync('/proc/self/ns/pid') }
  } catch {
    return { boot: null, space: null }
  }
}

/** `startedAt` in ticks since the boot; null: there is no such process. */
function processOf(pid: number): { readonly pid: number; readonly startedAt: string | null } {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    return { pid, startedAt: fields[19] ?? null }
  } catch {
    return { pid, startedAt: null }
  }
}
