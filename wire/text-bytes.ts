// How many bytes a text takes as UTF-8. Also where there is no TextEncoder, as in jsdom; nothing is encoded here that is sent.

/** Lone surrogates count as the three bytes of the character that takes their place. */
export function bytesOf(text: string): number {
  return typeof TextEncoder === 'undefined' ? countBytes(text) : new TextEncoder().encode(text).length
}

/** By hand; slower for long texts. */
export function countBytes(text: string): number {
  let bytes = 0
  for (const character of text) bytes += bytesOfOne(character.codePointAt(0) ?? 0)
  return bytes
}

/** The beginning of it, in whole characters. */
export function cutToBytes(text: string, bytesMax: number): string {
  let bytes = 0
  let cut = ''
  for (const character of text) {
    bytes += bytesOfOne(character.codePointAt(0) ?? 0)
    if (bytes > bytesMax) break
    cut += character
  }
  return cut
}

function bytesOfOne(point: number): number {
  if (point < 0x80) return 1
  if (point < 0x800) return 2
  return point < 0x10000 ? 3 : 4
}
