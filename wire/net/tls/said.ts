// What a server says of a connection that TLS has ended, or that never came so far: who was wrong, and what would be right.
// Only words; nothing is decided here.

import type { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import type { TLSSocket } from 'node:tls'

const byCode: Readonly<Record<string, string>> = {
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA:
    "the peer does not know the authority of this server's certificate; give it that authority (--tls-ca)",
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: "the peer finds this server's certificate outdated",
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: "the peer does not take this server's certificate",
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: "the peer does not take this server's certificate",
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'the peer speaks only versions of TLS older than 1.2',
  ERR_SSL_VERSION_TOO_LOW: 'the peer speaks only versions of TLS older than 1.2',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the peer speaks only versions of TLS older than 1.2',
  ERR_SSL_NO_SHARED_CIPHER: 'the peer and this server have no cipher in common',
}

/** Why a handshake failed. */
export function handshakeTrouble({ code, message }: NodeJS.ErrnoException): string {
  return `TLS: ${byCode[code ?? ''] ?? `the handshake failed: ${code ?? message}`}`
}

/**
 * Of a peer that ended the connection before it asked for anything, as clients do that do not take a certificate. Those of
 * Node say nothing more, so this says what is wrong with it as far as this end can tell.
 */
export function quietEnd(
  servername: string | false | null | undefined,
  localAddress: string,
  leaf: X509Certificate,
  now: number,
): string {
  const ended = 'TLS: the peer ended the connection at the handshake'
  if (Date.parse(leaf.validTo) < now)
    return `${ended}: this server's certificate has expired on ${leaf.validTo}`
  if (Date.parse(leaf.validFrom) > now)
    return `${ended}: this server's certificate is not valid before ${leaf.validFrom}`
  // Without a name it dialled an address, most likely this one.
  const wanted = servername || plain(localAddress)
  if (!isFor(leaf, wanted)) return `${ended}: the certificate is for ${namesOf(leaf)}, not for ${wanted}`
  return `${ended}: it may not know the authority of the certificate; give it that authority (--tls-ca)`
}

/** Whether the certificate has this host name or IP address. */
export function isFor(leaf: X509Certificate, host: string): boolean {
  return (isIP(host) === 0 ? leaf.checkHost(host) : leaf.checkIP(host)) !== undefined
}

export function namesOf({ subjectAltName, subject }: X509Certificate): string {
  return (subjectAltName ?? subject.replaceAll('\n', ', ')).slice(0, 200)
}

/** What a server with a certificate must say of itself, or it is no server. */
export function notAServer(socket: TLSSocket): string | null {
  // A session that a peer without a certificate resumes counts as authorized in Node; there are none here, and yet.
  if (socket.getPeerX509Certificate() === undefined) return 'it shows no certificate'
  return socket.authorized ? null : `its certificate is not taken: ${socket.authorizationError}`
}

function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d)/, '')
}

/** For whoever speaks plain HTTP to a port of TLS. */
export const plainAnswer = answerOf(
  'This port speaks TLS. Give its address with wss:// in place of ws://, or https:// in place of http://.\n',
)

function answerOf(text: string): string {
  return [
    'HTTP/1.1 400 Bad Request',
    'content-type: text/plain; charset=utf-8',
    `content-length: ${text.length}`,
    'connection: close',
    '',
    text,
  ].join('\r\n')
}
