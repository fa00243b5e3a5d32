// The next of very many numbers, a share at a time: to sort 200,000 of them takes longer than a turn may work (B1).

/** The smallest of those above this one, in order, at most so many. */
export function nextOf(numbers: Iterable<number>, above: number, most: number): number[] {
  let found: number[] = []
  let limit = Number.POSITIVE_INFINITY
  for (const number of numbers) {
    if (number <= above || number >= limit) continue
    found.push(number)
    if (found.length < 2 * most) continue
    found = smallest(found, most)
    limit = found[most - 1] as number
  }
  return smallest(found, most)
}

function smallest(numbers: readonly number[], most: number): number[] {
  return [...Float64Array.from(numbers).sort().subarray(0, most)]
}
