// A module hook for the search alone: what is imported with `?plain` comes with its private fields as
// ordinary ones (`#view` as `_view`), so that a core's whole state can be copied and compared. With
// `?plain-small` limits are small as well, so that a copy of a few records has many chunks. No file changes.

interface Context {
  readonly parentURL?: string
}
interface Resolved {
  readonly url: string
}
interface Loaded {
  readonly source: string | Buffer | null
}

const marked = /\?plain(-small)?$/

export async function resolve(
  specifier: string,
  context: Context,
  next: (specifier: string, context: Context) => Promise<Resolved>,
): Promise<Resolved> {
  const resolved = await next(specifier, context)
  const mark = marked.exec(context.parentURL ?? '')?.[0]
  return mark === undefined || !specifier.startsWith('.')
    ? resolved
    : { ...resolved, url: resolved.url + mark }
}

export async function load(
  url: string,
  context: Context,
  next: (url: string, context: Context) => Promise<Loaded>,
): Promise<Loaded> {
  const loaded = await next(url, context)
  const mark = marked.exec(url)
  if (mark === null || loaded.source === null) return loaded
  const plain = String(loaded.source)
    .replace(/#([a-z]\w*)(?= in [a-z])/gi, "'_$1'")
    .replace(/(?<![\w$'"`&])#([a-z]\w*)/gi, '_$1')
  return { ...loaded, source: mark[1] === undefined ? plain : withSmallLimits(url, plain) }
}

function withSmallLimits(url: string, text: string): string {
  if (/\/wire\/limits\.js\?/.test(url)) {
    const shares = replaced(text, 'changesPerOperationMax: 1_024', 'changesPerOperationMax: 1')
    return replaced(
      replaced(shares, 'chunkRecordsMax = 1_000', 'chunkRecordsMax = 1'),
      'chunksInFlightMax = 4',
      'chunksInFlightMax = 1',
    )
  }
  if (/\/wire\/slots\.js\?/.test(url)) return replaced(text, 'slotsMax = 4_096', 'slotsMax = 2')
  if (!/\/lockserver\/state\/snapshot\.js\?/.test(url)) return text
  // An iterator of a Map can't be copied; this one can, and skips what the copy would skip anyway.
  const sessions = replaced(text, 'state.sessions.values()', 'new Unvisited(state.sessions)')
  const locks = replaced(sessions, 'state.table.locks.values()', 'new Unvisited(state.table.locks)')
  return `${replaced(locks, 'state.table.onces.each()', 'new UnvisitedKeys(state.table.onces)')}\n${unvisited}`
}

const unvisited = `class Unvisited {
  constructor(map) {
    this.map = map
    this.visited = new Set()
  }
  next() {
    for (const [key, value] of this.map) {
      if (this.visited.has(key)) continue
      this.visited.add(key)
      return { done: false, value }
    }
    return { done: true, value: undefined }
  }
}
class UnvisitedKeys {
  constructor(onces) {
    this.onces = onces
    this.visited = new Set()
  }
  next() {
    for (const value of this.onces.each()) {
      const id = JSON.stringify([value.name, value.key])
      if (this.visited.has(id)) continue
      this.visited.add(id)
      return { done: false, value }
    }
    return { done: true, value: undefined }
  }
}`

function replaced(text: string, from: string, to: string): string {
  if (!text.includes(from)) throw new Error(`the search expects ${JSON.stringify(from)} in the code`)
  return text.replace(from, to)
}
