// Frames as text: well-formed ones, drawn from the schemas of the tables, and ones broken in one place. The
// oracle says what a server must do with them. Pure; all chance comes from the dice.

import { type Channel, channels } from '../../wire/messages.ts'
import { mutations } from '../fixtures/hostile-mutations.ts'
import type { Random } from '../fixtures/random.ts'

interface Schema {
  readonly type?: string
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Schema[]
  readonly items?: Schema | readonly Schema[]
  readonly minItems?: number
  readonly maxItems?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly pattern?: string
  readonly properties?: Readonly<Record<string, Schema>>
}
type Table = Readonly<Record<string, { readonly schema: object; readonly example: unknown }>>

const hex = '0123456789abcdef'
const letters = ['a', 'B', '7', ' ', '/', 'é', '漢', '😀', '"', '\\', '\u0000', '\n', '__proto__', '\u2028']
/** Lists drawn here are short; the hostile tests check that servers accept long ones. */
const listMax = 4
const textMax = 12

/** A value that fits the schema. */
export function draw(schema: Schema, dice: Random): unknown {
  if (schema.anyOf !== undefined) return draw(dice.pick(schema.anyOf), dice)
  if (schema.const !== undefined) return schema.const
  if (schema.enum !== undefined) return dice.pick(schema.enum)
  switch (schema.type) {
    case 'null':
      return null
    case 'boolean':
      return dice.chance(0.5)
    case 'integer':
      return drawCount(schema, dice)
    case 'string':
      return drawText(schema.pattern ?? '', dice)
    case 'array':
      return drawList(schema, dice)
    default:
      return Object.fromEntries(
        Object.entries(schema.properties ?? {}).map(([key, field]) => [key, draw(field, dice)]),
      )
  }
}

function drawCount({ minimum = 0, maximum = Number.MAX_SAFE_INTEGER }: Schema, dice: Random): number {
  if (dice.chance(0.1)) return maximum
  if (dice.chance(0.1)) return minimum
  return Math.min(maximum, minimum + dice.below(dice.chance(0.5) ? 10 : 1_000_000))
}

function drawText(pattern: string, dice: Random): string {
  const digits = /^\^\[0-9a-f\]\{(\d+)\}\$$/.exec(pattern)?.[1]
  if (digits !== undefined) return Array.from({ length: Number(digits) }, () => dice.pick([...hex])).join('')
  const [, min = '0', max = '12'] = /\{(\d+),(\d+)\}\$$/.exec(pattern) ?? []
  const length = Math.max(Number(min), dice.below(Math.min(textMax, Number(max)) + 1))
  return [...Array.from({ length }, () => dice.pick(letters)).join('')].slice(0, Number(max)).join('')
}

function drawList({ items = [], minItems = 0, maxItems = listMax }: Schema, dice: Random): unknown[] {
  if (isTuple(items)) return items.map(item => draw(item, dice))
  const length = Math.max(minItems, dice.below(Math.min(maxItems, listMax) + 1))
  return Array.from({ length }, () => draw(items as Schema, dice))
}

function isTuple(items: Schema | readonly Schema[]): items is readonly Schema[] {
  return Array.isArray(items)
}

/** A message of this channel, well-formed apart from what schemas can't express. */
export function drawMessage(channel: Channel, dice: Random): unknown {
  const table: Table = channels[channel]
  return draw(dice.pick(Object.values(table)).schema, dice)
}

// ---- broken ones

/** Mutations of every message of a channel; made only once, since there are thousands. */
const broken = new Map<Channel, string[]>()

function brokenOf(channel: Channel): string[] {
  let found = broken.get(channel)
  if (found === undefined) {
    const table: Table = channels[channel]
    found = Object.values(table).flatMap(({ example }) =>
      mutations(example as unknown[]).map(({ text }) => text),
    )
    broken.set(channel, found)
  }
  return found
}

const tokens = [
  '[',
  ']',
  '{',
  '}',
  ',',
  ':',
  '"',
  'null',
  '1e400',
  '-',
  '0',
  '\\ud800',
  '\u0000',
  ' ',
  '[[',
  '"__proto__":',
]

/** Removes, inserts, doubles or changes something at a random place of the text. */
function bend(text: string, dice: Random): string {
  const at = dice.below(text.length + 1)
  const length = 1 + dice.below(4)
  switch (dice.below(5)) {
    case 0:
      return text.slice(0, at)
    case 1:
      return text.slice(0, at) + text.slice(at + length)
    case 2:
      return text.slice(0, at) + dice.pick(tokens) + text.slice(at)
    case 3:
      return text.slice(0, at) + text.slice(at, at + length) + text.slice(at)
    default:
      return text.slice(0, at) + String.fromCodePoint(32 + dice.below(95)) + text.slice(at + 1)
  }
}

const forms = [
  '',
  ' ',
  'null',
  '17',
  '""',
  '{}',
  '{"0":["echo",1]}',
  '[[]]',
  '[null]',
  '[17]',
  '["echo",1]',
  '[{}]',
  '[[["echo",1]]]',
  'hello?',
  '\ufeff[]',
  '[["__proto__",1]]',
  '[["constructor"]]',
  '[["toString",1]]',
]

/** A frame that is probably malformed in one place, and nowhere else. */
export function drawBroken(channel: Channel, others: readonly Channel[], dice: Random): string {
  switch (dice.below(5)) {
    case 0:
      return dice.pick(forms)
    case 1:
      return bend(JSON.stringify([drawMessage(channel, dice)]), dice)
    case 2:
      return JSON.stringify([drawMessage(dice.pick(others), dice)])
    default:
      return `[${dice.pick(brokenOf(channel))}]`
  }
}
