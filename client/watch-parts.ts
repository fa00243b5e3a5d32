// The parts of one watch, one in each group that it is about (G5): they follow the map as groups come and go (G8). Reads
// no event.

import type { ClientGroup } from './group.ts'
import { LockWatch } from './watch.ts'

interface Part {
  /** Its number in the watch. */
  readonly part: number
  /** Its number in the group. */
  readonly number: number
}

export class WatchParts {
  readonly watch: LockWatch
  readonly #prefix: string
  readonly #groups: () => readonly ClientGroup[]
  readonly #parts = new Map<ClientGroup, Part>()
  #last = -1
  #isOver = false

  /** `groups`: those that it is about, by the newest map; `ended`: called when it is over. */
  constructor(prefix: string, groups: () => readonly ClientGroup[], ended: () => void) {
    this.#prefix = prefix
    this.#groups = groups
    for (const group of groups()) this.#add(group)
    const seen = (events: number, of: number) => {
      for (const [group, { part, number }] of this.#parts) if (part === of) group.seen(number, events)
    }
    const stop = () => {
      this.#isOver = true
      for (const [group, { number }] of this.#parts) group.unwatch(number)
      ended()
    }
    const parts = [...this.#parts.values()].map(({ part }) => part)
    this.watch = new LockWatch(seen, stop, prefix, parts)
  }

  #add(group: ClientGroup): Part {
    const part = { part: ++this.#last, number: group.nextWatch() }
    this.#parts.set(group, part)
    return part
  }

  begin(): void {
    for (const [group, part] of this.#parts) this.#beginIn(group, part)
  }

  #beginIn(group: ClientGroup, { part, number }: Part): void {
    group.watch(number, this.watch, this.#prefix, part)
  }

  /**
   * The map is newer. What a group tells from its beginning on is told; what happened there before, and what a group that is
   * gone had still to tell, is in the state that a reader asks for when the watch begins again.
   */
  follow(): void {
    if (this.#isOver) return
    const groups = new Set(this.#groups())
    for (const group of groups) if (!this.#parts.has(group)) this.#beginIn(group, this.#add(group))
    for (const [group, { part, number }] of [...this.#parts]) {
      if (groups.has(group)) continue
      this.#parts.delete(group)
      group.unwatch(number)
      this.watch.leaves(part)
    }
  }
}
