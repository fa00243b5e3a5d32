// The live picture of `holdfast cluster`, on its own terminal: it shows each server's role, its keys do what
// they say, and however it ends, it restores the terminal.

import { fileURLToPath } from 'node:url'
import { type Test, t } from 'tap'
import { runs } from '../fixtures/command.ts'
import { until } from '../fixtures/deadline.ts'
import { inShell, Terminal } from '../fixtures/terminal.ts'

const ctrlC = '\x03'
const ctrlZ = '\x1a'

/** Wide enough for one line to stay one; what is shown after its end shows the terminal's state. */
const shell = (line: string) => `stty cols 160 rows 40; ${line}; echo "code $?."; stty -a; echo over`
const pidOf = (role: string) => new RegExp(`${role} +\\S+ +(?:\\S+ +)?ws://\\S+ +(\\d+)\\s`)

/** All is well: the next death would be survived, and there is an idle server to be the next backup. */
const allAlive = /survives 1 more death(?:.*\n){3,8}.*idle +alive/

/** Without colours; text that was overwritten stays in it. */
const cluster = (...args: string[]) =>
  new Terminal(shell(inShell('cluster', '--port', '0', ...args)), { NO_COLOR: '1' })

async function isRestored(t: Test, on: Terminal): Promise<void> {
  const settings = await on.shows(/code \d+\.([\s\S]*)over/)
  t.match(settings, /[^-]icanon/, 'lines are edited again')
  t.match(settings, /[^-]echo /, 'what is typed is shown again')
  t.match(settings, /[^-]isig/)
  t.ok(on.shown.lastIndexOf('\x1b[?25h') > on.shown.lastIndexOf('\x1b[?25l'), 'the cursor is shown again')
}

export function livePicture(): void {
  t.test('the live picture', async t => {
    await t.test('the keys do what they say', async t => {
      const on = cluster()
      t.teardown(() => on.type(ctrlC))
      const first = Number(await on.shows(pidOf('primary')))
      await on.shows(allAlive)
      await on.shows(/p kill primary.*f freeze primary/)

      on.type('p')
      await on.shows(/killed the primary at ws:/)
      await until('it is dead', () => !runs(first))
      const backup = Number(await on.shows(/view 3: primary .*, backup ws:\S+ \(pid (\d+)\); gap [\d.]+ ms/))
      await on.shows(/last gap [\d.]+ ms/)

      await on.showsNext(allAlive)
      on.type('b')
      await on.shows(/killed the backup at ws:/)
      await until('it is dead', () => !runs(backup))
      await on.shows(/view 4: primary /)

      await on.showsNext(allAlive)
      on.type('a')
      await on.shows(/lockserver-4 is up at ws:/)
      await on.showsNext(/lockserver-4 +idle +alive/)

      await on.showsNext(allAlive)
      on.type('f')
      await on.shows(/froze the primary at ws:/)
      await on.showsNext(/ frozen /)
      await on.shows(/view \d+: primary .*; gap [\d.]+ ms since it was noticed/) // another is primary
      await on.showsNext(allAlive)
      on.type('t')
      await on.shows(/thawed pid \d+/)

      on.type('o')
      await on.shows(/the dashboard: http:\/\/127\.0\.0\.1:\d+\//)

      on.type(ctrlZ)
      await on.showsNext(allAlive)

      on.type('q')
      await isRestored(t, on)
      t.match(on.shown, /code 0\./)
      t.equal(await on.ended, 0)
    })

    await t.test('the last holder of the state dies only if told twice', async t => {
      const on = cluster('--servers', '1')
      t.teardown(() => on.type(ctrlC))
      const pid = Number(await on.shows(pidOf('primary')))
      on.type('p')
      await on.shows(/y: kill the last one that holds the state\? All locks are lost then/)
      on.type('n')
      on.type('y')
      on.type('o') // keys are taken one after another
      await on.shows(/the dashboard:/)
      t.ok(runs(pid), 'another key takes it back')
      on.type('py')
      await on.shows(/killed the primary at ws:/)
      await until('it is dead', () => !runs(pid))
      await on.shows(/holds the state; .*reset/)
      on.type(ctrlC)
      await isRestored(t, on)
      t.match(on.shown, /code 0\./, 'Ctrl-C quits')
    })

    await t.test('a fault leaves the terminal as it was', async t => {
      const program = fileURLToPath(new URL('../fixtures/programs/faulty-screen.js', import.meta.url))
      const on = new Terminal(shell(`'${process.execPath}' '${program}'`))
      await isRestored(t, on)
      t.match(on.shown, /a line at the foot[\s\S]*a fault of its own[\s\S]*code 1\./)
    })

    await t.test('Ctrl-Z gives the terminal to the shell, and fg takes it back', async t => {
      const on = new Terminal(
        `set -m; stty cols 160 rows 40; ${inShell('cluster', '--port', '0', '--servers', '1')}; stty -a; echo "code $?."; fg; stty -a; echo over`,
        { NO_COLOR: '1' },
      )
      t.teardown(() => on.type(ctrlC))
      await on.shows(/p kill primary/)
      on.type(ctrlZ)
      await on.shows(/[^-]icanon[\s\S]*code \d+\./)
      await on.showsNext(/p kill primary/)
      on.type('q')
      await isRestored(t, on)
    })

    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const) {
      await t.test(`${signal} leaves the terminal as it was`, async t => {
        const command = inShell('cluster', '--port', '0', '--servers', '1')
        const on = new Terminal(shell(`(sh -c 'echo "pid $PPID."'; exec ${command})`), { NO_COLOR: '1' })
        const pid = await on.shows(/pid (\d+)\./)
        await on.shows(/p kill primary/)
        process.kill(Number(pid), signal)
        await isRestored(t, on)
        t.equal(await on.ended, 0)
      })
    }
  })
}
