// Secrets and private files: a program refuses an unusable secret when it starts, `run` keeps
// the cluster's secret from its command, and only their owner can read folders and logs.

import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { t } from 'tap'
import { commandEnvironment } from '../cli/command-environment.ts'
import { connect } from '../client/index.ts'
import { checkConnect } from '../client/options.ts'
import { startLockServer } from '../lockserver/index.ts'
import { startViewServer } from '../viewservice/index.ts'
import { FileStore } from '../viewservice/stores/file.ts'
import { holdfast, startCluster } from './fixtures/command.ts'
import { folderOf } from './fixtures/folder.ts'

const wrong = ['', '   ', '\t\n', 'x'.repeat(1_025), '\ud800']
const right = ['x', ' a b ', 'é'.repeat(1_024), '😀'.repeat(1_024)]

const about = (environment: Record<string, string>) => ({ environment, clientName: 'c' })

t.test("a value that can't be a secret is refused at the start, by library and command", async t => {
  const data = folderOf(t, {})
  for (const secret of wrong) {
    const name = JSON.stringify(secret).slice(0, 12)
    const message = /^secret must /
    await t.rejects(startViewServer({ data, port: 0, secret }), { name: 'TypeError', message }, name)
    await t.rejects(
      startLockServer({ view: 'ws://127.0.0.1:1', secret }),
      { name: 'TypeError', message },
      name,
    )
    await t.rejects(connect('ws://127.0.0.1:1', { secret }), { name: 'TypeError', message }, name)
  }
  for (const secret of right) t.same(checkConnect(about({}), 'ws://a:1', { secret }).proofs(), [secret])
  t.same(
    checkConnect(about({ HOLDFAST_SECRET: '' }), 'ws://a:1', {}).proofs(),
    [null],
    'an empty variable is none',
  )
  for (const secret of wrong.slice(1, 4)) {
    const ended = await holdfast(t, ['viewserver', '--data', data], { HOLDFAST_SECRET: secret })
    t.match(ended, { code: 2, stderr: /HOLDFAST_SECRET must / })
    t.notMatch(ended.stderr, 'x'.repeat(100), 'it is not shown')
  }
})

t.test('the command of run gets the whole environment except for the secret', async t => {
  const environment = {
    HOLDFAST_SECRET: 's',
    HOLDFAST_SERVER_SECRET: 's',
    HOLDFAST_SECRET_FILE: 's',
    HOLDFAST_ACCESS_TOKEN: 's',
    HOLDFAST_VIEW: 'v',
    MY_SECRET: 'mine',
  }
  t.same(commandEnvironment(environment, { HOLDFAST_LOCK: 'l' }), {
    HOLDFAST_VIEW: 'v',
    MY_SECRET: 'mine',
    HOLDFAST_LOCK: 'l',
  })
})

t.test('a record that is no file is refused at once', async t => {
  const folder = folderOf(t, {})
  const path = join(folder, 'view-record-000000000001.json')
  execFileSync('mkfifo', [path])
  await t.rejects(new FileStore(folder).load(), {
    message: /000000000001\.json can't be used: it is no file/,
  })
  const linked = folderOf(t, { elsewhere: '' })
  symlinkSync(join(linked, 'elsewhere'), join(linked, 'view-record-000000000001.json'))
  await t.rejects(new FileStore(linked).load(), { message: /it is no file/ })
})

t.test('folders and logs are made for their owner only', async t => {
  const data = join(folderOf(t, {}), 'made')
  const cluster = await startCluster(t, '--servers', '1', '--data', data)
  const modeOf = (...path: string[]) => statSync(join(data, ...path)).mode & 0o777
  t.equal(modeOf(), 0o700)
  t.equal(modeOf('logs'), 0o700)
  t.equal(modeOf('logs', 'viewserver.log'), 0o600)
  t.equal(modeOf('logs', 'lockserver-1.log'), 0o600)
  await cluster.running.end('SIGINT')
  const alone = join(folderOf(t, {}), 'made')
  await new FileStore(alone).load()
  t.equal(statSync(alone).mode & 0o777, 0o700)
})

t.test('cluster --data follows no link with its logs', async t => {
  const folder = folderOf(t, { precious: 'mine', elsewhere: {} })
  const start = async (data: string) => await holdfast(t, ['cluster', '--port', '0', '--data', data])
  mkdirSync(join(folder, 'a', 'logs'), { recursive: true })
  symlinkSync(join(folder, 'precious'), join(folder, 'a', 'logs', 'viewserver.log'))
  t.match(await start(join(folder, 'a')), { code: 1, stderr: /can't write the log .*viewserver\.log/ })
  t.equal(readFileSync(join(folder, 'precious'), 'utf8'), 'mine')

  mkdirSync(join(folder, 'b'))
  symlinkSync(join(folder, 'elsewhere'), join(folder, 'b', 'logs'))
  t.match(await start(join(folder, 'b')), { code: 1, stderr: /logs is a link, or no folder/ })

  mkdirSync(join(folder, 'c', 'logs'), { recursive: true })
  execFileSync('mkfifo', [join(folder, 'c', 'logs', 'viewserver.log')])
  t.match(await start(join(folder, 'c')), { code: 1, stderr: /can't write the log .*viewserver\.log/ })
})

t.test('token makes a token and its line for the access file, and can says what the file allows', async t => {
  const made = await holdfast(t, ['token', 'billing'])
  const [token = '', line = ''] = made.stdout.trim().split('\n')
  t.match(token, /^hf_[\w-]{43}$/)
  const entry = JSON.parse(`{${line}}`) as Record<string, object>
  const folder = folderOf(t, { 'access.json': JSON.stringify({ format: 1, principals: entry }) })
  const can = (...args: string[]) => holdfast(t, ['can', ...args, '--access', join(folder, 'access.json')])
  t.match(await can('acquire', 'orders/42', '--access-token', token), {
    code: 0,
    stdout: /^yes: a rule of billing/,
  })
  t.match(await can('steal', 'orders/42', '--principal', 'billing'), {
    code: 1,
    stdout: /^no: no rule of billing/,
  })
  t.match(await can('operate', '--principal', 'billin'), { code: 1, stderr: /knows no principal/ })
  t.match(await can('aquire', 'x', '--principal', 'billing'), {
    code: 2,
    stderr: /VERB must be one of acquire/,
  })
})
