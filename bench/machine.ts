// The machine that a benchmark ran on: figures mean nothing without it.

import { cpus, loadavg, platform, release, totalmem } from 'node:os'

export interface Machine {
  readonly cores: number
  readonly cpu: string
  readonly memoryGib: number
  readonly system: string
  readonly node: string
  /** Over one, five and fifteen minutes, before the run: what else the machine had to do. */
  readonly load: readonly number[]
}

export function describeMachine(): Machine {
  return {
    cores: cpus().length,
    cpu: cpus()[0]?.model ?? 'unknown',
    memoryGib: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()}`,
    node: process.version,
    load: loadavg().map(load => Math.round(load * 100) / 100),
  }
}

export function machineLine({ cores, cpu, memoryGib, system, node, load }: Machine): string {
  return `${cores} cores of ${cpu}, ${memoryGib} GiB, ${system}, Node ${node}, load average before the run ${load.join(' ')}`
}
