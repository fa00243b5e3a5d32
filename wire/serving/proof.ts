// How a caller over HTTP shows that it knows the secret of the cluster: Basic authentication, with any name
// and the secret as the password. Browsers ask their users for it, Prometheus and curl can send it.

import { isSecret } from '../net/secret.ts'

/** The header that shows the secret. */
export function proofOf(secret: string | null): Record<string, string> {
  return secret === null ? {} : { authorization: `Basic ${Buffer.from(`:${secret}`).toString('base64')}` }
}

export function isProof(authorization: string | undefined, secret: string): boolean {
  const [, encoded] = /^Basic ([\w+/=]+)$/i.exec(authorization ?? '') ?? []
  if (encoded === undefined) return false
  const password = Buffer.from(encoded, 'base64')
    .toString()
    .replace(/^[^:]*:/, '')
  return isSecret(password, secret)
}
