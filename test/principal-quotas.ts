// Real sockets: quotas of connections go by the principal of a token, and not by the address that it comes from (B7).

import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startBegun } from './fixtures/begun.ts'
import { until } from './fixtures/deadline.ts'
import { folderOf } from './fixtures/folder.ts'
import { HostilePeer, hello } from './fixtures/hostile-peer.ts'

const hash = (token: string) => createHash('sha256').update(token).digest('hex')

t.test('B7: a principal has its own connections, from whatever address', async t => {
  const folder = folderOf(t, { data: {} })
  const access = join(folder, 'access.json')
  const principals = { a: { tokens: [hash('the token of a')] }, b: { tokens: [hash('the token of b')] } }
  writeFileSync(access, JSON.stringify({ format: 1, principals }))
  const settings = { serverSecret: 'what only servers know', access, connectionsPerAddress: 2 }
  const view = await startBegun({ ...settings, port: 0, data: join(folder, 'data') })
  t.teardown(() => view.kill())
  const comes = async (who: string, localAddress: string) => {
    const peer = await HostilePeer.connect(view.address, { localAddress })
    peer.say(hello({ kind: 'client', name: who }, { secret: `the token of ${who}` }))
    await peer.more()
    const [kind, code, text] = peer.heard[0] ?? []
    return { peer, said: kind === 'error' ? `${code} ${text}` : kind }
  }
  const first = await comes('a', '127.0.0.1')
  t.equal(first.said, 'welcome')
  t.equal((await comes('a', '127.0.0.2')).said, 'welcome')
  t.match((await comes('a', '127.0.0.3')).said, /TOO_MANY_CONNECTIONS.* of the principal a already/)
  t.equal((await comes('b', '127.0.0.1')).said, 'welcome')
  t.equal((await comes('b', '127.0.0.1')).said, 'welcome')
  first.peer.leave()
  await until(
    'its place is free',
    async () => (await comes('a', '127.0.0.3')).said === 'welcome' || undefined,
  )
})
