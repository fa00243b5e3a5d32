// R4: a backup's copy goes wrong where clients don't see it. The primary is believed, and the backup dropped.

import type { Random } from '../../fixtures/random.ts'
import type { Damage } from './damage.ts'
import type { Deaths } from './deaths.ts'
import type { Scene } from './scene.ts'

export function corruptCopy(scene: Scene, damage: Damage, deaths: Deaths, dice: Random): void {
  const { cluster, referee, pair, now } = scene
  const { backup } = pair
  const state = backup?.core.role === 'backup' ? backup.core.state : null
  if (backup === undefined || state === null || !deaths.mayDie(backup)) return
  if (!referee.backupKnows(cluster.view)) return // or its new copy would put it right
  if (referee.corrupted.has(backup.id)) return // twice might make it right again
  const what = dice.pick(['digest', 'token'] as const)
  scene.tell(() => `the copy of ${backup.name} has a wrong ${what}`)
  referee.corrupted.add(backup.id)
  referee.touch(backup, now + 1_000)
  if (what === 'digest') referee.wrongDigest.add(backup.id)
  if (what === 'digest') state.digest = (state.digest ^ 1) >>> 0
  else state.table.start(state.table.lastToken + 7, state.table.paused, state.limits.waitersPerLockMax)
  damage.doubt(backup, 500, `${backup.name} is dropped, or wrong for good`, () => {})
}
