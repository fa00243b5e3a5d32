// What status says of the disks of a durable cluster, and of a recovery that waits.

import t from 'tap'
import { lines } from '../cli/status.ts'
import { diskLines, recoveryLines } from '../cli/status-disks.ts'
import type { DiskFigures, RecoveryStatus, ServerStatus, Status } from '../wire/messages.ts'

const figures: DiskFigures = {
  imprint: { view: 7, as: 'primary', told: false, opNumber: 48_213 },
  bytes: 151_200_000,
  freeBytes: 12_300_000_000,
  syncAgeMs: 12,
  unsyncedMs: 1,
  syncP50Us: 910,
  syncP99Us: 41_000,
  spoilt: null,
}
const imprint = {
  cluster: 'c'.repeat(32),
  id: 'e'.repeat(32),
  address: 'ws://e:1',
  group: 0,
  longestTtlMs: 1,
  free: false,
}

function server(id: string, more: Partial<ServerStatus>): ServerStatus {
  return {
    ...{
      id: id.repeat(32),
      address: `ws://${id}:7401`,
      pid: 1,
      host: 'h',
      role: 'idle',
      view: 7,
      opNumber: 5,
    },
    ...{ lag: 0, copiedPart: 0, pingAgeMs: 1, alive: true, leaving: false, inSync: false, group: null },
    ...{ imprint: null, low: false, disk: figures, version: '0.1.0' },
    ...more,
  }
}

function statusOf(servers: readonly ServerStatus[], recovery: RecoveryStatus | null = null): Status {
  const none = { cluster: null, halted: null, view: null, acked: true, survives: 0, pid: 1, viewServers: [] }
  const one = { groupsWanted: 1, groupsWait: null }
  return { ...none, ...one, groups: [], map: null, durability: 'disk', recovery, servers }
}

/** The row of one server, without its address. */
function rowOf(more: Partial<ServerStatus>): string {
  return (
    diskLines(statusOf([server('a', more)]), null)[2]
      ?.replace(/^ws:\/\/a:7401 +/, '')
      .replace(/ {2,}/g, ' | ') ?? ''
  )
}

t.test('each disk: what it holds, its syncs, its size and its room', async t => {
  t.equal(rowOf({}), 'view 7 as primary, operation 48213 | 12 ms ago | 0.91 ms | 41 ms | 151.2 MB | 12.3 GB')
  const told = { view: 7, as: 'backup', told: true, opNumber: 3 } as const
  t.match(rowOf({ disk: { ...figures, imprint: told } }), /^view 7 as backup in sync, operation 3 /)
  t.match(rowOf({ disk: { ...figures, unsyncedMs: 4_000 } }), / \| waits for 4\.0 s \| /)
  const empty = { ...figures, imprint: null, bytes: 0, syncAgeMs: null, syncP50Us: null, syncP99Us: null }
  t.equal(rowOf({ disk: empty }), 'nothing yet | never | 12.3 GB')
  const before = { ...imprint, view: 6, as: 'primary', told: false, differs: false, opNumber: 4 } as const
  t.match(rowOf({ disk: empty, imprint: before }), /^view 6 as primary, operation 4, from before its start /)
  t.match(rowOf({ disk: { ...empty, spoilt: 'segment-1 at 512: rot' } }), /^spoilt: segment-1 at 512: rot /)
  t.equal(rowOf({ disk: null }), 'not told yet')
  t.equal(rowOf({ disk: null, alive: false }), 'not known')
  t.same(diskLines({ ...statusOf([server('a', {})]), durability: 'memory' }, null), [])
  t.ok(
    diskLines(statusOf([server('a', {})]), 60).every(line => line.length <= 60),
    'it fits',
  )
})

t.test('D4: a recovery that waits: what is here, what is waited for, what a reset gives up', async t => {
  const old = { ...imprint, view: 3, as: 'primary', told: false, differs: false, opNumber: 9 } as const
  const recovery: RecoveryStatus = {
    found: [
      {
        id: 'a'.repeat(32),
        address: 'ws://a:7401',
        of: 'e'.repeat(32),
        view: 7,
        opNumber: 4,
        proof: 'its address refuses',
      },
      { id: 'b'.repeat(32), address: 'ws://b:7401', of: 'f'.repeat(32), view: 7, opNumber: 5, proof: null },
    ],
    waitedFor: [{ id: 'd'.repeat(32), address: 'ws://d:7401' }],
    patienceMs: 8_000,
    lost: 'the state is on disk',
  }
  const status = statusOf([server('a', { imprint: old }), server('c', { imprint: old })], recovery)
  t.same(recoveryLines(status), [
    '  is here: at ws://a:7401 view 7, operation 4, written by eeeeeeee, whose process is gone: its address refuses',
    '  is here: at ws://b:7401 view 7, operation 5, written by ffffffff, whose process may still live',
    '  is here and does not count: at ws://c:7401 view 3 as primary, operation 9',
    '  waited for: the server dddddddd at ws://d:7401, or its disk; at most 8.0 s more if another one is here',
    'a reset now: the state is on disk',
  ])
  t.ok(lines(status).includes('a reset now: the state is on disk'))
  t.same(recoveryLines(statusOf([])), [])
})
