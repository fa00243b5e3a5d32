// `holdfast hold`: takes a lock, prints its token, and keeps it until a signal ends it or the lock is lost.

import { constants } from 'node:os'
import type { LockError } from '../client/index.ts'
import { type Command, proofOf } from './arguments.ts'
import { Failure, inOptions, lockLost } from './failure.ts'
import { checkHolding, checkLockName, type Held, holdingOptions, take } from './holding.ts'
import { note, print, printJson, quoted } from './output.ts'
import { tellWaiting } from './waiting.ts'

export const command: Command<typeof holdingOptions> = {
  usage: 'hold NAME [options]',
  does: 'hold the lock NAME until interrupted; prints the token',
  more: `SIGINT or SIGTERM ends it with exit code 0, after it has released the lock; a second signal ends it
at once. On a terminal it says for whom it waits, and that it holds the lock; --quiet silences that.
--json prints one line { name, mode, token } once it holds the lock.`,
  options: holdingOptions,
  names: ['NAME'],
  check: checkHolding,
  async run({ values, names }) {
    const name = checkLockName(names[0])
    const signal = endOnSignals()
    const told = tellWaiting(name, values.quiet, proofOf(values))
    const held = await take('hold', name, values, { signal, told, withinMs: undefined }).catch(error => {
      throw signal.aborted ? new Failure('interrupted while waiting for the lock', signal.reason) : error
    })
    const { mode, token } = held.lock
    if (values.json) printJson({ name, mode, token })
    else print(String(token))
    if (process.stderr.isTTY && !values.quiet) note(`holding ${quoted(name)} until Ctrl-C`)
    await ended(held, signal)
    return 0
  },
}

/** Aborted by the first signal, with that signal's exit code; the second signal ends the process. */
function endOnSignals(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      const code = 128 + constants.signals[signal]
      if (controller.signal.aborted) process.exit(code)
      controller.abort(code)
    })
  }
  return controller.signal
}

async function ended({ client, lock }: Held, told: AbortSignal): Promise<void> {
  const { signal } = lock
  const reason = await new Promise<LockError | null>(resolve => {
    const onLost = () => resolve(signal.reason as LockError)
    if (signal.aborted) onLost()
    signal.addEventListener('abort', onLost)
    if (told.aborted) resolve(null)
    told.addEventListener('abort', () => resolve(null))
  })
  await client.close()
  if (reason !== null) throw new Failure(inOptions(reason.message), lockLost)
}
