// Blocks of the first format, read as if they had been written in this one: in format 1 an imprint named no
// group, since there was only one.

import type { Block } from './block.ts'

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }

const formatBefore = 1
/** Where the imprint stands in those messages that have one. */
const imprintAt: Readonly<Record<string, number>> = { imprint: 1, 'snapshot-of': 2 }

/** `text`: of the messages in the block. */
export function ofThisFormat({ format }: Pick<Block, 'format'>, text: string): string {
  if (format !== formatBefore) return text
  const messages: readonly Json[] = JSON.parse(text)
  return JSON.stringify(messages.map(inGroup0))
}

function inGroup0(message: Json): Json {
  if (!isList(message)) return message
  const at = imprintAt[String(message[0])]
  return message.map((field, i) => (i === at ? withGroup(field) : field))
}

function withGroup(imprint: Json): Json {
  return typeof imprint === 'object' && imprint !== null && !isList(imprint)
    ? { ...imprint, group: 0 }
    : imprint
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}
