// On which machine, in which of its boots, and in which folder a journal is (D9). An imprint from the same place was
// written by a process that is gone once its hold is free; any other needs D4's proof.

import { readFile, stat } from 'node:fs/promises'
import type { Place } from '../text.ts'

export async function placeOf(folder: string): Promise<Place> {
  const { dev, ino } = await stat(folder)
  const machine = await firstLineOf('/etc/machine-id')
  const boot = await firstLineOf('/proc/sys/kernel/random/boot_id')
  return { machine, boot, folder: `${dev}:${ino}` }
}

/** A place without a machine's or boot's id is never the same. */
export function isSame(one: Place, other: Place): boolean {
  if (one.machine === '' || one.boot === '') return false
  return one.machine === other.machine && one.boot === other.boot && one.folder === other.folder
}

async function firstLineOf(path: string): Promise<string> {
  try {
    return ((await readFile(path, 'utf8')).split('\n')[0] ?? '').trim().slice(0, 128)
  } catch {
    return '' // many containers have none
  }
}
