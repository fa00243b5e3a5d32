// The clock of a machine, on platforms by hand: what counts as suspended time, and what does not (S4).

import t from 'tap'
import { Clock } from '../wire/clock.ts'

const hourMs = 3_600_000

/** A platform's clocks. Fine: hundredths of a second; coarse: whole ones; none: as in a page. */
class Platform {
  awakeMs = 12_345
  asleepMs = 0
  wallMs = 1_700_000_000_000
  /** Its monotonic clock goes on while it is suspended, as on macOS and Windows. */
  countsAll = false
  /** How long each reading of its uptime takes, once. */
  readonly interruptions: number[] = []
  uptime?: () => number

  constructor(uptime: 'fine' | 'coarse' | 'none') {
    if (uptime !== 'none') this.uptime = () => this.#uptime(uptime === 'fine' ? 10 : 1_000)
  }

  readonly monotonic = () => this.awakeMs + (this.countsAll ? this.asleepMs : 0)
  readonly wall = () => this.wallMs

  #uptime(roundedMs: number): number {
    const shown = Math.floor((this.awakeMs + this.asleepMs) / roundedMs) * roundedMs
    this.pass(this.interruptions.shift() ?? 0)
    return shown
  }

  pass(ms: number): this {
    this.awakeMs += ms
    this.wallMs += ms
    return this
  }

  suspend(ms: number): this {
    this.asleepMs += ms
    this.wallMs += ms
    return this
  }

  set(byMs: number): this {
    this.wallMs += byMs
    return this
  }
}

/** How far the monotonic clock gets, beyond the time that the machine was awake; it is read each 100 ms. */
function counted(platform: Platform, act: (platform: Platform) => void): number {
  const clock = new Clock(platform)
  const read = () => {
    for (let ms = 0; ms < 3_000; ms += 100) {
      platform.pass(100)
      clock.now()
    }
  }
  read()
  const before = clock.monotonic() - platform.awakeMs
  act(platform)
  read()
  return Math.round(clock.monotonic() - platform.awakeMs - before)
}

const steps = [5_000, 30_000, hourMs, -hourMs]

for (const kind of ['fine', 'coarse'] as const) {
  t.test(`S4 a wall clock that is set is no suspended time, by a ${kind} uptime`, async t => {
    for (const step of steps)
      t.equal(
        counted(new Platform(kind), p => p.set(step)),
        0,
        `${step} ms`,
      )
    t.equal(
      counted(new Platform(kind), p => p.pass(hourMs).set(hourMs)),
      0,
      'after an hour without a reading',
    )
  })

  t.test(`S4 suspended time counts, by a ${kind} uptime`, async t => {
    for (const ms of [400, 3_000, hourMs]) {
      const late = counted(new Platform(kind), p => p.suspend(ms)) - ms
      t.ok(late >= 0 && late <= 1, `${ms} ms, and ${late} more`)
    }
  })

  t.test(`S4 suspended time counts while the wall clock is set, by a ${kind} uptime`, async t => {
    for (const step of steps) {
      const off = counted(new Platform(kind), p => p.suspend(60_000).set(step)) - 60_000
      t.ok(Math.abs(off) <= (kind === 'fine' ? 20 : 1_000), `set by ${step} ms: ${off} ms off`)
    }
  })
}

t.test('S4 each of many suspensions counts once', async t => {
  const total = counted(new Platform('fine'), p => p.suspend(1_000))
  t.equal(total, 1_000)
  const platform = new Platform('fine')
  const clock = new Clock(platform)
  const began = clock.monotonic()
  for (let i = 0; i < 100; i++) {
    platform.suspend(700).pass(50)
    clock.now()
  }
  t.equal(Math.round(clock.monotonic() - began), 100 * 750)
})

t.test('S4 a monotonic clock that counts suspended time itself is not helped', async t => {
  for (const kind of ['fine', 'coarse', 'none'] as const) {
    const platform = new Platform(kind)
    platform.countsAll = true
    t.equal(
      counted(platform, p => p.suspend(hourMs)),
      hourMs,
      kind,
    )
  }
})

t.test('S4 where nothing counts suspended time a wall clock that jumps ahead is believed', async t => {
  t.equal(
    counted(new Platform('none'), p => p.suspend(30_000)),
    30_000,
  )
  t.equal(
    counted(new Platform('none'), p => p.set(30_000)),
    30_000,
  )
  t.equal(
    counted(new Platform('none'), p => p.set(-30_000)),
    0,
  )
  t.equal(
    counted(new Platform('none'), p => p.set(-30_000).suspend(5_000)),
    0,
    'both at once can not be told apart',
  )
})

t.test('S4 a slow correction of the wall clock is no suspended time', async t => {
  for (const kind of ['fine', 'coarse', 'none'] as const) {
    const platform = new Platform(kind)
    const clock = new Clock(platform)
    const began = clock.monotonic()
    for (let s = 0; s < 1_000; s++) {
      platform.pass(1_000).set(s % 2 === 0 ? 5 : 0.5)
      clock.now()
    }
    t.equal(clock.monotonic() - began, 1_000_000, kind)
  }
})

t.test('S4 a process that is stopped in the middle of a look takes that for no suspension', async t => {
  const platform = new Platform('fine')
  const clock = new Clock(platform)
  const began = clock.monotonic()
  for (let i = 0; i < 20; i++) {
    platform.interruptions.push(400, 300)
    platform.pass(1_000)
    clock.now()
  }
  platform.interruptions.length = 0
  platform.pass(1_000)
  t.equal(clock.monotonic() - began, platform.awakeMs - 12_345)
})

t.test('S4 an uptime that can not be read leaves it to the wall clock', async t => {
  const platform = new Platform('fine')
  platform.uptime = () => {
    throw new Error('not permitted')
  }
  t.equal(
    counted(platform, p => p.suspend(30_000)),
    30_000,
  )
})

t.test('S4 an uptime that goes back counts for nothing', async t => {
  const platform = new Platform('fine')
  platform.asleepMs = 10 * hourMs
  t.equal(
    counted(platform, p => {
      p.asleepMs = 0
    }),
    0,
  )
})

t.test('an instant says when the machine was suspended last, and whether that is sure', async t => {
  for (const kind of ['fine', 'none'] as const) {
    const platform = new Platform(kind)
    const clock = new Clock(platform)
    t.equal(clock.now().suspended, undefined)
    platform.suspend(hourMs)
    const { monotonic, suspended } = clock.now()
    t.match(suspended, { ms: hourMs, sure: kind === 'fine' })
    t.ok(suspended !== undefined && suspended.foundAt <= monotonic)
  }
})
