// Why a dial failed, in words that say what is wrong with the address and what would be right (as in
// `ws://a:7400 refuses connections`), with the platform's code. What a peer sent is cut short. It decides nothing.

import type { Trouble } from '../effects.ts'
import { helloWithinMs } from '../limits.ts'

/** Codes of Node and OpenSSL for a certificate that is not believed. */
const certificateCode = /CERT|SELF_SIGNED|UNABLE_TO_(VERIFY|GET|DECRYPT)|CRL|ERR_TLS_CERT|HOSTNAME_MISMATCH/
/** A TLS client that gets anything else than TLS. */
const noTlsCode =
  /^(EPROTO|ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|NO_PROTOCOLS).*)$/
const noTlsText = /wrong version number|packet length too long|http request|record layer failure/i
const textMax = 200
const handshakeTimeout = 'HANDSHAKE_TIMEOUT'

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
  if (status !== undefined) return `answers HTTP ${status}: no Holdfast server, or a proxy that reaches none`
  if (code === 'ECONNREFUSED') return 'refuses connections'
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `is at an unknown host (${code})`
  if (code === 'EMFILE' || code === 'ENFILE') return `was not tried: too many files are open here (${code})`
  if (certificateCode.test(code)) return `has a certificate that is not trusted: ${text} (${code})`
  if (isTls(address)) {
    if (noTlsCode.test(code) && (code !== 'EPROTO' || noTlsText.test(message)))
      return `speaks no TLS; did you mean ${address.replace(/^wss/, 'ws')}?`
  } else if (/^HPE_/.test(code) || message === 'socket hang up')
    return `ended the connection without an answer of HTTP (${code}); if it speaks TLS, give ${address.replace(/^ws/, 'wss')}`
  if (code === handshakeTimeout) return `does not answer within ${helloWithinMs} ms`
  return `can not be reached: ${text}${text.includes(code) ? '' : ` (${code})`}`
}

function isTls(address: string): boolean {
  return address.startsWith('wss:')
}

function codeOf(error: Error): string {
  const { code } = error as NodeJS.ErrnoException
  if (typeof code === 'string') return code
  // ws gives these no code.
  const status = /^Unexpected server response: (\d+)/.exec(error.message)?.[1]
  if (status !== undefined) return `HTTP_${status}`
  return error.message === 'Opening handshake has timed out' ? handshakeTimeout : error.name
}

/** One line without control characters, and no longer than anyone reads. */
function plain(text: string): string {
  const line = text.split('\n', 1)[0] ?? ''
  return line
    .replace(/\p{Cc}/gu, '')
    .slice(0, textMax)
    .toWellFormed()
}
