// What a disk or a process may be short of for a moment (B6), in words, and how long a save waits for it.
// Every other error of a record is final at once.

import { readClock } from '../wire/clock.ts'
import { pause } from '../wire/net/timers-node.ts'

export type Lack = 'files' | 'room' | 'memory'

const lacks: Readonly<Record<string, Lack>> = {
  EMFILE: 'files',
  ENFILE: 'files',
  ENOSPC: 'room',
  EDQUOT: 'room',
  ENOMEM: 'memory',
}

/** Undefined if the error is no shortage. */
export function lackOf(error: unknown): Lack | undefined {
  const { code, cause } = error as NodeJS.ErrnoException
  return lacks[code ?? ''] ?? (cause instanceof Error ? lackOf(cause) : undefined)
}

export const lackTexts: Readonly<Record<Lack, string>> = {
  files: 'no more files may be opened: raise the limit (LimitNOFILE, ulimit -n), or end what holds them',
  room: 'the disk, or this user’s part of it, is full: make room in the data folder’s file system',
  memory: 'the system has no memory left',
}

export interface Patience {
  readonly limitMs: number
  readonly everyMs: number
  /** Called for each try that failed because something was short. */
  readonly lacking: (lack: Lack) => void
}

/** Tries again while something is short, until the limit. */
export async function withPatience<T>(
  save: () => PromiseLike<T>,
  { limitMs, everyMs, lacking }: Patience,
): Promise<T> {
  const end = readClock().monotonic + limitMs
  for (;;) {
    try {
      return await save()
    } catch (error) {
      const lack = lackOf(error)
      if (lack === undefined) throw error
      lacking(lack)
      if (readClock().monotonic >= end) throw error
    }
    await pause(everyMs)
  }
}
