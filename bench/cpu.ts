// CPU time of a process on this machine, as Linux counts it.

import { readFileSync } from 'node:fs'

/** The kernel reports CPU time in hundredths of a second, whatever its own tick. */
const tickUs = 10_000

/** User and system time so far, in microseconds; NaN where it can't be read. */
export function cpuUsOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The second field is a name in brackets, which may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * tickUs
  } catch {
    return Number.NaN
  }
}
