// What a reader can follow in a markdown file: commands in blocks, commands in the text, links, and where links may lead.

export interface Block {
  readonly line: number
  /** What follows the three backticks. */
  readonly language: string
  readonly text: string
  /** What a comment before it says: `<!-- sh: … -->`. */
  readonly mark: string | undefined
}

export interface Link {
  readonly line: number
  readonly to: string
}

/** Fenced blocks, also those within lists. */
export function blocksOf(text: string): Block[] {
  const pattern = /(?:<!-- sh: ([^>]*?) -->\n+)?^( *)```(\w*)\n([\s\S]*?)^ *```$/gm
  return [...text.matchAll(pattern)].map(
    ({ index, 0: all, 1: mark, 2: indent = '', 3: language = '', 4: body = '' }) => ({
      line: lineOf(text, index + all.indexOf('```')),
      language,
      text: body.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
      mark,
    }),
  )
}

/** Code within the text, with its line breaks taken out. */
export function codeOf(text: string): { readonly line: number; readonly code: string }[] {
  const prose = withoutBlocks(text)
  return [...prose.matchAll(/(?<!`)`([^`]+)`(?!`)/g)].map(({ index, 1: code = '' }) => ({
    line: lineOf(prose, index),
    code: code.replaceAll(/\s+/g, ' '),
  }))
}

/** Links and pictures; those to other sites, too. */
export function linksOf(text: string): Link[] {
  const prose = withoutBlocks(text).replaceAll(/`[^`]+`/g, code => ' '.repeat(code.length))
  return [...prose.matchAll(/\]\(([^()\s]+)\)|<(https?:[^>]+)>/g)].map(
    ({ index, 1: inside, 2: outside }) => ({
      line: lineOf(prose, index),
      to: (inside ?? outside) as string,
    }),
  )
}

/** The anchors of its headings, as GitHub makes them. */
export function anchorsOf(text: string): Set<string> {
  const seen = new Map<string, number>()
  const headings = withoutBlocks(text).matchAll(/^#{1,6} +(.+?) *$/gm)
  return new Set(
    [...headings].map(([, heading = '']) => {
      const anchor = heading
        .toLowerCase()
        .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
        .replaceAll(/[^\p{L}\p{N}\p{M}_ -]/gu, '')
        .replaceAll(' ', '-')
      const times = seen.get(anchor) ?? 0
      seen.set(anchor, times + 1)
      return times === 0 ? anchor : `${anchor}-${times}`
    }),
  )
}

/** With as many lines. */
function withoutBlocks(text: string): string {
  return text.replaceAll(/^ *```[\s\S]*?^ *```$|<!--[\s\S]*?-->/gm, block => block.replaceAll(/[^\n]/g, ''))
}

function lineOf(text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}
