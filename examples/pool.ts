// At most two at a time, across processes: node pool.js ws://127.0.0.1:7400 JOBS. Start as many as you like: of all
// their jobs no more than two run at once, in the order in which they were asked for.

import { setTimeout as pause } from 'node:timers/promises'
import { connect } from 'holdfast'

const [, , url, jobs = '3'] = process.argv
const locks = await connect(url, { name: `importer, pid ${process.pid}` })

const all = Array.from({ length: Number(jobs) }, async (_, i) => {
  const lock = await locks.acquire('imports', { permits: { of: 2 }, note: `job ${i + 1}` })
  try {
    // How many run now, with this one; lists show who, and the note.
    const { held } = await locks.query({ prefix: 'imports' })
    console.log(`${held.length} of 2`)
    await pause(20, undefined, { signal: lock.signal })
  } finally {
    await lock.release()
  }
})
await Promise.all(all)
await locks.close()
