// `holdfast run` on a terminal: `npm run test:terminal`. The terminal is the one that script(1) makes;
// where there is none of it, nothing can be shown, and that is said.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { t } from 'tap'
import { connect } from '../../client/index.ts'
import { runs, until } from '../fixtures/command.ts'
import { RealCluster } from '../fixtures/real-cluster.ts'

const main = fileURLToPath(new URL('../../cli/main.js', import.meta.url))
const ctrlC = '\x03'
const ctrlZ = '\x1a'

if (spawnSync('script', ['--version']).error !== undefined)
  t.fail('this suite needs script(1), of util-linux; Debian: apt-get install bsdutils')
else terminal()

/** A command on a terminal of its own, and what the terminal shows. */
class Terminal {
  readonly process: ChildProcess
  shown = ''
  readonly ended: Promise<number | null>

  constructor(url: string, ...args: string[]) {
    const { NODE_OPTIONS: _, ...env } = process.env
    const quoted = [process.execPath, main, ...args].map(word => `'${word.replaceAll("'", `'\\''`)}'`)
    this.process = spawn('script', ['-qec', quoted.join(' '), '/dev/null'], {
      env: { ...env, HOLDFAST_VIEW: url, SHELL: '/bin/sh' },
    })
    this.process.stdout?.on('data', data => {
      this.shown += data
    })
    this.ended = new Promise(resolve => this.process.once('close', code => resolve(code)))
  }

  type(text: string): void {
    this.process.stdin?.write(text)
  }

  async shows(text: RegExp): Promise<string> {
    await until(`the terminal shows ${text}; it shows ${this.shown}`, () => text.test(this.shown))
    return (text.exec(this.shown) as RegExpExecArray)[1] ?? ''
  }
}

function terminal(): void {
  t.test('run on a terminal', async t => {
    await using cluster = await RealCluster.start(1)
    await using client = await connect(cluster.url)

    await t.test('the command has /dev/tty, and is its foreground', async t => {
      const on = new Terminal(
        cluster.url,
        'run',
        'a',
        '--',
        'sh',
        '-c',
        'read line </dev/tty; echo "got $line"; exit 4',
      )
      await until('it holds', async () => (await client.query({ prefix: 'a' })).held.length === 1)
      on.type('hello\n')
      await on.shows(/got hello/)
      t.equal(await on.ended, 4, 'and its exit code is passed on')
    })

    await t.test('Ctrl-C goes to the command, which decides', async t => {
      const on = new Terminal(
        cluster.url,
        'run',
        'b',
        '--',
        'sh',
        '-c',
        'trap "echo caught; exit 6" INT; echo up; while :; do sleep 0.05; done',
      )
      await on.shows(/up/)
      on.type(ctrlC)
      await on.shows(/caught/)
      t.equal(await on.ended, 6)
      t.same((await client.query({ prefix: 'b' })).held, [], 'the lock is given back')
    })

    await t.test('Ctrl-C ends a command that does not care', async t => {
      const on = new Terminal(cluster.url, 'run', 'c', '--', 'sh', '-c', 'echo up; exec sleep 600')
      await on.shows(/up/)
      on.type(ctrlC)
      t.equal(await on.ended, 130)
    })

    await t.test('Ctrl-Z stops nothing', async t => {
      const on = new Terminal(
        cluster.url,
        'run',
        'd',
        '--',
        'sh',
        '-c',
        'echo "pid $$."; read line; echo "went on $line"',
      )
      const pid = Number(await on.shows(/pid (\d+)\./))
      on.type(ctrlZ)
      on.type('still here\n')
      await on.shows(/went on still here/)
      t.equal(await on.ended, 0)
      t.notOk(runs(pid))
    })

    await t.test('a stolen lock ends the group there, too', async t => {
      const on = new Terminal(
        cluster.url,
        'run',
        'e',
        '--',
        'sh',
        '-c',
        'trap "" TERM; echo "pid $$."; while :; do sleep 0.05; done',
      )
      const pid = Number(await on.shows(/pid (\d+)\./))
      await (await client.acquire('e', { steal: true })).release()
      t.equal(await on.ended, 76)
      t.match(on.shown, /stolen/)
      t.notOk(runs(pid))
    })
  })
}
