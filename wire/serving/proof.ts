// How a caller over HTTP shows who it is: Basic authentication with any name, and the secret or a token as the password;
// or a token as a bearer. Browsers ask their users for it, Prometheus and curl can send it.

/** The header that shows the secret or token. */
export function proofOf(proof: string | null): Record<string, string> {
  return proof === null ? {} : { authorization: `Basic ${Buffer.from(`:${proof}`).toString('base64')}` }
}

/** The secret or token that a header shows; null: none. */
export function proofIn(authorization: string | undefined): string | null {
  const [, scheme, encoded] = /^(Basic|Bearer) +([\w+/=.~-]+)$/i.exec(authorization ?? '') ?? []
  if (encoded === undefined) return null
  if (scheme?.toLowerCase() === 'bearer') return encoded
  return Buffer.from(encoded, 'base64')
    .toString()
    .replace(/^[^:]*:/, '')
}
