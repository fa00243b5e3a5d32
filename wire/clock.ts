// The one file that reads the time. Cores receive an Instant, drivers a runtime that makes them, so that
// whole clusters can run on a simulated clock. It tells a machine that was suspended from a wall clock that was
// set (S4): what the platform counts as suspended goes into the monotonic clock, and no deadline goes by the wall
// clock. Where the platform counts no such time, only the wall clock can show it, and has to be believed.

/** One reading of both clocks, in milliseconds. */
export interface Instant {
  /** Never goes back and is no date; goes on while the machine is suspended. */
  readonly monotonic: number
  /** Since 1970; may jump. No deadline goes by it but the end of a signed token (A3), which is a date. */
  readonly wall: number
  /** The last time that the machine was suspended; absent: it never was, as far as this process knows. */
  readonly suspended?: Suspension
}

export interface Suspension {
  readonly ms: number
  /** When this process found it, in monotonic ms. */
  readonly foundAt: number
  /** False: only the wall clock shows it, which may have been set. */
  readonly sure: boolean
}

/** What a platform offers, in milliseconds. */
export interface PlatformClocks {
  /** Never goes back. On some platforms it stands still while the machine is suspended. */
  monotonic(): number
  /** Since 1970; may jump. */
  wall(): number
  /** Since the machine was started, with the time that it was suspended, whatever time is set. Throws if it can't be read. */
  uptime?(): number
}

/** What the clocks showed at one moment. `uptime`: null where there is none. */
interface Sight {
  readonly monotonic: number
  readonly wall: number
  readonly uptime: number | null
}

/** The clocks go apart by this much when something has happened to one of them. */
const apartMs = 20
/** Without that they are compared this often. */
const lookEveryMs = 1_000
/** Reading them must not take longer, or it was interrupted in between. */
const sightMsMax = 5
const sightTries = 3
/** Uptimes come in hundredths of a second, or in whole ones. */
const fineMs = 50
const coarseMs = 1_050
/** Clocks of pages are rounded, some to a tenth of a second. */
const wallMs = 250

/** The clocks of one machine. */
export class Clock {
  readonly #platform: PlatformClocks
  #suspendedMs = 0
  #last: Suspension | undefined
  #seen: Sight | null = null
  /** True once an uptime was no whole second. */
  #isFine = false

  constructor(platform: PlatformClocks) {
    this.#platform = platform
  }

  now(): Instant {
    const monotonic = this.#platform.monotonic()
    const wall = this.#platform.wall()
    if (this.#isDue(monotonic, wall)) this.#look()
    const at = monotonic + this.#suspendedMs
    return this.#last === undefined ? { monotonic: at, wall } : { monotonic: at, wall, suspended: this.#last }
  }

  monotonic(): number {
    return this.now().monotonic
  }

  #isDue(monotonic: number, wall: number): boolean {
    const seen = this.#seen
    if (seen === null) return true
    const passed = monotonic - seen.monotonic
    return passed >= lookEveryMs || Math.abs(wall - seen.wall - passed) > apartMs
  }

  /** What happens to the clocks while it looks is found by the next reading. */
  #look(): void {
    const last = this.#seen
    const sight = this.#sight()
    if (sight === null) return
    this.#seen = sight
    const ms = last === null ? 0 : this.#suspendedBetween(last, sight)
    if (ms === 0) return
    this.#suspendedMs += ms
    this.#last = { ms, foundAt: sight.monotonic + this.#suspendedMs, sure: sight.uptime !== null }
  }

  #sight(): Sight | null {
    for (let tries = 0; tries < sightTries; tries++) {
      const began = this.#platform.monotonic()
      const wall = this.#platform.wall()
      const uptime = this.#uptime()
      const monotonic = this.#platform.monotonic()
      if (monotonic - began <= sightMsMax) return { monotonic, wall, uptime }
    }
    return null
  }

  #uptime(): number | null {
    try {
      const uptime = this.#platform.uptime?.() ?? null
      this.#isFine ||= uptime !== null && uptime % 1_000 !== 0
      return uptime
    } catch {
      return null
    }
  }

  /** For how long the machine was suspended between the two, as far as the monotonic clock has not counted it. */
  #suspendedBetween(a: Sight, b: Sight): number {
    const passed = b.monotonic - a.monotonic
    const byWall = b.wall - a.wall - passed
    if (a.uptime === null || b.uptime === null) return byWall > wallMs ? byWall : 0
    const byUptime = b.uptime - a.uptime - passed
    const roundedMs = this.#isFine ? fineMs : coarseMs
    // The wall clock shows the same, so it was not set; it is the more exact of the two.
    if (Math.abs(byWall - byUptime) <= roundedMs) return byWall > Math.min(roundedMs, wallMs) ? byWall : 0
    return byUptime > roundedMs ? byUptime : 0
  }
}

// The functions as they are when this file is loaded: a test that fakes the time later must not stop the clock of a lease.
const readings: { -readonly [K in keyof PlatformClocks]: PlatformClocks[K] } = {
  monotonic: performance.now.bind(performance),
  wall: Date.now,
}
const clock = new Clock(readings)

/** Said once by a platform that counts the time for which its machine is suspended. */
export function countSuspended(uptime: () => number): void {
  readings.uptime = uptime
}

export function readClock(): Instant {
  return clock.now()
}

/** The monotonic clock alone. */
export function readMonotonic(): number {
  return clock.monotonic()
}
