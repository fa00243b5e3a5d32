// Pages that depend on their parameters: they are made one after the other, and an address that had one
// waits ten times as long as it took for the next (B5). So one address takes at most a tenth of a server's
// time, and none is kept out by another that asks more often.

import { readClock } from '../clock.ts'
import { askerPauseMsMax, askerPausePart } from '../limits.ts'
import { clearTimeout, setTimeout } from '../net/timers-node.ts'

interface Job {
  readonly asker: string
  readonly make: () => Promise<void>
}

export class PageBudget {
  readonly #jobs: Job[] = []
  /** When each address may have the next page; forgotten once that time has come. */
  readonly #pausedUntil = new Map<string, number>()
  #isMaking = false
  #timer: NodeJS.Timeout | undefined

  run<T>(asker: string, make: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#jobs.push({ asker, make: () => make().then(resolve, reject) })
      this.#next()
    })
  }

  #next(): void {
    if (this.#isMaking || this.#jobs.length === 0) return
    const now = readClock().monotonic
    for (const [asker, until] of this.#pausedUntil) if (until <= now) this.#pausedUntil.delete(asker)
    const first = this.#jobs.findIndex(({ asker }) => !this.#pausedUntil.has(asker))
    clearTimeout(this.#timer)
    if (first >= 0) void this.#run(this.#jobs.splice(first, 1)[0] as Job, now)
    else {
      const soonest = Math.min(...this.#jobs.map(({ asker }) => this.#pausedUntil.get(asker) ?? now))
      this.#timer = setTimeout(() => this.#next(), Math.max(1, soonest - now)).unref()
    }
  }

  async #run({ asker, make }: Job, begun: number): Promise<void> {
    this.#isMaking = true
    await make()
    this.#isMaking = false
    const now = readClock().monotonic
    this.#pausedUntil.set(asker, now + Math.min((now - begun) * askerPausePart, askerPauseMsMax))
    this.#next()
  }
}
