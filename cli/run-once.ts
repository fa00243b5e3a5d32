// `holdfast run --once KEY`: of all machines that ask, one runs the command (C5). Which one, the servers decide. A
// command that fails frees its key; one that is killed together with its machine does not.

import { LockError, type RunBefore } from '../client/index.ts'
import {
  acquireFailure,
  endSoon,
  type Held,
  type Holding,
  openHolding,
  permitsOf,
  termsOf,
  type Wait,
} from './holding.ts'
import { note, quoted } from './output.ts'

/** The exit code of the command; 0 if another one has run it, or runs it. */
export async function runOnce(
  command: string,
  name: string,
  { key, keep }: { readonly key: string; readonly keep: number | undefined },
  values: Holding,
  wait: Wait,
  work: (held: Held) => Promise<number>,
): Promise<number> {
  const { client, waitMs } = await openHolding(command, values, wait)
  let running: Promise<number> | null = null
  const options = { ...termsOf(values, wait.signal), permits: permitsOf(values), timeout: waitMs, keep }
  try {
    const outcome = await client.once(name, key, options, async lock => {
      wait.told.over()
      running = work({ client, lock })
      const code = await running
      // Before the session ends.
      if (code !== 0) await lock.fail()
      return code
    })
    if (outcome.ran) return outcome.value
    note(`not run: ${beforeText(key, outcome.before)}`)
    return 0
  } catch (error) {
    // The lock was lost, and the command is being ended.
    if (running !== null && error instanceof LockError) return await running
    throw acquireFailure(error, name, values, wait)
  } finally {
    wait.told.over()
    await (running === null ? endSoon(client) : client.close())
  }
}

export function beforeText(key: string, { clientName, grantedAt, endedAt }: RunBefore): string {
  const when = (ms: number) => new Date(ms).toISOString()
  const what = `${quoted(clientName)} ${endedAt === null ? 'runs' : 'has run'} ${quoted(key)}`
  return endedAt === null
    ? `${what} since ${when(grantedAt)}`
    : `${what}, from ${when(grantedAt)} to ${when(endedAt)}`
}
