// A client process of the suite with growth: takes locks, alone and several at a time, until it is told to stop, and says
// on its channel what it believed in from when to when. Times are of the machine's monotonic clock, alike in all processes.

import { connect, type Lock } from '../../client/index.ts'
import { pause } from '../fixtures/real-pause.ts'

/** One lock that it held. */
export interface Hold {
  readonly name: string
  readonly token: number
  /** In ms. */
  readonly from: number
  readonly to: number
}

export interface Report {
  /** Calls that were made, answered, and failed, with their errors. */
  readonly calls: number
  readonly answered: number
  readonly failed: readonly string[]
  readonly holds: readonly Hold[]
  /** When each call began, and how long it took, in ms. */
  readonly took: readonly (readonly [at: number, ms: number])[]
}

const [url = '', seed = '1', names = '24'] = process.argv.slice(2)
const monotonic = () => Number(process.hrtime.bigint()) / 1e6
const all = Array.from({ length: Number(names) }, (_, i) => `lock/${i}`)
let state = Number(seed) * 2_654_435_761
/** A number below `max`; the same ones for the same seed. */
function draw(max: number): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
  return Math.floor((state / 2 ** 32) * max)
}

const holds: Hold[] = []
const took: [number, number][] = []
const failed: string[] = []
let calls = 0
let answered = 0
let stopped = false
process.on('message', () => {
  stopped = true
})

/** From when it was granted until just before it is given back, or until it is lost. */
function believe({ name, token, signal }: Lock): () => void {
  const from = monotonic()
  let lostAt: number | null = null
  signal.addEventListener('abort', () => {
    lostAt = monotonic()
  })
  return () => void holds.push({ name, token, from, to: lostAt ?? monotonic() })
}

async function once(locks: Awaited<ReturnType<typeof connect>>): Promise<void> {
  const count = draw(4) === 0 ? 2 + draw(4) : 1
  const wanted = Array.from({ length: count }, () => all[draw(all.length)] as string)
  const began = monotonic()
  calls++
  try {
    const taken = await locks.acquireAll([...new Set(wanted)])
    took.push([began, monotonic() - began])
    const ends = taken.map(believe)
    if (draw(3) === 0) await pause(draw(20))
    for (const end of ends) end()
    await taken[Symbol.asyncDispose]()
    answered++
  } catch (error) {
    failed.push(String(error))
  }
}

const locks = await connect(url, { ttl: 5_000, name: `worker ${seed}` })
process.send?.('ready')
const runs = Array.from({ length: 4 }, async () => {
  while (!stopped) await once(locks)
})
await Promise.all(runs)
await locks.close()
const report: Report = { calls, answered, failed, holds, took }
process.send?.(report, () => process.disconnect())
