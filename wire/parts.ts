// A table that grows is built again as a whole, in one go, so a table of very many entries is kept in parts (B1). The
// parts are of different width, the widest twice the narrowest: they grow one after the other, not all in one turn.

export const parts = 256
/** The highest bits of a hash make a slot. */
const slots = 4_096
const slotShift = 20

/** By slot. */
const partOfSlot = Uint8Array.from({ length: slots }, (_, slot) =>
  Math.floor(parts * Math.log2(1 + slot / slots)),
)

/** The part of what has this hash of 32 bits, all of which must be mixed well. */
export function partOf(hash: number): number {
  return partOfSlot[hash >>> slotShift] as number
}

/** So that each bit of the hash depends on each bit of the number. */
export function mixed(number: number): number {
  let hash = Math.imul(number ^ (number >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}
