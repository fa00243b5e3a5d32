// Runs: neighbours of one kind whose numbers follow one another travel as one message, since most of
// the work of a frame is its text. Folded and unfolded here, at the edge; cores know single messages only.

import { runMax } from './limits.ts'
import type { Channel, Message } from './messages.ts'

/** The runs that may stand among the messages of a channel. */
export const runsOf: { readonly [C in Channel]?: Channel } = {
  clientToServer: 'requestRuns',
  serverToClient: 'replyRuns',
  entries: 'entryRuns',
}

/** Where the number stands: behind the kind, in an entry behind the session. */
type At = 1 | 2

/** The messages of a frame as they travel; the entries of a batch likewise. */
export function fold(messages: readonly Message[], at: At = 1): readonly Message[] {
  const folded: Message[] = []
  for (let i = 0; i < messages.length; ) {
    const first = messages[i] as Message
    const end = endOfRun(messages, i, at)
    if (end > i + 1) folded.push(runOf(messages, i, end, at))
    else if (first[0] === 'replicate')
      folded.push([...first.slice(0, 5), fold(first[5] as Message[], 2)] as unknown as Message)
    else folded.push(first)
    i = end
  }
  return folded
}

function endOfRun(messages: readonly Message[], start: number, at: At): number {
  const first = messages[start] as Message
  let end = start + 1
  if (!joins(first, at)) return end
  const last = Math.min(messages.length, start + runMax)
  while (end < last && follows(first, messages[end] as Message, end - start, at)) end++
  return end
}

/** Whether a run can hold it. */
function joins(message: Message, at: At): boolean {
  switch (message[0]) {
    case 'acquire':
      return (message[at + 1] as string[]).length === 1
    case 'release':
      return true
    case 'granted':
      return (message[at + 1] as number[]).length === 1 && (message[at + 2] as unknown[]).length === 0
    case 'released':
      return message[at + 1] === true
    default:
      return false
  }
}

function follows(first: Message, message: Message, distance: number, at: At): boolean {
  if (message[0] !== first[0] || message[at] !== (first[at] as number) + distance) return false
  if (at === 2 && message[1] !== first[1]) return false
  if (message[0] === 'acquire' && (message[at + 2] !== first[at + 2] || message[at + 3] !== first[at + 3]))
    return false
  return joins(message, at)
}

function runOf(messages: readonly Message[], start: number, end: number, at: At): Message {
  const first = messages[start] as Message
  const head = at === 2 ? [first[1], first[2]] : [first[1]]
  switch (first[0]) {
    case 'acquire':
      return ['acquire-run', ...head, singles(messages, start, end, at), first[at + 2], first[at + 3]]
    case 'granted':
      return ['granted-run', ...head, singles(messages, start, end, at)]
    case 'release':
      return ['release-run', ...head, messages.slice(start, end).map(message => message[at + 1])]
    default:
      return ['released-run', ...head, end - start]
  }
}

/** The only name or token of each. */
function singles(messages: readonly Message[], start: number, end: number, at: At): unknown[] {
  const all: unknown[] = []
  for (let i = start; i < end; i++) all.push(((messages[i] as Message)[at + 1] as unknown[])[0])
  return all
}

/** How many messages a checked run stands for. */
export function lengthOf(run: Message, at: At): number {
  const items = run[at + 1]
  return Array.isArray(items) ? items.length : (items as number)
}

/** Of all that a run tells; never added to. */
const noLosses: readonly never[] = []

/** The messages that a checked run stands for, at the end of `into`. */
export function unfold(run: Message, at: At, into: Message[]): void {
  const length = lengthOf(run, at)
  const first = run[at] as number
  const items = run[at + 1] as readonly unknown[]
  for (let i = 0; i < length; i++) into.push(single(run, first + i, items[i], at))
}

function single(run: Message, number: number, item: unknown, at: At): Message {
  switch (run[0]) {
    case 'acquire-run':
      return at === 1
        ? ['acquire', number, [item], run[3], run[4]]
        : ['acquire', run[1], number, [item], run[4], run[5]]
    case 'release-run':
      return at === 1 ? ['release', number, item] : ['release', run[1], number, item]
    case 'granted-run':
      return ['granted', number, [item], noLosses]
    default:
      return ['released', number, true]
  }
}
