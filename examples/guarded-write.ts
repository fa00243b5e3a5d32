// A guarded write: node guarded-write.js ws://127.0.0.1:7400 http://DATABASE STATE. Freeze it during its work
// (kill -STOP) until another has written, then thaw it: it still believes, and its write is refused.

import { setTimeout as pause } from 'node:timers/promises'
import { connect } from 'holdfast'
import { formatToken, tokenHeader } from 'holdfast/fencing'

const [, , url, database, state] = process.argv

const locks = await connect(url, { name: state, ttl: 1_000 })
const lock = await locks.acquire('orders/42')
console.log(`holds token ${lock.token}`)
await pause(1_000) // the work

// Checking lock.held here would only make the gap smaller: a process can be frozen after any line.
const answer = await fetch(`${database}/orders/42?state=${state}`, {
  method: 'PUT',
  headers: { [tokenHeader]: formatToken(lock) },
})
console.log(answer.status === 412 ? 'refused' : answer.ok ? 'written' : await answer.text())
await lock.release()
await locks.close()
