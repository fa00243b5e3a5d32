// `holdfast release --force`: ends all holds of a lock, as a last resort for operators.

import type { LockClient } from '../client/index.ts'
import { type Command, flag, json, reaching, whole } from './arguments.ts'
import { UsageError } from './failure.ts'
import { checkLockName, openSession } from './holding.ts'
import { print, printJson, quoted } from './output.ts'

const options = {
  force: flag('yes: take it away from its holders'),
  token: whole(
    'T',
    "only the hold with this token, as 'why' shows it; if another one holds it, nothing is done",
    1,
    Number.MAX_SAFE_INTEGER,
  ),
  ...reaching,
  ...json,
}
const withinMs = 10_000

export const command: Command<typeof options> = {
  usage: 'release NAME --force [--token T] [options]',
  does: 'end every hold of the lock NAME, or with --token that one; the next waiter gets it',
  more: `The holders learn of it as soon as the network allows, which may be after another client has the
lock. With --token a healthy successor can't lose the lock by mistake: exit code 1 if that
hold is not there any more. --json prints { name, released }: the number of holds that ended.`,
  options,
  names: ['NAME'],
  async run({ values, names }) {
    const name = checkLockName(names[0])
    if (!values.force)
      throw new UsageError(
        `release takes lock ${quoted(name)} away from its holders; say --force if you mean that`,
      )
    await using client = await openSession('release', values)
    const { token } = values
    const released = await client.forceRelease(name, { timeout: withinMs, token })
    if (values.json) printJson({ name, released })
    else if (released === 0 && token !== undefined) print(await notThisText(client, name, token))
    else if (released === 0) print(`lock ${quoted(name)} was held by no client`)
    else print(`released ${quoted(name)}: ${released === 1 ? '1 hold' : `${released} holds`} ended`)
    return released === 0 && token !== undefined ? 1 : 0
  },
}

/** C8: nothing was done. Who holds it now may have changed since. */
async function notThisText(client: LockClient, name: string, token: number): Promise<string> {
  const { held } = await client.query({ prefix: name, timeout: withinMs })
  const tokens = held.filter(each => each.name === name).map(each => each.token)
  const holds = tokens.length === 0 ? 'no client does' : `token ${tokens.slice(0, 3).join(', ')} does`
  return `nothing was done: token ${token} does not hold ${quoted(name)}; ${holds}`
}
