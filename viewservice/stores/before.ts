// View records of the formats before this one, read as if they had been written in this one: one of format 2 is of a
// cluster with one group (G1), and in one of format 3 no slot moves (G8). Any other text stays as it is, and is judged by
// whoever reads it.

import { createHash } from 'node:crypto'
import { firstMap } from '../../wire/slots.ts'
import { recordFormat } from '../../wire/version.ts'
import { type Json, listIn } from './json.ts'

type Fields = { readonly [name: string]: Json }

export function ofThisFormat(text: string): string {
  const [message] = parsed(text)
  const [kind, record, sum] = Array.isArray(message) ? (message as Json[]) : []
  if (record === undefined || sum !== checksumOf(record)) return text
  const now = newest(fieldsOf(record), kind === 'founding')
  return now === null ? text : JSON.stringify([[kind, now, checksumOf(now)]])
}

/** Null: its format is none of those before. */
function newest(record: Fields, isFounding: boolean): Fields | null {
  const { format } = record
  if (format !== 2 && format !== 3) return null
  const third = format === 3 ? record : { ...record, ...(isFounding ? { groups: 1 } : ofOneGroup(record)) }
  return { ...third, ...(isFounding ? {} : withoutMoves(third)), format: recordFormat }
}

/** G1 */
function ofOneGroup({ view }: Fields): Fields {
  const { number, groups, starts } = firstMap(1)
  const map = { number, groups, starts: starts.map(start => [...start]) }
  return { view: { group: 0, ...fieldsOf(view) }, others: [], map, pauseMs: 0 }
}

/** G8 */
function withoutMoves({ map, others }: Fields): Fields {
  const wanted = 1 + (Array.isArray(others) ? others.length : 0)
  return { map: { ...fieldsOf(map), moves: [], floors: [], ended: [] }, groupsWanted: wanted }
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

function fieldsOf(value: Json | undefined): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {}
}
