// Planted bugs of times: the wrong clock, the wrong unit, the wrong bound, a timer that isn't set again.

import type { Mutant } from './mutant.ts'

const clock = 'wire/clock.ts'

export const clocks: readonly Mutant[] = [
  {
    name: 'a wall clock that is set forward counts as a suspension',
    breaks: 'S4',
    why: 'a correction of the time costs a healthy client all its locks',
    test: 'clock-steps',
    edits: [
      {
        file: clock,
        find: 'if (a.uptime === null || b.uptime === null) return',
        replace: 'if (a.uptime === null || b.uptime === null || byWall > 0) return',
      },
    ],
  },
  {
    name: 'a wall clock that is set back takes time off the monotonic one',
    breaks: 'S4',
    why: 'a page whose clock was set back believes in its lease for longer than the servers do',
    test: 'clock',
    edits: [{ file: clock, find: 'return byWall > wallMs ? byWall : 0', replace: 'return byWall' }],
  },
  {
    name: 'a suspension counts only if the wall clock shows it',
    breaks: 'S4',
    why: 'a machine whose clock is set back as it wakes believes in leases that are over',
    test: 'clock-steps',
    edits: [{ file: clock, find: 'return byUptime > roundedMs ? byUptime : 0', replace: 'return 0' }],
  },
  {
    name: 'a suspension counts with each look again',
    breaks: 'S4',
    why: 'a client that slept once loses its locks again and again',
    test: 'clock',
    edits: [{ file: clock, find: 'this.#seen = sight', replace: 'this.#seen ??= sight' }],
  },
  {
    name: 'a process stopped while it looks takes that for a suspension',
    breaks: 'S4',
    why: 'on a busy machine the clock runs too fast, and leases end too soon',
    test: 'clock',
    edits: [
      {
        file: clock,
        find: 'if (monotonic - began <= sightMsMax) return { monotonic, wall, uptime }',
        replace: 'if (monotonic >= began) return { monotonic, wall, uptime }',
      },
    ],
  },
  {
    name: 'a wall clock that is corrected slowly counts as suspended bit by bit',
    breaks: 'S4',
    why: 'a page’s leases end too soon for as long as its clock is being corrected',
    test: 'clock',
    edits: [
      { file: clock, find: 'return byWall > wallMs ? byWall : 0', replace: 'return byWall > 0 ? byWall : 0' },
    ],
  },
  {
    name: 'an uptime in whole seconds is taken for an exact one',
    breaks: 'S4',
    why: 'each look takes a part of a second for a suspension, and leases end too soon',
    test: 'clock',
    edits: [
      { file: clock, find: 'this.#isFine ? fineMs : coarseMs', replace: 'this.#isFine ? fineMs : fineMs' },
    ],
  },
  {
    name: 'each lost lease is put down to a suspension long ago',
    breaks: 'S4',
    why: 'an operator looks for a sleeping machine where the network was cut',
    test: 'client-lease',
    edits: [
      {
        file: 'client/session/lease.ts',
        find: 'if (suspended === undefined || suspended.foundAt <= (this.#from ?? 0)) return null',
        replace: 'if (suspended === undefined) return null',
      },
    ],
  },
  {
    name: 'a signal that is asked for does not look at the clock',
    breaks: 'F12',
    why: 'after a stall of the event loop the signal of an expired lock is not aborted',
    test: 'handles',
    edits: [
      {
        file: 'client/lock.ts',
        find: 'this.#holder.check() if (this.#controller',
        replace: 'if (this.#controller',
      },
    ],
  },
  {
    name: 'a new view does not hurry the redials',
    breaks: 'F1',
    why: 'a client waits out its back-off though a view has just named the server',
    test: 'client-parts',
    edits: [
      {
        file: 'client/session/addresses.ts',
        find: 'address.failures = 0 address.retryAt = 0',
        replace: 'address.failures = 0',
      },
    ],
  },
  {
    name: 'a session that holds locks comes back as late as one that rests',
    breaks: 'F1, S4',
    why: 'a new primary gets the holders last, and their leases run out',
    test: 'client-connections',
    edits: [
      {
        file: 'client/session/route.ts',
        find: '!this.#expected.rests || this.#silence.owed',
        replace: 'this.#silence.owed',
      },
    ],
  },
  {
    name: 'the silence of one backup counts against the next',
    breaks: 'V7',
    why: 'a new backup is reported unreachable before it could be dialled',
    test: 'server-parts',
    edits: [
      {
        file: 'lockserver/backup-link.ts',
        find: "this.#drop('a newer view') this.#silentTicks = 0",
        replace: "this.#drop('a newer view')",
      },
    ],
  },
  {
    name: 'the next lease to end is the one that was looked at last',
    breaks: 'S3',
    why: 'a lease that ends sooner is found late',
    test: 'server-parts',
    edits: [
      {
        file: 'lockserver/leases.ts',
        find: 'else if (until < earliest) earliest = until',
        replace: 'else earliest = until',
      },
    ],
  },
  {
    name: 'times of the metrics are by the wall clock',
    breaks: 'R1',
    why: 'a clock that is set makes hand-overs last for years',
    test: 'server-parts',
    edits: [
      {
        file: 'lockserver/outbox.ts',
        find: 'this.#counts?.note(what, this.#situation.now.monotonic)',
        replace: 'this.#counts?.note(what, this.#situation.now.wall)',
      },
    ],
  },
  {
    name: 'a save is tried for one ping, not for a ping limit',
    breaks: 'B6',
    why: 'a shortage of a moment ends the view server',
    test: 'view-reserve',
    edits: [
      {
        file: 'viewservice/server.ts',
        find: 'limitMs: pingIntervalMs * deadPings,',
        replace: 'limitMs: pingIntervalMs,',
      },
    ],
  },
  {
    name: 'a long lease is shorter while it rests',
    breaks: 'S4',
    why: 'a session of ten minutes ends after two',
    test: 'server-parts',
    edits: [
      {
        file: 'wire/limits.ts',
        find: 'return Math.max(ttlMs, Math.min(12 * ttlMs, 120_000))',
        replace: 'return Math.min(12 * ttlMs, 120_000)',
      },
    ],
  },
  {
    name: 'the grace of a promotion in seconds',
    breaks: 'S3',
    why: 'leases run out before their clients could come over',
    test: 'server-parts',
    edits: [
      {
        file: 'wire/limits.ts',
        find: 'return 2 * pingLimitMs',
        replace: 'return (2 * pingLimitMs) / 1_000',
      },
    ],
  },
  {
    name: 'a client believes in its lease as long as its server',
    breaks: 'S4',
    why: "with a slower clock it still believes when the lock is another one's",
    test: 'client-lease',
    edits: [
      {
        file: 'wire/limits.ts',
        find: 'clientLeasePart = 0.98',
        replace: 'clientLeasePart = 1',
      },
    ],
  },
]
