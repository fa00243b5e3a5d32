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
  // C3: its holder may be gone, or has given it back.
  if (clientName === null)
    return `${it} is kept for no client, ${lengthOf(heldMs)} after its grant (token ${token}), as its holdAtLeast asks${before}`
  return `${JSON.stringify(clientName)} has held ${it} ${since}${before}`
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
