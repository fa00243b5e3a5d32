// What a seed with several groups draws of changes of their number (G8): how many there may be, when an operator asks for
// more or fewer, and what befalls those who take part while slots are under way. Of its own dice.

import { type Random, weighted } from '../fixtures/random.ts'

export interface MoveShape {
  /** An operator asks for so many groups at most. */
  readonly most: number
  /** Between two such wishes, about. */
  readonly everyMs: number
}

/** What befalls groups whose number changes. */
export const moveKinds = [
  'other groups',
  'other groups, twice',
  'ambush in a move',
  'kill who gives a slot',
  'kill who gets a slot',
  'power fails in a move',
] as const
export type MoveKind = (typeof moveKinds)[number]

/** Of the seeds with several groups. */
const movesPart = 0.5
/** Of these: they begin with one. */
const onePart = 0.25
/** Of these: there are servers enough for all that may be asked for. */
const enoughPart = 0.7

export interface Regrouping {
  readonly groups: number
  readonly servers: number
  readonly names: readonly string[]
  readonly moves: MoveShape
}

interface Before {
  readonly groups: number
  readonly servers: number
  readonly names: readonly string[]
}

/** Null: there are as many groups all the time. */
export function drawMoves(
  dice: Random,
  { groups: drawn, servers: before, names }: Before,
): Regrouping | null {
  if (!dice.chance(movesPart)) return null
  const groups = dice.chance(onePart) ? 1 : drawn
  const most = Math.max(2, groups + dice.below(5 - groups))
  const servers = dice.chance(enoughPart) ? 2 * most + dice.below(2) : Math.max(3, before)
  const everyMs = dice.pick([250, 500, 1_000])
  return { groups, servers, names: [...names, ...more(names, dice)], moves: { most, everyMs } }
}

/** Names in slots that lie far apart. */
function more(names: readonly string[], dice: Random): string[] {
  const found: string[] = []
  for (let i = 0; found.length < 1 + dice.below(3) && i < 99; i++)
    if (!names.includes(`m${i}`) && dice.chance(0.5)) found.push(`m${i}`)
  return found
}

/** Some kinds, each with its own rate; power fails in durable clusters alone. */
export function drawMoveKinds(dice: Random, durable: boolean): (dice: Random) => MoveKind {
  const rates = Object.fromEntries(
    moveKinds.map(kind => {
      const rate = dice.pick([0.3, 1, 2])
      return [kind, kind === 'power fails in a move' && !durable ? 0 : kind === 'other groups' ? 2 : rate]
    }),
  ) as Record<MoveKind, number>
  return each => weighted(each, rates)
}
