// What the command says of several groups (G1, G5): status and its advice, which server is the last of its group, and how
// often a list dials.

import { connect as connectSocket, createServer } from 'node:net'
import t from 'tap'
import { isLastHolder } from '../cli/kill.ts'
import { listLocks } from '../cli/locks.ts'
import { lines } from '../cli/status.ts'
import { connect } from '../client/index.ts'
import { startCluster } from '../testing/index.ts'
import { adviceFor } from '../viewservice/advice.ts'
import type { GroupStatus, ServerStatus, Status, View } from '../wire/messages.ts'

const server = (
  id: string,
  role: ServerStatus['role'],
  group: number | null,
  more: Partial<ServerStatus> = {},
) =>
  ({
    ...{
      id: id.repeat(32),
      address: `ws://${id}:7401`,
      pid: 1,
      host: 'h',
      role,
      group,
      view: 3,
      opNumber: 5,
    },
    ...{ lag: 0, copiedPart: 0, pingAgeMs: 1, alive: true, leaving: false, inSync: role === 'backup' },
    ...{ imprint: null, low: false, disk: null, version: '0.1.0' },
    ...more,
  }) as ServerStatus

/** Each group has the servers that say that they are in it. */
function statusOf(servers: readonly ServerStatus[], lost: string | null = null): Status {
  const groups = [0, 1].map((group): GroupStatus => {
    const [primary, backup = null] = ['primary', 'backup'].map(role =>
      servers.find(each => each.group === group && each.role === role),
    )
    const view = { group, number: 3 + group, primary, backup, durability: 'memory', start: null } as View
    const survives = primary?.alive && backup?.alive && backup.inSync ? 1 : 0
    return { group, view, acked: true, recovery: null, survives, lost: group === 1 ? lost : null }
  })
  const [first] = groups as [GroupStatus]
  return {
    ...{
      cluster: null,
      durability: 'memory',
      groups,
      map: null,
      ...{ groupsWanted: 2, groupsWait: null },
      recovery: null,
      view: first.view,
      acked: true,
    },
    ...{ servers: [...servers], survives: Math.min(...groups.map(group => group.survives)) },
    ...{ halted: lost === null ? null : `group 1: ${lost}`, pid: 3, viewServers: [] },
  }
}

const pair = (group: number, primary: string, backup: string) => [
  server(primary, 'primary', group),
  server(backup, 'backup', group),
]

t.test('G5: advice names the group, and each group gets its own', async t => {
  t.same(adviceFor(statusOf([...pair(0, 'a', 'b'), ...pair(1, 'c', 'd')])), [])
  const alone = server('c', 'primary', 1)
  t.match(adviceFor(statusOf([...pair(0, 'a', 'b'), alone])), [
    /^Group 1: No backup: there is no other lock server\. If the primary dies now/,
  ])
  const copies = server('b', 'backup', 0, { inSync: false })
  t.match(adviceFor(statusOf([server('a', 'primary', 0), copies, alone])), [
    /^Group 0: The backup at ws:\/\/b:7401 is not in sync yet/,
    /^Group 1: No backup/,
  ])
  const dead = server('c', 'primary', 1, { alive: false })
  t.match(
    adviceFor(statusOf([server('a', 'primary', 0), dead], 'the primary is dead')),
    [/^Group 0: No backup/],
    'what is lost stands in the headline, and the others are told of all the same',
  )
})

t.test('G1: status says of each server in which group it is, group by group', async t => {
  const idle = server('e', 'idle', null)
  const shown = lines(statusOf([idle, ...pair(1, 'c', 'd'), ...pair(0, 'a', 'b')]))
  t.match(shown.slice(0, 2), [/^group 0: view 3, acked/, /^group 1: view 4, acked/])
  const begin = shown.findIndex(line => line.startsWith('GROUP'))
  t.same(
    shown.slice(begin, begin + 6).map(line => line.split(/ +/).slice(0, 2).join(' ')),
    ['GROUP ROLE', '0 primary', '0 backup', '1 primary', '1 backup', ' idle'],
  )
  t.notMatch(lines({ ...statusOf(pair(0, 'a', 'b')), groups: [] }).join('\n'), /GROUP/)
})

t.test('G8: status says what becomes of the groups while their number changes', async t => {
  const status = statusOf([...pair(0, 'a', 'b'), ...pair(1, 'c', 'd')])
  t.notMatch(lines(status).join('\n'), /groups'/, 'nothing, while it does not change')
  const moves = [{ number: 4, from: 1, to: 0, slots: [2_048, 2_049, 4_000, 4_000] }]
  const map = { number: 4, groups: 2, starts: [], moves, floors: [], ended: [] }
  const moving: Status = { ...status, map, groupsWanted: 1 }
  const said = "from 2 to 1 group; slots on the move: 3 from group 1 to group 0; see 'holdfast groups'"
  t.ok(lines(moving).includes(said), lines(moving).join('\n'))
  const waits = {
    ...moving,
    groupsWanted: 3,
    groupsWait: 'group 2 has no view yet: it needs idle lock servers',
  }
  t.match(lines(waits).join('\n'), /^from 2 to 3 groups; group 2 has no view yet: .*; slots on the move/m)
})

t.test('G1: the last one that holds the state of its group', async t => {
  const status = statusOf([...pair(0, 'a', 'b'), server('c', 'primary', 1)])
  const isLast = (id: string) => isLastHolder(status, id.repeat(32))
  t.same(['a', 'b', 'c'].map(isLast), [false, false, true])
})

t.test('a list of a cluster with one group dials the view server once, and then its primary', async t => {
  await using cluster = await startCluster()
  await using locks = await connect(cluster.url)
  await locks.acquire('x')
  let dials = 0
  const relay = createServer(socket => {
    dials++
    const onward = connectSocket(Number(new URL(cluster.url).port), '127.0.0.1')
    socket.pipe(onward).pipe(socket)
    for (const end of [socket, onward]) end.on('error', () => {})
  })
  await new Promise<void>(resolve => relay.listen(0, '127.0.0.1', resolve))
  t.teardown(() => relay.close())
  const { port } = relay.address() as { port: number }
  const listed = await listLocks({ view: [`ws://127.0.0.1:${port}`], secret: undefined }, '')
  t.match(listed, { confirmed: true, held: [{ name: 'x' }] })
  t.equal(dials, 1)
})
