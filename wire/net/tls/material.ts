// What is in the files of TLS (A5), checked as a whole before any of it is used: a certificate and its key, the authorities
// for dialling, and the authority of the servers. No error shows anything of a key. It keeps nothing and reads each file once.

import { createHash, createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import type { DialTls } from './dial.ts'
import type { TlsFiles } from './options.ts'

/** A server's own certificate. */
export interface OwnCertificate {
  readonly cert: Buffer
  readonly key: Buffer
  /** The authority that signs the certificates of servers; null: any peer is taken that knows the secret. */
  readonly clientCa: Buffer | null
  readonly leaf: X509Certificate
  /** In ms since 1970, by wall clock. */
  readonly expiresAt: number
}

export interface TlsMaterial {
  /** Null: this server listens without TLS. */
  readonly own: OwnCertificate | null
  readonly dial: DialTls
  /** The same for the same contents. */
  readonly digest: string
  /** What is odd and does no harm yet. */
  readonly warnings: readonly string[]
}

/** Rejects with one clear line that names the file. */
export async function readTls({ own, caFile, clientCaFile }: TlsFiles): Promise<TlsMaterial> {
  const [cert, key, ca, clientCa] = await Promise.all([
    bytesOf(own?.certFile ?? null),
    bytesOf(own?.keyFile ?? null),
    authoritiesIn(caFile),
    authoritiesIn(clientCaFile),
  ])
  const digest = digestOf([cert, key, ca, clientCa])
  if (own === null || cert === null || key === null)
    return {
      own: null,
      dial: { secureContext: createSecureContext({ ...(ca && { ca }) }) },
      digest,
      warnings: [],
    }
  const leaf = certificatesIn(cert, own.certFile)[0] as X509Certificate
  checkPair(leaf, key, own)
  const secureContext = contextOf(own, () => createSecureContext({ cert, key, ...(ca && { ca }) }))
  return {
    own: { cert, key, clientCa, leaf, expiresAt: Date.parse(leaf.validTo) },
    dial: { secureContext },
    digest,
    warnings: await warningsFor(own.keyFile),
  }
}

async function bytesOf(file: string | null): Promise<Buffer | null> {
  if (file === null) return null
  try {
    return await readFile(file)
  } catch (error) {
    throw new Error(`the file ${file} can't be read: ${(error as Error).message}`)
  }
}

async function authoritiesIn(file: string | null): Promise<Buffer | null> {
  const pem = await bytesOf(file)
  if (pem !== null && file !== null) certificatesIn(pem, file)
  return pem
}

/** All that are in it, at least one. */
function certificatesIn(pem: Buffer, file: string): X509Certificate[] {
  const blocks = pem.toString('latin1').match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g)
  if (blocks === null) throw new Error(`the file ${file} holds no certificate in PEM`)
  try {
    return blocks.map(block => new X509Certificate(block))
  } catch {
    throw new Error(`the file ${file} holds a certificate that can't be read`)
  }
}

function checkPair(
  leaf: X509Certificate,
  key: Buffer,
  { certFile, keyFile }: NonNullable<TlsFiles['own']>,
): void {
  let own: KeyObject
  try {
    own = createPrivateKey(key)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new Error(
      code === 'ERR_MISSING_PASSPHRASE'
        ? `the key in ${keyFile} has a passphrase, for which no server can be asked: give one without`
        : `the file ${keyFile} holds no private key in PEM`,
    )
  }
  if (!leaf.checkPrivateKey(own))
    throw new Error(`the key in ${keyFile} is not that of the certificate in ${certFile}`)
}

/** Such as a key that is too short for OpenSSL. */
function contextOf<T>({ certFile }: NonNullable<TlsFiles['own']>, make: () => T): T {
  try {
    return make()
  } catch (error) {
    throw new Error(`the certificate in ${certFile} is not taken: ${(error as Error).message}`)
  }
}

async function warningsFor(keyFile: string): Promise<string[]> {
  if (process.platform === 'win32') return []
  const { mode } = await stat(keyFile)
  return (mode & 0o007) === 0
    ? []
    : [`every user of this machine may read the key in ${keyFile}: chmod o= it`]
}

function digestOf(parts: readonly (Buffer | null)[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(`${part?.length ?? -1};`).update(part ?? '')
  return hash.digest('hex')
}
