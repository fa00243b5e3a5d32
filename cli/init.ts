// `holdfast init`: begins a cluster, once (E6).

import { initCluster } from '../viewservice/index.ts'
import { ttlMaxMsDefault } from '../wire/limits.ts'
import { groupsMax } from '../wire/slots.ts'
import {
  byDefault,
  type Command,
  choice,
  duration,
  flag,
  hidden,
  inEnvironment,
  json,
  text,
  whole,
} from './arguments.ts'
import { showDuration } from './duration.ts'
import { Failure, messageOf, UsageError } from './failure.ts'
import { print, printJson } from './output.ts'

/** Where a view record lives, as `viewserver` takes it. */
export const recordOptions = {
  data: inEnvironment(text('DIR', 'folder of the view record; made if it is not there')),
  /** It may hold a password. */
  record: hidden(
    inEnvironment(
      text('URL', 'place of the view record instead: file:DIR, etcd://HOST:PORT[,…]/PREFIX, etcds://…'),
    ),
  ),
}

/** What a cluster is begun with. */
export const beginningOptions = {
  durability: inEnvironment(
    byDefault(
      'memory',
      choice('KIND', 'memory, or disk: locks outlive a loss of power of all; lock servers need --data', [
        'memory',
        'disk',
      ]),
    ),
  ),
  groups: inEnvironment(
    byDefault(1, whole('COUNT', 'groups of a primary and a backup that share the lock names', 1, groupsMax)),
  ),
  'ttl-max': inEnvironment(
    byDefault(showDuration(ttlMaxMsDefault), duration('TIME', 'the longest lease that is granted', 10_000)),
  ),
}

const options = {
  ...recordOptions,
  ...beginningOptions,
  'nobody-has-run': flag('grant at once: no lock server for the same programs has run before'),
  ...json,
}

export const command: Command<typeof options> = {
  usage: 'init --data DIR | --record URL [options]',
  does: 'begin a new cluster, once',
  more: `Writes the first view record, which view servers wait for; where there is one, nothing is written.
Nothing else begins a cluster: a view server that finds no record waits. If the record of a running
cluster was lost, 'holdfast adopt' is the way, and no lock is lost.
The new cluster grants nothing for --ttl-max: lock servers of an earlier one may have granted a lock
that its holder still believes in. --nobody-has-run leaves this out. Say it only if no lock server
has run for the same programs within that time; nothing checks it. Lock servers of another
cluster that come before view 1 is in force stop the new one.
--json prints { cluster, durability, groups, ttlMaxMs, pauseMs }.`,
  options,
  names: [],
  check: placeProblems,
  async run({ values }) {
    const { data, record, durability, groups, 'ttl-max': ttlMaxMs, 'nobody-has-run': nobodyHasRun } = values
    const made = await clearly(initCluster({ data, record, durability, groups, ttlMaxMs, nobodyHasRun }))
    if (values.json) printJson(made)
    else print(begun(made))
    return 0
  },
}

/** What is wrong with the options that name the place of a record. */
export function placeProblems({
  data,
  record,
}: {
  readonly data: string | undefined
  readonly record: string | undefined
}): readonly string[] {
  if (data !== undefined && record !== undefined)
    return ['--data and --record both say where the view record lives; give one of them']
  if (data !== undefined || record !== undefined) return []
  return [
    '--data DIR (HOLDFAST_DATA) is missing: the folder that the view record is kept in; or give --record URL',
  ]
}

/** A failure in one line. */
export async function clearly<T>(done: Promise<T>): Promise<T> {
  try {
    return await done
  } catch (error) {
    throw error instanceof TypeError ? new UsageError(error.message) : new Failure(messageOf(error))
  }
}

function begun({ cluster, durability, pauseMs }: Awaited<ReturnType<typeof initCluster>>): string {
  const pause =
    pauseMs === 0 ? '' : `; nothing is granted in the first ${showDuration(pauseMs)} of its view 1`
  return `cluster ${cluster} begins, durability ${durability}${pause}. Start its view server on this record`
}
