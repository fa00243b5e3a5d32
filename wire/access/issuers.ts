// Issuers of signed tokens, as the access file names them (A3): whom to believe, by which keys, and which claims say who the
// bearer is and what it may do. A mistake is an AccessError with its place. It opens no keys and looks at no token.

import { type Gives, givesIn } from './gives.ts'
import { advice, type Place, show } from './place.ts'

/** Of these a key that checks can't sign. Others, as HS256 or none, are refused wherever they stand. */
export const signatureAlgorithms = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
]

const issuersMax = 16
/** Of an issuer in the file: it stands behind the names of all its bearers. */
const issuerNameMax = 32
const textMax = 1_024
const toleranceMsDefault = 5_000
const toleranceMsMax = 300_000

/** Names of claims; one with dots may lie inside others. */
export interface ClaimNames {
  readonly name: string
  /** One role or more, as a list or with spaces between them; null: no claim names roles. */
  readonly roles: string | null
  /** Rules in the form of the file; null: no claim holds rules. */
  readonly rules: string | null
}

export interface Issuer {
  /** In the access file. */
  readonly name: string
  /** What `iss` must be. */
  readonly issuer: string
  /** What `aud` must be, or hold. */
  readonly audience: string
  /** A path, or an address of https, or of http on this machine. */
  readonly keys: string
  readonly algorithms: readonly string[]
  readonly claims: ClaimNames
  /** Null: anything that the claims say. */
  readonly gives: Gives | null
  /** By how much clocks may differ. */
  readonly toleranceMs: number
}

/** `roles`: those of the file. */
export function issuersOf(place: Place, roles: ReadonlyMap<string, unknown>): ReadonlyMap<string, Issuer> {
  const found = place.entries().map(([name, entry]) => issuerOf(name, entry, roles))
  if (found.length > issuersMax) throw place.wrong(`has ${found.length} issuers; there may be ${issuersMax}`)
  const byIss = new Map<string, Issuer>()
  for (const each of found) {
    const other = byIss.get(each.issuer)
    if (other !== undefined)
      throw place
        .at(each.name)
        .at('issuer')
        .wrong(`is the issuer of ${show(other.name)} already`)
    byIss.set(each.issuer, each)
  }
  return new Map(found.map(each => [each.name, each]))
}

/** No token of the one is one of the other, and none that was good for the one need be good for the other. */
export function isSameIssuer(a: Issuer, b: Issuer | undefined): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}

export function isAddress(keys: string): boolean {
  return keys.includes('://')
}

function issuerOf(name: string, place: Place, roles: ReadonlyMap<string, unknown>): Issuer {
  if (!/^[\w.-]+$/.test(name) || name.length > issuerNameMax)
    throw place.wrong(
      `has a name that won't do: 1 to ${issuerNameMax} letters, digits, dots, hyphens or underscores`,
    )
  const entry = place.object(['issuer', 'audience', 'keys', 'algorithms', 'claims', 'gives', 'toleranceMs'])
  return {
    name,
    issuer: textIn(entry.get('issuer')),
    audience: textIn(entry.get('audience')),
    keys: keysIn(entry.get('keys')),
    algorithms: algorithmsIn(entry.get('algorithms')),
    claims: claimsIn(entry.get('claims')),
    gives: givesIn(entry.get('gives'), roles),
    toleranceMs: toleranceIn(entry.get('toleranceMs')),
  }
}

function textIn(place: Place): string {
  const text = place.text()
  if (text.length >= 1 && text.length <= textMax) return text
  throw place.wrong(`must have 1 to ${textMax} characters`)
}

/** Whoever can change the keys on their way is any principal: no plain http but on this machine. */
function keysIn(place: Place): string {
  const keys = textIn(place)
  if (!isAddress(keys)) return keys
  const url = URL.canParse(keys) ? new URL(keys) : null
  if (url === null) throw place.wrong(`is no address: ${show(keys)}`)
  if (url.username !== '' || url.password !== '')
    throw place.wrong('must have no user name or password in it: keys that check are no secret')
  const isNear = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(url.hostname)
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isNear)) return keys
  throw place.wrong(
    `must be a path, or begin with https:// (http:// on this machine alone), not ${show(keys)}`,
  )
}

function algorithmsIn(place: Place): readonly string[] {
  const given = place.list().map(each => {
    const name = each.text()
    if (signatureAlgorithms.includes(name)) return name
    throw each.wrong(
      /^HS\d+$|^none$/i.test(name)
        ? `is ${name}: a program that can check such tokens can make them; take one of ${signatureAlgorithms.join(', ')}`
        : `is ${show(name)}, which is no algorithm here; ${advice(name, signatureAlgorithms)}`,
    )
  })
  return given.length === 0 ? signatureAlgorithms : given
}

function claimsIn(place: Place): ClaimNames {
  const entry = place.object(['name', 'roles', 'rules'])
  const [name, roles, rules] = ['name', 'roles', 'rules'].map(key => {
    const each = entry.get(key)
    return each.value === undefined ? null : textIn(each)
  })
  if (roles == null && rules == null)
    throw place.wrong('must name the claim that holds roles of this file (roles), or rules (rules), or both')
  return { name: name ?? 'sub', roles: roles ?? null, rules: rules ?? null }
}

function toleranceIn(place: Place): number {
  const { value } = place
  if (value === undefined) return toleranceMsDefault
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= toleranceMsMax)
    return value
  throw place.wrong(`must be a whole number of ms from 0 to ${toleranceMsMax}, not ${show(value)}`)
}
