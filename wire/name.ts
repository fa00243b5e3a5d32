// What a lock name may be. Checked by the client before it sends, and by every server at the edge.

import { lockNameBytesMax } from './limits.ts'
import { bytesOf } from './text-bytes.ts'

/** What is wrong with a lock name, or undefined if nothing is. */
export function nameProblem(name: unknown): string | undefined {
  if (typeof name !== 'string') return `must be a string, not ${name === null ? 'null' : typeof name}`
  if (name.length === 0) return 'must not be empty'
  if (!name.isWellFormed()) return 'must not contain lone surrogates'
  if (!fitsBytes(name)) return `must be at most ${lockNameBytesMax} bytes of UTF-8, not ${bytesOf(name)}`
  return undefined
}

/** One UTF-16 unit takes at most three bytes, so short names need no counting. */
export function fitsBytes(name: string, max = lockNameBytesMax): boolean {
  return name.length * 3 <= max || bytesOf(name) <= max
}
