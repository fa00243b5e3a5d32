// What a seed draws for a durable cluster: its disks, and how the power fails, the disks fail and machines come back.
// Of dice of their own: seeds without disks tell what they told before.

import { type JournalSizes, journalSizes } from '../../lockserver/journal/sizes.ts'
import type { Durability } from '../../wire/messages.ts'
import { smallSizes } from '../fixtures/journal-story.ts'
import { type Random, weighted } from '../fixtures/random.ts'

export const powerKinds = [
  /** Of all machines. */
  'power fails',
  /** And again, while they come back. */
  'power fails again',
  /** One lock server keeps its power, stands still meanwhile, and wakes up afterwards. */
  'power fails but for one',
  /** At a chosen message. */
  'power fails at a message',
  /** While a disk writes a block of more than one sector, which may be torn. */
  'power fails at a write',
  /** One of two copies is gone with its disk. */
  'copy gone',
  /** One of two copies has rot in it. */
  'rot',
  /** The view server comes back long after the others. */
  'view server stays away',
  'machine loses its power',
  'slow sync',
  'failing sync',
  'full disk',
] as const
/** Where several view servers share a store. */
export const seatPowerKinds = [
  'power fails, and the store is away',
  /** In the middle of the recovery. */
  'power fails, and a takeover',
  'power fails but for a view server',
  'one view server stays away',
] as const
export type SeatPowerKind = (typeof seatPowerKinds)[number]
/** Drawn apart, so that seeds without them tell what they told before. */
export const rarePowerKinds = [
  /** The last block of one of two copies has rot in it, and passes for a torn end. */
  'rot at the end',
  /** With the power off two machines change their disks. */
  'disks change places',
  /** One is restored from an image that was made in an older view. */
  'old image',
] as const
/** D11, while it lives. */
export const changeKinds = ['change durability', 'change durability and kill'] as const
export type PowerKind =
  | (typeof powerKinds)[number]
  | SeatPowerKind
  | (typeof rarePowerKinds)[number]
  | (typeof changeKinds)[number]
/** All of them. */
export const allPowerKinds: readonly PowerKind[] = [
  ...powerKinds,
  ...seatPowerKinds,
  ...rarePowerKinds,
  ...changeKinds,
]

export interface DiskShape {
  /** How long an act of a disk typically takes, in ms. */
  readonly actMs: number
  readonly sizes: JournalSizes
  /** D4 */
  readonly patienceMs: number
  /** Between two of these faults. */
  readonly everyMs: number
  /** D11: of what durability the cluster is at first. */
  readonly begins: Durability
}

/** Of the seeds: their cluster is durable. */
const diskPart = 1 / 3

/** Of those: they begin in memory. */
const memoryPart = 0.12

/** Drawn apart from the rest. */
export function drawBeginning(dice: Random): Durability {
  return dice.chance(memoryPart) ? 'memory' : 'disk'
}

export function drawDiskShape(dice: Random, large: boolean, begins: Durability): DiskShape | null {
  if (!dice.chance(diskPart)) return null
  return {
    actMs: dice.pick([0.05, 0.3, 1, 4, 15]),
    sizes: large ? largeSizes : dice.pick([storySizes, storySizes, mediumSizes]),
    patienceMs: dice.pick([300, 1_000, 2_000]),
    everyMs: dice.pick([300, 700, 1_500]),
    begins,
  }
}

/** As in life, a segment has room for the longest batch: one of a turn with many claims has some 4,000 bytes. */
const storySizes = { ...smallSizes, firstSegmentBytes: 20_480, segmentBytes: 24_576, prefixBytes: 8_192 }
/** So large that a story makes few segments. */
const mediumSizes = timesSmall(4)
const largeSizes = timesSmall(32)

function timesSmall(factor: number): JournalSizes {
  const grown = Object.entries(smallSizes).map(([name, size]) => [name, size * factor])
  return { ...journalSizes, ...Object.fromEntries(grown) }
}

/** Each kind that this story has, by how often. */
export function drawPowerRates(dice: Random): Record<PowerKind, number> {
  const rates: Partial<Record<PowerKind, number>> = {}
  for (const kind of powerKinds) if (dice.chance(0.6)) rates[kind] = dice.pick([0.2, 0.5, 1])
  return { 'power fails': 1, ...rates } as Record<PowerKind, number>
}

/** Of the durable clusters: they have these, too. */
const rarePart = 0.3
const changePart = 0.25

/** What comes on top, by how often; null: nothing does. */
export function drawRarePower(dice: Random, withSeats: boolean): Record<PowerKind, number> | null {
  const kinds = [
    ...(withSeats ? seatPowerKinds : []),
    ...(dice.chance(rarePart) ? rarePowerKinds : []),
    ...(dice.chance(changePart) ? changeKinds : []),
  ]
  if (kinds.length === 0) return null
  return Object.fromEntries(kinds.map(kind => [kind, dice.pick([0.3, 1])])) as Record<PowerKind, number>
}

export function drawPowerKind(dice: Random, rates: Record<PowerKind, number>): PowerKind {
  return weighted(dice, rates)
}
