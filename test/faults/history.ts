// What one user of the service did and saw, and when: a line an event, in its own file, written before
// anything else happens, so that it outlives a killed process. Judges nothing.

import { fdatasync, openSync, readdirSync, readFileSync, truncateSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Snapshot } from '../../client/web-locks.ts'
import type { Manner, Mode } from '../../wire/messages.ts'

/** Times are ms of the one monotonic clock that all processes of a machine share. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

export type Deed =
  /** A call is made, in this session. `call` counts up within its user. */
  | {
      readonly is: 'acquire'
      readonly call: number
      readonly session: string
      readonly names: readonly string[]
      readonly mode: Mode
      readonly manner: Manner
    }
  /** `session`: another one than its call named, if the process stood still between the call and its leaving. */
  | {
      readonly is: 'granted'
      readonly call: number
      readonly tokens: readonly number[]
      readonly session?: string
    }
  /** An `ifAvailable` that got null. */
  | { readonly is: 'refused'; readonly call: number }
  | { readonly is: 'failed'; readonly call: number; readonly code: string }
  /** The user gives up waiting. */
  | { readonly is: 'abort'; readonly call: number }
  /** From here on the user does not believe in it; after a loss it writes no release. */
  | { readonly is: 'release'; readonly token: number }
  | { readonly is: 'released'; readonly token: number }
  | { readonly is: 'lost'; readonly token: number; readonly code: string }
  | { readonly is: 'sessionLost'; readonly session: string; readonly code: string }
  /** By its own reckoning it may believe in the locks of this session until then, as things stand. */
  | { readonly is: 'lease'; readonly session: string; readonly untilAt: number }
  /** It read `lock.held` of one of them. */
  | { readonly is: 'looked'; readonly session: string; readonly held: boolean }
  | { readonly is: 'query'; readonly call: number }
  | ({ readonly is: 'queried'; readonly call: number } & Snapshot)
  | { readonly is: 'force'; readonly call: number; readonly session: string; readonly name: string }
  | { readonly is: 'forced'; readonly call: number; readonly released: number }
  /** F14: an operator resets the service; written just before by the scenario that does it. */
  | { readonly is: 'reset'; readonly pauseMs: number }
  /** Its process was killed; written just before by the scenario that did it. */
  | { readonly is: 'killed' }
  /** Until now it was cut off for so long that its lease may have ended; written by the scenario. */
  | { readonly is: 'away' }

export type Event = Deed & { readonly at: number; readonly who: string }

const sync = promisify(fdatasync)

/** Writes the events of one process. */
export class HistoryFile {
  readonly #file: number
  readonly #who: string
  #syncing: Promise<void> = Promise.resolve()
  #next: Promise<void> | null = null

  constructor(folder: string, who: string) {
    this.#file = openSync(join(folder, `${who}.history`), 'a')
    this.#who = who
  }

  note(deed: Deed, at = now(), who = this.#who): void {
    writeSync(this.#file, `${JSON.stringify({ at, who, ...deed })}\n`)
  }

  /** Resolves when all that was noted until now is on the disk. Who asks during a sync shares the next one. */
  synced(): Promise<void> {
    this.#next ??= this.#syncing.then(() => {
      this.#next = null
      this.#syncing = sync(this.#file)
      return this.#syncing
    })
    return this.#next
  }
}

/** All events of all processes since the last time, in the order in which they happened. */
export function takeHistories(folder: string): Event[] {
  const events: Event[] = []
  for (const name of readdirSync(folder)) {
    const file = join(folder, name)
    const lines = readFileSync(file, 'utf8').split('\n')
    // The last line of a killed process may be cut.
    for (const line of lines) if (line.endsWith('}')) events.push(JSON.parse(line) as Event)
    truncateSync(file)
  }
  return events.sort((a, b) => a.at - b.at)
}
