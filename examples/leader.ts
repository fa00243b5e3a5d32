// Leader election with failover: node leader.js ws://127.0.0.1:7400 NAME. One of many leads; when it dies or
// is cut off, the next one leads after its ttl. (Servers that die change no leader.)

import { setTimeout as pause } from 'node:timers/promises'
import { connect } from 'holdfast'

const [, , url, name = `pid ${process.pid}`] = process.argv
const locks = await connect(url, { name, ttl: 1_500 })
process.once('disconnect', () => process.exit()) // with the program that started it, such as leader-page.js

// Whoever follows sees the note. After a loss it campaigns again, and this runs again.
await locks.lead('leader', { note: `pid ${process.pid}` }, async ({ token, signal }) => {
  console.log(`${name} leads with token ${token}`)
  while (!signal.aborted) {
    // A piece of work; its writes carry the token. The signal fires before another one can lead.
    await pause(100, undefined, { signal }).catch(() => {})
  }
  console.log(`${name} leads no more: ${signal.reason.code}`)
})
