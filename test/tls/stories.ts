// A5 with real processes, openssl and the steps of docs/OPERATIONS.md: the set-up, a change of all certificates and of the authority under load, the
// way from ws to wss, files that are spoilt, and a whole local cluster. No call of a client may fail in any of it.

import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import t, { type Test } from 'tap'
import { useTls } from '../../cli/tls.ts'
import { holdfast, Running } from '../fixtures/command.ts'
import { until } from '../fixtures/deadline.ts'
import { folderOf } from '../fixtures/folder.ts'
import { Load } from '../operations/load.ts'
import { OwnAuthority } from './authority.ts'
import { Members } from './members.ts'

const names = ['a', 'b', 'c']
const secret = 'the secret of this cluster'

/** This process and its clients believe that authority, as a program does that has it in its environment. */
function believe(caFile: string): void {
  process.env.HOLDFAST_TLS_CA = caFile
  process.env.HOLDFAST_SECRET = secret
  useTls({})
}

/** As the guide sets it up. */
async function secured(t: Test) {
  const authority = new OwnAuthority(join(folderOf(t), 'authority'))
  const members = await Members.prepare(t, t.testdirName, secret)
  const view = `wss://127.0.0.1:${members.port}`
  for (const name of ['view', ...names]) authority.issue(name)
  believe(authority.caFile)
  await members.startViewServer(authority.environmentOf('view'))
  await Promise.all(names.map(name => members.startLockServer(name, view, authority.environmentOf(name))))
  await members.healthy(view)
  return { authority, members, view, client: { HOLDFAST_TLS_CA: authority.caFile, HOLDFAST_SECRET: secret } }
}

/** The number of the certificate that is shown at this address. */
async function serialAt(url: string, caFile: string): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connectTls({ host: hostname, port: Number(port), ca: readFileSync(caFile) })
  await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
  const { serialNumber } = socket.getPeerCertificate()
  socket.destroy()
  return serialNumber
}

async function under(load: Load, what: () => Promise<void>): Promise<void> {
  const before = load.calls
  await what()
  await until('the load goes on', () => load.calls >= before + 200)
}

t.test('the set-up of the guide serves, and who is set up wrongly is told what is wrong', async t => {
  const { authority, members, view, client } = await secured(t)
  const run = (args: string[], environment: NodeJS.ProcessEnv = client) =>
    holdfast(t, args, { ...environment, HOLDFAST_VIEW: view })
  t.match(await run(['status', '--check']), { code: 0 })
  t.match(await run(['run', 'x', '--', 'true']), { code: 0 })
  t.match(
    (await run(['status'], { ...client, HOLDFAST_TLS_CA: '' })).stderr,
    /certificate that is not trusted/,
  )
  const other = new OwnAuthority(join(t.testdirName, 'other'))
  other.issue('stranger')
  const stranger = new Running(t, ['lockserver', '--view', view], {
    ...other.environmentOf('stranger'),
    HOLDFAST_TLS_CA: authority.caFile,
    HOLDFAST_SECRET: secret,
  })
  const line = await stranger.json(
    ({ msg, reason }) => /refuse/.test(msg) || /WRONG_CERTIFICATE/.test(String(reason)),
  )
  t.match(JSON.stringify(line), /WRONG_CERTIFICATE/, 'a server of another authority, which knows the secret')
  await members.viewServer?.json(({ reason }) => /WRONG_CERTIFICATE.*is not taken/.test(String(reason)))
})

t.test('all certificates are changed under load, then the authority: no call fails', async t => {
  const { authority, members, view } = await secured(t)
  const load = new Load()
  await load.start(view, 4)
  const running = { view: members.viewServer as Running, ...byName(members) }
  for (const [i, [name, server]] of Object.entries(running).entries()) {
    const url = members.lockServers.get(name)?.url ?? view
    const before = await serialAt(url, authority.caFile)
    await under(load, async () => {
      authority.issue(name)
      if (i % 2 === 0) server.process.kill('SIGHUP')
      await server.json(({ msg }) => msg === 'new files of TLS are taken')
    })
    t.not(await serialAt(url, authority.caFile), before, `${name} shows its new certificate`)
  }

  const next = new OwnAuthority(join(t.testdirName, 'next'))
  const both = readFileSync(authority.caFile, 'utf8') + readFileSync(next.caFile, 'utf8')
  const taken = (server: Running) => server.json(({ msg }) => msg === 'new files of TLS are taken')
  writeFileSync(authority.caFile, both)
  await under(load, async () => void (await Promise.all(Object.values(running).map(taken))))
  for (const [name, server] of Object.entries(running)) {
    next.issue(name)
    for (const file of ['server.key', 'server.pem'])
      copyFileSync(join(next.folder, name, file), join(authority.folder, name, file))
    await taken(server)
  }
  await load.end()
  // Programs read it at their start.
  believe(authority.caFile)
  const after = new Load()
  await after.start(view, 4)
  const [name, primary] = members.primaryOf(await members.healthy(view))
  await under(after, async () => {
    primary.process.kill('SIGKILL')
    await primary.ended
  })
  await members.startLockServer(name, view, authority.environmentOf(name))
  await members.healthy(view)
  await after.end()
  t.strictSame([...load.failures, ...after.failures], [])
})

t.test('spoilt files change nothing, are told, and are no hindrance to good ones', async t => {
  const { authority, members, view, client } = await secured(t)
  const server = members.viewServer as Running
  const before = await serialAt(view, authority.caFile)
  writeFileSync(
    join(authority.folder, 'view', 'server.pem'),
    readFileSync(join(authority.folder, 'a', 'server.pem')),
  )
  const told = await server.json(({ msg }) => /new files of TLS are not taken/.test(msg))
  t.match(told, { level: 'error', problem: /the key in \S+ is not that of the certificate/ })
  t.equal(await serialAt(view, authority.caFile), before)
  t.match(await holdfast(t, ['status', '--check', '--view', view], client), { code: 0 })
  authority.issue('view')
  server.process.kill('SIGHUP')
  await server.json(({ msg }) => msg === 'new files of TLS are taken')
  t.not(await serialAt(view, authority.caFile), before)
  t.match(await server.end('SIGTERM'), { code: 0 }, 'SIGTERM ends it as before')
})

t.test('from ws to wss under load, by the steps of the guide: no call fails', async t => {
  const authority = new OwnAuthority(join(folderOf(t), 'authority'))
  for (const name of ['view', ...names]) authority.issue(name)
  const members = await Members.prepare(t, t.testdirName, secret)
  const [plain, secure] = [`ws://127.0.0.1:${members.port}`, `wss://127.0.0.1:${members.port}`]
  const both = `${plain},${secure}`
  believe(authority.caFile)
  const environmentOf = (name: string) => {
    const { HOLDFAST_TLS_CLIENT_CA: _, ...rest } = authority.environmentOf(name)
    return rest
  }
  await members.startViewServer({})
  for (const name of names) await members.startLockServer(name, plain, {})
  await members.healthy(both)
  const load = new Load()
  t.teardown(() => load.end())
  await load.start(both, 4)
  const restartViewServer = (environment: Record<string, string>) =>
    under(load, async () => {
      await members.viewServer?.end('SIGTERM')
      await members.startViewServer(environment)
      await members.healthy(both)
    })
  const restartLockServers = async (environment: (name: string) => Record<string, string>) => {
    for (const name of names)
      await under(load, async () => {
        await members.lockServers.get(name)?.running.end('SIGTERM')
        await members.startLockServer(name, both, environment(name))
        await members.healthy(both)
      })
  }
  const canDial = { HOLDFAST_TLS_CA: authority.caFile }
  await restartViewServer(canDial)
  await restartLockServers(() => canDial)
  await restartLockServers(environmentOf)
  await restartViewServer(environmentOf('view'))
  const status = await members.healthy(secure)
  t.match(status.view?.primary.address, /^wss:/)
  await load.end()
  t.strictSame(load.failures, [])
})

t.test('a whole local cluster speaks TLS', async t => {
  const authority = new OwnAuthority(join(folderOf(t), 'authority'))
  authority.issue('all')
  const environment = authority.environmentOf('all')
  const cluster = new Running(t, ['cluster', '--json', '--port', '0', '--servers', '2'], environment)
  const { url } = await cluster.event('ready')
  t.match(url, /^wss:/)
  t.match(await holdfast(t, ['run', 'x', '--view', url, '--', 'true'], environment), { code: 0 })
  t.match(await holdfast(t, ['kill', 'primary', '--view', url], environment), { code: 0 })
  await cluster.event('view')
})

function byName({ lockServers }: Members): Record<string, Running> {
  return Object.fromEntries([...lockServers].map(([name, { running }]) => [name, running]))
}
