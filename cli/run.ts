// `holdfast run`: holds a lock while a command runs. The command is in a process group of its own, so
// that all of it can be ended before the lock can be granted to somebody else.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import type { LockError } from '../client/index.ts'
import type { Command } from './arguments.ts'
import { showDuration } from './duration.ts'
import { Failure, lockLost, UsageError } from './failure.ts'
import { checkLockName, type Held, holdingOptions, take } from './holding.ts'
import { note } from './output.ts'

const { json: _, ...options } = holdingOptions

/** Of the ttl: with so much of the lease left SIGTERM is sent, and with so much SIGKILL. */
const termPart = 0.2
const killPart = 0.02
/** After a loss that could not be foreseen the command gets at most this long between the two. */
const graceMsMax = 2_000

const passedOn = [
  'SIGINT',
  'SIGTERM',
  'SIGHUP',
  'SIGQUIT',
  'SIGUSR1',
  'SIGUSR2',
  'SIGCONT',
  'SIGWINCH',
] as const

export const command: Command<typeof options> = {
  usage: 'run NAME [options] -- CMD…',
  does: 'run CMD while holding the lock NAME',
  more: `CMD finds the fencing token in HOLDFAST_TOKEN and the name in HOLDFAST_LOCK. It runs in a
process group of its own; signals, stdin, stdout, stderr and the exit code are passed on
(128 + n when signal n ended it; 126 and 127 when it can't be run).

If the lease can't be renewed, CMD's process group gets SIGTERM when a fifth of the ttl is
left and SIGKILL when a fiftieth is left: before the lock can be granted to anybody else. If
the lock is stolen or released by an operator, that is known only afterwards: SIGTERM at
once, and SIGKILL after at most 2 s. Both end with exit code 76.

No promise holds when this process itself is killed with SIGKILL or stopped: CMD goes on
then, while the lease runs out. What must not happen twice must check the token.`,
  options,
  names: ['NAME'],
  rest: true,
  async run({ values, names, rest }) {
    const name = checkLockName(names[0])
    if (rest.length === 0) throw new UsageError(`the command is missing; use: holdfast ${this.usage}`)
    const waiting = new Interrupt()
    const held = await take('run', name, values, waiting.signal).catch(error => {
      throw waiting.failure() ?? error
    })
    waiting.over()
    try {
      return await runHolding(held, rest)
    } finally {
      await held.client.close()
    }
  },
}

/** A signal before there is anything to pass it on to ends the waiting. */
class Interrupt {
  readonly #controller = new AbortController()
  readonly #stop = (signal: NodeJS.Signals) => {
    this.#by = signal
    this.#controller.abort()
  }
  #by: NodeJS.Signals | undefined

  constructor() {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, this.#stop)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  failure(): Failure | undefined {
    return (
      this.#by && new Failure(`${this.#by} while waiting for the lock`, 128 + constants.signals[this.#by])
    )
  }

  over(): void {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, this.#stop)
  }
}

async function runHolding(held: Held, [file = '', ...args]: readonly string[]): Promise<number> {
  const { name, token } = held.lock
  // Passing on begins before there is a child: a signal in between must neither be lost nor end us.
  let group: Group | undefined
  for (const signal of passedOn) process.on(signal, () => group?.send(signal))
  process.on('SIGTSTP', () => note('not stopped: the lease would run out while the command holds the lock'))
  const child = spawn(file, args, {
    stdio: 'inherit',
    detached: true,
    env: { ...process.env, HOLDFAST_TOKEN: String(token), HOLDFAST_LOCK: name },
  })
  group = new Group(child)
  const exit = once(child, 'exit').catch(error => error as NodeJS.ErrnoException)
  const guard = new Guard(held, group)
  const outcome = await exit
  guard.over()
  // Whoever it left behind loses the lock too, if that is why it ended.
  if (guard.ending) group.send('SIGKILL')
  // Its number may be given to another process now.
  group = undefined
  if (outcome instanceof Error) throw notRun(file, outcome)
  const [code, signal] = outcome as [number | null, NodeJS.Signals | null]
  if (guard.ending) return lockLost
  return code ?? 128 + constants.signals[signal as NodeJS.Signals]
}

function notRun(file: string, { code, message }: NodeJS.ErrnoException): Failure {
  const what = JSON.stringify(file)
  if (code === 'ENOENT') return new Failure(`can't run ${what}: there is no such command`, 127)
  if (code === 'EACCES') return new Failure(`can't run ${what}: it is not executable`, 126)
  return new Failure(`can't run ${what}: ${message}`, 126)
}

/** The command and everything that it has started and not put elsewhere. */
class Group {
  readonly #child: ChildProcess

  constructor(child: ChildProcess) {
    this.#child = child
  }

  send(signal: NodeJS.Signals): void {
    const { pid } = this.#child
    if (pid === undefined) return
    try {
      process.kill(-pid, signal)
    } catch {
      // Nobody is left in it.
    }
  }
}

/** Ends the command when the lock is lost, or so early that it is gone before the lock is lost (S4). */
class Guard {
  ending = false
  readonly #held: Held
  readonly #group: Group
  readonly #onLost = () => this.#lost(this.#held.lock.signal.reason as LockError)
  #timer: NodeJS.Timeout | undefined

  constructor(held: Held, group: Group) {
    this.#held = held
    this.#group = group
    const { signal } = held.lock
    if (signal.aborted) this.#onLost()
    else signal.addEventListener('abort', this.#onLost)
    this.#watch()
  }

  over(): void {
    clearTimeout(this.#timer)
    this.#held.lock.signal.removeEventListener('abort', this.#onLost)
  }

  /** Each renewal moves the deadline; so the timer looks again when it fires. */
  #watch(): void {
    if (this.ending) return
    const { ttl, remaining } = this.#held.client.lease
    const spareMs = remaining - ttl * termPart
    if (spareMs > 0) this.#timer = setTimeout(() => this.#watch(), spareMs)
    else
      this.#end(
        `the lease ends in ${showDuration(remaining)} and can't be renewed`,
        remaining - ttl * killPart,
      )
  }

  #lost({ code, message }: LockError): void {
    const late = code === 'EXPIRED' || code === 'SESSION_LOST'
    const graceMs = late ? 0 : Math.min(graceMsMax, this.#held.client.lease.ttl * (termPart - killPart))
    if (!this.ending) this.#end(message, graceMs)
    // The foreseen end has failed to come in time.
    else if (late) this.#group.send('SIGKILL')
  }

  #end(why: string, graceMs: number): void {
    this.ending = true
    note(`ending the command: ${why}`)
    clearTimeout(this.#timer)
    this.#group.send('SIGTERM')
    // A stopped process would not see the SIGTERM.
    this.#group.send('SIGCONT')
    this.#timer = setTimeout(() => this.#group.send('SIGKILL'), Math.max(0, graceMs))
  }
}
