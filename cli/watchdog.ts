// Ends the command of `holdfast run` when `run` itself can't, because it was killed or is frozen past the
// time at which the lock may be granted again. A process in its own session; it learns over its stdin which
// process group that is and until when it may run, by the clock that all processes share.

import { createInterface } from 'node:readline'

/** The messages from `run`, one line of JSON each; the last one counts. Times in ms. */
export interface WatchdogOrder {
  readonly group: number
  readonly termAt: number
  readonly killAt: number
}

/** Sent when the command has ended. */
export const standDown = 'done'

/** Its first argument, when it runs as the program. */
export const watchdogArgument = 'holdfast-watchdog'

/** CLOCK_MONOTONIC in ms: unlike that of wire/clock.ts, the same in every process. */
export function sharedClockMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

function send(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal)
  } catch {
    // The group is empty.
  }
}

function watch(): void {
  let order: WatchdogOrder | undefined
  let timer: NodeJS.Timeout | undefined
  let told = false
  const act = () => {
    if (order === undefined) return
    const { group, termAt, killAt } = order
    const now = sharedClockMs()
    if (now >= termAt && !told) {
      told = true
      send(group, 'SIGTERM')
      send(group, 'SIGCONT')
    }
    if (now >= killAt) {
      send(group, 'SIGKILL')
      process.exit(0)
    }
    timer = setTimeout(act, Math.max(1, (told ? killAt : termAt) - now))
  }
  const lines = createInterface({ input: process.stdin })
  lines.on('line', line => {
    if (line === standDown) process.exit(0)
    order = JSON.parse(line) as WatchdogOrder
    clearTimeout(timer)
    act()
  })
  // `run` ended without `standDown`: its command ends now, in as much order as there is time for.
  lines.on('close', () => {
    if (order === undefined) process.exit(0)
    clearTimeout(timer)
    order = { ...order, termAt: 0, killAt: Math.min(order.killAt, sharedClockMs() + graceMs) }
    act()
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
}

/** Between SIGTERM and SIGKILL after the death of `run`. */
const graceMs = 2_000

// Run as a program, not imported.
if (process.argv[2] === watchdogArgument) watch()
