// Rules as the access file and the claims of tokens have them, read (A2): a mistake is an AccessError with its place. It decides
// nothing by them.

import { lockNameBytesMax } from '../limits.ts'
import { fitsBytes } from '../name.ts'
import { advice, Place, show } from './place.ts'
import { clusterVerbs, lockVerbs, type Rule, type Verb, verbs } from './principal.ts'

const rulesMax = 256

/** The rules that a claim or a role holds, in the form of the file. `at`: what they are called in a message. */
export function readRules(at: string, value: unknown): readonly Rule[] {
  return rulesOf(new Place(at, value))
}

export function rulesOf(place: Place): Rule[] {
  const list = place.list()
  if (list.length > rulesMax) throw place.wrong(`has ${list.length} rules; there may be ${rulesMax}`)
  return list.map(ruleOf)
}

function ruleOf(place: Place): Rule {
  const entry = place.object(['prefix', 'verbs'])
  const given = entry.get('prefix')
  const prefix = given.value === undefined ? null : prefixIn(given)
  const known: readonly string[] = prefix === null ? clusterVerbs : lockVerbs
  const list = entry.get('verbs').list()
  if (list.length === 0) throw entry.get('verbs').wrong(`must name at least one of ${known.join(', ')}`)
  return { prefix, verbs: list.map(each => verbIn(each, known, prefix)) }
}

function verbIn(place: Place, known: readonly string[], prefix: string | null): Verb {
  const verb = verbs.find(each => each === place.text())
  if (verb === undefined)
    throw place.wrong(`is ${show(place.value)}, which is no verb; ${advice(place.text(), verbs)}`)
  if (known.includes(verb)) return verb
  throw place.wrong(
    prefix === null
      ? `is ${verb}, which is about locks: give the rule a prefix ("" for all locks)`
      : `is ${verb}, which is about the cluster: give it in a rule without a prefix`,
  )
}

function prefixIn(place: Place): string {
  const prefix = place.text()
  if (prefix.isWellFormed() && fitsBytes(prefix)) return prefix
  throw place.wrong(
    `must be the beginning of a lock name: well-formed, at most ${lockNameBytesMax} bytes of UTF-8`,
  )
}
