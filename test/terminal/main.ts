// `holdfast run` and `holdfast cluster` on a terminal: `npm run test:terminal`. script(1) makes the terminal;
// where it is missing, the tests say so and end.

import { t } from 'tap'
import { widthOf } from '../../cli/output.ts'
import { connect } from '../../client/index.ts'
import { runs } from '../fixtures/command.ts'
import { until } from '../fixtures/deadline.ts'
import { goesOn, upAndOn } from '../fixtures/endless-command.ts'
import { RealCluster } from '../fixtures/real-cluster.ts'
import { hasTerminals, inShell, Terminal } from '../fixtures/terminal.ts'
import { livePicture } from './live-picture.ts'

const ctrlC = '\x03'
const ctrlZ = '\x1a'

if (hasTerminals()) {
  run()
  livePicture()
} else t.fail('this suite needs script(1), of util-linux; Debian: apt-get install bsdutils')

function run(): void {
  t.test('run on a terminal', async t => {
    await using cluster = await RealCluster.start(1)
    await using client = await connect(cluster.url)

    await t.test('the command has /dev/tty, and is its foreground', async t => {
      const on = Terminal.of(
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
      const on = Terminal.of(
        cluster.url,
        'run',
        'b',
        '--',
        'sh',
        '-c',
        `trap 'kill $!; echo caught; exit 6' INT; ${upAndOn}`,
      )
      await on.shows(/up/)
      on.type(ctrlC)
      await on.shows(/caught/)
      t.equal(await on.ended, 6)
      t.same((await client.query({ prefix: 'b' })).held, [], 'the lock is given back')
    })

    await t.test('Ctrl-C ends a command that does not care', async t => {
      const on = Terminal.of(cluster.url, 'run', 'c', '--', 'sh', '-c', `echo up; exec ${goesOn}`)
      await on.shows(/up/)
      on.type(ctrlC)
      t.equal(await on.ended, 130)
    })

    await t.test('Ctrl-Z stops nothing', async t => {
      const on = Terminal.of(
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

    await t.test(
      'while it waits it says for whom, and hold says that it holds; --quiet says neither',
      async t => {
        const holder = Terminal.of(cluster.url, 'hold', 'w', '--name', 'billing-3')
        await holder.shows(/holdfast: holding "w" until Ctrl-C/)
        const on = Terminal.of(cluster.url, 'run', 'w', '--', 'echo', 'got it')
        const quiet = Terminal.of(cluster.url, 'run', 'w', '--quiet', '--wait', '3s', '--', 'echo', 'got it')
        await on.shows(/holdfast: waiting for "w": held by billing-3 on \S+, pid \d+ for [\d.]+ m?s/)
        t.equal(await quiet.ended, 75)
        t.match(quiet.shown, /^holdfast: did not get lock "w" within 3\.0 s: [^\n]*\n$/)
        holder.type(ctrlC)
        await on.shows(/got it/)
        t.equal(await on.ended, 0)
      },
    )

    await t.test('a cluster that is not there: after a second it says so', async t => {
      const on = Terminal.of('ws://127.0.0.1:1', 'run', 'w', '--', 'true')
      await on.shows(/waiting for "w": no session with the cluster yet; see 'holdfast status'/)
      on.type(ctrlC)
      t.equal(await on.ended, 130, 'Ctrl-C ends that, too')
    })

    await t.test('lists are as wide as the terminal, and begin with a sum', async t => {
      const locks = await Promise.all(
        Array.from({ length: 60 }, (_, i) => client.acquire(`注文/${'n'.repeat(80)}/${i}`)),
      )
      const show = async (columns: number, ...args: string[]) => {
        const on = new Terminal(`stty cols ${columns}; ${inShell(...args)}`, {
          HOLDFAST_VIEW: cluster.url,
          NO_COLOR: '1',
        })
        t.equal(await on.ended, 0)
        return on.shown.trimEnd().split('\n')
      }
      const lines = await show(80, 'locks', '注文/')
      t.match(lines[0], /^60 held by 1 client, the longest for /)
      t.match(lines.at(-1), /^… 10 more; --all/)
      t.ok(lines.slice(1).every(line => widthOf(line) <= 80))
      t.equal((await show(80, 'locks', '注文/', '--all')).length, 62)
      const status = await show(80, 'status')
      for (const line of status.slice(status.indexOf(''))) t.ok(widthOf(line) <= 80, line)
      await Promise.all(locks.map(lock => lock.release()))
    })

    await t.test('a stolen lock ends the group there, too', async t => {
      const on = Terminal.of(
        cluster.url,
        'run',
        'e',
        '--',
        'sh',
        '-c',
        `trap "" TERM; echo "pid $$."; while :; do ${goesOn}; done`,
      )
      const pid = Number(await on.shows(/pid (\d+)\./))
      await (await client.acquire('e', { steal: true })).release()
      t.equal(await on.ended, 76)
      t.match(on.shown, /stolen/)
      t.notOk(runs(pid))
    })
  })
}
