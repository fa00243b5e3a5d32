// Opt-in: closes a client in order when a signal asks the process to end. Whether and how the process ends is
// its own matter: this neither exits nor sets an exit code.

import type { LockClient } from './client.ts'
import { checkKeys, shown } from './known-options.ts'
import { checkClose } from './options.ts'

/** What is used of Node's process; its types are not there in a page. */
interface Signalled {
  getBuiltinModule?(name: 'node:os'): { readonly constants: { readonly signals: object } }
  getBuiltinModule?(name: 'node:events'): { setMaxListeners(count: number, signal: AbortSignal): void }
  on(signal: string, listener: (signal: string) => void): void
  off(signal: string, listener: (signal: string) => void): void
}

export interface CloseOnSignalsOptions {
  /** Default `SIGTERM` and `SIGINT`. */
  signals?: readonly `SIG${string}`[] | undefined
  /** In ms, default 10000: how long current holders may keep working, see `close`. */
  finishWithin?: number | undefined
}

/** What `closeOnSignals` returns: tells of the end, and can be taken back. */
export interface ClosingOnSignals extends Disposable {
  /** Aborted by the first signal, with its name as reason: time to begin nothing new. */
  readonly signal: AbortSignal
  /** Resolves when the client is closed because of a signal; never, if none comes. */
  readonly closed: Promise<void>
}

/**
 * At the first of these signals takes no more locks (what waits rejects with `CLOSED`), lets who holds
 * one finish, and closes the client; a second signal closes it at once, aborting `lock.signal` of what
 * is still held. After that a signal does what it did before. As Node has it, a signal that is listened
 * to ends nothing by itself: the process ends when it has nothing left to do, with the
 * `process.exitCode` that you set.
 */
export function closeOnSignals(locks: LockClient, options: CloseOnSignalsOptions = {}): ClosingOnSignals {
  checkKeys('closeOnSignals', options, ['signals', 'finishWithin'])
  const { signals = ['SIGTERM', 'SIGINT'], finishWithin = 10_000 } = options
  if (typeof locks?.close !== 'function')
    throw new TypeError(`closeOnSignals takes the client that it closes, not ${shown(locks)}`)
  checkClose({ finishWithin })
  const { process } = globalThis as { process?: Signalled }
  if (typeof process?.on !== 'function') throw new TypeError('there are no signals outside of Node')
  checkSignals(signals, process.getBuiltinModule?.('node:os').constants.signals)
  const controller = new AbortController()
  // As many parts of the program as like may listen to it.
  process.getBuiltinModule?.('node:events').setMaxListeners(0, controller.signal)
  let isClosed = () => {}
  const closed = new Promise<void>(resolve => {
    isClosed = resolve
  })
  const stop = () => {
    for (const signal of signals) process.off(signal, onSignal)
  }
  const onSignal = (signal: string) => {
    const first = !controller.signal.aborted
    if (first) controller.abort(signal)
    void locks.close(first ? { finishWithin } : {}).then(() => {
      stop()
      isClosed()
    })
  }
  for (const signal of signals) process.on(signal, onSignal)
  return { signal: controller.signal, closed, [Symbol.dispose]: stop }
}

/** Those that end a process at once: no program hears of them. */
const unheard: readonly unknown[] = ['SIGKILL', 'SIGSTOP']

/** `known`: all that this platform has; undefined: it does not say. */
function checkSignals(signals: unknown, known: object | undefined): void {
  if (!Array.isArray(signals) || signals.length === 0)
    throw new TypeError(`signals must be an array of names such as SIGTERM, not ${shown(signals)}`)
  for (const signal of signals) {
    if (typeof signal !== 'string' || (known !== undefined && !Object.hasOwn(known, signal)))
      throw new TypeError(`signals must be names such as SIGTERM: there is no ${shown(signal)}`)
    if (unheard.includes(signal))
      throw new TypeError(`no program is told of ${signal}: signals must not have it`)
  }
}
