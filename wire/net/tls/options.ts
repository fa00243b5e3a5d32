// What is asked of TLS (A5): the files of a server, and what a client is given. Only shapes and their checks, so that a page
// can load it, too; no file is read here.

/** PEM, as text or as bytes; authorities and chains may stand in one piece or in several. */
export type Pem = string | Uint8Array | readonly (string | Uint8Array)[]

/** What a client in Node needs to know to dial `wss://`. */
export interface TlsOptions {
  /** The authorities that are believed, in place of those that Node knows. */
  readonly ca?: Pem | undefined
  /** The certificate that the client shows, if it is asked for one, and its key. */
  readonly cert?: Pem | undefined
  readonly key?: Pem | undefined
  /** The name that each server's certificate must have, in place of the host in its address. */
  readonly servername?: string | undefined
}

/** The files of a server, all of them PEM; read again when they change. */
export interface ServerTlsOptions {
  /** The server's certificate, and those between it and its authority. With it the port speaks `wss` and `https`, and nothing else. */
  readonly certFile?: string | undefined
  readonly keyFile?: string | undefined
  /** The authorities that are believed when this server dials others, in place of those that Node knows. */
  readonly caFile?: string | undefined
  /** Only whoever has a certificate of this authority is taken for a server of the cluster. */
  readonly clientCaFile?: string | undefined
}

/** Null: there is no such file. */
export interface TlsFiles {
  /** Null: the server listens without TLS, and only dials others with it. */
  readonly own: { readonly certFile: string; readonly keyFile: string } | null
  readonly caFile: string | null
  readonly clientCaFile: string | null
}

const clientNames = ['ca', 'cert', 'key', 'servername']
const serverNames = ['certFile', 'keyFile', 'caFile', 'clientCaFile']

/** Throws a TypeError that names the option. */
export function checkTls(tls: TlsOptions): TlsOptions {
  checkNames(tls, clientNames)
  const { ca, cert, key, servername } = tls
  for (const [name, value] of Object.entries({ ca, cert, key }))
    if (value !== undefined && !isPem(value))
      throw new TypeError(`tls.${name} must be PEM: a string, bytes, or an array of these`)
  if (servername !== undefined && (typeof servername !== 'string' || servername === ''))
    throw new TypeError('tls.servername must be the name in the certificates of the servers')
  if ((cert === undefined) !== (key === undefined))
    throw new TypeError(
      `tls.${cert === undefined ? 'cert' : 'key'} is missing: a certificate and its key go together`,
    )
  return tls
}

/** Null: no TLS at all. */
export function checkServerTls(tls: ServerTlsOptions | undefined): TlsFiles | null {
  if (tls === undefined) return null
  checkNames(tls, serverNames)
  const { certFile, keyFile, caFile = null, clientCaFile = null } = tls
  for (const name of serverNames) {
    const value = (tls as Record<string, unknown>)[name]
    if (value !== undefined && (typeof value !== 'string' || value === ''))
      throw new TypeError(`tls.${name} must be the path of a file`)
  }
  if (certFile !== undefined && keyFile !== undefined)
    return { own: { certFile, keyFile }, caFile, clientCaFile }
  if (certFile !== undefined || keyFile !== undefined)
    throw new TypeError(
      `tls.${certFile === undefined ? 'certFile' : 'keyFile'} is missing: a certificate and its key go together`,
    )
  if (clientCaFile !== null)
    throw new TypeError(
      'tls.clientCaFile needs tls.certFile and tls.keyFile: without TLS no peer shows a certificate',
    )
  return caFile === null ? null : { own: null, caFile, clientCaFile }
}

function checkNames(tls: unknown, known: readonly string[]): void {
  if (typeof tls !== 'object' || tls === null)
    throw new TypeError(`tls must be an object with ${known.join(', ')}`)
  for (const name of Object.keys(tls))
    if (!known.includes(name)) throw new TypeError(`tls has no option ${name}; it has ${known.join(', ')}`)
}

function isPem(value: unknown): boolean {
  if (Array.isArray(value))
    return value.length > 0 && value.every(part => !Array.isArray(part) && isPem(part))
  return typeof value === 'string' || value instanceof Uint8Array
}
