// The partition test: `npm run test:partition -- [--runs 50] [--ttl 2000]`. Holders in a separate process
// reach the cluster through relays only; each relay goes dark at a different moment, while others wait for
// the same locks. In each run the holder's signal must come before the next grant, by one clock that all
// processes share. Prints every margin; exit code 1 if one is not positive, unless the holder's process did
// not run at the time (F12: then `lock.held` was false all the same).

import { parseArgs } from 'node:util'
import { statusOf } from '../../cli/ask.ts'
import { Running } from '../fixtures/command.ts'
import { Program } from '../fixtures/program.ts'
import { random } from '../fixtures/random.ts'
import { pause } from '../fixtures/real-pause.ts'
import { Relay } from '../fixtures/relay.ts'

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '50' }, ttl: { type: 'string', default: '2000' } },
})
const runs = Number(values.runs)
const ttlMs = Number(values.ttl)

/** What a test does at its end. */
const ends: (() => unknown)[] = []
const t = { teardown: (act: () => unknown) => void ends.unshift(act) }

/** What a process reports of one lock, and when. */
interface Report {
  readonly run: number
  readonly what: 'held' | 'lost' | 'waits' | 'granted'
  readonly at: number
  readonly code: string
  /** Of a loss: how much later than its deadline the signal came, and for how long the process had not run. */
  readonly lateMs: number
  readonly asleepMs: number
}

async function main(): Promise<boolean> {
  const cluster = new Running(t, ['cluster', '--json', '--port', '0'])
  const { url } = await cluster.event('ready')
  const { servers } = await statusOf({ view: [url], secret: undefined })
  const addresses = [url, ...servers.map(({ address }) => address)]
  const relays: Relay[] = []
  for (let run = 0; run < runs; run++) relays.push(await Relay.start(addresses))
  t.teardown(() => Promise.all(relays.map(relay => relay[Symbol.asyncDispose]())))

  const holders = new Reports(
    new Program(t, 'partition-holders', String(ttlMs), ...relays.map(relay => relay.urlOf(url))),
  )
  await holders.all('held')
  const waiters = new Reports(new Program(t, 'partition-waiters', String(runs), url))
  await waiters.all('waits')

  // Each at another moment of its renewals.
  const dice = random(Date.now())
  await Promise.all(
    relays.map(async relay => {
      await pause(dice.below(ttlMs))
      relay.dark = true
    }),
  )
  const [lost, granted] = [await holders.all('lost'), await waiters.all('granted')]
  return print(lost, granted)
}

function print(lost: readonly Report[], granted: readonly Report[]): boolean {
  const rows = lost.map(({ at, lateMs, asleepMs }, run) => {
    const margin = (granted[run] as Report).at - at
    return { margin, byClock: margin + lateMs, asleepMs, lateMs }
  })
  const reasons = new Set(lost.map(({ code }) => code))
  console.log(
    `ttl ${ttlMs} ms, ${runs} runs; from the holder's signal (${[...reasons]}) to the next grant, in ms:`,
  )
  list(rows.map(({ margin }) => margin))
  console.log('from when lock.held is false by the clock to the next grant, in ms:')
  list(rows.map(({ byClock }) => byClock))
  const late = rows.filter(({ margin }) => !(margin > 0))
  // F12: a process that gets no processor time fires its signal when it runs again.
  const asleep = late.filter(({ lateMs, asleepMs }) => asleepMs + timerMs >= lateMs)
  for (const { margin, asleepMs } of asleep)
    console.log(`${margin.toFixed(1)} ms: that process had not run for ${asleepMs.toFixed(1)} ms`)
  const believed = rows.filter(({ byClock }) => !(byClock > 0)).length
  console.log(
    `signals after the grant: ${late.length - asleep.length}, and ${asleep.length} in a process that did not run; held after the grant: ${believed}`,
  )
  return late.length === asleep.length && believed === 0 && reasons.size === 1 && reasons.has('EXPIRED')
}

/** How late a timer may be in a process that runs. */
const timerMs = 15

function list(margins: readonly number[]): void {
  const sorted = [...margins].sort((a, b) => a - b)
  for (let i = 0; i < sorted.length; i += 10)
    console.log(
      sorted
        .slice(i, i + 10)
        .map(margin => margin.toFixed(1).padStart(7))
        .join(' '),
    )
  const at = (part: number) => (sorted[Math.floor(part * (sorted.length - 1))] as number).toFixed(1)
  console.log(`smallest ${at(0)}, median ${at(0.5)}, largest ${at(1)}`)
}

/** What one process reports, by kind and run. */
class Reports {
  readonly #program: Program
  readonly #known = new Map<string, Report>()

  constructor(program: Program) {
    this.#program = program
  }

  async all(what: Report['what']): Promise<Report[]> {
    const known = () => Array.from({ length: runs }, (_, run) => this.#known.get(`${what} ${run}`))
    while (known().includes(undefined)) {
      const report = JSON.parse(await this.#program.line()) as Report
      this.#known.set(`${report.what} ${report.run}`, report)
    }
    return known() as Report[]
  }
}

let passed = false
try {
  passed = await main()
} finally {
  for (const end of ends) await end()
}
process.exitCode = passed ? 0 : 1
