// Each link inside of README and docs leads somewhere: to a file that there is, and to a heading in it.

import { existsSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { anchorsOf, linksOf } from './markdown.ts'

/** Links that lead nowhere. `texts`: of the files, by their paths. */
export function deadLinks(texts: ReadonlyMap<string, string>, root: string): string[] {
  return [...texts].flatMap(([file, text]) =>
    linksOf(text).flatMap(({ line, to }) => {
      const problem = problemOf(to, file, texts, root)
      return problem === undefined ? [] : [`${relative(root, file)}:${line}: ${to} ${problem}`]
    }),
  )
}

function problemOf(
  to: string,
  from: string,
  texts: ReadonlyMap<string, string>,
  root: string,
): string | undefined {
  if (/^[a-z]+:/.test(to)) return /^https?:\/\/[^/]|^mailto:/.test(to) ? undefined : 'is no address'
  const [path = '', anchor] = to.split('#')
  const file = path === '' ? from : join(dirname(from), path)
  if (!file.startsWith(root)) return 'leads out of the project'
  if (!existsSync(file)) return 'leads to no file'
  if (anchor === undefined) return undefined
  const text = texts.get(file)
  if (text === undefined) return 'has an anchor in a file that is not read here'
  return anchorsOf(text).has(anchor) ? undefined : `leads to no heading of ${relative(root, file)}`
}
