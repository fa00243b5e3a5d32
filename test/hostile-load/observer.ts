// Watches a cluster under attack, in its own process: the prober, a well-behaved client
// of the library that acquires and releases one lock after the other; an echo at each
// server; the processes' memory; the views that the view server reports.
// Reports when its parent asks it to stop, and ends when its parent does.

import { readFileSync } from 'node:fs'
import { connect, type LockClient } from '../../client/index.ts'
import { HostilePeer } from '../fixtures/hostile-peer.ts'
import { pause } from '../fixtures/real-pause.ts'
import { helloOf } from './member.ts'

export interface Watched {
  readonly name: string
  readonly url: string
  readonly pid: number
}

export interface Observed {
  readonly view: string
  readonly secret: string | null
  readonly servers: readonly Watched[]
}

export interface Seen {
  readonly name: string
  /** How long an echo waited for its answer at most, in ms. */
  readonly stallMs: number
  readonly rssMb: number
}

export interface Report {
  /** Latencies of the prober's calls, in ms, ascending; the call still running at the end counts. */
  readonly calls: readonly number[]
  /** The codes of failed calls. */
  readonly failed: readonly string[]
  /** How long ago the last call was answered. */
  readonly sinceServedMs: number
  readonly views: number
  readonly servers: readonly Seen[]
}

const { view, secret, servers } = JSON.parse(process.argv[2] as string) as Observed
const echoEachMs = 10
const redialMs = 100
/** Pause between two calls of the prober: it must not fill a core itself. */
const thinkMs = 4
const options = secret === null ? {} : { secret }
let over = false

// ---- the prober

const calls: number[] = []
const failed: string[] = []
let callBegan = 0
let lastServed = 0

async function probe(): Promise<void> {
  const client: LockClient = await connect(view, { name: 'prober', ...options })
  await (await client.acquire('prober/first')).release()
  process.send?.({ ready: true })
  lastServed = performance.now()
  while (!over) {
    callBegan = performance.now()
    try {
      await (await client.acquire('prober')).release()
      lastServed = performance.now()
      calls.push(lastServed - callBegan)
    } catch (error) {
      failed.push(String((error as { code?: string }).code ?? error))
      await pause(redialMs)
    }
    callBegan = 0
    await pause(thinkMs)
  }
}

// ---- an echo at each server

interface Marks {
  stallMs: number
  rssMb: number
}
const marks = new Map<string, Marks>(servers.map(({ name }) => [name, { stallMs: 0, rssMb: 0 }]))

/** Peak memory of a process, in MiB; 0 when it is gone. */
function peakMb(pid: number): number {
  try {
    const kib = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return Number(kib ?? 0) / 1_024
  } catch {
    return 0
  }
}

async function listen(server: Watched): Promise<void> {
  while (!over) {
    try {
      const peer = await HostilePeer.connect(server.url)
      peer.say(helloOf(secret, 'observer'))
      await peer.next('welcome')
      for (let number = 1; !over; number++) {
        peer.forget()
        await echo(server, peer, number)
        await pause(echoEachMs)
      }
      peer.leave()
    } catch {
      await pause(redialMs)
    }
  }
}

async function echo({ name }: Watched, peer: HostilePeer, number: number): Promise<void> {
  const mark = marks.get(name) as Marks
  const began = performance.now()
  try {
    peer.say(['echo', number])
    await peer.next('echoed')
  } finally {
    mark.stallMs = Math.max(mark.stallMs, performance.now() - began)
  }
}

// ---- the views

const views = new Set<number>()

async function hearViews(): Promise<void> {
  while (!over) {
    try {
      const peer = await HostilePeer.connect(view)
      peer.say(helloOf(secret, 'observer'))
      while (!over) {
        await peer.more()
        for (const [kind, said] of peer.heard) noteView(kind, said)
        peer.forget()
      }
    } catch {
      await pause(redialMs)
    }
  }
}

function noteView(kind: string, said: unknown): void {
  const number = (kind === 'welcome' ? (said as { view: unknown }).view : said) as { number: number } | null
  if ((kind === 'welcome' || kind === 'view') && number !== null) views.add(number.number)
}

// ---- the report

function report(): Report {
  const now = performance.now()
  if (callBegan > 0) calls.push(now - callBegan)
  return {
    calls: calls.sort((a, b) => a - b),
    failed: [...new Set(failed)],
    sinceServedMs: now - lastServed,
    views: Math.max(0, views.size - 1),
    servers: servers.map(({ name }) => ({ name, ...(marks.get(name) as Marks) })),
  }
}

function sample(): void {
  for (const { name, pid } of servers) {
    const mark = marks.get(name) as Marks
    mark.rssMb = Math.max(mark.rssMb, peakMb(pid))
  }
}

process.on('disconnect', () => process.exit(0))
process.once('message', () => {
  over = true
  sample()
  process.send?.({ report: report() }, () => process.exit(0))
})
setInterval(sample, 250)
for (const server of servers) void listen(server)
void hearViews()
await probe()
