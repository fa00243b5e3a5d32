// The names of a server over HTTP. A page of another site can make a browser ask the server under that
// page's name (DNS rebinding), and read the answer; never under an IP address, or under a name that is ours.

import { isIP } from 'node:net'
import { hostname } from 'node:os'

export function isOwnName(host: string | undefined, hosts: readonly string[]): boolean {
  if (host === undefined) return true // HTTP/1.0: no browser
  const name = nameIn(`http://${host}`)
  if (name === undefined) return false
  if (isIP(name.replace(/^\[|\]$/g, '')) !== 0) return true
  return name === 'localhost' || name === hostname().toLowerCase() || hosts.includes(name)
}

/** The host names in these URLs; plain names stay as they are. */
export function hostNames(urls: readonly string[]): string[] {
  return urls.flatMap(url => nameIn(url.includes('://') ? url : `http://${url}`) ?? [])
}

function nameIn(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).hostname : undefined
}

/** Whether the other end is on this machine. */
export function isLoopbackAddress(address: string | undefined): boolean {
  return address === '::1' || /^(::ffff:)?127(\.\d{1,3}){3}$/.test(address ?? '')
}
