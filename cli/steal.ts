// `holdfast steal`: takes a lock away from all its holders and releases it at once.

import { type Command, json, reaching } from './arguments.ts'
import { showDuration } from './duration.ts'
import { checkLockName, openSession } from './holding.ts'
import { oneLine, print, printJson } from './output.ts'

const options = { ...reaching, ...json }
const withinMs = 10_000

export const command: Command<typeof options> = {
  usage: 'steal NAME [options]',
  does: 'take the lock NAME away from its holders; the next waiter gets it',
  more: `The holders are told, and their tokens are smaller than the one that is used up here. Those
who wait stay in their order. --json prints { name, token, taken: [{ mode, token, clientId,
clientName, heldMs }…] }; taken is what was held just before.`,
  options,
  names: ['NAME'],
  async run({ values, names }) {
    const name = checkLockName(names[0])
    await using client = await openSession('steal', values)
    const { held } = await client.query({ prefix: name, timeout: withinMs })
    const lock = await client.acquire(name, { steal: true, timeout: withinMs })
    await lock.release()
    const taken = held.filter(each => each.name === name).map(({ name: _, ...rest }) => rest)
    if (values.json) printJson({ name, token: lock.token, taken })
    else if (taken.length === 0) print(`lock ${oneLine(name)} was free, and is`)
    for (const { mode, token, clientName, heldMs } of values.json ? [] : taken)
      print(
        `took ${oneLine(name)} (${mode}, token ${token}) from ${oneLine(clientName ?? 'a client that is gone')}, who held it for ${showDuration(heldMs)}`,
      )
    return 0
  },
}
