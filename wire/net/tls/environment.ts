// The files of TLS that the environment of a client names (A5), read once. A server reads its own again (server-tls.ts).

import { readFileSync } from 'node:fs'
import type { TlsOptions } from './options.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** Undefined: it names none. An empty variable counts as none. */
export function tlsOfEnvironment(environment: Environment): TlsOptions | undefined {
  const { HOLDFAST_TLS_CA: ca, HOLDFAST_TLS_CERT: cert, HOLDFAST_TLS_KEY: key } = environment
  if (!ca && !cert && !key) return undefined
  return {
    ...(ca && { ca: bytesOf(ca, 'HOLDFAST_TLS_CA') }),
    ...(cert && { cert: bytesOf(cert, 'HOLDFAST_TLS_CERT') }),
    ...(key && { key: bytesOf(key, 'HOLDFAST_TLS_KEY') }),
  }
}

/** Throws a TypeError with what the file was given as. */
export function bytesOf(file: string, what: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new TypeError(`${what}: the file can't be read: ${(error as Error).message}`)
  }
}
