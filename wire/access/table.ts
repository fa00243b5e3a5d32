// The text of an access file, read (A3): principals, the hashes of their tokens, and their rules. A mistake is an
// AccessError that says where it stands, what it is, and what would be right; no part of a text with a mistake counts. It
// opens no file, and knows no token.

import { type Issuer, issuersOf } from './issuers.ts'
import { AccessError, advice, Place, show } from './place.ts'
import { isPrincipalName, type Principal, principalNameMax, principalOf, type Rule } from './principal.ts'
import { rulesOf } from './rules.ts'

export { AccessError } from './place.ts'

/** Of the access file; grows when an older server could not read it. Format 1 has no issuers. */
export const accessFormats = [1, 2]

/** Tokens of one principal that may be valid at a time (A8). */
export const tokensPerPrincipal = 2

export interface AccessTable {
  readonly principals: ReadonlyMap<string, Principal>
  /** By the SHA-256 of a token, in hexadecimal digits. */
  readonly byHash: ReadonlyMap<string, Principal>
  readonly roles: ReadonlyMap<string, readonly Rule[]>
  /** Of signed tokens, by their names in the file. */
  readonly issuers: ReadonlyMap<string, Issuer>
}

export function readAccess(text: string): AccessTable {
  const file = new Place('', parsed(text)).object(['format', 'roles', 'principals', 'issuers'])
  checkFormat(file.get('format'), file.get('issuers'))
  const roles = new Map<string, readonly Rule[]>()
  for (const [name, place] of file.get('roles').entries()) roles.set(nameIn(place, name), rulesOf(place))
  const principals = new Map<string, Principal>()
  const byHash = new Map<string, Principal>()
  for (const [name, place] of file.get('principals').entries()) {
    const entry = place.object(['tokens', 'roles', 'rules'])
    const given = entry
      .get('roles')
      .list()
      .flatMap(role => roleOf(role, roles))
    const principal = principalOf(nameIn(place, name), [...given, ...rulesOf(entry.get('rules'))])
    principals.set(name, principal)
    for (const [hash, of] of hashesOf(entry.get('tokens'))) {
      const other = byHash.get(hash)
      if (other !== undefined) throw of.wrong(`is a token of ${show(other.name)} already`)
      byHash.set(hash, principal)
    }
  }
  return { principals, byHash, roles, issuers: issuersOf(file.get('issuers'), roles) }
}

/** An older server reads format 1 and would let no client in by issuers that it does not know. */
function checkFormat(format: Place, issuers: Place): void {
  if (!accessFormats.some(each => each === format.value))
    throw format.wrong(
      `must be ${accessFormats.join(' or ')}, the formats that this version reads, not ${show(format.value)}`,
    )
  if (format.value === 1 && issuers.value !== undefined)
    throw issuers.wrong('may stand in a file of format 2, and this is one of format 1')
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const { message } = error as Error
    const at = /position (\d+)/.exec(message)?.[1]
    const where = at === undefined ? '' : `${lineAndColumn(text, Number(at))}: `
    // The message may show a piece of the text, such as a hash that stands in it; where it is says enough.
    throw new AccessError(`${where}this is not JSON: ${message.replace(/,? ?\.{3}?".*$/s, '')}`)
  }
}

function lineAndColumn(text: string, position: number): string {
  const before = text.slice(0, position).split('\n')
  return `line ${before.length}, column ${(before.at(-1) ?? '').length + 1}`
}

function nameIn(place: Place, name: string): string {
  if (isPrincipalName(name)) return name
  throw place.wrong(
    `has a name that won't do: 1 to ${principalNameMax} characters, with no spaces or control characters`,
  )
}

function roleOf(place: Place, roles: ReadonlyMap<string, readonly Rule[]>): readonly Rule[] {
  const rules = roles.get(place.text())
  if (rules === undefined)
    throw place.wrong(`names no role of this file; ${advice(place.text(), [...roles.keys()])}`)
  return rules
}

function hashesOf(place: Place): Map<string, Place> {
  const list = place.list()
  if (list.length > tokensPerPrincipal)
    throw place.wrong(
      `has ${list.length} tokens; ${tokensPerPrincipal} may be valid at a time, so that one can replace the other`,
    )
  return new Map(list.map(each => [hashIn(each), each]))
}

function hashIn(place: Place): string {
  if (typeof place.value === 'string' && /^[\da-f]{64}$/i.test(place.value)) return place.value.toLowerCase()
  // It may be a token, which stands in no message.
  throw place.wrong('must be the SHA-256 of a token in 64 hexadecimal digits; holdfast token makes both')
}
