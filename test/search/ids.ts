// The ids that the processes of the search get, and the time at which it begins.

export const wallAtStart = 1_700_000_000_000
/** The smallest token of a state that began when the clock stood at 0, less one. */
export const tokenBase = wallAtStart * 1_000
export const pingIntervalMs = 100

type IdOf = 'server' | 'session' | 'cluster'

export function idOf(what: IdOf, slot: number, life: number): string {
  const kind = { server: 'a', session: 'b', cluster: 'c' }[what]
  return `${kind}${slot}`.padEnd(4, '0') + String(life).padStart(28, '0')
}
