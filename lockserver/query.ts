// Lists what is held and waited for, in order, in parts that fit a frame. Reads only.

import { queryMax, queryPartMax } from '../wire/limits.ts'
import type { HoldRecord, MessageOf, WaitRecord } from '../wire/messages.ts'
import type { State } from './state/state.ts'

type Part = MessageOf<'serverToClient', 'locks'>

/** Holds in the order of their tokens; waiters by lock name, each queue in its order. */
export function answerQuery(
  state: State,
  prefix: string,
  number: number,
  confirmed: boolean,
  wall: number,
): Part[] {
  const age = (since: number) => Math.max(0, Math.floor(wall - since))
  const held: HoldRecord[] = []
  const pending: WaitRecord[] = []
  let cut = false
  for (const lock of state.table.locks.values()) {
    if (!lock.name.startsWith(prefix)) continue
    for (const { token, session, mode, since } of lock.holders) {
      held.push({
        name: lock.name,
        mode,
        token,
        clientId: session.id,
        clientName: session.name,
        heldMs: age(since),
      })
    }
    for (const { session, claim, since } of lock.queue) {
      pending.push({
        name: lock.name,
        mode: claim.mode,
        clientId: session.id,
        clientName: session.name,
        waitedMs: age(since),
      })
    }
    if (held.length + pending.length > queryMax) {
      cut = true
      break
    }
  }
  held.sort((a, b) => a.token - b.token)
  pending.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  return parts(number, held, pending, { cut, confirmed })
}

function parts(
  number: number,
  held: HoldRecord[],
  pending: WaitRecord[],
  flags: { cut: boolean; confirmed: boolean },
): Part[] {
  const messages: Part[] = []
  const count = Math.max(1, Math.ceil(Math.max(held.length, pending.length) / queryPartMax))
  for (let part = 0; part < count; part++) {
    const [from, to] = [part * queryPartMax, (part + 1) * queryPartMax]
    const more = part + 1 < count
    messages.push(['locks', number, { more, ...flags }, held.slice(from, to), pending.slice(from, to)])
  }
  return messages
}
