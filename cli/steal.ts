// `holdfast steal`: takes a lock away from all its holders and releases it at once.

import { type HeldLock, type Lock, type LockClient, LockError } from '../client/index.ts'
import { type Command, json, reaching, whole } from './arguments.ts'
import { showDuration } from './duration.ts'
import { Failure } from './failure.ts'
import { checkLockName, openSession } from './holding.ts'
import { oneLine, print, printJson, quoted } from './output.ts'

const options = {
  token: whole(
    'T',
    "only from the hold with this token, as 'why' shows it; if another one holds it, nothing is done",
    1,
    Number.MAX_SAFE_INTEGER,
  ),
  ...reaching,
  ...json,
}
const withinMs = 10_000

export const command: Command<typeof options> = {
  usage: 'steal NAME [--token T] [options]',
  does: 'take the lock NAME away from its holders; the next waiter gets it',
  more: `The holders learn of it, and their tokens are smaller than the one that is used up here. Waiters
keep their order. With --token a healthy successor can't lose the lock by mistake:
exit code 1 if that hold is not there any more, or is not the only one. --json prints { name, token, taken: [{ mode, token, clientId,
clientName, host, pid, heldMs, terms }…] }; taken is what was held just before.`,
  options,
  names: ['NAME'],
  async run({ values, names }) {
    const name = checkLockName(names[0])
    await using client = await openSession('steal', values)
    const { held } = await client.query({ prefix: name, timeout: withinMs })
    const holds = held.filter(each => each.name === name)
    const lock = await steal(client, name, values.token, holds)
    await lock.release()
    const taken = holds
      .filter(({ token }) => values.token === undefined || token === values.token)
      .map(({ name: _, ...rest }) => rest)
    if (values.json) printJson({ name, token: lock.token, taken })
    else if (taken.length === 0) print(`no client held lock ${quoted(name)}`)
    for (const { mode, token, clientName, heldMs } of values.json ? [] : taken)
      print(`took ${quoted(name)} (${mode}, token ${token}) ${fromWhom(clientName, showDuration(heldMs))}`)
    return 0
  },
}

/** C1: a lock in use is of as many permits as it is; all of them are taken, or as many as the one hold has. */
async function steal(
  client: LockClient,
  name: string,
  token: number | undefined,
  holds: readonly HeldLock[],
): Promise<Lock> {
  const of = holds[0]?.terms?.permits?.of
  const take = holds.find(hold => hold.token === token)?.terms?.permits?.take ?? of
  const options = { steal: token === undefined ? true : { token }, timeout: withinMs } as const
  try {
    return await client.acquire(name, of === undefined ? options : { ...options, permits: { of, take } })
  } catch (error) {
    if (!(error instanceof LockError) || error.code !== 'NOT_THIS_TOKEN') throw error
    throw new Failure(error.message)
  }
}

/** C3: it may be kept for no client. */
function fromWhom(clientName: string | null, since: string): string {
  if (clientName === null) return `from no client: it was kept, ${since} after its grant`
  return `from ${oneLine(clientName)}, who held it for ${since}`
}
