// CPU time of a process on this machine, as Linux counts it.

import { readdirSync, readFileSync } from 'node:fs'

/** Of all threads that it has now, so far, in microseconds; NaN where it can't be read. */
export function cpuUsOf(pid: number): number {
  const folder = `/proc/${pid}/task`
  try {
    return readdirSync(folder).reduce((us, thread) => us + ranUs(`${folder}/${thread}/schedstat`), 0)
  } catch {
    return Number.NaN
  }
}

/** The scheduler's first number: nanoseconds. `stat` counts in hundredths of a second, too coarse for a small share of a core. */
function ranUs(path: string): number {
  return Number(readFileSync(path, 'utf8').split(' ', 1)[0]) / 1_000
}
