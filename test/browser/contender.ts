// A contender that takes the lock again and again, in a page as in a Node process: it tells the referee
// before it begins and before it gives the lock back, and waits until the referee has noted it.

import { connect } from 'holdfast'

export type Word = 'enter' | 'leave'
/** Resolves when the referee has noted it; false: the contest is over. */
export type Tell = (name: string, word: Word, token: number) => Promise<boolean>

export async function contend(url: string, name: string, tell: Tell): Promise<void> {
  await using locks = await connect(url, { name, ttl: 5_000 })
  // Held all the time, whatever happens to the servers.
  const own = await locks.acquire(`of ${name}`)
  let goesOn = true
  while (goesOn) {
    await locks.request('the one lock', async lock => {
      await tell(name, 'enter', lock.token)
      goesOn = await tell(name, 'leave', lock.token)
    })
  }
  if (!own.held || own.signal.aborted) throw new Error(`${name} has lost its own lock: ${own.signal.reason}`)
}
