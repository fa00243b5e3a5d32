// More groups, and fewer, under load: `npm run test:groups` runs it behind the kills. Several client processes take locks while
// `holdfast groups --set` goes from 2 to 4 and back, and servers are killed at random moments of that. No lock is held twice,
// tokens grow, each call is answered once and none fails, and nothing is left.

import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { askStatus, meetViewServer } from '../../cli/ask.ts'
import { listLocks } from '../../cli/locks.ts'
import type { Status } from '../../wire/messages.ts'
import { Running } from '../fixtures/command.ts'
import { until } from '../fixtures/deadline.ts'
import { pause } from '../fixtures/real-pause.ts'
import type { Hold, Report } from './worker.ts'

const worker = fileURLToPath(new URL('worker.js', import.meta.url))
const monotonic = () => Number(process.hrtime.bigint()) / 1e6
const stepMs = 60_000

export interface Growth {
  /** Numbers of groups, one after the other. */
  readonly steps: readonly number[]
  readonly clients: number
  /** Servers that are killed in each step. */
  readonly kills: number
}

interface Test {
  teardown(act: () => unknown): void
}

interface Phase {
  readonly name: string
  readonly from: number
  to: number
}

/** What was wrong. */
export async function grow(t: Test, { steps, clients, kills }: Growth): Promise<string[]> {
  const [first = 1, ...rest] = steps
  const servers = 2 * Math.max(...steps) + 1
  const cluster = new Running(t, [
    ...['cluster', '--json', '--port', '0', '--groups', `${first}`, '--servers', `${servers}`],
  ])
  const { url } = await cluster.event('ready')
  await until('all groups survive a death', async () => (await statusAt(url)).survives > 0, stepMs)
  const works = await Promise.all(Array.from({ length: clients }, (_, i) => start(t, url, i + 1)))
  const phases: Phase[] = []
  const phase = (name: string) => {
    const now = monotonic()
    const last = phases.at(-1)
    if (last !== undefined) last.to = now
    phases.push({ name, from: now, to: now })
  }
  phase(`${first} groups`)
  await pause(1_000)
  for (const groups of rest) {
    phase(`on the way to ${groups}`)
    await step(t, url, groups, kills)
    phase(`${groups} groups`)
    await pause(1_000)
  }
  phase('over')
  const reports = await Promise.all(works.map(end => end()))
  printGaps(phases.slice(0, -1), reports)
  const left = await listLocks({ view: [url], secret: undefined }, '')
  const problems = problemsIn(reports)
  if (left.held.length + left.pending.length + left.missing.length > 0)
    problems.push(`left: ${JSON.stringify(left)}`)
  return problems
}

async function statusAt(url: string): Promise<Status> {
  using peer = await meetViewServer({ view: [url], secret: undefined })
  return await askStatus(peer)
}

/** Resolves once it works; then with what ends it and has its report. */
async function start(t: Test, url: string, seed: number): Promise<() => Promise<Report>> {
  const child = fork(worker, [url, `${seed}`])
  t.teardown(() => child.kill('SIGKILL'))
  await new Promise<void>((resolve, reject) => {
    child.once('message', () => resolve())
    child.once('exit', code => reject(new Error(`a client ended with ${code}`)))
  })
  return () =>
    new Promise((resolve, reject) => {
      child.once('message', report => resolve(report as Report))
      child.once('exit', code => reject(new Error(`a client ended with ${code} and no report`)))
      child.send('stop')
    })
}

async function step(t: Test, url: string, groups: number, kills: number): Promise<void> {
  const began = monotonic()
  const living = ({ servers }: Status) => servers.filter(server => server.alive).length
  await until('servers are back', async () => living(await statusAt(url)) >= 2 * groups, stepMs)
  const set = new Running(t, ['groups', '--set', `${groups}`, '--view', url])
  const isSet = set.ended.then(({ code, stderr }) => {
    if (code !== 0) throw new Error(`groups --set ${groups} ends with ${code}: ${stderr}`)
  })
  void isSet.catch(() => {})
  // More groups are taken on only while there are servers for them; fewer at any time.
  if (groups > ((await statusAt(url)).map?.groups ?? 0)) await isSet
  const isThere = ({ map, groups: all }: Status) =>
    map?.groups === groups && map.moves.length === 0 && all.length === groups
  let killed = 0
  for (; killed < kills; killed++) {
    const status = await statusAt(url)
    if (isThere(status)) break
    await pause(Math.random() * 400)
    killOne(status)
    await until('a death would be survived', async () => (await statusAt(url)).survives > 0, stepMs)
  }
  await isSet
  await until(
    `there are ${groups} groups`,
    async () => {
      const status = await statusAt(url)
      return isThere(status) && status.survives > 0
    },
    stepMs,
  )
  console.log(
    `${groups} groups after ${Math.round(monotonic() - began)} ms; servers killed meanwhile: ${killed}`,
  )
}

/** Any server of a group, or an idle one; its death is survived. */
function killOne({ servers, survives }: Status): void {
  const living = servers.filter(server => server.alive && (survives > 0 || server.role === 'idle'))
  const server = living[Math.floor(Math.random() * living.length)]
  if (server === undefined) return
  try {
    process.kill(server.pid, 'SIGKILL')
  } catch {
    // It is dead already.
  }
}

export function problemsIn(reports: readonly Report[]): string[] {
  const problems = reports.flatMap(({ failed }) => failed.map(error => `a call failed: ${error}`))
  for (const { calls, answered, failed } of reports)
    if (calls !== answered + failed.length) problems.push(`${calls} calls, and ${answered} answers`)
  const byName = new Map<string, Hold[]>()
  for (const hold of reports.flatMap(({ holds }) => holds)) {
    const known = byName.get(hold.name)
    if (known === undefined) byName.set(hold.name, [hold])
    else known.push(hold)
  }
  for (const [name, holds] of byName) {
    holds.sort((a, b) => a.token - b.token)
    for (const [i, { token, from }] of holds.entries()) {
      const before = holds[i - 1]
      if (before === undefined) continue
      if (before.token === token) problems.push(`${name}: token ${token} was granted twice`)
      if (before.to > from)
        problems.push(
          `${name} was held twice: with ${before.token} until ${before.to}, with ${token} from ${from}`,
        )
    }
  }
  return problems
}

/** How long calls took that began in each phase. */
function printGaps(phases: readonly Phase[], reports: readonly Report[]): void {
  console.log('| phase | ms | calls | p50 ms | p99 ms | longest ms |')
  console.log('|---|---|---|---|---|---|')
  for (const { name, from, to } of phases) {
    const took = reports
      .flatMap(report => report.took)
      .flatMap(([at, ms]) => (at >= from && at < to ? [ms] : []))
      .sort((a, b) => a - b)
    const at = (part: number) =>
      (took[Math.min(took.length - 1, Math.floor(took.length * part))] ?? 0).toFixed(1)
    const longest = (took.at(-1) ?? 0).toFixed(1)
    console.log(
      `| ${name} | ${Math.round(to - from)} | ${took.length} | ${at(0.5)} | ${at(0.99)} | ${longest} |`,
    )
  }
}
