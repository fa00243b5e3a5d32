// View records of the format before this one, read as if they had been written in this one: a record of format 2 is of a
// cluster with one group (G1). Any other text stays as it is, and is judged by whoever reads it.

import { createHash } from 'node:crypto'
import { firstMap } from '../../wire/slots.ts'
import { recordFormat } from '../../wire/version.ts'
import { type Json, listIn, member } from './json.ts'

const formatBefore = 2

export function ofThisFormat(text: string): string {
  const [message] = parsed(text)
  const [kind, record, sum] = Array.isArray(message) ? (message as Json[]) : []
  if (record === undefined || member(record, 'format') !== formatBefore || sum !== checksumOf(record))
    return text
  const news =
    kind === 'founding' ? { groups: 1 } : { view: viewIn(record), others: [], map: firstMap(1), pauseMs: 0 }
  const now = { ...fieldsOf(record), ...news, format: recordFormat }
  return JSON.stringify([[kind, now, checksumOf(now)]])
}

export function checksumOf(record: unknown): string {
  return createHash('sha256').update(JSON.stringify(record)).digest('hex')
}

function parsed(text: string): readonly Json[] {
  try {
    const frame: Json = JSON.parse(text)
    return listIn({ frame }, 'frame')
  } catch {
    return []
  }
}

function viewIn(record: Json): Json {
  return { group: 0, ...fieldsOf(member(record, 'view')) }
}

function fieldsOf(value: Json | undefined): { readonly [name: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as { readonly [name: string]: Json })
    : {}
}
