// How handles show themselves: in a console by their class and what `toJSON` says of them, and when one of their methods
// is called without them. Consoles ask by the well-known symbol of Node, Deno and Bun, so nothing is imported for it.

/** What a console hands in, where it does. */
export type ConsoleAsks = [
  depth?: number,
  options?: object,
  inspect?: (value: unknown, options?: object) => string,
]

export function shownAs(kind: string, data: object, [depth = 0, options, inspect]: ConsoleAsks): string {
  if (depth < 0) return `[${kind}]`
  return `${kind} ${inspect === undefined ? inWords(data) : inspect(data, options)}`
}

function inWords(data: object): string {
  const members = Object.entries(data).map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
  return `{ ${members.join(', ')} }`
}

/** `const { release } = lock` loses the lock, and so does a proxy around it. */
export function detached(object: string, method: string): TypeError {
  return new TypeError(
    `${method} was called without its ${object}: write ${object}.${method}(…), or hand on () => ${object}.${method}(…)`,
  )
}
