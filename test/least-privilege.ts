// Real servers and sockets: what a peer with a client's token can do to others, row by row (F21): nothing that a program
// notices which has no part in it, and nothing that an operator would have to mend. Some of it holds even where one
// secret is everybody's.

import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type LockServer, startLockServer } from '../lockserver/index.ts'
import { initCluster, startViewServer } from '../viewservice/index.ts'
import { folderOf } from './fixtures/folder.ts'
import { rows } from './harm/rows.ts'
import { settled, type Target, Victim } from './harm/target.ts'

const hash = (token: string) => createHash('sha256').update(token).digest('hex')
const pings = { pingIntervalMs: 50, deadPings: 10 }
const serverSecret = 'what only servers know'
const [program, stranger] = ['the token of a program', 'the token of another one']
/** Both may take and read all locks: no more than a program needs. */
const rules = [{ prefix: '', verbs: ['acquire', 'read'] }]
const access = {
  format: 1,
  principals: {
    program: { tokens: [hash(program)], rules },
    stranger: { tokens: [hash(stranger)], rules },
  },
}

async function start(
  t: Test,
  moreIn: (folder: string) => object,
  proofs: Pick<Target, 'proof' | 'worksBy'>,
): Promise<Target> {
  const folder = folderOf(t, { data: {}, 'access.json': JSON.stringify(access) })
  const [data, more] = [join(folder, 'data'), moreIn(folder)]
  // An operator says how long a lease may be (E6).
  await initCluster({ data, ttlMaxMs: 20_000, nobodyHasRun: true })
  const view = await startViewServer({ ...pings, ...more, port: 0, data })
  const servers: LockServer[] = []
  for (const _ of [1, 2]) servers.push(await startLockServer({ ...pings, ...more, view: view.address }))
  t.teardown(async () => {
    for (const server of [...servers, view]) await server.kill()
  })
  const target: Target = {
    wire: 2,
    view: view.address,
    ...proofs,
    record: () =>
      readdirSync(data)
        .filter(name => name.startsWith('view-record-'))
        .map(name => readFileSync(join(data, name), 'utf8'))
        .join('\n'),
    killOthers: async () => {
      const { primary } = await settled(target)
      for (const server of servers) if (server.advertised !== primary.address) await server.kill()
    },
  }
  await settled(target)
  return target
}

t.test('F21: what a client tries that has no right to it harms no other', async t => {
  const more = (folder: string) => ({ serverSecret, access: join(folder, 'access.json') })
  const target = await start(t, more, { proof: stranger, worksBy: program })
  for (const { name, act } of rows) {
    const victim = await Victim.start(target)
    const { answer, harm } = await act(target)
    t.equal(harm, undefined, `${name}: ${answer}`)
    t.notMatch(answer, /BAD_MESSAGE|nothing/, 'it was understood')
    t.same(await victim.harm(), [], name)
    await victim.end()
  }
})

t.test('C9, L2: what harms no other even where one secret is everybody’s', async t => {
  const secret = 'the secret of everybody'
  const target = await start(t, () => ({ secret }), { proof: secret, worksBy: secret })
  for (const { name, act } of rows.filter(({ always }) => always)) {
    const victim = await Victim.start(target)
    const { answer, harm } = await act(target)
    t.equal(harm, undefined, `${name}: ${answer}`)
    t.notMatch(answer, /BAD_MESSAGE|nothing/, 'it was understood')
    t.same(await victim.harm(), [], name)
    await victim.end()
  }
})
