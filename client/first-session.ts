// Waiting for the first session of a client, which `connect` does: until there is one, or why there is none, or
// until its limits are reached.

import type { ClientRuntime } from '../wire/net/runtime.ts'
import { LockError } from './errors.ts'
import type { ClientGroup } from './group.ts'
import type { Connecting } from './options.ts'
import type { SessionDriver } from './session-driver.ts'
import { reasonOf, watchSignal } from './signals.ts'
import { caused, causeOf } from './unreached.ts'

/** `close`: called when a limit is reached. */
export function firstSession(
  group: ClientGroup,
  runtime: ClientRuntime,
  { urls, limits }: Connecting,
  close: () => void,
): Promise<void> {
  const { signal, timeout = Number.POSITIVE_INFINITY } = limits
  return new Promise<void>((resolve, reject) => {
    const done = (finish: () => void) => {
      runtime.cancel(timer)
      unwatch()
      group.waitingForSession.delete(onSession)
      finish()
    }
    const giveUp = (reason: unknown) => {
      close()
      done(() => reject(reason))
    }
    const onSession = (error: LockError | null) => done(() => (error === null ? resolve() : reject(error)))
    const onAbort = () => giveUp(signal && reasonOf(signal))
    const onTimeout = () => giveUp(connectTimeout(urls, timeout, group.lastSession))
    const timer = Number.isFinite(timeout) ? runtime.after(timeout, onTimeout) : undefined
    const unwatch = signal === undefined ? () => {} : watchSignal(signal, onAbort)
    group.waitingForSession.add(onSession)
    group.lastSession.wake()
  })
}

function connectTimeout(urls: readonly string[], timeout: number, session: SessionDriver): LockError {
  const text = `no session with the cluster at ${urls.join(', ')} within ${timeout} ms: ${session.core.describe()}`
  return new LockError('TIMEOUT', true, text, caused(causeOf(session, 'TIMEOUT')))
}
