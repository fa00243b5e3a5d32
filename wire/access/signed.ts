// What a signed token says, once its signature is known to be right (A3): who its bearer is, and which rules apply to it.
// Claims are worth nothing before that. It checks no signature, knows no clock, and keeps no token.

import { checkGiven } from './gives.ts'
import type { Issuer } from './issuers.ts'
import { AccessError, isRecord } from './place.ts'
import { isPrincipalName, type Principal, principalNameMax, principalOf, type Rule } from './principal.ts'
import { readRules } from './rules.ts'
import type { AccessTable } from './table.ts'

const rolesMax = 256

/** A token that was good when it was looked at. */
export interface Signed {
  /** As the file had it then. */
  readonly issuer: Issuer
  /** Which of the issuer's keys has signed it. */
  readonly key: string
  /** Of its principal. */
  readonly name: string
  readonly roles: readonly string[]
  readonly rules: readonly Rule[]
  /** Wall clock, in ms since 1970; the tolerance is in it. */
  readonly endsAt: number
}

/** Who the bearer is, and what its token gives it. Throws an AccessError that says which claim won't do. */
export function claimsOf(
  issuer: Issuer,
  claims: Readonly<Record<string, unknown>>,
  { roles: known }: Pick<AccessTable, 'roles'>,
): Pick<Signed, 'name' | 'roles' | 'rules'> {
  const names = issuer.claims
  const given = claimAt(claims, names.name)
  const name = nameOf(issuer, given)
  const roles = names.roles === null ? [] : rolesIn(names.roles, claimAt(claims, names.roles))
  const listed = names.rules === null ? undefined : claimAt(claims, names.rules)
  const rules = listed === undefined ? [] : readRules(`its claim ${names.rules}`, listed)
  if (issuer.gives !== null) checkGiven(issuer.gives, names, { name: String(given), roles, rules }, known)
  if (rules.length === 0 && !roles.some(role => known.has(role))) throw new AccessError(nothingGiven(names))
  return { name, roles, rules }
}

/** By the roles as the file has them now; one that came into it since may be none that the issuer may give. */
export function principalOfSigned({ issuer, name, roles, rules }: Signed, table: AccessTable): Principal {
  const given = roles.filter(role => issuer.gives === null || issuer.gives.roles.includes(role))
  return principalOf(name, [...given.flatMap(role => table.roles.get(role) ?? []), ...rules])
}

/**
 * Neither an issuer nor the file can give the name of a principal of the other, nor one issuer that of another's: no name of
 * the file has a space, and behind the last space stands which issuer it was.
 */
function nameOf({ name: issuer, claims }: Issuer, value: unknown): string {
  if (typeof value !== 'string') throw new AccessError(`its claim ${claims.name} must be a name`)
  const name = `${value} (${issuer})`
  if (isPrincipalName(value) && name.length <= principalNameMax) return name
  throw new AccessError(
    `its claim ${claims.name} is a name that won't do: with the issuer's, at most ${principalNameMax} characters, with no spaces or control characters`,
  )
}

function rolesIn(claim: string, value: unknown): readonly string[] {
  const given: readonly unknown[] =
    value === undefined
      ? []
      : typeof value === 'string'
        ? value.split(' ')
        : Array.isArray(value)
          ? value
          : [value]
  if (given.length > rolesMax)
    throw new AccessError(`its claim ${claim} has ${given.length} roles; there may be ${rolesMax}`)
  return given.map(role => {
    if (typeof role === 'string') return role
    throw new AccessError(`its claim ${claim} must be a role, or a list of roles`)
  })
}

function nothingGiven({ roles, rules }: Issuer['claims']): string {
  if (roles === null) return `its claim ${rules} holds no rule`
  const names = `its claim ${roles} names no role of the access file`
  return rules === null ? names : `${names}, and its claim ${rules} holds no rule`
}

/** The claim of this name; if there is none, and the name has dots, what lies there inside of others. */
function claimAt(claims: Readonly<Record<string, unknown>>, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name]
  let value: unknown = claims
  for (const key of name.split('.'))
    value = isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined
  return value
}
