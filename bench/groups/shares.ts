// Fixed shares of a core for processes of this machine, by Linux's cgroups: in the `cpu` hierarchy of their first version,
// or in their second one. A process with such a share gets no more, however idle the machine is. It changes nothing for
// other processes, and takes away what it made.

import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../../cli/failure.ts'

/** A longer one shows in each latency. */
const periodUsWanted = 10_000
/** Linux refuses less. */
const quotaUsMin = 1_000

export interface Share {
  readonly quotaUs: number
  readonly periodUs: number
}

/** A small part of a core has a longer period, since the quota has a least size. */
export function shareOf(cores: number): Share {
  const periodUs = Math.round(Math.max(periodUsWanted, quotaUsMin / cores))
  return { quotaUs: Math.max(quotaUsMin, Math.round(cores * periodUs)), periodUs }
}

export class CpuShares implements Disposable {
  readonly #root: string
  readonly #made: string[] = []

  private constructor(root: string) {
    this.#root = root
  }

  /** Throws a Failure that says what is missing. `mounted`: where this machine's cgroups are. */
  static open(mounted = '/sys/fs/cgroup'): CpuShares {
    const first = join(mounted, 'cpu')
    const shares = new CpuShares(existsSync(first) ? first : mounted)
    try {
      rmdirSync(shares.#make())
      shares.#made.pop()
      return shares
    } catch (error) {
      throw new Failure(
        `can't give servers a fixed share of a core: ${(error as Error).message}. That takes cgroups which this user may write: run it as root on Linux, with the cpu controller of cgroup v1 mounted at ${first}, or with that of v2 handed on (echo +cpu > ${mounted}/cgroup.subtree_control)`,
      )
    }
  }

  /** From now on this process, with all its threads, gets no more than that. */
  limit(pid: number, { quotaUs, periodUs }: Share): void {
    const folder = this.#make()
    if (existsSync(join(folder, 'cpu.max'))) set(folder, 'cpu.max', `${quotaUs} ${periodUs}`)
    else {
      set(folder, 'cpu.cfs_period_us', `${periodUs}`)
      set(folder, 'cpu.cfs_quota_us', `${quotaUs}`)
    }
    set(folder, 'cgroup.procs', `${pid}`)
  }

  /** Only once the processes have ended: one that runs keeps its cgroup. */
  [Symbol.dispose](): void {
    for (const folder of this.#made) rmdirSync(folder)
    this.#made.length = 0
  }

  #make(): string {
    const folder = join(this.#root, `holdfast-bench-${process.pid}-${this.#made.length + 1}`)
    mkdirSync(folder)
    this.#made.push(folder)
    if (['cpu.max', 'cpu.cfs_quota_us'].some(file => existsSync(join(folder, file)))) return folder
    throw new Error(`${folder} has no cpu controller`)
  }
}

function set(folder: string, file: string, text: string): void {
  writeFileSync(join(folder, file), text)
}
