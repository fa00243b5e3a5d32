// Which of the known words a misspelt one was meant to be. It compares texts only, and knows no words itself.

/** The known word that is nearest, if it is near enough to have been meant; null: none is. */
export function meantBy(word: string, known: readonly string[]): string | null {
  // A unit at its end is one more way to be wrong.
  const given = word.toLowerCase().replace(/_?(ms|millis|s|secs?|seconds)$/, '')
  const near = known.filter(each => isNear(given, each.toLowerCase()))
  const apart = (each: string) => distance(given, each.toLowerCase())
  return near.sort((a, b) => apart(a) - apart(b))[0] ?? null
}

/** Whether one was probably mistyped for the other: a letter in four may be wrong. */
export function isNear(given: string, right: string): boolean {
  return distance(given, right) <= Math.max(1, Math.floor(right.length / 4))
}

/** How many letters to add, leave out, replace, or swap with their neighbour. */
function distance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)]
  const at = (i: number, j: number) => rows[i]?.[j] ?? Number.POSITIVE_INFINITY
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    rows.push(row)
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(i - 2, j - 2) + 1 : replaced
      row.push(Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, replaced, swapped))
    }
  }
  return at(a.length, b.length)
}
