// etcd on this machine, one node or several, with its data in a temporary folder.

import { freePort } from '../../test/fixtures/server-processes.ts'
import type { Service } from '../target.ts'
import { Programs } from './installed.ts'

interface Node {
  readonly name: string
  readonly client: string
  readonly peer: string
}

/** `batch`: as a group commit. */
export type EtcdClient = 'single' | 'batch'

const targets: Readonly<Record<EtcdClient, string>> = {
  single: 'peers/etcd.js',
  batch: 'peers/etcd-batch.js',
}

export async function etcdServers(name: string, count: number, client: EtcdClient): Promise<Service> {
  const nodes: Node[] = []
  for (let i = 0; i < count; i++) {
    const [client, peer] = [await freePort(), await freePort()]
    nodes.push({ name: `n${i}`, client: `http://127.0.0.1:${client}`, peer: `http://127.0.0.1:${peer}` })
  }
  const cluster = nodes.map(({ name, peer }) => `${name}=${peer}`).join(',')
  const programs = new Programs()
  try {
    const processes = nodes.map(node => ({
      role: node.name,
      pid: programs.start('etcd', argumentsOf(node, cluster)),
    }))
    for (const { client } of nodes) await programs.until(() => isHealthy(client), 'etcd')
    return {
      name,
      target: targets[client],
      address: nodes.map(({ client }) => client).join(','),
      processes,
      [Symbol.asyncDispose]: () => programs[Symbol.asyncDispose](),
    }
  } catch (error) {
    await programs[Symbol.asyncDispose]()
    throw error
  }
}

function argumentsOf({ name, client, peer }: Node, cluster: string): string[] {
  return [
    `--name=${name}`,
    `--data-dir=${name}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=${cluster}`,
    '--initial-cluster-state=new',
  ]
}

async function isHealthy(client: string): Promise<boolean> {
  const response = await fetch(`${client}/health`, { signal: AbortSignal.timeout(1_000) })
  return ((await response.json()) as { health: string }).health === 'true'
}
