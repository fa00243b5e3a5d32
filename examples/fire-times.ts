// A job at each whole second, by a scheduler on several machines whose clocks differ: node fire-times.js ws://127.0.0.1:7400
// COUNT SKEW. SKEW (ms) is how wrong this machine's clock is, for trying it. Each second runs once, on one machine: its key is the
// time that was planned. With node-cron it is one line: cron.setRunCoordinator(cronCoordinator(locks)).

import { setTimeout } from 'node:timers/promises'
import { connect } from 'holdfast'
import { runOnceAt } from 'holdfast/cron'

const [, , url, count = '3', skew = '0'] = process.argv
const locks = await connect(url, { name: `scheduler, ${skew} ms` })
const now = () => Date.now() + Number(skew)

let planned = Math.ceil(now() / 1_000) * 1_000
for (let i = 0; i < Number(count); i++, planned += 1_000) {
  await setTimeout(Math.max(0, planned - now()))
  const at = new Date(planned)
  const outcome = await runOnceAt(locks, 'every second', at, { keep: 3_600_000 }, lock => {
    lock.signal.throwIfAborted()
    console.log(at.toISOString())
  })
  if (!outcome.ran) console.error(`${at.toISOString()} ran on ${outcome.before.clientName}`)
}
await locks.close()
