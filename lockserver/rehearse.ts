// Warms a process up for the lock servers that will run in it.

import '../wire/server-channels.ts'
import { Rehearsal } from './rehearsal.ts'

/** Rehearsals, and rounds of each: after this many V8 has little more to learn from another one. */
const plays = 16
const rounds = 30

/**
 * Some 300 ms of work, before the first lock server of a process starts: its servers then serve at full speed
 * from their first request on. Without it, a server that takes over from a primary under load serves several
 * times slower at first. `holdfast lockserver` does it by itself.
 */
export function rehearse(): void {
  for (let play = 0; play < plays; play++) new Rehearsal().play(rounds)
}
