// Build step: compiles the schemas of messages.ts with ajv into plain functions, so that a server
// starts fast and nothing needs eval (a strict Content-Security-Policy holds).

import { copyFileSync, writeFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import standalone from 'ajv/dist/standalone/index.js'
import { channels } from './messages.ts'

const ajv = new Ajv({
  code: { source: true, esm: true, lines: true },
  strict: true,
  strictTuples: false,
  allowUnionTypes: true,
})

const names: Record<string, string> = {}
const table: string[] = []
for (const [channel, kinds] of Object.entries(channels)) {
  const rows: string[] = []
  for (const [kind, shape] of Object.entries(kinds)) {
    const name = `${channel}_${kind.replaceAll('-', '_')}`
    ajv.addSchema({ $id: name, ...shape.schema })
    names[name] = name
    rows.push(`  ${JSON.stringify(kind)}: ${name},`)
  }
  table.push(`${JSON.stringify(channel)}: {\n${rows.join('\n')}\n},`)
}

const generate = standalone as unknown as (ajv: Ajv, names: Record<string, string>) => string
const code = generate(ajv, names)
if (code.includes('require(')) throw new Error('a schema uses a keyword that needs the run time of ajv')
writeFileSync(
  new URL('./validators.js', import.meta.url),
  `${code}\nexport const validators = {\n${table.join('\n')}\n}\n`,
)
copyFileSync(
  new URL('../../wire/validators.d.ts', import.meta.url),
  new URL('./validators.d.ts', import.meta.url),
)
