// `holdfast once --forget`: lets a key that has run (C5) run again before its time is over, when its work must be done
// once more. A key that runs now is left alone.

import type { ForgetOnceOutcome } from '../client/index.ts'
import { onceKeyBytesMax } from '../wire/limits.ts'
import { fitsBytes } from '../wire/name.ts'
import { type Command, flag, json, reaching } from './arguments.ts'
import { UsageError } from './failure.ts'
import { checkLockName, openSession } from './holding.ts'
import { print, printJson, quoted } from './output.ts'
import { beforeText } from './run-once.ts'

const options = {
  forget: flag('yes: the key may run again, though it has run'),
  ...reaching,
  ...json,
}
const withinMs = 10_000

export const command: Command<typeof options> = {
  usage: 'once NAME KEY --forget [options]',
  does: 'let KEY of the lock NAME run again, though it has run (see run --once)',
  more: `For a job whose work was lost after it had ended well. A key that runs now is left alone: end its hold
first ('holdfast why NAME' says how). Exit code 1 if nothing was forgotten. --json prints { name, key, forgotten, before }; before is
null, or { token, clientId, clientName, grantedAt, endedAt } of who has run it, or runs it.`,
  options,
  names: ['NAME', 'KEY'],
  async run({ values, names: [given, key = ''] }) {
    const name = checkLockName(given)
    if (key === '' || !(key.isWellFormed() && fitsBytes(key, onceKeyBytesMax)))
      throw new UsageError(`KEY must have 1 to ${onceKeyBytesMax} bytes of UTF-8`)
    if (!values.forget)
      throw new UsageError(
        `once lets ${quoted(key)} of ${quoted(name)} run again; say --forget if that is meant`,
      )
    await using client = await openSession('once', values)
    const outcome = await client.forgetOnce(name, key, { timeout: withinMs })
    if (values.json) printJson({ name, key, ...outcome })
    else print(outcomeText(name, key, outcome))
    return outcome.forgotten ? 0 : 1
  },
}

function outcomeText(name: string, key: string, { forgotten, before }: ForgetOnceOutcome): string {
  if (before === null) return `nothing was done: ${quoted(name)} has no key ${quoted(key)}`
  const who = beforeText(key, before)
  return forgotten
    ? `forgotten, and may run again: ${who}`
    : `nothing was done, its hold is there still: ${who}`
}
