// `holdfast release --force`: ends all holds of a lock, as a last resort for operators.

import { type Command, flag, json, reaching } from './arguments.ts'
import { UsageError } from './failure.ts'
import { checkLockName, openSession } from './holding.ts'
import { oneLine, print, printJson } from './output.ts'

const options = { force: flag('yes: take it away from whoever holds it'), ...reaching, ...json }
const withinMs = 10_000

export const command: Command<typeof options> = {
  usage: 'release NAME --force [options]',
  does: 'end every hold of the lock NAME; the next waiter gets it',
  more: `The holders are told as soon as the network can, and not before somebody else may have the
lock. --json prints { name, released }: the number of holds that ended.`,
  options,
  names: ['NAME'],
  async run({ values, names }) {
    const name = checkLockName(names[0])
    if (!values.force)
      throw new UsageError(
        `release takes lock ${oneLine(name)} away from whoever holds it; say --force if that is meant`,
      )
    await using client = await openSession('release', values)
    const released = await client.forceRelease(name, { timeout: withinMs })
    if (values.json) printJson({ name, released })
    else if (released === 0) print(`lock ${oneLine(name)} was held by nobody`)
    else print(`released ${oneLine(name)}: ${released === 1 ? '1 hold' : `${released} holds`} ended`)
    return 0
  },
}
