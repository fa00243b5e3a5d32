// What must come of a frame, as docs/PROTOCOL.md says it: which close code for which malformation. It asks no validator of
// the servers: JSON by its own parser, shapes by the interpreter of hostile-mutations.ts. Pure.

import { type Channel, channels } from '../../wire/messages.ts'
import { allowed } from '../fixtures/hostile-mutations.ts'

/** What a server must make of a frame's text, before it looks at what the messages mean. */
export type Verdict = 'fine' | 'BAD_MESSAGE' | 'UNEXPECTED_MESSAGE'

/** Runs stand for messages of their channel. */
const runsOf: Partial<Record<Channel, Channel>> = {
  clientToServer: 'requestRuns',
  serverToClient: 'replyRuns',
  entries: 'entryRuns',
}
/** What never travels as a message of its own: a server may not know its kinds. */
const inside: readonly Channel[] = ['stored', 'entries', 'entryRuns', 'records']

type Table = Readonly<Record<string, { schema: object }>>
const tableOf = (channel: Channel): Table => channels[channel]

export function verdictOn(text: string, channel: Channel): Verdict[] {
  const frame = parsed(text)
  if (!Array.isArray(frame)) return ['BAD_MESSAGE']
  // The first bad message of a frame is the one that it is closed for.
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

/** The last number of a run is a count, too; its names are short enough in bytes. */
function runFits(channel: Channel, [kind, first, items]: unknown[]): boolean {
  if (channel !== 'requestRuns') return true
  const list = items as unknown[]
  if (!Number.isSafeInteger((first as number) + (list.length - 1))) return false
  return kind !== 'acquire-run' || list.every(name => Buffer.byteLength(name as string) <= 1_024)
}

/** The messages inside of a batch or a chunk that are runs. */
function insideFits([kind, ...fields]: unknown[]): boolean {
  return kind !== 'chunk' || Array.isArray(fields[2])
}
