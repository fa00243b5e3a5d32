// What a seed draws of its view servers, where it has several or one with a bad store: how many share what kind
// of store, and what befalls them and the store (E1 to E5). Drawn apart, so that all other seeds tell what they
// told before.

import { type Random, weighted } from '../fixtures/random.ts'

export interface SeatShape {
  readonly viewServers: number
  readonly kind: 'etcd' | 'folder'
  /** For how long a mark stands without being confirmed. */
  readonly lifetimeMs: number
  /** How much later than it should the store ends one, at most. */
  readonly lateMs: number
  /** Typical time of a question to the store. */
  readonly storeMs: number
  /** After so long a question counts as not answered. */
  readonly timeoutMs: number
  /** Between two of the faults below. */
  readonly everyMs: number
}

/** Faults of the store: slow, away, without an answer, done later, put back; of watches and marks. */
export const storeKinds = [
  'slow store',
  'store away',
  'cut off from the store',
  'silent store',
  'late save',
  'unknown save',
  'unknown mark',
  'lost watches',
  'mark ends early',
  'store put back',
] as const
/** What befalls view servers as such. */
export const seatOnlyKinds = [
  'kill at a save',
  'freeze at a save',
  'kill active and primary',
  'two decide',
  'freeze active',
  'lose active',
  'kill standby',
  'freeze standby',
  'part view servers',
  'refused view servers',
  'kill all view servers',
  'ask a standby',
] as const
export const seatKinds = [...storeKinds, ...seatOnlyKinds] as const
export type SeatKind = (typeof seatKinds)[number]

/** Of the seeds: their view servers share a store. */
const seatsPart = 0.2

/** Null: one view server with a disk of its own. */
export function drawSeats(dice: Random): SeatShape | null {
  if (!dice.chance(seatsPart)) return null
  const kind = dice.chance(0.8) ? 'etcd' : 'folder'
  return {
    viewServers: Number(weighted(dice, { 1: 1, 2: 3, 3: 2 } as Record<string, number>)),
    kind,
    lifetimeMs: kind === 'folder' ? 2_000 : dice.pick([1_000, 1_000, 2_000]),
    lateMs: dice.pick([0, 100, 500]),
    storeMs: kind === 'folder' ? 0.5 : dice.pick([1, 3, 20]),
    timeoutMs: dice.pick([300, 1_000]),
    everyMs: dice.pick([200, 400, 900]),
  }
}

/** Some kinds, each with its own rate. */
export function drawSeatKinds(dice: Random): (dice: Random) => SeatKind {
  const rates = seatKinds.map(kind => [kind, dice.chance(0.5) ? dice.pick([0.3, 1]) : 0] as const)
  const some = rates.some(([, rate]) => rate > 0) ? rates : seatKinds.map(kind => [kind, 1] as const)
  return each => weighted(each, Object.fromEntries(some) as Record<SeatKind, number>)
}
