// The token as an HTTP header, from a holder to the service that guards the resource. The name of the lock
// is not in it: the service knows which lock protects what is asked for, and takes no caller's word for it.

import type { HeldMode } from './claim-options.ts'

/** `Holdfast-Token: 1763739012345678`, or `…; shared`, or `…; permits`. */
export const tokenHeader = 'Holdfast-Token'

/** The value of the header for a lock that is held. */
export function formatToken({
  token,
  mode = 'exclusive',
}: {
  token: number
  mode?: HeldMode | undefined
}): string {
  return mode === 'exclusive' ? `${token}` : `${token}; ${mode}`
}

/** What a header says; a `TypeError` if it is missing or malformed, which is a bad request (400). */
export function parseToken(value: string | readonly string[] | null | undefined): {
  token: number
  mode: HeldMode
} {
  const [, digits, mode] =
    (typeof value === 'string' && /^(\d{1,16})(?:; ?(shared|permits))?$/.exec(value)) || []
  const token = Number(digits)
  if (!Number.isSafeInteger(token) || token < 1)
    throw new TypeError(
      `the header ${tokenHeader} must be a token such as 1763739012345678, or 1763739012345678; shared; it is ${JSON.stringify(value) ?? 'missing'}`,
    )
  return { token, mode: mode === 'shared' || mode === 'permits' ? mode : 'exclusive' }
}
