// Whether one group's callers notice that another group fails over (G6): the latency of group 1 in quiet times and in times in
// which the primary of group 0 is killed, in turn.

import { setTimeout as pause } from 'node:timers/promises'
import { median } from '../pairs.ts'
import { runLoad, startLoad } from '../workers.ts'
import { GroupsCluster } from './cluster.ts'
import { type Share, shareOf } from './shares.ts'

export interface ApartOptions {
  readonly rounds: number
  readonly countMs: number
  /** What all lock servers get together; null: there are no cgroups. */
  readonly cores: number | null
  readonly progress: (text: string) => void
}

/** Medians over the rounds, of the calls of group 1, ms. */
export interface Apart {
  readonly kills: number
  readonly quietP99Ms: number
  readonly failingP99Ms: number
  /** Of the two in one round. */
  readonly times: number
}

/** As many as fit beside two groups, so that each has periods of 10 ms. */
const spares = 2
const killed = 0
const calm = 1
/** Well below what a small share of a core can do: what is measured is not the wait for others of the same group. */
const pace = { outstanding: 16, pairsPerSecond: 200 } as const

export async function measureApart(options: ApartOptions): Promise<Apart> {
  await using cluster = await GroupsCluster.start(2, spares)
  const { prefixes, processes } = cluster
  const common = { target: 'holdfast.js', address: processes.viewUrl, keys: 'distinct', ...pace } as const
  await warmUp(cluster, options.countMs)
  if (options.cores !== null) await cluster.limit(shareFor(options.cores, cluster.servers))
  await using _victims = await startLoad({ ...common, worker: 1, prefixes: [prefixes[killed] as string] })
  const measure = async () => {
    const load = { ...pace, keys: 'distinct', workers: 1, prefixes: [prefixes[calm] as string] } as const
    const { latencies } = await runLoad(await cluster.service(), { ...load, countMs: options.countMs })
    return latencies.quantile(0.99)
  }
  const rounds: { readonly quiet: number; readonly failing: number }[] = []
  for (let round = 1; round <= options.rounds; round++) {
    options.progress(
      `round ${round} of ${options.rounds}: a quiet time, then ${spares} kills in the other group`,
    )
    const quiet = await measure()
    const dead = killWhile(cluster, options.countMs)
    const failing = await measure()
    rounds.push({ quiet, failing })
    for (const address of await dead) await processes.restart(address)
    await processes.healthy(cluster.servers, 120_000)
    if (options.cores !== null) await cluster.limit(shareFor(options.cores, cluster.servers))
  }
  return {
    kills: spares * options.rounds,
    quietP99Ms: median(rounds.map(({ quiet }) => quiet)),
    failingP99Ms: median(rounds.map(({ failing }) => failing)),
    times: median(rounds.map(({ quiet, failing }) => failing / quiet)),
  }
}

function shareFor(cores: number, servers: number): Share {
  return shareOf(cores / servers)
}

async function warmUp(cluster: GroupsCluster, countMs: number): Promise<void> {
  const load = { keys: 'distinct', workers: 1, outstanding: 64, prefixes: cluster.prefixes } as const
  await runLoad(await cluster.service(), { ...load, countMs: Math.min(countMs, 2_000) })
}

/** Kills once the other load is counted, and as often as there are spares; resolves with the addresses of the dead. */
async function killWhile({ processes }: GroupsCluster, countMs: number): Promise<string[]> {
  await pause(countMs * 1.1)
  const dead: string[] = []
  for (let kill = 0; kill < spares; kill++) {
    const { groups } = await processes.until(
      ({ groups }) => groups[killed]?.acked === true && groups[killed]?.view?.backup !== null,
      'the group has a backup',
      60_000,
    )
    const address = groups[killed]?.view?.primary.address ?? ''
    await processes.kill(address)
    dead.push(address)
    await pause((countMs * 0.6) / spares)
  }
  return dead
}
