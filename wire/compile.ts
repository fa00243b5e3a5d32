// Build step: compiles the schemas of messages.ts with ajv into plain functions, so that a server
// starts fast and nothing needs eval (a strict Content-Security-Policy holds). What clients need is a
// separate module, so that a page does not load what servers say among themselves, nor what they answer operators.

import { copyFileSync, writeFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import standalone from 'ajv/dist/standalone/index.js'
import { type Channel, channels } from './messages.ts'
import { apart, type Field } from './shape.ts'

const generate = standalone as unknown as (ajv: Ajv, names: Record<string, string>) => string

/** Of an error only its place and its text are kept; ajv writes down three times as much. */
const untold = /schemaPath:"(?:[^"\\]|\\.)*",keyword:"\w+",params:\{[^{}]*\},/g

interface Schema {
  readonly type?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Schema[]
}

const ofClients: readonly Channel[] = ['serverToClient', 'replyRuns', 'viewToClient']
const all = Object.keys(channels) as Channel[]
/** A client that is a program's asks for none of these: the status alone is a quarter of what servers say to clients. */
const isForOperators = (kind: string) => /^(status|reset|gone|durability|groups|testimony)\b/.test(kind)
write('validators-client', ofClients, kind => !isForOperators(kind))
write('validators-operator', ofClients, isForOperators)
write(
  'validators-server',
  all.filter(channel => !ofClients.includes(channel)),
)

/** `has`: of these channels only the kinds that it names. */
function write(file: string, which: readonly Channel[], has: (kind: string) => boolean = () => true): void {
  writeFileSync(new URL(`./${file}.js`, import.meta.url), moduleOf(which, has))
  const types = `${file}.d.ts`
  copyFileSync(new URL(`../../wire/${types}`, import.meta.url), new URL(`./${types}`, import.meta.url))
}

function moduleOf(which: readonly Channel[], has: (kind: string) => boolean): string {
  const ajv = new Ajv({
    code: { source: true, esm: true, lines: true },
    strict: true,
    strictTuples: false,
    allowUnionTypes: true,
    inlineRefs: false,
  })
  for (const [schema, name] of apart) ajv.addSchema({ $id: name, ...partsOf(schema) })
  const names: Record<string, string> = {}
  /** A message that may be said on several channels is compiled once. */
  const known = new Map<object, string>()
  const fields = new Map<string, readonly string[]>()
  const table: string[] = []
  for (const channel of which) {
    const rows: string[] = []
    for (const [kind, shape] of Object.entries(channels[channel]).filter(([kind]) => has(kind))) {
      const name = known.get(shape) ?? `${channel}_${kind.replaceAll('-', '_')}`
      if (!known.has(shape)) ajv.addSchema({ $id: name, ...partsOf(shape.schema) })
      known.set(shape, name)
      fields.set(
        name,
        shape.fields.map(([field]: Field) => field),
      )
      names[name] = name
      rows.push(`  ${JSON.stringify(kind)}: ${name},`)
    }
    table.push(`${channel}: {\n${rows.join('\n')}\n},`)
  }
  const code = withoutSchemas(withNames(generate(ajv, names).replace(untold, ''), fields))
  if (code.includes('require(')) throw new Error('a schema uses a keyword that needs the run time of ajv')
  return `${code}\nexport const validators = {\n${table.join('\n')}\n}\n`
}

/** With a reference in the place of each part that is checked apart. */
function withReferences(schema: unknown): unknown {
  if (typeof schema !== 'object' || schema === null) return schema
  const name = apart.get(schema)
  if (name !== undefined) return { $ref: name }
  if (Array.isArray(schema)) return schema.map(withReferences)
  return orNull(partsOf(schema))
}

function partsOf(schema: object): Schema {
  return Object.fromEntries(Object.entries(schema).map(([key, part]) => [key, withReferences(part)]))
}

/** What may be null has a type more: a third of the code of two schemas, and its error says what would be right. */
function orNull(schema: Schema): Schema {
  const [first, second, third] = schema.anyOf ?? []
  if (first?.type !== 'null' || second?.type === undefined || third !== undefined) return schema
  const words = second.enum === undefined ? {} : { enum: [...second.enum, null] }
  return { ...second, ...words, type: [second.type, 'null'] }
}

/** What ajv calls `/2/7` is `.names/7` to the peer. Each function is of one message, whose name stands in it. */
function withNames(code: string, fields: ReadonlyMap<string, readonly string[]>): string {
  let names: readonly string[] = []
  return code.replace(/sourceURL="(\w+)"|instancePath\+"\/(\d+)/g, (found, id, place) => {
    if (id !== undefined) names = fields.get(id) ?? []
    return id === undefined ? `instancePath+".${names[place - 1] ?? 'kind'}` : found
  })
}

/** ajv embeds each schema; few keywords read theirs at run time. */
function withoutSchemas(code: string): string {
  return code.replace(/^const (schema\d+) = .*;\n/gm, (line, name) =>
    code.match(new RegExp(`\\b${name}\\b`, 'g'))?.length === 1 ? '' : line,
  )
}
