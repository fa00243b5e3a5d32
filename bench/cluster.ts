// A Holdfast cluster to measure: one of its own, of real processes on free ports, or one that runs.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { hostname } from 'node:os'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { statusOf } from '../cli/ask.ts'
import type { Service } from './target.ts'

const command = fileURLToPath(new URL('../cli/main.js', import.meta.url))

/** Starts a view server and so many lock servers; they end with it. */
export async function ownCluster(servers = 2): Promise<Service> {
  const child = spawn(
    process.execPath,
    [command, 'cluster', '--port', '0', '--servers', String(servers), '--json'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
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
    const event = JSON.parse(line) as { event: string; url: string }
    if (event.event === 'ready') return event.url
  }
  throw new Error('the cluster ended before it was ready')
}

async function serviceAt(address: string, end: () => Promise<void>): Promise<Service> {
  return {
    name: 'Holdfast',
    target: 'holdfast.js',
    address,
    processes: await processesOf(address),
    viewNumber: async () => (await askStatus(address)).view?.number ?? 0,
    [Symbol.asyncDispose]: end,
  }
}

/** Primary and backup, if they run on this machine. */
async function processesOf(address: string): Promise<Service['processes']> {
  const { view, servers } = await askStatus(address)
  const roleOf = (id: string) =>
    id === view?.primary.id ? 'primary' : id === view?.backup?.id ? 'backup' : null
  return servers.flatMap(({ id, pid, host }) => {
    const role = roleOf(id)
    return role === null || host !== hostname() ? [] : [{ role, pid }]
  })
}

function askStatus(address: string): ReturnType<typeof statusOf> {
  return statusOf({ view: address.split(','), secret: process.env.HOLDFAST_SECRET })
}
