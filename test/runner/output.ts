// Which test files are meant, in which order they run, and what of a failed one's output is shown. Starts nothing.

/** All of them if none is named. `hostile` means hostile.ts, or else each file whose name begins with `hostile-`. */
export function namedBy(given: readonly string[], all: readonly string[]): string[] {
  if (given.length === 0) return [...all]
  const names = given.map(name => name.replace(/^(dist\/)?test\//, '').replace(/\.[jt]s$/, ''))
  return all.filter(file =>
    names.some(name => file === name || (!all.includes(name) && file.startsWith(`${name}-`))),
  )
}

/** The longest first, so that none is left over at the end. A file that never ran may be long. */
export function longestFirst(names: readonly string[], seconds: Readonly<Record<string, number>>): string[] {
  const last = (name: string) => seconds[name] ?? Number.POSITIVE_INFINITY
  return [...names].sort((a, b) => (last(a) === last(b) ? 0 : last(b) - last(a)))
}

/** The lines of what failed, with what tap says of each; all of a short output that has none. */
export function failuresOf(out: string): string {
  const shown: string[] = []
  let inside = false
  for (const line of out.split('\n')) {
    const isResult = /^ *(not )?ok\b/.test(line)
    if (isResult) inside = /^ *not ok/.test(line)
    if (inside) shown.push(line)
    if (/^ *\.\.\.$/.test(line)) inside = false
  }
  return (shown.length > 0 ? shown.slice(0, 200) : out.split('\n').slice(-60)).join('\n')
}

/** What a reader of one file's output wants to see: its stories, and what the tests print by themselves. */
export function storiesOf(out: string): string {
  const lines = out
    .split('\n')
    .filter(line => !/^( {2}|TAP version|# |\d+\.\.\d+$|$)| # SKIP filter/.test(line))
  return lines.map(line => `${line.replace(/ # time=/, '  ')}\n`).join('')
}
