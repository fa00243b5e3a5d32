// What a planted bug is, and how it is put into a source: as text, exactly once, or not at all. It changes
// only copies of the build.

export interface Edit {
  /** From the top of the project. */
  readonly file: string
  /** A piece of the source that occurs exactly once; white space of any length counts as equal. */
  readonly find: string
  readonly replace: string
}

export interface Mutant {
  readonly name: string
  /** Tags of the rules that it breaks. */
  readonly breaks: string
  /** What goes wrong then. */
  readonly why: string
  /** The search that is likely to find it; the others run after it. */
  readonly search?: string
  /** A test that sees it within seconds, or several that are tried in turn; simulator and search run after it. */
  readonly test?: string | readonly string[]
  /** The stories of the simulator that are likely to find it, by their theme; the others run after them. */
  readonly theme?: string
  /** Why it does not compile though it is planted as it should be. */
  readonly typesDiffer?: string
  readonly edits: readonly Edit[]
}

/** The tests that are tried first. */
export function testsOf({ test = [] }: Mutant): readonly string[] {
  return typeof test === 'string' ? [test] : test
}

/** The source with this edit made; throws if the edit does not fit it any more. */
export function edited(source: string, { file, find, replace }: Edit): string {
  const found = [...source.matchAll(patternOf(find))]
  if (found.length !== 1) {
    throw new Error(`${file}: ${JSON.stringify(find)} occurs ${found.length} times; it must occur once`)
  }
  const [match] = found as [RegExpExecArray]
  return source.slice(0, match.index) + replace + source.slice(match.index + match[0].length)
}

function patternOf(find: string): RegExp {
  const words = find.trim().split(/\s+/)
  return new RegExp(words.map(word => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('\\s+'), 'g')
}
