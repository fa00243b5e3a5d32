// Dialling with TLS (A5): whom it believes, and what it shows of itself. What is believed is parsed once, not at each dial,
// which would cost as much as all the rest of a handshake. No session is resumed: each connection proves itself anew.

import { createSecureContext, type SecureContext } from 'node:tls'
import type { Pem, TlsOptions } from './options.ts'

export interface DialTls {
  readonly secureContext: SecureContext
  /** The name that certificates must have, in place of the host of the address. */
  readonly servername?: string
}

/** Throws a TypeError that says what is wrong with them. */
export function dialTlsOf({ ca, cert, key, servername }: TlsOptions): DialTls {
  try {
    const secureContext = createSecureContext({
      ...(ca !== undefined && { ca: parts(ca) }),
      ...(cert !== undefined && key !== undefined && { cert: parts(cert), key: parts(key) }),
    })
    return { secureContext, ...(servername !== undefined && { servername }) }
  } catch (error) {
    throw new TypeError(
      `tls: the certificate, its key or an authority can't be used: ${(error as Error).message}`,
    )
  }
}

function parts(pem: Pem): (string | Buffer)[] {
  const list = typeof pem === 'string' || pem instanceof Uint8Array ? [pem] : pem
  return list.map(part => (typeof part === 'string' ? part : Buffer.from(part)))
}
