// Whose quotas a peer takes from (B7): its principal if it has one, and otherwise the address of its machine, as one text however it is written. Of an IPv6
// address only the network counts, since one machine has all addresses of its network. It counts nothing.

import { isIPv6 } from 'node:net'
import { principalPrefix } from '../access/owner.ts'
import { addressLengthMax } from '../limits.ts'
import { isLoopbackAddress } from './own-address.ts'

/** Null: no quota holds for it. `counted`: loopback counts like any other address. */
export function ownerOf(remote: string, counted: boolean): string | null {
  if (!counted && isLoopbackAddress(remote)) return null
  const plain = plainAddress(remote)
  return isIPv6(plain) ? networkOf(plain) : plain
}

/** As people write it, and no longer than it may be. */
export function plainAddress(remote: string): string {
  const mapped = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i.exec(remote)?.[1]
  return (mapped ?? remote).slice(0, addressLengthMax)
}

/** The first four of its eight groups. */
function networkOf(address: string): string {
  const [front = '', back] = address.replace(/%.*$/, '').toLowerCase().split('::')
  const groups = front === '' ? [] : front.split(':')
  const behind = back === undefined || back === '' ? [] : back.split(':')
  const zeros = back === undefined ? 0 : 8 - groups.length - behind.length
  const all = [...groups, ...Array.from({ length: Math.max(0, zeros) }, () => '0'), ...behind]
  return `${all
    .slice(0, 4)
    .map(group => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`
}

/** No address looks like this; by it a session knows whose it is, too (A4). */
export function principalOwner(principal: string): string {
  return `${principalPrefix}${principal}`
}
