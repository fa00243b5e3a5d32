// A lock server in a process that also measures the pauses of its own event loop.

import { monitorEventLoopDelay } from 'node:perf_hooks'
import { startLockServer } from '../../lockserver/server.ts'

const server = await startLockServer({ view: process.argv[2] as string })
const delay = monitorEventLoopDelay({ resolution: 1 })
delay.enable()
process.on('message', () => {
  // Every reading includes the resolution itself.
  process.send?.({ longestPauseMs: Math.max(0, delay.max / 1e6 - 1) })
  delay.reset()
})
process.on('disconnect', () => process.exit(0))
process.send?.({ address: server.address })
