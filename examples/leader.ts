// Leader election with failover: node leader.js ws://127.0.0.1:7400 NAME. One of many leads; when it dies or
// is cut off, the next one leads after its ttl. (Servers that die change no leader.)

import { setTimeout as pause } from 'node:timers/promises'
import { connect } from 'holdfast'

const [, , url, name = `pid ${process.pid}`] = process.argv
const locks = await connect(url, { name, ttl: 1_500 })

for (;;) {
  const lock = await locks.acquire('leader')
  console.log(`${name} leads with token ${lock.token}`)
  await lead(lock.signal)
  console.log(`${name} leads no more: ${lock.signal.reason.code}`)
}

/** Works as long as it leads. The signal fires before another one can lead. */
async function lead(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    // A piece of work; its writes carry the token.
    await pause(100, undefined, { signal }).catch(() => {})
  }
}
