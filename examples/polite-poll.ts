// Asks a slow neighbour at most twice a second, whichever of many processes does it, and never for longer than a
// second: node polite-poll.js ws://127.0.0.1:7400 TIMES. The lock is kept for the rest of its half second when its
// holder gives it back, or dies; and a holder that hangs loses it after a second.

import { setTimeout as pause } from 'node:timers/promises'
import { connect, LockError } from 'holdfast'

const [, , url, times = '3'] = process.argv
const locks = await connect(url, { name: `poller, pid ${process.pid}` })
const politely = { holdAtLeast: 500, holdAtMost: 1_000, note: 'asks the neighbour' }

for (let i = 1; i <= Number(times); i++) {
  const lock = await locks.acquire('neighbour', politely)
  try {
    // The last one hangs, and is stopped in time.
    await ask(i === Number(times) ? 60_000 : 10, lock.signal)
    console.log(`asked at ${Date.now()}`)
  } catch (error) {
    const { reason } = lock.signal
    if (!(reason instanceof LockError)) throw error
    console.log(`gave up: ${reason.code}`)
  } finally {
    await lock.release()
  }
}
await locks.close()

async function ask(takesMs: number, signal: AbortSignal): Promise<void> {
  await pause(takesMs, undefined, { signal })
}
