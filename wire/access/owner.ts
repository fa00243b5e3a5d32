// How a session's owner (B7) tells its principal (A4): a client with a principal takes from the quotas of that principal,
// and its sessions belong to it. Owners of other clients are addresses. It decides nothing.

/** In front of a principal's name; no address begins with it. */
export const principalPrefix = 'principal:'

/** The name of the principal that an owner is; null: the owner is an address, or there is none. */
export function principalNameOf(owner: string | null): string | null {
  return owner?.startsWith(principalPrefix) ? owner.slice(principalPrefix.length) : null
}

/** A4: whether sessions of the one belong to the other. Sessions of no principal belong to whoever has their key. */
export function isSamePrincipal(a: string | null, b: string | null): boolean {
  return principalNameOf(a) === principalNameOf(b)
}
