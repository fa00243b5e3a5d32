// Loaded into each server before its own code (--import): measures how long the turns of its event loop work, by
// the CPU time of the main thread, and how long its garbage collections take. It appends what is worth a line to
// a file of its own, and changes nothing in the server.

import { appendFileSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { PerformanceObserver } from 'node:perf_hooks'

/** One line: when a long turn or a collection ended (ms since 1970), and how long it worked. */
export interface Metered {
  readonly at: number
  readonly ms: number
  readonly is: 'turn' | 'collection'
}

/** A timer that is due runs in the next turn, so between two of its runs lie at most this time and one turn. */
const everyMs = 2
/** Shorter turns and collections are not worth a line. */
const leastMs = 4
/** Collections are reported late; until then a turn is not told. */
const settleMs = 300

const file = join(process.env.TURN_METER as string, String(process.pid))
const clock = openSync('/proc/thread-self/schedstat', 'r')
const text = Buffer.alloc(64)

interface Window {
  readonly from: number
  readonly to: number
  readonly ms: number
}
let windows: Window[] = []
const collections: { from: number; to: number }[] = []

/** CPU time of this thread, which runs the event loop; in ms. */
function worked(): number {
  const length = readSync(clock, text, 0, text.length, 0)
  return Number(text.toString('latin1', 0, length).split(' ', 1)[0]) / 1e6
}

new PerformanceObserver(list => {
  for (const { startTime, duration } of list.getEntries()) {
    collections.push({ from: startTime, to: startTime + duration })
    if (duration >= leastMs) tell(startTime + duration, duration, 'collection')
  }
}).observe({ entryTypes: ['gc'] })

let [before, beforeCpu] = [performance.now(), worked()]
setInterval(() => {
  const [now, cpu] = [performance.now(), worked()]
  const ms = Math.min(now - before, cpu - beforeCpu)
  if (ms >= leastMs) windows.push({ from: before, to: now, ms })
  before = now
  beforeCpu = cpu
  if (windows.length > 0) settle(now)
}, everyMs).unref()

/** Collections within a turn are not its own work. */
function settle(now: number): void {
  const settled = windows.filter(({ to }) => to < now - settleMs)
  if (settled.length === 0) return
  windows = windows.filter(({ to }) => to >= now - settleMs)
  for (const { from, to, ms } of settled) {
    // On a busy machine a collection waits for a core as its turn does.
    const part = ms / (to - from)
    const apart = part * collections.reduce((sum, one) => sum + overlap(from, to, one), 0)
    if (ms - apart >= leastMs) tell(to, ms - apart, 'turn')
  }
  const oldest = windows[0]?.from ?? now
  while (collections.length > 0 && (collections[0]?.to ?? 0) < oldest) collections.shift()
}

function overlap(from: number, to: number, one: { from: number; to: number }): number {
  return Math.max(0, Math.min(to, one.to) - Math.max(from, one.from))
}

function tell(end: number, ms: number, is: Metered['is']): void {
  const line: Metered = { at: performance.timeOrigin + end, ms, is }
  appendFileSync(file, `${JSON.stringify(line)}\n`)
}
