// What users ask for beside a mode, in the stories that have claims: names, numbers of permits, times, keys. It
// draws, from a salt of each call; users.ts makes the calls.

import { noTerms } from '../../wire/claim.ts'
import type { Manner, Mode, Terms } from '../../wire/messages.ts'
import { type Random, weighted } from '../fixtures/random.ts'

/** What the claims of a story are about; their times end within it. */
export interface ClaimShape {
  /** Of so many permits, but for few claims. */
  readonly of: number
  readonly leastMs: readonly number[]
  readonly mostMs: readonly number[]
  readonly keepMs: readonly number[]
  /** Keys that run once. */
  readonly keys: number
  /** Of the claims: their name is one that plain calls want, too. */
  readonly plainPart: number
}

/** Of the seeds: users make claims. */
const claimsPart = 0.35

/** Null: no user makes any. */
export function drawClaimShape(dice: Random): ClaimShape | null {
  if (!dice.chance(claimsPart)) return null
  return {
    of: 2 + dice.below(4),
    leastMs: dice.pick([
      [30, 200],
      [100, 600],
      [400, 900],
    ]),
    mostMs: dice.pick([
      [50, 300],
      [200, 1_200],
    ]),
    keepMs: dice.pick([
      [0, 300],
      [200, 1_500],
    ]),
    keys: 1 + dice.below(4),
    plainPart: dice.pick([0, 0.2, 0.5]),
  }
}

export interface Claiming {
  readonly name: string
  readonly mode: Mode
  readonly manner: Manner
  readonly terms: Terms
}

type Kind = 'permits' | 'least' | 'most' | 'once' | 'noted' | 'mixed'
const kinds: Readonly<Record<Kind, number>> = {
  permits: 3,
  least: 2,
  most: 1.5,
  once: 2,
  noted: 1,
  mixed: 1.5,
}

export function drawClaim(shape: ClaimShape, plainNames: readonly string[], dice: Random): Claiming {
  const kind = weighted<Kind>(dice, kinds)
  const plain = dice.chance(shape.plainPart)
  const name = plain ? dice.pick(plainNames) : `claims/${kind === 'mixed' ? 'permits' : kind}`
  const permits = kind === 'permits' || kind === 'mixed' ? drawPermits(shape, dice) : null
  const drawn = dice.pick<Manner>(['wait', 'wait', 'wait', 'ifAvailable', 'steal'])
  const manner = drawn === 'steal' && (kind === 'once' || dice.chance(0.5)) ? 'wait' : drawn
  const mixed = kind === 'mixed' && dice.chance(0.6)
  const terms: Terms = {
    ...noTerms,
    permits,
    holdAtLeastMs: kind === 'least' || mixed ? between(shape.leastMs, dice) : null,
    holdAtMostMs: kind === 'most' || (mixed && dice.chance(0.5)) ? between(shape.mostMs, dice) : null,
    note: kind === 'noted' || dice.chance(0.3) ? `note ${dice.below(100)}` : null,
    once: kind === 'once' ? { key: `k${dice.below(shape.keys)}`, keepMs: between(shape.keepMs, dice) } : null,
  }
  const mode: Mode = permits !== null ? 'permits' : dice.chance(0.2) ? 'shared' : 'exclusive'
  return { name, mode, manner, terms }
}

/** Of a program: `once` waits, and holds the lock alone. */
export function asProgram(claiming: Claiming): Claiming {
  return claiming.terms.once === null ? claiming : { ...claiming, mode: 'exclusive', manner: 'wait' }
}

/** Mostly few of the usual number; now and then all of them, or of another number, or only one. */
function drawPermits({ of }: ClaimShape, dice: Random): Terms['permits'] {
  const all = dice.chance(0.1) ? of + 1 : dice.chance(0.03) ? 1 : of
  return { of: all, take: dice.chance(0.25) ? all : 1 + dice.below(Math.max(1, all - 1)) }
}

function between([least = 0, most = 0]: readonly number[], dice: Random): number {
  return Math.max(least, Math.round(least + dice.next() * (most - least)))
}
