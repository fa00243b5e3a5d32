// The maps of the hot path against JavaScript's own: both must give the same answers,
// whatever comes and goes.

import t, { type Test } from 'tap'
import { nextOf } from '../lockserver/state/in-order.ts'
import { NameMap } from '../lockserver/state/name-map.ts'
import { NameParts } from '../lockserver/state/name-parts.ts'
import { NumberMap } from '../wire/number-map.ts'
import { mixed, partOf, parts } from '../wire/parts.ts'
import { random } from './fixtures/random.ts'

/** What both kinds can do. */
interface Tried<K> {
  readonly size: number
  get(key: K): number | undefined
  has(key: K): boolean
  set(key: K, value: number): void
  delete(key: K): unknown
  [Symbol.iterator](): Iterator<[K, number]>
}

function compare<K extends string | number>(t: Test, tried: Tried<K>, keyOf: (n: number) => K): void {
  const { below, chance } = random(7)
  const known = new Map<K, number>()
  for (let step = 0; step < 60_000; step++) {
    // Mostly a moving window, as request numbers and tokens are; now and then an old one.
    const key = keyOf(6_000 + Math.floor(step / 3) + below(300) - (chance(0.02) ? 5_000 : 0))
    if (chance(0.5)) {
      tried.set(key, step)
      known.set(key, step)
    } else {
      tried.delete(key)
      known.delete(key)
    }
    if (tried.get(key) !== known.get(key) || tried.has(key) !== known.has(key) || tried.size !== known.size)
      return void t.fail(`they differ at step ${step}, key ${key}`)
    if (step % 5_000 === 0) t.strictSame(sorted(tried), sorted(known), `the same entries after ${step} steps`)
  }
  t.strictSame(sorted(tried), sorted(known))
}

function sorted<K>(entries: { [Symbol.iterator](): Iterator<[K, number]> }): [K, number][] {
  return [...(entries as Iterable<[K, number]>)].sort((a, b) => a[1] - b[1])
}

t.test('a NumberMap holds what a Map would, of small numbers and of tokens', async t => {
  compare(t, new NumberMap<number>(), n => n)
  compare(t, new NumberMap<number>(), n => 1_790_000_000_000_000 + n)
})

t.test('a NumberMap takes out, and can be cleared', async t => {
  const map = new NumberMap<string>()
  map.set(7, 'seven')
  t.equal(map.take(8), undefined)
  t.same([map.size, map.take(7), map.take(7), map.size], [1, 'seven', undefined, 0])
  t.equal(map.take(3), undefined)
  map.set(3, 'three')
  map.set(0, 'zero')
  t.equal(map.take(3), 'three')
  t.equal(map.has(3), false)
  t.strictSame([...map.values()], ['zero'])
  t.strictSame([...map.keys()], [0])
  t.equal(map.delete(4), false)
  map.clear()
  t.equal(map.size, 0)
  t.equal(map.get(0), undefined)
  map.set(1, 'one')
  t.strictSame([...map], [[1, 'one']])
})

t.test('both go on as before after they were large and empty', async t => {
  for (const [map, keyOf] of [
    [new NumberMap<number>(), (n: number) => n],
    [new NameMap<number>(), (n: number) => `lock/${n}`],
  ] as [Tried<string | number>, (n: number) => string | number][]) {
    for (const round of [1, 2]) {
      for (let n = 0; n < 5_000; n++) map.set(keyOf(n), round * n)
      t.equal(map.size, 5_000)
      t.equal(map.get(keyOf(4_321)), round * 4_321)
      for (let n = 0; n < 5_000; n++) map.delete(keyOf(n))
      t.equal(map.size, 0)
      t.equal(map.has(keyOf(4_321)), false)
      t.strictSame([...(map as Iterable<unknown>)], [])
    }
  }
})

/** Far more than one table has room for. */
const veryMany = 150_000

for (const [kind, make, keyOf] of [
  ['NumberMap', () => new NumberMap<number>(), (n: number) => n * 7],
  ['NameMap', () => new NameMap<number>(), (n: number) => `lock/${n}`],
] as [string, () => Tried<string | number>, (n: number) => string | number][])
  t.test(`B1: a ${kind} of very many entries holds what a Map would, while they come and go`, async t => {
    const { below, chance } = random(11)
    const map = make()
    const known = new Map<string | number, number>()
    const change = (n: number, isThere: boolean) => {
      const key = keyOf(n)
      if (isThere) map.set(key, n)
      else map.delete(key)
      if (isThere) known.set(key, n)
      else known.delete(key)
      return map.get(key) === known.get(key) && map.has(key) === isThere && map.size === known.size
    }
    let right = true
    for (let n = 0; n < veryMany; n++) right &&= change(n, true)
    t.ok(right, 'they come')
    for (let step = 0; step < veryMany; step++) right &&= change(below(2 * veryMany), chance(0.5))
    t.ok(right, 'they come and go')
    t.strictSame(sorted(map), sorted(known))
    for (const key of [...known.keys()].reverse()) {
      map.delete(key)
      right &&= !map.has(key)
    }
    t.ok(right && map.size === 0, 'they go')
    map.set(keyOf(5), 5)
    t.strictSame([...(map as Iterable<unknown>)], [[keyOf(5), 5]])
  })

t.test('B1: very many numbers come in order, a share at a time', async t => {
  const { below } = random(3)
  const numbers = new Set(Array.from({ length: 20_000 }, () => 1_790_000_000_000_000 + below(1_000_000)))
  const found: number[] = []
  for (
    let more = nextOf(numbers, 0, 1_000);
    more.length > 0;
    more = nextOf(numbers, found.at(-1) ?? 0, 1_000)
  )
    if (found.push(...more) > 30_000) break
  t.strictSame(
    found,
    [...numbers].sort((a, b) => a - b),
  )
  t.strictSame(nextOf(numbers, 0, 7), found.slice(0, 7))
  t.strictSame(nextOf([], 0, 7), [])
})

t.test('B1: names of one part fill it, and then others', async t => {
  const parts = new NameParts<number>()
  const alike: string[] = []
  const wanted = parts.numberOf('0')
  for (let n = 0; alike.length < 20_000; n++) if (parts.numberOf(`${n}`) === wanted) alike.push(`${n}`)
  for (const [n, name] of alike.entries()) parts.add(name, n)
  t.ok(Math.max(...Array.from({ length: parts.count }, (_, part) => parts.part(part).size)) <= 16_384)
  t.ok(alike.every((name, n) => parts.get(name) === n && parts.has(name)))
  t.equal(parts.add(alike[19_999] as string, -1), false, 'it is there')
  parts.replace(alike[19_999] as string, 7)
  t.equal(parts.get(alike[19_999] as string), 7)
  t.equal([...parts.values()].length, 20_000)
  t.ok(alike.every(name => parts.delete(name)) && parts.size === 0)
})

t.test('B1: the parts of a table that grows become full one after the other', async t => {
  const sizes = Array.from({ length: parts }, () => 0)
  for (let n = 0; n < 1_000_000; n++) {
    const part = partOf(mixed(n))
    sizes[part] = (sizes[part] ?? 0) + 1
  }
  const [least, most] = [Math.min(...sizes), Math.max(...sizes)]
  t.ok(most > 1.6 * least && most < 2.5 * least, `from ${least} to ${most}`)
})

t.test('a NameMap of very many says so, too', async t => {
  const map = new NameMap<number>()
  for (let n = 0; n < veryMany; n++) map.add(`${n}`, n)
  t.strictSame(
    [0, veryMany - 1, veryMany].map(n => map.add(`${n}`, -1)),
    [false, false, true],
  )
  map.delete('0')
  t.strictSame([map.add(`${veryMany - 2}`, -1), map.add('0', 0)], [false, true])
  t.equal(map.size, veryMany + 1)
})

t.test('a NameMap says whether a name that was added is new', async t => {
  const map = new NameMap<number>()
  map.set('gone', 0)
  map.delete('gone')
  t.equal(map.add('a', 1), true)
  t.equal(map.add('b', 2), true)
  t.equal(map.add('a', 3), false)
  t.strictSame(
    [...map],
    [
      ['a', 3],
      ['b', 2],
    ],
  )
})

t.test('a NameMap holds what a Map would', async t => {
  compare(t, new NameMap<number>(), n => `lock/${n}`)
})

t.test(
  'a NameMap can be walked while it changes: what was there from beginning to end is seen once',
  async t => {
    const map = new NameMap<number>()
    for (let i = 0; i < 100; i++) map.set(`${i}`, i)
    const seen: number[] = []
    for (const value of map.values()) {
      seen.push(value)
      if (value >= 1_000) break
      map.delete(`${value}`)
      if (value < 50) map.set(`later ${value}`, 1_000 + value)
    }
    t.strictSame(
      seen.slice(0, 100),
      Array.from({ length: 100 }, (_, i) => i),
    )
  },
)
