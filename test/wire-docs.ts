// docs/PROTOCOL.md is complete: a message, error, close number or limit of wire/ that it
// doesn't describe, or describes with another value, fails here.

import { readFileSync } from 'node:fs'
import t from 'tap'
import { errors } from '../wire/errors.ts'
import * as limits from '../wire/limits.ts'
import { channels } from '../wire/messages.ts'
import type { Field } from '../wire/shape.ts'
import { wireVersion } from '../wire/version.ts'

/** The compiled test is one folder deeper than its source. */
function read(): string {
  const [here, deeper] = ['../docs/PROTOCOL.md', '../../docs/PROTOCOL.md'].map(
    path => new URL(path, import.meta.url),
  )
  try {
    return readFileSync(here as URL, 'utf8')
  } catch {
    return readFileSync(deeper as URL, 'utf8')
  }
}

const text = read()
const lines = text.split('\n')
const rowOf = (first: string) =>
  lines
    .find(line => line.startsWith(`| ${first}`))
    ?.split('|')
    .map(cell => cell.trim())

/** For each `["kind", a, b]` in the document, the elements after the kind. */
function written(kind: string): string[][] {
  const found: string[][] = []
  for (let at = text.indexOf(`["${kind}"`); at >= 0; at = text.indexOf(`["${kind}"`, at + 1)) {
    const elements = ['']
    for (let i = at + 1, depth = 1; depth > 0 && i < text.length; i++) {
      const c = text[i] as string
      if (c === '[' || c === '{') depth++
      else if (c === ']' || c === '}') depth--
      if (c === ',' && depth === 1) elements.push('')
      else elements[elements.length - 1] += c
    }
    found.push(elements.slice(1).map(element => element.replace(/\]$/, '').trim()))
  }
  return found
}

/** A name, and no example of a value. */
const isName = (element: string) => /^[a-zA-Z0-9]+$/.test(element) && !/^\d/.test(element)

/** The names match those of the table; a record may be spelled out in place of its name. */
function fits(elements: readonly string[], fields: readonly string[]): boolean {
  return (
    elements.length === fields.length &&
    elements.every((element, i) => element === fields[i] || element.startsWith('{'))
  )
}

t.test('every message of every channel, field by field', async t => {
  t.match(text, `Wire version ${wireVersion}.`)
  const known = new Map<string, string[][]>()
  for (const [channel, kinds] of Object.entries(channels)) {
    for (const [kind, shape] of Object.entries(kinds)) {
      const fields = (shape.fields as readonly Field[]).map(([name]) => name)
      known.set(kind, [...(known.get(kind) ?? []), fields])
      t.ok(
        written(kind).some(elements => fits(elements, fields)),
        `${channel}: ["${[kind, ...fields].join(', ')}]`,
      )
    }
  }
  for (const [kind, tables] of known)
    for (const elements of written(kind))
      if (elements.every(isName))
        t.ok(
          tables.some(fields => fits(elements, fields)),
          `${kind}: ${elements}`,
        )
})

t.test('every field of every record', async t => {
  const fields = new Set<string>()
  for (const kinds of Object.values(channels))
    for (const shape of Object.values(kinds)) collectSchema(shape.schema, fields)
  t.ok(fields.size > 40)
  for (const field of fields) t.match(text, new RegExp(`"${field}"|\`${field}\``), field)
})

t.test('every error, as the registry has it, and no other', async t => {
  for (const [code, { close, definite, reaction, meaning }] of Object.entries(errors))
    t.same(
      rowOf(`\`${code}\` `)?.slice(2, 6),
      [close === null ? '–' : String(close), definite ? 'yes' : 'no', reaction, meaning],
      code,
    )
  const known = /^\| `([A-Z_]+)` \|/gm
  t.same(
    [...text.matchAll(known)].map(([, code]) => code),
    Object.keys(errors),
  )
})

t.test('every limit, with its value', async t => {
  const { stateLimits, promotionGraceMs, restLeaseMs, drawnLimits: _, limitsOfSlow: __, ...others } = limits
  const calculated = { promotionGraceMs: promotionGraceMs(1), restLeaseMs: restLeaseMs(1) }
  const values: Record<string, number | null> = { ...stateLimits, ...others, ...calculated }
  for (const [name, value] of Object.entries(values)) {
    const stated = rowOf(name)?.[2]
    if (value === null) t.match(stated, /^null:/, `${name}: ${stated}`)
    else t.equal(Number.parseFloat((stated ?? '').replaceAll(',', '')), value, `${name}: ${stated}`)
  }
})

function collectSchema(schema: unknown, into: Set<string>): void {
  if (typeof schema !== 'object' || schema === null) return
  for (const [key, inner] of Object.entries(schema)) {
    if (key === 'properties') for (const name of Object.keys(inner)) into.add(name)
    collectSchema(inner, into)
  }
}
