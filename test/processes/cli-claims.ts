// Claims on the command line: run with permits, times, notes and keys; what locks and why show; release and steal
// of exactly one hold. (nightly-job.ts has the job that runs once a night.)

import { connect } from 'holdfast'
import { startCluster } from 'holdfast/testing'
import t from 'tap'
import { holdfast, Running } from '../fixtures/command.ts'
import { until } from '../fixtures/deadline.ts'

const node = process.execPath
const printing = (text: string) => ['--', node, '-e', `console.log(${JSON.stringify(text)})`]

t.test('C1, C6: run --permits holds it beside others; locks and why show what and whose', async t => {
  await using cluster = await startCluster()
  await using locks = await connect(cluster.url, { name: 'looks' })
  const environment = { HOLDFAST_VIEW: cluster.url }
  const waits = ['--', node, '-e', 'console.log("up"); setInterval(() => {}, 1000)']
  const terms = ['--permits', '2', '--note', 'imports orders', '--at-most', '1h']
  const running = [1, 2].map(() => new Running(t, ['run', 'pool', ...terms, ...waits], environment))
  for (const each of running) await each.line(line => line === 'up')
  const third = await holdfast(t, ['run', 'pool', '--permits', '2', '--wait', '0', ...waits], environment)
  t.match(third, { code: 75, stderr: /not free/ })
  const other = await holdfast(t, ['run', 'pool', '--wait', '0', ...waits], environment)
  t.match(other, { code: 75, stderr: /"pool" is in use with permits of 2/ })
  const listed = await holdfast(t, ['locks'], environment)
  t.match(listed.stdout, /pool +held +1 of 2 .*ends in .*; imports orders/)
  const [first] = (await locks.query()).held
  const why = await holdfast(t, ['why', 'pool'], environment)
  t.match(why.stdout, /is held by .*1 of 2, token/)
  t.match(why.stdout, `holdfast release pool --force --token ${first?.token}`)
  for (const each of running) each.process.kill('SIGTERM')
  t.same(
    (await Promise.all(running.map(each => each.ended))).map(({ code }) => code),
    [143, 143],
  )
})

t.test('C8: release and steal of exactly one hold, and of another one nothing', async t => {
  await using cluster = await startCluster()
  await using locks = await connect(cluster.url, { name: 'holder' })
  const environment = { HOLDFAST_VIEW: cluster.url }
  const lock = await locks.acquire("it's mine")
  const wrong = String(lock.token + 1)
  const why = await holdfast(t, ['why', "it's mine"], environment)
  t.match(why.stdout, `holdfast release 'it'\\''s mine' --force --token ${lock.token}`)
  const release = await holdfast(t, ['release', "it's mine", '--force', '--token', wrong], environment)
  t.match(release, {
    code: 1,
    stdout: new RegExp(`nothing was done: token ${wrong} .*token ${lock.token} does`),
  })
  const steal = await holdfast(t, ['steal', "it's mine", '--token', wrong], environment)
  t.match(steal, {
    code: 1,
    stderr: new RegExp(`not held by token ${wrong} alone, token ${lock.token} holds`),
  })
  t.ok(lock.held)
  const right = ['steal', "it's mine", '--token', String(lock.token)]
  t.match(await holdfast(t, right, environment), {
    code: 0,
    stdout: new RegExp(`took .*token ${lock.token}`),
  })
  const permits = { of: 3 }
  const [one, two] = [await locks.acquire('pool', { permits }), await locks.acquire('pool', { permits })]
  const some = ['release', 'pool', '--force', '--token', String(one.token)]
  t.match(await holdfast(t, some, environment), { code: 0, stdout: /1 hold ended/ })
  await until('it is lost', async () => !one.held)
  t.ok(two.held)
  t.match(await holdfast(t, ['steal', 'pool'], environment), { code: 0, stdout: /took "pool"/ })
  await until('it is lost', async () => !two.held)
})

t.test('C5: run --once runs it once; a failure frees the key, and success keeps it', async t => {
  await using cluster = await startCluster()
  const environment = { HOLDFAST_VIEW: cluster.url }
  const once = (...command: string[]) =>
    holdfast(t, ['run', 'nightly', '--once', 'monday', '--keep', '1d', ...command], environment)
  t.match(await once('--', node, '-e', 'process.exit(3)'), { code: 3 }, 'failed')
  t.match(await once(...printing('done')), { code: 0, stdout: 'done\n' })
  t.match(await once(...printing('again')), {
    code: 0,
    stdout: '',
    stderr: /not run: "holdfast run node, pid \d+ on .*" has run "monday", from \d.*Z to \d.*Z/,
  })
  t.match(await once('--', 'no such command'), { code: 0, stdout: '' }, 'it is not even started')
  const forget = (...args: string[]) => holdfast(t, ['once', 'nightly', ...args], environment)
  t.match(await forget('monday'), { code: 2, stderr: /say --forget/ })
  t.match(await forget('tuesday', '--forget'), {
    code: 1,
    stdout: /^nothing was done: "nightly" has no key "tuesday"\n$/,
  })
  t.match(await forget('monday', '--forget'), {
    code: 0,
    stdout: /^forgotten, and may run again: "holdfast run node, pid \d+ on .*" has run "monday", from/,
  })
  t.match(await once(...printing('once more')), { code: 0, stdout: 'once more\n' })
})

t.test('C4: run --at-most ends the command before the lock is free again, with exit code 124', async t => {
  await using cluster = await startCluster()
  const environment = { HOLDFAST_VIEW: cluster.url }
  const stubborn = 'process.on("SIGTERM", () => console.log("no")); setInterval(() => {}, 1000)'
  const run = ['run', 'x', '--at-most', '2s', '--', node, '-e', stubborn]
  t.match(await holdfast(t, run, environment), {
    code: 124,
    stdout: 'no\n',
    stderr: /ending the command: it took longer than --at-most/,
  })
})

t.test(
  'C4: run --at-most counts from the grant, also while the command starts; the exit code is 124',
  async t => {
    await using cluster = await startCluster()
    const environment = { HOLDFAST_VIEW: cluster.url }
    // Less than the start of a process takes.
    const run = ['run', 'x', '--at-most', '5ms', '--', node, '-e', 'setInterval(() => {}, 1000)']
    t.match(await holdfast(t, run, environment), {
      code: 124,
      stderr: /^holdfast: ending the command: it took longer than --at-most\n$/,
    })
  },
)

t.test('C3: run --at-least keeps the lock taken afterwards', async t => {
  await using cluster = await startCluster()
  const environment = { HOLDFAST_VIEW: cluster.url }
  t.match(await holdfast(t, ['run', 'x', '--at-least', '1m', ...printing('ran')], environment), { code: 0 })
  const again = await holdfast(t, ['run', 'x', '--wait', '0', ...printing('ran')], environment)
  t.match(again, { code: 75, stdout: '' })
  t.match((await holdfast(t, ['locks'], environment)).stdout, /x +kept +exclusive .*kept for 5\d\.\d s more/)
  t.match((await holdfast(t, ['why', 'x'], environment)).stdout, /^"x" is kept for no client/)
  // To wait would be no use: it is as if the option were wrong.
  t.match(await holdfast(t, ['run', 'y', '--at-least', '25h', ...printing('ran')], environment), {
    code: 125,
    stderr: /--at-least is longer than this cluster takes, which is 86400000 ms/,
  })
})

t.test('each wrong mixture is named, with what would be right', async t => {
  const wrong: [string[], RegExp][] = [
    [['--shared', '--permits', '5'], /--permits and --shared do not go together.*leave one of them out/],
    [['--keep', '1d'], /--keep goes with --once KEY alone/],
    [['--once', 'k', '--shared'], /--shared does not go with --once/],
    [['--once', 'k', '--wait', '0'], /--wait 0 does not go with --once; give a time/],
    [['--once', 'k'.repeat(257)], /--once must be a key of at most 256 bytes/],
    [['--once', 'k', '--keep', '367d'], /--keep must be from 0 ms to 366 days/],
    [['--permits', '0'], /--permits must be a whole number from 1 to 1000000/],
    [['--at-most', '2'], /--at-most must be a time such as/],
    [['--note', 'ä'.repeat(129)], /--note must be at most 256 bytes of UTF-8, not 258/],
  ]
  for (const [args, message] of wrong)
    t.match(await holdfast(t, ['run', 'x', ...args, '--', 'true']), { code: 125, stderr: message })
  const token = await holdfast(t, ['release', 'x', '--force', '--token', 'abc'])
  t.match(token, { code: 2, stderr: /--token must be a whole number/ })
})
