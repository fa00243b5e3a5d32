// The process that watches over `holdfast run`, alone: what it does to a process group by
// its orders, and what it does when the process that gave them is gone. `run` ends the
// group itself wherever it can, so only these tests show that the watchdog would, too.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type Test, t } from 'tap'
import { sharedClockMs, standDown, type WatchdogOrder, watchdogArgument } from '../cli/watchdog.ts'
import { runs } from './fixtures/command.ts'
import { until } from './fixtures/deadline.ts'
import { goesOn } from './fixtures/endless-command.ts'

const program = fileURLToPath(new URL('../cli/watchdog.js', import.meta.url))
const { NODE_OPTIONS: _, ...env } = process.env
const farMs = 600_000

class Watchdog {
  readonly process: ChildProcess
  readonly ended: Promise<unknown>

  constructor(t: Test) {
    this.process = spawn(process.execPath, [program, watchdogArgument], {
      stdio: ['pipe', 'ignore', 'inherit'],
      env,
    })
    this.ended = once(this.process, 'exit')
    this.process.stdin?.on('error', () => {})
    t.teardown(() => void this.process.kill('SIGKILL'))
  }

  /** In this many ms from now. */
  order(group: number, termInMs: number, killInMs: number): void {
    const now = sharedClockMs()
    const order: WatchdogOrder = { group, termAt: now + termInMs, killAt: now + killInMs }
    this.say(JSON.stringify(order))
  }

  say(line: string): void {
    this.process.stdin?.write(`${line}\n`)
  }
}

/** A shell with a child, in their own process group; collects its output, line by line. */
class Command {
  readonly lines: string[] = []
  readonly group: number
  readonly exited: Promise<unknown>
  child = 0

  private constructor(t: Test, script: string) {
    const shell = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'], detached: true, env })
    this.group = shell.pid as number
    this.exited = once(shell, 'exit')
    createInterface({ input: shell.stdout as NodeJS.ReadableStream }).on('line', line =>
      this.lines.push(line),
    )
    t.teardown(() => {
      try {
        process.kill(-this.group, 'SIGKILL')
      } catch {} // it is gone
    })
  }

  /** `onTerm`: its action at a SIGTERM. Its child ignores the signal. */
  static async start(t: Test, onTerm: string): Promise<Command> {
    const child = `(trap "" TERM; exec ${goesOn}) & echo "child $!"`
    const command = new Command(t, `trap '${onTerm}' TERM; ${child}; while :; do wait; done`)
    await until('it is up', () => command.lines.length > 0)
    command.child = Number(command.lines[0]?.split(' ')[1])
    return command
  }

  /** No process of the group is left. */
  get isGone(): boolean {
    return !runs(this.group) && !runs(this.child)
  }
}

t.test('the command gets SIGTERM at its time, its whole group SIGKILL if that does not help', async t => {
  const [watchdog, command] = [new Watchdog(t), await Command.start(t, 'echo told')]
  watchdog.order(command.group, 0, farMs)
  await until('it was told', () => command.lines.includes('told'))
  t.notOk(command.isGone, 'it has time')
  watchdog.order(command.group, 0, 100)
  await watchdog.ended
  await until('all are gone', () => command.isGone)
})

t.test('the last order counts: a command whose lease is renewed in time is left alone', async t => {
  const [watchdog, command] = [new Watchdog(t), await Command.start(t, 'echo told')]
  watchdog.order(command.group, farMs, farMs)
  watchdog.order(command.group, 0, farMs)
  await until('the second one counts', () => command.lines.includes('told'))
  const other = await Command.start(t, 'echo told')
  watchdog.order(other.group, farMs, farMs)
  watchdog.order(command.group, 0, 0)
  await watchdog.ended
  await until('all are gone', () => command.isGone)
  t.ok(runs(other.group) && runs(other.child), 'and nobody else is')
})

t.test(
  'when run is gone without a word, the group is signalled at once, and does not get all of the lease',
  async t => {
    const [watchdog, command] = [new Watchdog(t), await Command.start(t, 'echo told')]
    watchdog.order(command.group, farMs, farMs)
    watchdog.process.stdin?.end()
    await until('it was told', () => command.lines.includes('told'))
    await watchdog.ended
    await until('all are gone', () => command.isGone)
  },
)

t.test('a stopped command is signalled, too', async t => {
  const [watchdog, command] = [new Watchdog(t), await Command.start(t, 'echo told; exit 0')]
  process.kill(-command.group, 'SIGSTOP')
  watchdog.order(command.group, 0, farMs)
  await command.exited
  t.ok(command.lines.includes('told'))
})

t.test('signals that were meant for run do not end it', async t => {
  const [watchdog, command] = [new Watchdog(t), await Command.start(t, 'echo told')]
  watchdog.order(command.group, 0, farMs)
  await until('it works', () => command.lines.includes('told'))
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) watchdog.process.kill(signal)
  watchdog.order(command.group, 0, 0)
  t.same(await watchdog.ended, [0, null])
  await until('all are gone', () => command.isGone)
})

t.test('when the command is over the watchdog ends, and signals no process', async t => {
  const [watchdog, command] = [new Watchdog(t), await Command.start(t, 'echo told')]
  watchdog.order(command.group, farMs, farMs)
  watchdog.say(standDown)
  t.same(await watchdog.ended, [0, null])
  t.ok(runs(command.group) && runs(command.child))
  t.notOk(command.lines.includes('told'))
})
