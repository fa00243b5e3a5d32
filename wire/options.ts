// Checks of options that more than one room takes. Each problem is one line that names the option.

import { meantBy } from './spelling.ts'

/** A whole number within bounds, or the default. */
export function wholeNumber(
  name: string,
  value: unknown,
  fallback: number,
  min: number,
  max: number,
): number {
  if (value === undefined) return fallback
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    throw new TypeError(`${name} must be a whole number from ${min} to ${max}, not ${show(value)}`)
  }
  return value
}

/** A quota of an address (B7); null: the default. */
export function quota(name: string, value: unknown): number | null {
  return value === undefined ? null : wholeNumber(name, value, 0, 1, 10_000_000)
}

/** Those of every server. */
export function addressQuotas(options: { connectionsPerAddress?: unknown; framesPerAddress?: unknown }) {
  return {
    connectionsPerAddress: quota('connectionsPerAddress', options.connectionsPerAddress),
    framesPerAddress: quota('framesPerAddress', options.framesPerAddress),
  }
}

/** A WebSocket URL. */
export function webSocketUrl(name: string, value: unknown): string {
  const problem = () =>
    new TypeError(`${name} must be a WebSocket URL such as ws://127.0.0.1:7400, not ${show(value)}`)
  if (typeof value !== 'string') throw problem()
  let url: URL
  try {
    url = new URL(value)
  } catch {
    throw problem()
  }
  if (url.protocol !== 'ws:' && url.protocol !== 'wss:') throw problem()
  return value.replace(/\/+$/, '')
}

/** Where others reach a server; one that speaks TLS is not reached by `ws://` (A5). */
export function advertisedUrl(value: unknown, isSecure: boolean): string {
  const url = webSocketUrl('advertise', value)
  if (isSecure && !url.startsWith('wss:'))
    throw new TypeError(
      `advertise must begin with wss://, since this server speaks TLS, not be ${show(value)}`,
    )
  return url
}

export function optionalText(name: string, value: unknown): string | undefined {
  if (value === undefined || typeof value === 'string') return value
  throw new TypeError(`${name} must be a string, not ${show(value)}`)
}

/** Where to listen, or null for nowhere. */
export function optionalPlace(name: string, value: unknown): { host: string; port: number } | null {
  if (value === undefined) return null
  if (typeof value === 'object' && value !== null && 'host' in value && 'port' in value) {
    const { host, port } = value
    if (typeof host === 'string' && host !== '')
      return { host, port: wholeNumber(`${name}.port`, port, 0, 0, 65_535) }
  }
  throw new TypeError(`${name} must be { host, port }`)
}

export function trueOrFalse(name: string, value: unknown): boolean {
  if (value === undefined || typeof value === 'boolean') return value ?? false
  throw new TypeError(`${name} must be true or false, not ${show(value)}`)
}

export function texts(name: string, value: unknown): readonly string[] {
  if (Array.isArray(value) && value.every(item => typeof item === 'string')) return value
  throw new TypeError(`${name} must be an array of strings`)
}

/** An unknown option is a mistake, most often a typing error. */
export function knownOnly(options: object, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null)
    throw new TypeError(`the options must be an object, not ${show(options)}`)
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue
    const meant = meantBy(name, known)
    const help = meant === null ? `there are ${known.join(', ')}` : `did you mean ${meant}?`
    throw new TypeError(`there is no option ${name}; ${help}`)
  }
}

function show(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}
