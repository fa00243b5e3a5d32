// Real servers under load while all that proves anything is changed (A8): a program's token by reading the file again, the
// servers' secret by two rolling restarts. No call fails.

import { createHash } from 'node:crypto'
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { folderOf } from '../fixtures/folder.ts'
import { here, ServerProcesses } from '../fixtures/server-processes.ts'
import { Load } from '../operations/load.ts'

const hash = (token: string) => createHash('sha256').update(token).digest('hex')
const [first, second] = ['the first token of the load', 'the second token of the load']
const operator = 'the token of the operator'
const [oldSecret, newSecret] = ['what servers knew before', 'what servers know from now on']

/** Secrets come from the environment, where no process list shows them. */
function environment(serverSecret: string, access: string): void {
  process.env.HOLDFAST_SERVER_SECRET = serverSecret
  process.env.HOLDFAST_ACCESS = access
  process.env.HOLDFAST_ACCESS_TOKEN = operator
}

t.test('A8: tokens and server secrets are changed under load, and no call fails', async t => {
  const access = join(folderOf(t), 'access.json')
  const write = (...tokens: string[]) => {
    const load = { tokens: tokens.map(hash), rules: [{ prefix: '', verbs: ['acquire', 'read'] }] }
    const ops = { tokens: [hash(operator)], rules: [{ verbs: ['operate'] }] }
    writeFileSync(`${access}.new`, JSON.stringify({ format: 1, principals: { load, ops } }))
    renameSync(`${access}.new`, access)
  }
  write(first)
  environment(oldSecret, access)
  const servers = new ServerProcesses()
  t.teardown(() => servers.end())
  await servers.start([here, here, here])
  const load = new Load()
  let token = first
  await load.start(servers.viewUrl, 4, { token: async () => token })
  const goesOn = async () => {
    const wanted = load.calls + 200
    await servers.until(() => load.calls >= wanted, `at ${wanted} calls`)
  }
  const readAgain = async () => {
    for (const address of servers.addresses) servers.signal(address, 'SIGHUP')
    process.kill(servers.viewServerPid, 'SIGHUP')
    await goesOn()
  }
  const restartAll = async (secret: string) => {
    environment(secret, access)
    for (const address of servers.addresses) {
      t.equal(await servers.kill(address, 'SIGTERM'), 0)
      await servers.restart(address)
      await servers.healthy()
    }
    t.equal(await servers.killViewServer('SIGTERM'), 0)
    await servers.startViewServer()
    await servers.healthy()
    await goesOn()
  }
  await goesOn()
  write(first, second)
  await readAgain()
  token = second
  write(second)
  await readAgain()
  await restartAll(`${newSecret},${oldSecret}`)
  await restartAll(newSecret)
  await load.end()
  t.same(load.failures, [])
  t.ok(load.calls > 1_000)
})
