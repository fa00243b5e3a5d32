// Signals to servers and to a waiting `run`: SIGHUP ends a server in order, as SIGTERM does, and SIGUSR1 and SIGUSR2 do
// nothing but a line in the log; in particular no debugger opens.

import t from 'tap'
import { begin } from '../fixtures/begun.ts'
import { holdfast, Running, startCluster } from '../fixtures/command.ts'
import { until } from '../fixtures/deadline.ts'
import { folderOf } from '../fixtures/folder.ts'

const own = { HOLDFAST_LISTEN: '127.0.0.1:0', HOLDFAST_PING_INTERVAL_MS: '50' }

t.test(
  'SIGHUP ends lock server and view server in order; SIGUSR1 and SIGUSR2 are logged and ignored',
  async t => {
    const data = folderOf(t)
    await begin(data)
    const viewServer = new Running(t, ['viewserver', '--data', data], own)
    const url = await viewServer.listening()
    const lockServer = new Running(t, ['lockserver', '--view', url], own)
    await lockServer.listening()
    for (const server of [lockServer, viewServer])
      for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) {
        server.process.kill(signal)
        t.match(await server.json(({ msg }) => /^ignored/.test(msg)), { signal, level: 'warn' })
      }
    t.match(await holdfast(t, ['status', '--view', url]), { code: 0 }, 'both go on')
    for (const server of [lockServer, viewServer]) {
      server.process.kill('SIGHUP')
      t.match(await server.json(({ msg }) => msg === 'asked to end'), { signal: 'SIGHUP' })
      const { signal, stderr } = await server.ended
      t.equal(signal, null, 'it ended by itself')
      t.notMatch(stderr, 'Debugger')
    }
  },
)

t.test('a waiting run opens no debugger and goes on waiting', async t => {
  const cluster = await startCluster(t, '--servers', '1')
  const holder = new Running(t, ['hold', 'x', '--view', cluster.url])
  await until('it is held', async () => (await cluster.run('locks', '--json')).stdout.includes('"x"'))
  const waiting = new Running(t, ['run', 'x', '--view', cluster.url, '--', 'true'])
  await until('it waits', async () => /pending.*"x"/s.test((await cluster.run('locks', '--json')).stdout))
  waiting.process.kill('SIGUSR1')
  waiting.process.kill('SIGUSR2')
  await cluster.run('locks')
  await holder.end('SIGTERM')
  t.match(await waiting.ended, { code: 0, stderr: /^(?!.*Debugger)/ })
})
