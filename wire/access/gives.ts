// What an issuer may give to the bearers of its tokens (A3), as the access file says it: names of a form, roles of the file, and
// rules within others. A token with more is refused, with the reason. It checks no signature and keeps no token.

import { AccessError, advice, type Place, show } from './place.ts'
import { allows, principalOf, type Rule } from './principal.ts'
import { rulesOf } from './rules.ts'

export interface Gives {
  /** Forms of names, in each of which one `*` may stand for any characters; null: names of any form. */
  readonly names: readonly string[] | null
  readonly roles: readonly string[]
  /** What each rule of a token must be within. */
  readonly rules: readonly Rule[]
}

/** What a token says, as it would be given. */
export interface Asked {
  /** Without the issuer's name. */
  readonly name: string
  readonly roles: readonly string[]
  readonly rules: readonly Rule[]
}

/** Null: the file does not say, and the issuer may give anything. */
export function givesIn(place: Place, known: ReadonlyMap<string, unknown>): Gives | null {
  if (place.value === undefined) return null
  const entry = place.object(['names', 'roles', 'rules'])
  const names = entry.get('names')
  return {
    names: names.value === undefined ? null : names.list().map(formIn),
    roles: entry
      .get('roles')
      .list()
      .map(each => roleIn(each, known)),
    rules: rulesOf(entry.get('rules')),
  }
}

/** Roles that the file does not have give nothing, and may stand in a token. */
export function checkGiven(
  { names, roles, rules }: Gives,
  claims: { readonly name: string; readonly roles: string | null; readonly rules: string | null },
  asked: Asked,
  known: ReadonlyMap<string, unknown>,
): void {
  if (names !== null && !names.some(form => isOfForm(asked.name, form)))
    throw notGiven(`its claim ${claims.name} is a name of no form that`, names)
  const role = asked.roles.find(each => known.has(each) && !roles.includes(each))
  if (role !== undefined)
    throw notGiven(`its claim ${claims.roles} names the role ${role}, which is none that`, roles)
  for (const [i, rule] of asked.rules.entries()) checkRule(`its claim ${claims.rules}[${i}]`, rule, rules)
}

function checkRule(at: string, { prefix, verbs }: Rule, within: readonly Rule[]): void {
  const most = principalOf('', within)
  const verb = verbs.find(each => !allows(most, each, prefix))
  if (verb === undefined) return
  throw new AccessError(
    prefix === null
      ? `${at} gives ${verb}, which the access file does not let its issuer give`
      : `${at} gives ${verb} for more locks than the access file lets its issuer give`,
  )
}

/** What stands in the file is no secret of a token. */
function notGiven(what: string, may: readonly string[]): AccessError {
  const list = may.length === 0 ? 'none' : may.map(each => show(each)).join(', ')
  return new AccessError(`${what} the access file lets its issuer give: it may give ${list}`)
}

function roleIn(place: Place, known: ReadonlyMap<string, unknown>): string {
  const role = place.text()
  if (known.has(role)) return role
  throw place.wrong(`names no role of this file; ${advice(role, [...known.keys()])}`)
}

function formIn(place: Place): string {
  const form = place.text()
  if (form !== '' && form.split('*').length <= 2) return form
  throw place.wrong(`must be a name, in which one * may stand for any characters, not ${show(form)}`)
}

function isOfForm(name: string, form: string): boolean {
  const [begins = '', ends] = form.split('*')
  if (ends === undefined) return name === form
  return name.length >= begins.length + ends.length && name.startsWith(begins) && name.endsWith(ends)
}
