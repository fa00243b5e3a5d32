// What a set of names costs when they live in several groups, against as many names of one group: `acquireAll` goes through
// the groups one after the other (G4).

import { median } from '../pairs.ts'
import { runLoad } from '../workers.ts'
import { GroupsCluster } from './cluster.ts'

/** Medians over the runs; one set at a time. */
export interface SetRow {
  /** That the names live in. */
  readonly groups: number
  readonly names: number
  readonly acquireP50Ms: number
  /** CPU of client and lock servers for a set taken and given back. */
  readonly cpuUs: number
}

export interface SetsOptions {
  readonly groups: number
  readonly runs: number
  readonly countMs: number
  readonly progress: (text: string) => void
}

export async function measureSets({ groups, runs, countMs, progress }: SetsOptions): Promise<SetRow[]> {
  await using cluster = await GroupsCluster.start(groups)
  const service = await cluster.service()
  const [first = ''] = cluster.prefixes
  const apart = { groups, prefixes: cluster.prefixes }
  const together = { groups: 1, prefixes: cluster.prefixes.map((_, i) => `${first}${i}/`) }
  const rows: SetRow[] = []
  for (const { groups: across, prefixes } of [together, apart]) {
    const address = `${service.address}#${prefixes.join(',')}`
    const set = { ...service, target: 'groups/sets.js', address }
    const times: number[] = []
    const cpu: number[] = []
    for (let run = 1; run <= runs; run++) {
      progress(
        `run ${run} of ${runs}: sets of ${groups} names in ${across} ${across === 1 ? 'group' : 'groups'}`,
      )
      const load = { keys: 'distinct', workers: 1, outstanding: 1, countMs } as const
      const { latencies, cpuUsPerPair } = await runLoad(set, load)
      times.push(latencies.quantile(0.5))
      cpu.push(Object.values(cpuUsPerPair).reduce((sum, us) => sum + us, 0))
    }
    rows.push({ groups: across, names: groups, acquireP50Ms: median(times), cpuUs: median(cpu) })
  }
  return rows
}
