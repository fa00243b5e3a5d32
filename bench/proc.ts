// Single numbers that Linux keeps of a process, by the names that it has for them.

import { readFileSync } from 'node:fs'

/** NaN if it has no such number; throws if the process is gone. */
export function numberIn(pid: number, file: 'status' | 'io', name: string): number {
  const line = readFileSync(`/proc/${pid}/${file}`, 'utf8')
    .split('\n')
    .find(line => line.startsWith(`${name}:`))
  return Number.parseInt(line?.slice(name.length + 1) ?? '', 10)
}
