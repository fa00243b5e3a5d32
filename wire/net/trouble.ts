// Why a dial failed, in words that say what is wrong with the address and what would be right (as in
// `ws://a:7400 refuses connections`), with the platform's code. What a peer sent is cut short. It decides nothing.

import type { Trouble } from '../effects.ts'
import { helloWithinMs } from '../limits.ts'

const authorityCode = /SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)/
const outdatedCode = /^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/
/** The other end asks for a certificate, or for a version of TLS, that this one has not. */
const certificateAsked = /CERTIFICATE_REQUIRED/
const oldVersion = /PROTOCOL.VERSION|UNSUPPORTED.PROTOCOL|VERSION.TOO.LOW/i
/** Codes of Node and OpenSSL for a certificate that is not believed. */
const certificateCode = /CERT|SELF_SIGNED|UNABLE_TO_(VERIFY|GET|DECRYPT)|CRL|ERR_TLS_CERT|HOSTNAME_MISMATCH/
/** A TLS client that gets anything else than TLS. */
const noTlsCode =
  /^(EPROTO|ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|NO_PROTOCOLS).*)$/
const noTlsText = /wrong version number|packet length too long|http request|record layer failure/i
/** `write EPROTO 80CC:error:0A000410:SSL routines:ssl3_read_bytes:ssl/tls alert handshake failure:…`: the reason is in its middle. */
const openSslText = /\berror:[0-9A-F]+:[^:]*:[^:]*:([^:]+)/
const textMax = 200
const handshakeTimeout = 'HANDSHAKE_TIMEOUT'
/** It speaks HTTP, and does something else than a WebSocket server does. ws gives these no code. */
const noWebSocket = 'NO_WEBSOCKET'
const noWebSocketText = /^(Invalid|Server sent|Unexpected) /

/** `reason`: what the socket says when there is no error, as in pages. */
export function troubleOf(address: string, error: Error | undefined, reason: string): Trouble {
  if (error === undefined) return { code: 'CLOSED', text: `can not be reached: ${plain(reason)}` }
  if (error instanceof AggregateError) return ofMany(address, error.errors as Error[], reason)
  const code = codeOf(error)
  return { code, text: textOf(address, code, error) }
}

/** Every address of the name said ECONNREFUSED, so no process listens. */
export function isRefused(error: Error | undefined): boolean {
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(isRefused)
  return error !== undefined && codeOf(error) === 'ECONNREFUSED'
}

/** A name with several addresses: what is said once is enough. */
function ofMany(address: string, errors: readonly Error[], reason: string): Trouble {
  const [first, ...others] = errors.map(error => troubleOf(address, error, reason))
  if (first === undefined) return troubleOf(address, undefined, reason)
  const texts = new Set([first, ...others].map(({ text }) => text))
  return { code: first.code, text: [...texts].join(', or ') }
}

function textOf(address: string, code: string, { message }: Error): string {
  const text = plain(message)
  const status = /^HTTP_(\d+)$/.exec(code)?.[1]
  if (status === '400' && !isTls(address))
    return `answers HTTP 400 to a plain connection, as a port of TLS does; did you mean ${address.replace(/^ws/, 'wss')}?`
  if (status !== undefined) return `answers HTTP ${status}: no Holdfast server, or a proxy that reaches none`
  if (code === 'ECONNREFUSED') return 'refuses connections'
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `is at an unknown host (${code})`
  if (code === 'EMFILE' || code === 'ENFILE') return `was not tried: too many files are open here (${code})`
  const certificate = certificateText(code, text)
  if (certificate !== null) return certificate
  if (certificateCode.test(code)) return `has a certificate that is not trusted: ${text} (${code})`
  if (isTls(address)) {
    if (noTlsCode.test(code) && (code !== 'EPROTO' || noTlsText.test(message)))
      return `speaks no TLS; did you mean ${address.replace(/^wss/, 'ws')}?`
  } else if (/^HPE_/.test(code) || message === 'socket hang up')
    return `ended the connection without an answer of HTTP (${code}); if it speaks TLS, give ${address.replace(/^ws/, 'wss')}`
  if (code === noWebSocket) return `is no Holdfast server, or behind a proxy that spoils WebSockets: ${text}`
  if (code === handshakeTimeout) return `does not answer within ${helloWithinMs} ms`
  return `can not be reached: ${text}${text.includes(code) ? '' : ` (${code})`}`
}

/** What is wrong with a certificate, and what would be right; null: it is not for that. */
function certificateText(code: string, text: string): string | null {
  const said = `${text} (${code})`
  if (certificateAsked.test(code))
    return `asks for a certificate of this end (${code}); give it one, and its key`
  if (oldVersion.test(code) || oldVersion.test(text))
    return `speaks no version of TLS that is new enough, 1.2 or later (${code})`
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `has a certificate for another name: ${said}; dial it by a name that is in its certificate`
  if (outdatedCode.test(code))
    return `has an outdated certificate: ${said}; renew it, or set this clock right`
  if (authorityCode.test(code))
    return `has a certificate that is not trusted: ${said}; give the authority that signed it: tls.ca, --tls-ca`
  return null
}

function isTls(address: string): boolean {
  return address.startsWith('wss:')
}

function codeOf(error: Error): string {
  const { code } = error as NodeJS.ErrnoException
  if (typeof code === 'string') return code
  const status = /^Unexpected server response: (\d+)/.exec(error.message)?.[1]
  if (status !== undefined) return `HTTP_${status}`
  if (noWebSocketText.test(error.message)) return noWebSocket
  return error.message === 'Opening handshake has timed out' ? handshakeTimeout : error.name
}

/** One line without control characters, and no longer than anyone reads. */
function plain(text: string): string {
  const [line = ''] = text.split('\n', 1)
  return (openSslText.exec(line)?.[1] ?? line)
    .replace(/\p{Cc}/gu, '')
    .slice(0, textMax)
    .toWellFormed()
}
