// What a server must do with a frame by docs/PROTOCOL.md: which close code for which
// malformation. It uses none of the servers' validators: JSON by its own parser, shapes
// by the interpreter of hostile-mutations.ts. Pure.

import { runMax } from '../../wire/limits.ts'
import { type Channel, channels } from '../../wire/messages.ts'
import { allowed } from '../fixtures/hostile-mutations.ts'

/** What a server must make of a frame's text, before it looks at the meaning of the messages. */
export type Verdict = 'fine' | 'BAD_MESSAGE' | 'UNEXPECTED_MESSAGE'

/** Runs stand for messages of their channel. */
const runsOf: Partial<Record<Channel, Channel>> = {
  clientToServer: 'requestRuns',
  serverToClient: 'replyRuns',
  entries: 'entryRuns',
}
/** Never sent as a message by itself: a server may not know its kinds. */
const inside: readonly Channel[] = ['stored', 'journalled', 'entries', 'entryRuns', 'records']

type Table = Readonly<Record<string, { schema: object }>>
const tableOf = (channel: Channel): Table => channels[channel]

export function verdictOn(text: string, channel: Channel): Verdict[] {
  const frame = parsed(text)
  if (!Array.isArray(frame)) return ['BAD_MESSAGE']
  // The server closes a frame for its first bad message.
  for (const message of frame) {
    const verdict = verdictOnMessage(message, channel)
    if (verdict[0] !== 'fine') return verdict
  }
  return ['fine']
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function verdictOnMessage(message: unknown, channel: Channel): Verdict[] {
  const kind: unknown = Array.isArray(message) ? message[0] : undefined
  if (typeof kind !== 'string') return ['BAD_MESSAGE']
  for (const own of [channel, runsOf[channel]]) {
    if (own === undefined || !Object.hasOwn(tableOf(own), kind)) continue
    const schema = tableOf(own)[kind]?.schema as object
    const fits =
      allowed(schema, own, message) && runFits(own, message as unknown[]) && insideFits(message as unknown[])
    return [fits ? 'fine' : 'BAD_MESSAGE']
  }
  const elsewhere = (Object.keys(channels) as Channel[]).filter(one => Object.hasOwn(tableOf(one), kind))
  if (elsewhere.length === 0) return ['BAD_MESSAGE']
  const travels = elsewhere.some(one => !inside.includes(one))
  return travels ? ['UNEXPECTED_MESSAGE'] : ['UNEXPECTED_MESSAGE', 'BAD_MESSAGE']
}

/** The last number of a run is also a count, and so is its last token; its names are short enough in bytes. */
function runFits(channel: Channel, [kind, first, items]: unknown[]): boolean {
  if (channel !== 'requestRuns') return true
  const ends = (number: number, length: number) => Number.isSafeInteger(number + (length - 1))
  if (kind === 'acquire-run') {
    const names = items as string[]
    return ends(first as number, names.length) && names.every(name => Buffer.byteLength(name) <= 1_024)
  }
  const pairs = items as number[]
  const counts = pairs.filter((_, i) => i % 2 === 1)
  const length = counts.reduce((sum, count) => sum + count, 0)
  if (pairs.length % 2 === 1 || counts.includes(0) || length > runMax) return false
  return ends(first as number, length) && counts.every((count, i) => ends(pairs[2 * i] as number, count))
}

/** The messages inside a batch or a chunk that are runs. */
function insideFits([kind, ...fields]: unknown[]): boolean {
  return kind !== 'chunk' || Array.isArray(fields[2])
}
