// A view record as text, in a file or under a key: with a checksum, so that a spoilt one is refused and
// never taken for another.

import { decode } from '../../wire/codec.ts'
import '../../wire/server-channels.ts'
import { recordFormat, wireVersion } from '../../wire/version.ts'
import { isFounding, type StoredRecord } from '../record.ts'
import { checksumOf, ofThisFormat } from './before.ts'

export function encodeRecord(record: StoredRecord): string {
  const kind = isFounding(record) ? 'founding' : 'view-record'
  return `${JSON.stringify([[kind, record, checksumOf(record)]])}\n`
}

/** Throws what is wrong with it. */
export function decodeRecord(text: string): StoredRecord {
  const [stored, ...more] = decode(ofThisFormat(text), 'stored')
  if (stored === undefined || more.length > 0) throw new Error('it does not hold one record')
  const [, record, sum] = stored
  if (sum !== checksumOf(record)) throw new Error('its checksum is wrong')
  if (record.wire !== wireVersion)
    throw new Error(`it was written by wire version ${record.wire}, this is version ${wireVersion}`)
  if (record.format !== recordFormat)
    throw new Error(`its format is ${record.format}, this view server reads format ${recordFormat}`)
  return record
}
