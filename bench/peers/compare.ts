// The same pairs of acquire and release on Holdfast and on other services that are used for locks, in one
// run: each service is started for its turn, so that nothing else works at the same time.

import { ownCluster } from '../cluster.ts'
import { median } from '../pairs.ts'
import type { Service } from '../target.ts'
import { type Load, type Outcome, runLoad } from '../workers.ts'
import { type EtcdClient, etcdServers } from './etcd-server.ts'
import { diskCluster } from './holdfast-disk.ts'
import { isInstalled } from './installed.ts'
import { brokerFile, howToInstall } from './live-mutex-package.ts'
import { liveMutexBroker } from './live-mutex-server.ts'
import { type RedisKind, redisServer } from './redis-server.ts'

export interface CompareOptions {
  readonly runs: number
  readonly countMs: number
  /** Only services whose name contains this text; Holdfast always runs, in memory and on disk. */
  readonly only: string
  readonly progress: (text: string) => void
}

/** Medians over the runs. */
export interface PeerRow {
  readonly service: string
  /** What it has answered is on disk. */
  readonly durable: boolean
  readonly cells: readonly PeerCell[]
}

export interface PeerCell {
  readonly load: string
  /** Grants/s, on the hot key. */
  readonly pairsPerSecond: number
  readonly acquireP50Ms: number
  /** On the hot key: the smallest and the largest part of an equal share. */
  readonly shares: readonly [number, number] | null
  /** How many times as many pairs Holdfast does, which promises the same: in memory, or on disk. */
  readonly holdfastTimes: number
}

/** What this machine must have for it. */
interface Needs {
  readonly what: string
  readonly isHere: () => boolean
}

interface Peer {
  readonly name: string
  readonly durable: boolean
  /** Undefined: Holdfast itself. */
  readonly needs?: Needs
  readonly start: () => Promise<Service>
}

const loads: readonly Pick<Load, 'keys' | 'workers' | 'outstanding'>[] = [
  ...[1, 64, 1024].map(outstanding => ({ keys: 'distinct', workers: 1, outstanding }) as const),
  { keys: 'hot', workers: 2, outstanding: 64 },
]

const holdfast: Readonly<Record<'memory' | 'disk', Peer>> = {
  memory: { name: 'Holdfast, with its backup', durable: false, start: () => ownCluster() },
  disk: {
    name: 'Holdfast on disk, with its backup',
    durable: true,
    start: () => diskCluster('Holdfast on disk'),
  },
}

const program = (what: string): Needs => ({ what, isHere: () => isInstalled(what) })
const redisIsHere = program('redis-server')
const etcdIsHere = program('etcd')
const liveMutexIsHere: Needs = {
  what: `live-mutex (${howToInstall})`,
  isHere: () => brokerFile() !== undefined,
}

const redis = (name: string, kind: RedisKind): Peer => ({
  name,
  durable: kind.durable,
  needs: redisIsHere,
  start: () => redisServer(name, kind),
})
const etcd = (name: string, count: number, how: EtcdClient): Peer => ({
  name,
  durable: true,
  needs: etcdIsHere,
  start: () => etcdServers(name, count, how),
})

/** Batches are made by hand: their clients are as fast as users could write them. */
const peers: readonly Peer[] = [
  redis('Redis, not replicated', { options: '', replicas: 0, durable: false }),
  redis('Redis, auto-pipelining', { options: 'pipeline', replicas: 0, durable: false }),
  redis('Redis, batches', { options: 'batch', replicas: 0, durable: false }),
  redis('Redis, replica, WAIT 1 for each call', { options: 'wait', replicas: 1, durable: false }),
  redis('Redis, replica, WAIT 1 for a batch', { options: 'wait&batch', replicas: 1, durable: false }),
  {
    name: 'live-mutex, not replicated',
    durable: false,
    needs: liveMutexIsHere,
    start: () => liveMutexBroker('live-mutex'),
  },
  holdfast.disk,
  redis('Redis, appendfsync always, WAIT 1 for each call', { options: 'wait', replicas: 1, durable: true }),
  redis('Redis, the same, for a batch', { options: 'wait&batch', replicas: 1, durable: true }),
  etcd('etcd, one node', 1, 'single'),
  etcd('etcd, one node, batches', 1, 'batch'),
  etcd('etcd, three nodes', 3, 'single'),
  etcd('etcd, three nodes, batches', 3, 'batch'),
]

/** What is not installed, and so not compared. */
export function missing(): string[] {
  const needs = new Set(peers.flatMap(({ needs }) => needs ?? []))
  return [...needs].filter(({ isHere }) => !isHere()).map(({ what }) => what)
}

export async function comparePeers({ runs, countMs, only, progress }: CompareOptions): Promise<PeerRow[]> {
  const chosen = [
    holdfast.memory,
    ...peers.filter(({ name, needs }) => needs === undefined || (name.includes(only) && needs.isHere())),
  ]
  const outcomes = new Map(chosen.map(peer => [peer, loads.map((): Outcome[] => [])]))
  for (let run = 1; run <= runs; run++)
    for (const peer of chosen) {
      await using service = await peer.start()
      for (const [i, load] of loads.entries()) {
        progress(`run ${run} of ${runs}: ${peer.name}, ${nameOf(load)}`)
        outcomes.get(peer)?.[i]?.push(await runLoad(service, { ...load, countMs }))
      }
    }
  const ours = (durable: boolean) => outcomes.get(holdfast[durable ? 'disk' : 'memory'])?.map(rateOf) ?? []
  return [...outcomes].map(([{ name, durable }, each]) => ({
    service: name,
    durable,
    cells: each.map((runs, i) => cellOf(nameOf(loads[i] as Load), runs, ours(durable)[i] ?? Number.NaN)),
  }))
}

function nameOf({ keys, outstanding }: Pick<Load, 'keys' | 'outstanding'>): string {
  return keys === 'hot' ? `hot key, ${outstanding} waiters` : `${outstanding} outstanding`
}

function rateOf(outcomes: readonly Outcome[]): number {
  return median(outcomes.map(({ pairsPerSecond }) => pairsPerSecond))
}

function cellOf(load: string, outcomes: readonly Outcome[], ours: number): PeerCell {
  const pairsPerSecond = rateOf(outcomes)
  const share = (pick: (...shares: number[]) => number) =>
    median(outcomes.map(({ shares }) => pick(...shares)))
  return {
    load,
    pairsPerSecond,
    acquireP50Ms: median(outcomes.map(({ latencies }) => latencies.quantile(0.5))),
    shares: load.startsWith('hot') ? [share(Math.min), share(Math.max)] : null,
    holdfastTimes: ours / pairsPerSecond,
  }
}
