// A job that runs once a night, started by the clocks of many machines, which differ: node once-a-night.js
// ws://127.0.0.1:7400 NIGHT FILE. The key is the planned night, not the time that some clock shows. A job that throws
// may be run again; one that dies with its machine is not, since nobody can know how far it came.

import { appendFile } from 'node:fs/promises'
import { connect } from 'holdfast'

const [, , url, night = '', file = 'report.txt'] = process.argv
const locks = await connect(url, { name: `report, pid ${process.pid}` })
const day = 24 * 60 * 60 * 1_000

const outcome = await locks.once('nightly/report', night, { keep: 7 * day }, async lock => {
  for (const line of ['ten orders', 'nine paid', 'one open']) {
    lock.signal.throwIfAborted() // the lock is lost: stop
    await lock.setNote(`writes ${line}`)
    await appendFile(file, `${night}: ${line}\n`)
  }
})
if (outcome.ran) console.log('it is done')
else console.log(`not here: ${outcome.before.clientName}`)
await locks.close()
