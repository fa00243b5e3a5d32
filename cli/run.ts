// `holdfast run`: holds a lock while a command runs. The command has its own process group, so that all of it
// can be ended before another client can get the lock.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import { basename } from 'node:path'
import type { Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { LockError } from '../client/index.ts'
import { onceKeepMsMax, onceKeyBytesMax } from '../wire/limits.ts'
import { fitsBytes } from '../wire/name.ts'
import { byDefault, type Command, duration, proofOf, text, type Values } from './arguments.ts'
import { commandEnvironment } from './command-environment.ts'
import { showDuration } from './duration.ts'
import { couldNotRun, Failure, lockLost, tookTooLong, UsageError } from './failure.ts'
import { checkHolding, checkLockName, type Held, holdingOptions, take, type Wait } from './holding.ts'
import { type Launched, launch } from './launch.ts'
import { note } from './output.ts'
import { runOnce } from './run-once.ts'
import { tellWaiting } from './waiting.ts'
import { sharedClockMs, standDown, type WatchdogOrder, watchdogArgument } from './watchdog.ts'

const dayMs = 86_400_000
const { json: _, ...holding } = holdingOptions
const options = {
  ...holding,
  once: text('KEY', 'run it only if no client has run KEY before, such as the planned time of a job'),
  keep: byDefault(
    '1d',
    duration(
      'TIME',
      'of --once: for how long after its end no other client runs KEY',
      0,
      onceKeepMsMax / dayMs,
    ),
  ),
  timeout: byDefault(
    'no limit',
    duration('TIME', 'the longest that all of it may take, waiting and running', 1),
  ),
}

/** Parts of the ttl: SIGTERM is sent when this much of the lease is left, and SIGKILL when that much is. */
const termPart = 0.2
const killPart = 0.05
/** How often, in parts of the ttl, the watchdog gets the new end of the lease. */
const orderPart = 0.05
/** After a loss without warning the command gets at most this long between the two. */
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
  more: `CMD gets the fencing token in HOLDFAST_TOKEN and the name in HOLDFAST_LOCK. HOLDFAST_SECRET and
HOLDFAST_ACCESS_TOKEN are kept from it. It runs in its own process group; signals, stdin, stdout,
stderr and the exit code are passed on (128 + n when signal n ended it; 126 and 127 when it can't be
run). Exit code 125 says that holdfast could not run it for another reason: a wrong option, no cluster
in reach, a refused secret, a lock that the access rules do not allow. Then CMD was not started, and
nothing is known of the lock; 75 says that the servers answered, and the lock was not free in time.

If the lease can't be renewed, CMD's process group gets SIGTERM when a fifth of the ttl is
left and SIGKILL when a twentieth is left: before another client can get the lock. If
the lock is stolen or released by an operator, that is known only afterwards: SIGTERM at
once, and SIGKILL after at most 2 s. Both end with exit code 76. --wait limits the wait for the
lock together with the connection to the cluster, which gets at least 1 s, and 5 s with --wait 0 (75;
125 if no server was reached); --timeout limits waiting and running: the same while it waits, and then CMD gets SIGTERM,
2 s later SIGKILL, and the exit code is 124. Without a limit it looks for the cluster for 5 s, and
then waits for the lock as long as it takes.

On a terminal (stderr) it says after a second for whom it waits, and again when that changes;
--quiet silences it. Lists show CMD's first word and this process, or --name.

With --once only one of many machines runs CMD, however their clocks differ: give all of them
the same KEY, such as the planned time. The others end at once with exit code 0, even while CMD
still runs, and when the machine that ran it has died; they say which one ran it. A CMD that ends
with another exit code than 0 has failed, and KEY may be run again; otherwise it may not for as
long as --keep says. With --at-most CMD gets SIGTERM, then SIGKILL, before the lock is free again,
and the exit code is 124. --at-least keeps the lock taken after CMD has ended.

A second process watches over this one. When this one is killed (SIGKILL too) it ends CMD's
group at once; when this one is stopped or frozen, before the lock can be granted again. Only
the death of both leaves CMD alone while the lease runs out, or a machine that is suspended;
so does what CMD puts into another process group or session. What must not happen twice must
check the token.

On a terminal (stdin and stdout) CMD's group is the foreground group: /dev/tty works, and Ctrl-C
goes to CMD. Ctrl-Z does nothing, since a stopped command would outlive the lease. In a
pipeline or in the background CMD has no controlling terminal.

As process 1 of a container it says so on stderr: Node can't reap processes that CMD leaves
behind, so they stay as zombies. Start the container with an init (docker run --init).`,
  options,
  names: ['NAME'],
  rest: true,
  check: checkRun,
  couldNotRun,
  async run({ values, names, rest }) {
    const name = checkLockName(names[0])
    if (rest.length === 0) throw new UsageError(`the command is missing; use: holdfast ${this.usage}`)
    const { timeout, once: key, keep, 'at-most': atMost } = values
    const begun = sharedClockMs()
    if (process.pid === 1 && !values.quiet) note(alone)
    const interrupt = new Interrupt()
    const told = tellWaiting(name, values.quiet, proofOf(values))
    const wait: Wait = { signal: interrupt.signal, told, withinMs: timeout }
    // It starts while the lock is waited for.
    const watchdog = new Watchdog()
    const work = async (held: Held): Promise<number> => {
      interrupt.over()
      const limitMs = timeout === undefined ? undefined : Math.max(0, begun + timeout - sharedClockMs())
      return await runHolding(held, rest, watchdog, { limitMs, atMostMs: atMost })
    }
    const who = whoRuns(rest)
    try {
      const running =
        key === undefined
          ? runNow(who, name, values, wait, work)
          : runOnce(who, name, { key, keep }, values, wait, work)
      return await running.catch(error => {
        throw interrupt.failure() ?? error
      })
    } finally {
      told.over()
      watchdog.standDown()
    }
  },
}

/** Node waits for its own children only. */
const alone =
  'this is process 1: processes that the command leaves behind stay as zombies; start the container with an init (docker run --init)'

/** What lists show: the command's first word, without its folder. Its arguments may hold what no list should show. */
function whoRuns([file = '']: readonly string[]): string {
  return `run ${[...basename(file)].slice(0, 64).join('')}`
}

function checkRun(values: Values<typeof options>): string[] {
  const { once: key, keep, wait, shared } = values
  const mistakes = checkHolding(values)
  if (key === undefined)
    return keep === undefined ? mistakes : [...mistakes, '--keep goes with --once KEY alone']
  if (!(key.isWellFormed() && fitsBytes(key, onceKeyBytesMax)))
    mistakes.push(`--once must be a key of at most ${onceKeyBytesMax} bytes of UTF-8`)
  if (shared) mistakes.push('--shared does not go with --once, which runs alone, or with --permits')
  if (wait === 0) mistakes.push('--wait 0 does not go with --once; give a time, such as --wait 5s')
  return mistakes
}

async function runNow(
  who: string,
  name: string,
  values: Parameters<typeof take>[2],
  wait: Wait,
  work: (held: Held) => Promise<number>,
): Promise<number> {
  const held = await take(who, name, values, wait)
  try {
    return await work(held)
  } finally {
    await held.client.close()
  }
}

/** A signal that comes before there is a command to pass it to ends the wait. */
class Interrupt {
  readonly #controller = new AbortController()
  readonly #stop = (signal: NodeJS.Signals) => {
    this.#by = signal
    this.#controller.abort()
  }
  #by: NodeJS.Signals | undefined

  constructor() {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, this.#stop)
    // There is no command yet to pass them to; Node would open a debugger at the one, and end at the other.
    for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) process.on(signal, () => {})
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Once there is a command no signal ends the wait any more. */
  failure(): Failure | undefined {
    return (
      this.#by && new Failure(`${this.#by} while waiting for the lock`, 128 + constants.signals[this.#by])
    )
  }

  over(): void {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, this.#stop)
  }
}

async function runHolding(
  held: Held,
  [file = '', ...args]: readonly string[],
  watchdog: Watchdog,
  times: Omit<GuardTimes, 'grantedAt'>,
): Promise<number> {
  const { name, token } = held.lock
  const grantedAt = sharedClockMs()
  // Signals are passed on before there is a child: one in between must neither be lost nor end this process.
  let group: Group | undefined
  for (const signal of passedOn) process.on(signal, () => group?.send(signal))
  process.on('SIGTSTP', () => note('not stopped: the lease would run out while the command holds the lock'))
  const told = { HOLDFAST_TOKEN: String(token), HOLDFAST_LOCK: name }
  const launched = launch(file, args, commandEnvironment(process.env, told))
  group = new Group(launched)
  const exit = once(launched.child, 'exit').catch(error => error as NodeJS.ErrnoException)
  const guard = new Guard(held, group, watchdog, { ...times, grantedAt })
  launched.onGroup(() => guard.order())
  const outcome = await exit
  guard.over()
  // If that is why it ended, its remaining children lose the lock too.
  if (guard.exitCode !== null) group.send('SIGKILL')
  // The system may give its number to another process now.
  group = undefined
  watchdog.standDown()
  if (outcome instanceof Error) throw notRun(file, outcome)
  const [code, signal] = outcome as [number | null, NodeJS.Signals | null]
  return guard.exitCode ?? code ?? 128 + constants.signals[signal as NodeJS.Signals]
}

function notRun(file: string, { code, message }: NodeJS.ErrnoException): Failure {
  const what = JSON.stringify(file)
  if (code === 'ENOENT') return new Failure(`can't run ${what}: there is no such command`, 127)
  if (code === 'EACCES') return new Failure(`can't run ${what}: it is not executable`, 126)
  return new Failure(`can't run ${what}: ${message}`, 126)
}

/** The command and all processes that it started in its group. */
class Group {
  readonly #launched: Launched

  constructor(launched: Launched) {
    this.#launched = launched
  }

  get number(): number | undefined {
    return this.#launched.group()
  }

  send(signal: NodeJS.Signals): void {
    const { number } = this
    if (number === undefined) return
    try {
      process.kill(-number, signal)
    } catch {
      // The group is empty.
    }
  }
}

/** The process that ends the command if this one can't (watchdog.ts). */
class Watchdog {
  readonly #process: ChildProcess
  readonly #stdin: Writable

  constructor() {
    const file = fileURLToPath(new URL('watchdog.js', import.meta.url))
    const { NODE_OPTIONS: _, ...env } = commandEnvironment(process.env, {})
    this.#process = spawn(process.execPath, [file, watchdogArgument], {
      stdio: ['pipe', 'ignore', 'inherit'],
      detached: true,
      env,
    })
    this.#stdin = this.#process.stdin as Writable
    this.#stdin.on('error', () => {})
    this.#process.on('error', error => note(`no watchdog: ${error.message}`))
    this.#process.unref()
  }

  order(order: WatchdogOrder): void {
    this.#stdin.write(`${JSON.stringify(order)}\n`)
  }

  standDown(): void {
    if (this.#stdin.writable) this.#stdin.end(`${standDown}\n`)
  }
}

interface GuardTimes {
  /** By the shared clock; to start the command takes time, too. */
  readonly grantedAt: number
  /** Of `--timeout`, from the grant; undefined: none. */
  readonly limitMs: number | undefined
  /** Of `--at-most` (C4). */
  readonly atMostMs: number | undefined
}

/** C4: the command gets SIGTERM when this much of `--at-most` is left, or so many ms, and SIGKILL when that much is. */
const atMostTermPart = 0.1
const atMostKillPart = 0.03

/** Ends the command when the lock is lost, or so early that it is gone before the lock is lost (S4). */
class Guard {
  /** The exit code of `run`, once the guard ends the command. */
  exitCode: number | null = null
  readonly #held: Held
  readonly #group: Group
  readonly #watchdog: Watchdog
  readonly #onLost = () => this.#lost(this.#held.lock.signal.reason as LockError)
  readonly #orders: NodeJS.Timeout
  readonly #limit: NodeJS.Timeout | undefined
  readonly #most: NodeJS.Timeout | undefined
  /** C4, by the shared clock: when the command must be gone. */
  readonly #killAt: number = Number.POSITIVE_INFINITY
  #timer: NodeJS.Timeout | undefined

  constructor(held: Held, group: Group, watchdog: Watchdog, { grantedAt, limitMs, atMostMs }: GuardTimes) {
    this.#held = held
    this.#group = group
    this.#watchdog = watchdog
    const passedMs = sharedClockMs() - grantedAt
    if (limitMs !== undefined) this.#limit = setTimeout(() => this.#tooLong(), limitMs - passedMs)
    if (atMostMs !== undefined) {
      const killMs = atMostMs * (1 - atMostKillPart)
      const termMs = killMs - Math.min(graceMsMax, atMostMs * (atMostTermPart - atMostKillPart))
      this.#killAt = grantedAt + killMs
      this.#most = setTimeout(() => this.#heldTooLong(), termMs - passedMs)
    }
    const { signal } = held.lock
    if (signal.aborted) this.#onLost()
    else signal.addEventListener('abort', this.#onLost)
    this.#watch()
    this.#orders = setInterval(() => this.order(), held.client.lease.ttl * orderPart)
  }

  over(): void {
    for (const timer of [this.#timer, this.#orders, this.#limit, this.#most]) clearTimeout(timer)
    this.#held.lock.signal.removeEventListener('abort', this.#onLost)
  }

  /** Tells the watchdog until when the command may run; that is later than this process itself would act. */
  order(): void {
    const { ttl, remaining } = this.#held.client.lease
    const mostMs = this.#killAt - sharedClockMs()
    if (this.exitCode === null)
      this.#order(
        Math.min(remaining - ttl * (termPart - orderPart), mostMs),
        Math.min(remaining - ttl * killPart * 0.5, mostMs),
      )
  }

  #order(termInMs: number, killInMs: number): void {
    const group = this.#group.number
    const now = sharedClockMs()
    if (group !== undefined)
      this.#watchdog.order({ group, termAt: now + termInMs, killAt: now + Math.max(0, killInMs) })
  }

  /** Each renewal moves the deadline; so the timer looks again when it fires. */
  #watch(): void {
    if (this.exitCode !== null) return
    const { ttl, remaining } = this.#held.client.lease
    const spareMs = remaining - ttl * termPart
    if (spareMs > 0) this.#timer = setTimeout(() => this.#watch(), spareMs)
    else {
      const why = `the lease ends in ${showDuration(remaining)} and can't be renewed`
      this.#end(why, remaining - ttl * killPart, lockLost)
    }
  }

  #lost({ code, message }: LockError): void {
    // C4: so short a time that the command had hardly begun.
    if (code === 'HELD_TOO_LONG') return this.#heldTooLong()
    const late = code === 'EXPIRED' || code === 'SESSION_LOST'
    const graceMs = late ? 0 : Math.min(graceMsMax, this.#held.client.lease.ttl * (termPart - killPart))
    if (this.exitCode === null) this.#end(message, graceMs, lockLost)
    // The planned end came too late.
    else if (late) this.#group.send('SIGKILL')
  }

  #heldTooLong(): void {
    if (this.exitCode === null)
      this.#end('it took longer than --at-most', this.#killAt - sharedClockMs(), tookTooLong)
  }

  #tooLong(): void {
    if (this.exitCode === null) this.#end('it took longer than --timeout', graceMsMax, tookTooLong)
  }

  #end(why: string, graceMs: number, exitCode: number): void {
    this.exitCode = exitCode
    note(`ending the command: ${why}`)
    clearTimeout(this.#timer)
    this.#group.send('SIGTERM')
    // A stopped process would not see the SIGTERM.
    this.#group.send('SIGCONT')
    this.#timer = setTimeout(() => this.#group.send('SIGKILL'), Math.max(0, graceMs))
    this.#order(0, graceMs)
  }
}
