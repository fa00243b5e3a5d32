// What a seed draws of groups (G1): how many there are, how many servers and hosts, and names of locks in each of them.
// Of its own dice, so that all other seeds tell what they told before.

import { firstMap, groupOf } from '../../wire/slots.ts'
import { type Random, weighted } from '../fixtures/random.ts'

export interface GroupShape {
  readonly groups: number
  readonly servers: number
  /** G1: servers stand on so many hosts, one after the other. */
  readonly hosts: number
  /** Names of all groups; the first ones are hot. */
  readonly names: readonly string[]
}

/** What befalls groups as such. */
export const groupKinds = [
  'kill all primaries',
  'kill all backups',
  'strand from a group',
  'lose a group',
] as const
/** Where slots move; what other seeds tell stays as it is. */
export const groupKindsWithMoves = [
  ...groupKinds.slice(0, 3),
  'strand with a copy',
  ...groupKinds.slice(3),
] as const
export type GroupKind = (typeof groupKindsWithMoves)[number]

/** Of the seeds that may have several. */
const groupsPart = 0.55
const tag = 'b'

/** Null: there is one group. */
export function drawGroups(dice: Random): GroupShape | null {
  if (!dice.chance(groupsPart)) return null
  const groups = dice.pick([2, 2, 2, 3, 3, 4])
  const servers = 2 * groups + dice.below(3)
  const hosts = dice.pick([2, 3, servers])
  return { groups, servers, hosts, names: namesIn(groups, 1 + dice.below(2), dice) }
}

/** G2: so many of each group, in a mixed order, and some that a tag keeps together with another one. */
function namesIn(groups: number, each: number, dice: Random): string[] {
  const map = firstMap(groups)
  const names: string[] = []
  for (let group = 0; group < groups; group++)
    for (let i = 0, found = 0; found < each; i++)
      if (groupOf(map, `n${i}`) === group) {
        names.splice(dice.below(names.length + 1), 0, `n${i}`)
        found++
      }
  const tagged = [tag, `x/{${tag}}`, `{${tag}}/y`]
  return [...names, ...tagged.slice(0, dice.below(3))]
}

/** Some kinds, each with its own rate. */
export function drawGroupKinds(dice: Random, moves: boolean): (dice: Random) => GroupKind {
  const kinds: readonly GroupKind[] = moves ? groupKindsWithMoves : groupKinds
  const rates = kinds.map(kind => [kind, dice.pick([0.3, 1, 2])] as const)
  return each => weighted(each, Object.fromEntries(rates) as Record<GroupKind, number>)
}

export function hostOf(name: string, hosts: number): string {
  return `host ${Number(name.slice(1)) % hosts}`
}
