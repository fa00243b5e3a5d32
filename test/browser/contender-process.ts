// A Node process that contends: node contender-process.js URL NAME, with an IPC channel to the referee.

import { once } from 'node:events'
import { contend } from './contender.ts'

const [, , url = '', name = ''] = process.argv

await contend(url, name, async (...said) => {
  process.send?.(said)
  const [goesOn] = await once(process, 'message')
  return goesOn as boolean
})
process.disconnect()
