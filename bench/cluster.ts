// A Holdfast cluster to measure: a new one of real processes on free ports, or one that already runs.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { hostname } from 'node:os'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { statusOf } from '../cli/ask.ts'
import { Failure } from '../cli/failure.ts'
import type { Service } from './target.ts'

const command = fileURLToPath(new URL('../cli/main.js', import.meta.url))

/** Starts a view server, and a primary and a backup for each group; they end with this process. */
export async function ownCluster(groups = 1): Promise<Service> {
  const size = ['--groups', String(groups), '--servers', String(2 * groups)]
  const child = spawn(
    process.execPath,
    [command, 'cluster', '--port', '0', ...size, '--json'],
    // The end of the channel tells the child that this process is gone.
    { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] },
  )
  const address = await ready(child)
  return await serviceAt(address, async () => {
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    await ended
  })
}

export async function runningCluster(address: string): Promise<Service> {
  return await serviceAt(address, async () => {})
}

async function ready(child: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    const { event, url, name, code, signal } = JSON.parse(line) as ClusterEvent
    if (event === 'ready') return url
    if (event !== 'died') continue
    child.kill('SIGTERM')
    throw new Failure(`its own cluster does not come up: ${name} ended with ${signal ?? `exit code ${code}`}`)
  }
  throw new Failure('its own cluster ended before it was ready')
}

/** One line of `holdfast cluster --json`: only the fields that are needed here. */
interface ClusterEvent {
  readonly event: string
  readonly url: string
  readonly name: string
  readonly code: number | null
  readonly signal: string | null
}

async function serviceAt(address: string, end: () => Promise<void>): Promise<Service> {
  return {
    name: 'Holdfast',
    target: 'holdfast.js',
    address,
    processes: await processesOf(address),
    viewNumber: async () =>
      (await askStatus(address)).groups.reduce((sum, { view }) => sum + (view?.number ?? 0), 0),
    [Symbol.asyncDispose]: end,
  }
}

/** Primaries and backups of all groups, as far as they run on this machine. */
async function processesOf(address: string): Promise<Service['processes']> {
  const { groups, servers } = await askStatus(address)
  const primaries = new Set(groups.map(({ view }) => view?.primary.id))
  const backups = new Set(groups.map(({ view }) => view?.backup?.id))
  const roleOf = (id: string) => (primaries.has(id) ? 'primary' : backups.has(id) ? 'backup' : null)
  return servers.flatMap(({ id, pid, host }) => {
    const role = roleOf(id)
    return role === null || host !== hostname() ? [] : [{ role, pid }]
  })
}

function askStatus(address: string): ReturnType<typeof statusOf> {
  const { HOLDFAST_SECRET: secret, HOLDFAST_ACCESS_TOKEN: token } = process.env
  return statusOf({ view: address.split(','), secret, 'access-token': token })
}
