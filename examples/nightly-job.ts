// One worker of many does the nightly job: node nightly-job.js ws://127.0.0.1:7400 FOLDER, as often as you like.
// A later worker waits and finds it done; if the worker dies during the job, the next one does it.

import { access, appendFile, rename } from 'node:fs/promises'
import { connect } from 'holdfast'

const [, , url, folder = '.'] = process.argv
const today = new Date().toISOString().slice(0, 10)
const report = `${folder}/report-${today}.txt`

const locks = await connect(url, { name: `nightly job, pid ${process.pid}` })
const outcome = await locks.request(`nightly/${today}`, async lock => {
  if (await exists(report)) return 'it was done already'
  await doTheJob(`${report}.${lock.token}`, lock.signal)
  await rename(`${report}.${lock.token}`, report)
  return 'it is done'
})
console.log(outcome)
await locks.close()

async function doTheJob(file: string, signal: AbortSignal): Promise<void> {
  for (const line of ['ten orders', 'nine paid', 'one open']) {
    signal.throwIfAborted() // the lock is lost: stop
    await appendFile(file, `${line}\n`)
  }
}

async function exists(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  )
}
