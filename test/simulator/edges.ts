// Where the counters of a long life begin: near an edge at which a number of 31, 32 or 53 bits overflows, or at
// the beginning as on any day. It only decides and sets what a cluster begins with, and judges nothing.

import { ttlMsMax } from '../../wire/limits.ts'
import { firstMap } from '../../wire/slots.ts'
import { recordFormat, wireVersion } from '../../wire/version.ts'
import type { Cluster } from '../fixtures/cluster.ts'
import { type Clocks, sameClocks } from '../fixtures/machine.ts'
import type { Random } from '../fixtures/random.ts'

/** What the hour of a story crosses about in its middle. */
const halfMs = 1_800_000
/** Clocks of machines that have run for weeks: milliseconds of 31 and of 32 bits overflow within the story. */
const uptimesMs = [0, 2 ** 31 - halfMs, 2 ** 32 - halfMs]
/** The year 2038 and the year 2106 in seconds, the year 2112 in microseconds, and no edge. */
const wallsMs = [
  null,
  2 ** 31 * 1_000 - halfMs,
  2 ** 32 * 1_000 - halfMs,
  Math.floor(2 ** 52 / 1_000) - halfMs,
]
/** A story counts less far than this below the edge of 53 bits, so that no number passes it. */
const room = 2 ** 20
const counts = [null, 2 ** 31, 2 ** 32, 2 ** 53 - room]
/** Above any wall clock of a story: the next that ends in 31 or 32 zeros, and the greatest that leave room for a reset. */
const floors = [null, 2 ** 52 + 2 ** 31, 2 ** 52 + 2 ** 32, 2 ** 53 - 2 ** 34]

export class Edges {
  readonly wallAtStart: number | undefined
  readonly #uptimesMs: Random
  readonly #tokenFloor: number
  /** The number of the first view. */
  readonly view: number
  readonly #operation: number
  readonly #ordinal: number
  readonly #clocks = new Map<string, Clocks>()

  constructor(dice: Random, uptimes: Random) {
    this.wallAtStart = dice.pick(wallsMs) ?? undefined
    this.#tokenFloor = near(dice, floors, 200)
    this.view = near(dice, counts, 3) || 1
    this.#operation = near(dice, counts, 100)
    this.#ordinal = near(dice, counts, 6) || 1
    this.#uptimesMs = uptimes
  }

  /** The same as others, but for how long the machine has run. */
  clocksOf(name: string): Clocks {
    const clocks = this.#clocks.get(name) ?? { ...sameClocks, monotonicMs: this.#uptimesMs.pick(uptimesMs) }
    this.#clocks.set(name, clocks)
    return clocks
  }

  /** Before anything has happened: the view server has made a view, and died before it told of it. */
  begin(cluster: Cluster): void {
    const [first] = cluster.servers
    if (first === undefined) return
    const { id, address } = first
    const start = { tokenFloor: this.#tokenFloor, pauseMs: 0, choice: null }
    cluster.viewServer.begin({
      record: 2,
      cluster: cluster.newId(),
      view: {
        group: 0,
        number: this.view,
        primary: { id, address },
        backup: null,
        durability: 'memory',
        start,
      },
      acked: false,
      lastAcked: 0,
      highestToken: this.#tokenFloor,
      others: [],
      map: firstMap(1),
      groupsWanted: 1,
      longestTtlMs: 10_000,
      ttlMaxMs: ttlMsMax,
      pauseMs: 0,
      adopted: null,
      wire: wireVersion,
      format: recordFormat,
      nonce: '',
    })
    // The state is empty, and no backup has a copy of it.
    cluster.until(() => first.core.state?.opNumber === 1, 'an empty state', 100_000)
    const { state } = first.core
    if (state === null) return
    state.opNumber += this.#operation
    state.nextOrdinal = this.#ordinal
  }
}

/** Just below one of these; 0: at no edge. */
function near(dice: Random, edges: readonly (number | null)[], atMost: number): number {
  const [edge, before] = [dice.pick(edges), 1 + dice.below(atMost)]
  return edge === null ? 0 : edge - before
}
