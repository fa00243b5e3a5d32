// G2 on the pure functions: the slot of a name is what docs/PROTOCOL.md says, and maps give each slot to one group.

import { readFileSync } from 'node:fs'
import t from 'tap'
import type { SlotMap } from '../wire/messages.ts'
import { firstMap, groupOf, groupOfSlot, mapProblem, slotOf, slotsMax } from '../wire/slots.ts'

/** The compiled test is one folder deeper than its source. */
function read(): string {
  const [here, deeper] = ['../docs/PROTOCOL.md', '../../docs/PROTOCOL.md'].map(
    path => new URL(path, import.meta.url),
  )
  try {
    return readFileSync(here as URL, 'utf8')
  } catch {
    return readFileSync(deeper as URL, 'utf8')
  }
}

/** The rows of the table of test vectors: name, slot. */
function vectors(): [string, number][] {
  const rows = read().matchAll(/^\| `([^`]+)` \| `[^`]+` \| \d+ \| (\d+) \|$/gm)
  return [...rows].map(([, name, slot]) => [name as string, Number(slot)])
}

t.test('G2: the test vectors of the protocol come out', async t => {
  const all = vectors()
  t.ok(all.length >= 10)
  for (const [name, slot] of all) t.equal(slotOf(name), slot, name)
})

t.test('G2: names that share what stands in braces share their slot', async t => {
  t.equal(slotOf('{order 42}/lines'), slotOf('bill of {order 42}'))
  t.equal(slotOf('{order 42}/lines'), slotOf('order 42'))
  t.not(slotOf('{}a'), slotOf('{}b'), "braces with nothing inside don't count")
  t.not(slotOf('{a'), slotOf('{b'), 'neither does one that is not closed')
})

t.test('G2: a map gives each slot to one group, and equal parts at first', async t => {
  for (const groups of [1, 2, 3, 7, 64]) {
    const map = firstMap(groups)
    t.equal(mapProblem(map), undefined)
    const sizes = new Map<number, number>()
    for (let slot = 0; slot < slotsMax; slot++) {
      const group = groupOfSlot(map, slot)
      sizes.set(group, (sizes.get(group) ?? 0) + 1)
    }
    t.equal(sizes.size, groups)
    t.ok(Math.max(...sizes.values()) - Math.min(...sizes.values()) <= 1, `${groups} groups`)
  }
})

t.test('G2: a map of many pieces', async t => {
  const map = {
    number: 5,
    groups: 3,
    starts: [
      [0, 2],
      [slotOf('a'), 1],
      [slotOf('a') + 1, 0],
    ] as const,
    ...{ moves: [], floors: [], ended: [] },
  }
  t.equal(mapProblem(map), undefined)
  t.equal(groupOf(map, 'a'), 1)
  t.equal(groupOfSlot(map, slotOf('a') - 1), 2)
  t.equal(groupOfSlot(map, slotOf('a') + 1), 0)
  t.equal(groupOfSlot(map, slotsMax - 1), 0)
})

t.test('G2: what is wrong with a map', async t => {
  const of = (...starts: [number, number][]) => mapProblem({ ...firstMap(2), starts })
  t.match(of(), /first start/)
  t.match(of([1, 0]), /first start/)
  t.match(of([0, 0], [5, 1], [5, 0]), /ascend/)
  t.match(of([0, 2]), /not one of 2/)
})

t.test('G8: what is wrong with slots under way', async t => {
  const of = (...moves: SlotMap['moves']) => mapProblem({ ...firstMap(2), number: 5, moves })
  const move = { number: 5, from: 0, to: 1, slots: [3, 4, 9, 9] }
  t.equal(of(move), undefined)
  t.match(of({ ...move, to: 2 }), /not one of 2/)
  t.match(of({ ...move, to: 0 }), /nowhere/)
  t.match(of({ ...move, number: 6 }), /newer than its map/)
  t.match(of({ ...move, slots: [2048, 2048] }), /does not have it/)
  t.match(of(move, { ...move, slots: [4, 4] }), /slot 4 moves twice/)
})
