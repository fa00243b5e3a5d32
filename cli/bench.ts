// `holdfast bench`: how fast a cluster is from this machine. Starts its own client processes, and its own
// cluster unless it is given one; the measuring is done in bench/.

import { ownCluster, runningCluster } from '../bench/cluster.ts'
import { runPairs } from '../bench/pairs.ts'
import { pairsTable } from '../bench/report.ts'
import { byDefault, type Command, duration, json, reaching, text, whole } from './arguments.ts'
import { note, print, printJson } from './output.ts'

const options = {
  ...reaching,
  groups: byDefault(1, whole('COUNT', 'groups of the cluster that it starts', 1, 15)),
  runs: byDefault(3, whole('COUNT', 'times that everything is measured, for medians', 1, 1_000)),
  time: byDefault('3s', duration('TIME', 'length of one measurement, after as long to warm up', 100)),
  only: text('TEXT', 'only the row of this name, or those with TEXT in their name, such as hot'),
  ...json,
}

export const command: Command<typeof options> = {
  usage: 'bench [options]',
  does: 'measure throughput and latency, of a new cluster or of a running one',
  more: `Without --view (or HOLDFAST_VIEW) it starts a view server and two lock servers on free ports
of this machine and ends them afterwards. It acquires and releases locks whose names begin with
bench/, from one or several client processes: on distinct keys with 1 to 16,384 pairs outstanding, then
on one key that all want. The rows called echo say what a server that only gives back each frame would
reach. With --groups N the names on distinct keys live in N groups (docs/SCALING.md); CPU times of primaries, and
of backups, are then added up. They are of servers on this machine only. --json prints
{ machine, service, viewsMade, rows: [{ name, runs, pairsPerSecond, acquireMs, cpuUsPerPair, hot? }…] }.`,
  options,
  names: [],
  check: ({ view, groups }) =>
    view !== undefined && groups !== undefined
      ? [
          '--groups is for a cluster that bench starts: the one at --view (or HOLDFAST_VIEW) has its groups already',
        ]
      : [],
  async run({ values }) {
    const { view, secret, 'access-token': token, groups } = values
    const { runs = 3, time: countMs = 3_000, only = '' } = values
    // The workers and the cluster read it from the environment, as every program does.
    if (secret !== undefined) process.env.HOLDFAST_SECRET = secret
    if (token !== undefined) process.env.HOLDFAST_ACCESS_TOKEN = token
    await using service = await (view === undefined ? ownCluster(groups) : runningCluster(view.join(',')))
    const result = await runPairs(service, { runs, countMs, only, progress: note })
    if (values.json) printJson(result)
    else for (const line of pairsTable(result)) print(line)
    return 0
  },
}
