// What etcd costs when a primary dies (F1, F18): two services that differ only in where the view record lives, in a folder
// and in three etcd. Their primaries are killed in turns, and the time to the next grant is compared.
// `HOLDFAST_TEST_ROUNDS=50 npm run test:record -- failover` says more; times are printed, not judged.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { Etcd } from './etcd.ts'
import { medianOf, RecordService } from './service.ts'

const rounds = Number(process.env.HOLDFAST_TEST_ROUNDS ?? 5)

t.test(`F1, F18: the primary is killed, ${rounds} times with each store`, async t => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-record-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  await using etcd = await Etcd.start(3)
  await using inFolder = await RecordService.start(`file:${folder}`, 1, 3)
  await using inEtcd = await RecordService.start(etcd.url('failover'), 1, 3)
  const gaps = new Map<RecordService, number[]>([
    [inFolder, []],
    [inEtcd, []],
  ])
  for (let round = 0; round < rounds; round++)
    for (const [service, own] of gaps) own.push(await gapOf(service))
  const [file, remote] = [...gaps.values()].map(medianOf) as [number, number]
  t.comment(`record in a folder: median ${file.toFixed(1)} ms; in etcd: ${remote.toFixed(1)} ms`)
  t.comment(`etcd costs ${(remote - file).toFixed(1)} ms more (goal 5)`)
  for (const service of gaps.keys()) t.same(service.violations, [])
})

/** From the kill to the next grant. */
async function gapOf(service: RecordService): Promise<number> {
  const primary = service.primary()
  const since = performance.now()
  await primary?.kill()
  const gap = (await service.grantedSince(since + 5)) - since
  primary?.start()
  await service.isWhole()
  return gap
}
