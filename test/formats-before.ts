// What was written in the format before this one is read as if it had been written in this one; what is older, newer or
// spoilt is refused by name.

import t from 'tap'
import { encodeBlock, type Head, headBytes, sightOf } from '../lockserver/journal/block.ts'
import { checksum } from '../lockserver/journal/checksum.ts'
import { Loading } from '../lockserver/journal/loading.ts'
import { checksumOf } from '../viewservice/stores/before.ts'
import { decodeRecord } from '../viewservice/stores/text.ts'
import { recordFormat, wireVersion } from '../wire/version.ts'
import { clusterId, idOf } from './fixtures/view-story.ts'

const place = (name: string) => ({ id: idOf(name), address: `ws://${name}.test:1` })

const about = { cluster: clusterId, ttlMaxMs: 60_000, wire: wireVersion, nonce: 'n-1' }
const view = { number: 3, primary: place('a'), backup: place('b'), durability: 'disk', start: null }
const record = {
  ...{ record: 7, ...about, view, acked: true, lastAcked: 3 },
  ...{ highestToken: 5, longestTtlMs: 10_000, adopted: null },
}
const founding = { record: 1, ...about, durability: 'memory', pauseMs: 60_000 }

const textOf = (kind: string, value: object, sum = checksumOf(value)) => JSON.stringify([[kind, value, sum]])

t.test('G1: a view record of format 2 is of a cluster with one group', async t => {
  t.match(decodeRecord(textOf('view-record', { ...record, format: 2 })), {
    ...record,
    format: recordFormat,
    view: { group: 0, number: 3, primary: place('a') },
    others: [],
    map: { number: 1, groups: 1, starts: [[0, 0]], moves: [], floors: [], ended: [] },
    groupsWanted: 1,
  })
  t.match(decodeRecord(textOf('founding', { ...founding, format: 2 })), {
    ...founding,
    groups: 1,
    format: recordFormat,
  })
})

t.test('G8: in a view record of format 3 no slot moves, and all groups are wanted', async t => {
  const ours = { group: 0, ...view }
  const other = { group: 1, view: null, acked: false, lastAcked: 0, highestToken: 0 }
  const starts = [
    [0, 0],
    [2048, 1],
  ]
  const map = { number: 1, groups: 2, starts }
  const before = { ...record, view: ours, others: [other], map, pauseMs: 0, format: 3 }
  t.match(decodeRecord(textOf('view-record', before)), {
    ...before,
    ...{ map: { ...map, moves: [], floors: [], ended: [] }, groupsWanted: 2, format: recordFormat },
  })
  t.match(decodeRecord(textOf('founding', { ...founding, groups: 2, format: 3 })), { format: recordFormat })
})

t.test('a view record of another format, or a spoilt one, is refused', async t => {
  const old = { ...record, format: 2 }
  t.throws(() => decodeRecord(textOf('view-record', { ...record, format: 1 })))
  t.throws(() => decodeRecord(textOf('view-record', old, checksumOf({ ...old, acked: false }))))
  const now = decodeRecord(textOf('view-record', old))
  t.throws(() => decodeRecord(textOf('view-record', { ...now, format: 5 })), /its format is 5/)
})

/** The first block of a log, as an earlier version wrote it. */
function blockOfFormat1() {
  const { cluster, longestTtlMs } = { cluster: clusterId, longestTtlMs: 10_000 }
  const imprint = {
    ...{ cluster, ...place('a'), view: 4, as: 'primary', told: false, differs: false, longestTtlMs },
    ...{ machine: '', boot: '', folder: '1:2' },
  }
  const text = JSON.stringify([
    ['begun', 'nothing'],
    ['imprint', imprint],
  ])
  const head: Head = {
    ...({ kind: 'log', last: false, volume: 1, file: 1, boot: '0'.repeat(32), view: 4 } as const),
    ...{ sequence: 1, firstOp: 1, lastOp: 0, digest: 0, before: 0 },
  }
  const { bytes } = encodeBlock(head, text)
  bytes.writeUInt16LE(1, 8)
  bytes.writeUInt32LE(checksum(bytes.subarray(0, 96)), headBytes - 4)
  return bytes
}

t.test('D7, G1: in a block of format 1 an imprint is of the first group', async t => {
  const sight = sightOf(blockOfFormat1())
  if (sight.is !== 'block') throw new Error(`it is ${sight.is}`)
  t.equal(sight.block.format, 1)
  const loading = new Loading()
  loading.take(sight.block)
  t.match(loading.imprint, { group: 0, view: 4, id: idOf('a') })
})
