// R4: the copy of a server goes wrong. Where only clients don't see it, the primary is believed and the backup
// dropped; a server that finds a contradiction in its own copy ends itself, and the other one is right.

import type { Hold } from '../../../lockserver/state/lock.ts'
import { LockEntry } from '../../../lockserver/state/lock.ts'
import type { State } from '../../../lockserver/state/state.ts'
import type { Random } from '../../fixtures/random.ts'
import type { Damage } from './damage.ts'
import type { Deaths } from './deaths.ts'
import type { Scene } from './scene.ts'

/** Looking for a contradiction takes long in a larger one. */
const contradictedMax = 200
const breakingTries = 10

/** Each makes a contradiction that the state's own check must find; false: there is nothing to make it of. */
const contradictions: Readonly<Record<string, (state: State) => boolean>> = {
  'a second holder': state => {
    const hold = holdsOf(state).find(({ mode }) => mode === 'exclusive')
    return hold !== undefined && Boolean(hold.lock.hold(1, hold.session, 'shared', 0))
  },
  'a small counter': state => {
    state.table.start(1, state.table.paused, state.limits)
    return holdsOf(state).length > 0
  },
  'a hold that its holder does not know': state =>
    holdsOf(state).some(({ session, token }) => session.holds.delete(token)),
  'a hold of a session that is gone': state =>
    holdsOf(state).some(({ session }) => state.sessions.delete(session.ordinal)),
  'a waiter that its session does not know': state =>
    [...state.sessions.values()].some(({ waiting }) =>
      [...waiting.values()].some(({ request }) => waiting.delete(request)),
    ),
  'an empty lock': state => {
    state.table.locks.set('lie', new LockEntry('lie', 0))
    return true
  },
  'a free lock with waiters': state => {
    const hold = holdsOf(state).find(({ lock }) => lock.waiters > 0 && lock.held === 1)
    hold?.lock.free(hold)
    return hold !== undefined
  },
  'a wrong count of bytes': state => {
    state.table.tally.bytes++
    return true
  },
  'a hold that its lock does not know': state => {
    const [hold] = holdsOf(state)
    hold?.session.holds.set(7, {
      ...hold,
      token: 7,
      lock: hold.lock,
      session: hold.session,
      mode: hold.mode,
      since: 0,
    })
    return hold !== undefined
  },
}

function holdsOf(state: State): Hold[] {
  return [...state.table.locks.values()].flatMap(({ holders }) => holders)
}

export function corruptCopy(scene: Scene, damage: Damage, deaths: Deaths, dice: Random): void {
  const { cluster, referee, pair, now } = scene
  const { backup } = pair
  const state = backup?.core.role === 'backup' ? backup.core.state : null
  if (backup === undefined || state === null || !deaths.mayDie(backup)) return
  if (!referee.backupKnows(cluster.view)) return // or its new copy would put it right
  if (referee.corrupted.has(backup.id)) return // twice might make it right again
  if (!scene.mayGoWrong(backup.name)) return
  const what = dice.pick(['digest', 'token'] as const)
  scene.tell(() => `the copy of ${backup.name} has a wrong ${what}`)
  referee.corrupt(backup.id)
  referee.touch(backup, now + 1_000)
  if (what === 'digest') referee.wrongDigest.add(backup.id)
  if (what === 'digest') state.digest = (state.digest ^ 1) >>> 0
  else state.table.start(state.table.lastToken + 7, state.table.paused, state.limits)
  damage.doubt(backup, 500, `${backup.name} is dropped, or wrong for good`, () => {})
}

/** One of the two finds a contradiction in its copy as soon as the digests are compared, and ends itself. */
export function breakCopy(
  scene: Scene,
  damage: Damage,
  deaths: Deaths,
  dice: Random,
  tries = breakingTries,
): void {
  if (damage.over) return
  if (breaks(scene, damage, deaths, dice) || tries === 0) return
  const { network, group } = scene.cluster
  network.after(100, () =>
    scene.cluster.within(group, () => breakCopy(scene, damage, deaths, dice, tries - 1)),
  )
}

/** Only where nothing else is wrong; false: something is. */
function breaks(scene: Scene, damage: Damage, deaths: Deaths, dice: Random): boolean {
  const { cluster, referee, pair } = scene
  const { primary, backup } = pair
  if (
    damage.unmended > 0 ||
    primary === undefined ||
    backup === undefined ||
    !referee.backupKnows(cluster.view)
  )
    return false
  if ([primary, backup].some(({ id, frozen }) => frozen || referee.corrupted.has(id))) return false
  const server = dice.chance(0.8) ? backup : primary
  const { state, role } = server.core
  if (state === null || role === 'idle' || state.table.locks.size > contradictedMax || !deaths.mayDie(server))
    return false
  if (!scene.mayGoWrong(server.name)) return false
  // What a primary with another contradiction would say to clients that ask for no confirmation is wrong.
  const what = server === primary ? 'a wrong count of bytes' : dice.pick(Object.keys(contradictions))
  scene.tell(() => `the copy of ${server.name} (${role}) has ${what}`)
  if (contradictions[what]?.(state) !== true) state.table.tally.bytes++
  state.digest = (state.digest ^ 1) >>> 0
  referee.corrupt(server.id)
  referee.deceived.add(server.id)
  referee.contradicted.add(server.id)
  // Promoted before the digests were compared: nobody else has the state, and what it would say is wrong.
  referee.onSpoiltPromotion = id => {
    const spoilt = cluster.servers.find(other => other.alive && other.id === id)
    if (spoilt !== undefined) cluster.network.after(0, () => deaths.killSpoilt(spoilt))
  }
  referee.touch(server, scene.now + 1_000)
  const { id } = server
  damage.doubt(server, 1_000, `${server.name} has ended itself`, () => {
    // A half-open connection can keep the two from comparing their digests until all is mended.
    if (server.alive && server.id === id) deaths.killSpoilt(server)
  })
  return true
}
