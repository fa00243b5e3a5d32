// Users that die, freeze, stall or are cut off while they hold a lock that another waits for: F11, F12.

import { pause } from '../fixtures/real-pause.ts'
import { now } from './history.ts'
import type { Scenario } from './scenario.ts'
import { addressOf, guestNode, type Stage, serverNodes } from './stage.ts'
import type { User } from './users.ts'

const ttlMs = 2_000
/** What a loaded machine may add to the ttl. */
const patienceMs = 1_500
/** The name of the users that these faults hit. */
const stricken = 'stricken'

/** A new user that keeps a lock, and the first of the others, which waits for it. */
async function holderAndWaiter(stage: Stage): Promise<{ holder: User; waiting: Promise<number> }> {
  await stage.ready()
  const place = stage.network.place(guestNode)
  const [holder] = (await stage.users.start(stricken, [place], { ttlMs, sharedCalls: 1 })) as [User]
  await holder.ask({ ask: 'keep', name: 'kept' })
  const waiter = stage.users.all[0] as User
  const waiting = waiter.ask({ ask: 'keep', name: 'kept' }).then(({ keptAt }) => keptAt)
  waiting.catch(() => {}) // the caller that awaits it gets the error
  return { holder, waiting }
}

/** The gap is the time until the waiter had the lock. */
async function handedOver(stage: Stage, waiting: Promise<number>, from: number, extraMs = 0): Promise<void> {
  const ms = (await waiting) - from
  stage.gap(ms)
  stage.expect(ms < ttlMs + extraMs + patienceMs, `F11: the lock was free only after ${ms.toFixed(0)} ms`)
  await (stage.users.all[0] as User).ask({ ask: 'giveBack' })
}

async function killUser(stage: Stage): Promise<void> {
  const { holder, waiting } = await holderAndWaiter(stage)
  const from = now()
  await stage.users.kill(holder)
  await handedOver(stage, waiting, from)
}

/** A failover at the same time: the lease continues at the new primary. */
async function killUserAndPrimary(stage: Stage): Promise<void> {
  const { processes } = stage
  const { holder, waiting } = await holderAndWaiter(stage)
  const from = now()
  await stage.users.kill(holder)
  await pause(500)
  const address = addressOf(await stage.ready(), 'primary')
  await processes.kill(address)
  await handedOver(stage, waiting, from, 1_000)
  await processes.restart(address)
}

async function freezeUser(stage: Stage): Promise<void> {
  const { holder, waiting } = await holderAndWaiter(stage)
  const from = now()
  holder.signal('SIGSTOP')
  await handedOver(stage, waiting, from)
  holder.signal('SIGCONT')
  await stage.served([holder])
  await stage.users.leave(holder)
}

/** S4 over a real network: the holder lives, reaches no server, and must stop before the waiter begins. */
async function cutUserOff(stage: Stage): Promise<void> {
  const { network } = stage
  const { holder, waiting } = await holderAndWaiter(stage)
  for (const node of ['view', ...serverNodes]) network.cut(guestNode, node)
  const from = now()
  await handedOver(stage, waiting, from)
  network.heal()
  await stage.served([holder])
  await stage.users.leave(holder)
}

/** F12: the event loop stalls past the lease; the first look at the lock tells the truth. */
async function stallUser(stage: Stage): Promise<void> {
  const { holder, waiting } = await holderAndWaiter(stage)
  const from = now()
  const stalled = holder.ask({ ask: 'stall', ms: 3_000 })
  await handedOver(stage, waiting, from)
  const { awake } = await stalled
  stage.expect(awake?.held === false, 'F12: `held` after the stall')
  stage.expect(awake?.aborted === true, 'F12: the signal is not aborted after the stall')
  stage.expect(awake?.handedBeforeTimers === true, 'F12: a signal handed elsewhere fired too late')
  await stage.served([holder])
  await stage.users.leave(holder)
}

const allowed = { expired: stricken }

export const clientFaults: readonly Scenario[] = [
  { fault: 'F11', name: `client killed (gap: ttl ${ttlMs})`, turns: [5, 1], allowed, turn: killUser },
  {
    fault: 'F11',
    name: `client killed, then the primary (gap: ttl ${ttlMs} and the failover)`,
    turns: [5, 1],
    allowed,
    turn: killUserAndPrimary,
  },
  { fault: 'F11', name: `client frozen (gap: ttl ${ttlMs})`, turns: [5, 1], allowed, turn: freezeUser },
  { fault: 'F11', name: `client cut off (gap: ttl ${ttlMs})`, turns: [5, 1], allowed, turn: cutUserOff },
  {
    fault: 'F12',
    name: `client's event loop stalls (gap: ttl ${ttlMs})`,
    turns: [5, 1],
    allowed,
    turn: stallUser,
  },
]
