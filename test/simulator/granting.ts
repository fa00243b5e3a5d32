// What a seed draws of who may do what, where its cluster has an access file: how many principals there are, and what
// befalls their tokens and rules (A2, A3, A8, F21). Drawn apart, so that all other seeds tell what they told before.

import type { Rule, Verb } from '../../wire/access/principal.ts'
import { type Random, weighted } from '../fixtures/random.ts'

export interface AccessShape {
  readonly principals: number
  /** A3: what is taken away ends at once. */
  readonly revokeNow: boolean
  /** A lock server reads a file that has changed so much later, at most, in ms. */
  readonly readMs: number
  /** Between two changes. */
  readonly everyMs: number
}

/** Changes of the file, and peers that try what they have no right to. */
export const accessKinds = [
  'token taken',
  'token flickers',
  'principal gone',
  'rules narrowed',
  'rules changed',
  'rules given back',
  'key rotated',
  'thief with a token',
  'thief in a session of its own',
  'outsider operates',
] as const
export type AccessKind = (typeof accessKinds)[number]
export type Theft = Extract<AccessKind, `thief ${string}` | `outsider ${string}`>

/** A peer comes, and the file stays as it is. */
export function isTheft(kind: AccessKind): kind is Theft {
  return kind.startsWith('thief') || kind.startsWith('outsider')
}

/** Of the seeds: their cluster has an access file. */
const accessPart = 0.25
const lockVerbs: readonly Verb[] = ['acquire', 'steal', 'force', 'read']

/** Null: no rules apply to any client. */
export function drawAccess(dice: Random): AccessShape | null {
  if (!dice.chance(accessPart)) return null
  return {
    principals: 2 + dice.below(2),
    revokeNow: dice.chance(0.2),
    readMs: dice.pick([0, 20, 200]),
    everyMs: dice.pick([150, 300, 600]),
  }
}

/** Some kinds, each with its own rate. */
export function drawAccessKinds(dice: Random): (dice: Random) => AccessKind {
  const rates = accessKinds.map(kind => [kind, dice.chance(0.7) ? dice.pick([0.3, 1]) : 0] as const)
  const some = rates.some(([, rate]) => rate > 0) ? rates : accessKinds.map(kind => [kind, 1] as const)
  return each => weighted(each, Object.fromEntries(some) as Record<AccessKind, number>)
}

export const allRules: readonly Rule[] = [{ prefix: '', verbs: lockVerbs }]

/** Some verbs for all locks, or for some of them. */
export function drawRules(names: readonly string[], dice: Random): readonly Rule[] {
  const some = () => lockVerbs.filter(() => dice.chance(0.6))
  const prefixes = dice.chance(0.4) ? [''] : names.filter(() => dice.chance(0.6))
  return prefixes.flatMap(prefix => {
    const verbs = some()
    return verbs.length === 0 ? [] : [{ prefix, verbs }]
  })
}
