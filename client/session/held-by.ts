// Who has the lock that a call waited for in vain, in words for display only: it is part of an error's text. It decides
// nothing.

import type { Blocker } from '../../wire/messages.ts'

/** `several`: the call asked for more than this one. `me`: the public id of the session that asked. */
export function heldBy(
  { name, clientId, clientName, token, heldMs, ahead }: Blocker,
  several: boolean,
  me: string | null,
): string {
  const it = several ? JSON.stringify(name) : 'it'
  const since = `for ${lengthOf(heldMs)} (token ${token})`
  const before = ahead === 0 ? '' : `, and ${ahead} waited before`
  if (clientId !== null && clientId === me)
    return `this client itself has held ${it} ${since}${before}; locks are not re-entrant`
  const holder = clientName === null ? 'a client that is gone' : JSON.stringify(clientName)
  return `${holder} has held ${it} ${since}${before}`
}

/** As precise as a reader needs. */
function lengthOf(ms: number): string {
  const units = [
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1_000],
  ] as const
  const [unit, size] = units.find(([, size]) => ms >= size) ?? ['ms', 1]
  return `${Math.floor((ms / size) * 10) / 10} ${unit}`
}
