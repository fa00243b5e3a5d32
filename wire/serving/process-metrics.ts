// What every server reports about its process: version, memory, processor, and how late its event loop is.

import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import { readClock } from '../clock.ts'
import { filesAllowed, filesOpen } from '../net/edge-room.ts'
import { packageVersion, wireVersion } from '../version.ts'
import type { Metric } from './metrics.ts'

/** How often the delay of the event loop is sampled. */
const resolutionMs = 20

export class ProcessMetrics {
  readonly #delay: IntervalHistogram = monitorEventLoopDelay({ resolution: resolutionMs })
  readonly #startedAt = readClock().wall / 1_000 - process.uptime()
  /** The delays as of the last scrape, in seconds. */
  #seen = { median: 0, p99: 0, max: 0 }

  start(): void {
    this.#delay.enable()
  }

  stop(): void {
    this.#delay.disable()
  }

  readonly all: readonly Metric[] = [
    {
      name: 'holdfast_build_info',
      help: 'Always 1; the version of Holdfast, of its wire and of Node.js.',
      type: 'gauge',
      labels: ['version', 'wire', 'node'],
      read: () => [
        {
          labels: { version: packageVersion, wire: String(wireVersion), node: process.versions.node },
          value: 1,
        },
      ],
    },
    {
      name: 'holdfast_event_loop_delay_median_seconds',
      help: 'How late the event loop was since the last scrape, median.',
      type: 'gauge',
      read: () => this.#look().median,
    },
    {
      name: 'holdfast_event_loop_delay_p99_seconds',
      help: 'How late the event loop was since the last scrape, 99th percentile.',
      type: 'gauge',
      read: () => this.#seen.p99,
    },
    {
      name: 'holdfast_event_loop_delay_max_seconds',
      help: 'How late the event loop was since the last scrape, at most.',
      type: 'gauge',
      read: () => this.#seen.max,
    },
    {
      name: 'process_start_time_seconds',
      help: 'Start of the process since the Unix epoch in seconds.',
      type: 'gauge',
      read: () => this.#startedAt,
    },
    {
      name: 'process_cpu_seconds_total',
      help: 'User and system CPU time of the process in seconds.',
      type: 'counter',
      read: () => {
        const { user, system } = process.cpuUsage()
        return (user + system) / 1e6
      },
    },
    {
      name: 'process_resident_memory_bytes',
      help: 'Resident memory size of the process in bytes.',
      type: 'gauge',
      read: () => process.memoryUsage.rss(),
    },
    {
      name: 'process_open_fds',
      help: 'Number of open file descriptors.',
      type: 'gauge',
      read: filesOpen,
    },
    {
      name: 'process_max_fds',
      help: 'Maximum number of open file descriptors.',
      type: 'gauge',
      read: filesAllowed,
    },
  ]

  /** All three are of one period; reading them begins the next. The histogram includes the resolution. */
  #look() {
    const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - resolutionMs) / 1_000 || 0
    this.#seen = {
      median: late(this.#delay.percentile(50)),
      p99: late(this.#delay.percentile(99)),
      max: late(this.#delay.max),
    }
    this.#delay.reset()
    return this.#seen
  }
}
