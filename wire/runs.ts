// Runs: neighbours of one kind whose numbers follow one another travel as one message, since most of
// the work of a frame is its text. Folded and unfolded here, at the edge; cores know single messages only.

import { runMax } from './limits.ts'
import type { Channel, Entry, Message, Places } from './messages.ts'

/** The runs that may stand among the messages of a channel. */
export const runsOf: { readonly [C in Channel]?: Channel } = {
  clientToServer: 'requestRuns',
  serverToClient: 'replyRuns',
  entries: 'entryRuns',
}

/**
 * Where each field of what runs are made of stands, by its name. No client loads messages.ts, so the numbers
 * are written down again; the compiler holds each of them against the tables there.
 */
export type At = { readonly [field in keyof Requests | keyof Replies]: number }
type Requests = Places<'clientToServer', 'acquire'> &
  Places<'clientToServer', 'release'> &
  Places<'requestRuns', 'acquire-run'> &
  Places<'requestRuns', 'release-run'>
type Replies = Places<'serverToClient', 'granted'> &
  Places<'serverToClient', 'released'> &
  Places<'replyRuns', 'granted-run'> &
  Places<'replyRuns', 'released-run'>
type Entries = Places<'entries', 'acquire'> &
  Places<'entries', 'release'> &
  Places<'entryRuns', 'acquire-run'> &
  Places<'entryRuns', 'release-run'>
const requests: Requests = {
  request: 1,
  first: 1,
  names: 2,
  token: 2,
  tokens: 2,
  mode: 3,
  manner: 4,
  terms: 5,
}
const replies: Replies = { request: 1, first: 1, tokens: 2, held: 2, count: 2, losses: 3 }
const entries: Entries = {
  ordinal: 1,
  request: 2,
  first: 2,
  names: 3,
  token: 3,
  tokens: 3,
  mode: 4,
  manner: 5,
  terms: 6,
}
const batch: Places<'primaryToBackup', 'replicate'> = {
  view: 1,
  sequence: 2,
  firstOp: 3,
  wallMs: 4,
  entries: 5,
}
export const inMessages = placesOf(requests)
/** Replies never stand among entries. */
export const inEntries = placesOf(entries)

/** Made at one place, so that V8 gives both the same hidden class. */
function placesOf({ request, first, names, token, tokens, mode, manner, terms }: Requests | Entries): At {
  const { held, count, losses } = replies
  return { request, first, names, token, tokens, mode, manner, terms, held, count, losses }
}

/** The messages of a frame as they travel; the entries of a batch likewise. */
export function fold(messages: readonly Message[], at = inMessages): readonly Message[] {
  const folded: Message[] = []
  for (let i = 0; i < messages.length; ) {
    const first = messages[i] as Message
    const end = endOfRun(messages, i, at)
    if (end > i + 1) folded.push(runOf(messages, i, end, at))
    else if (first[0] === 'replicate') folded.push(foldBatch(first))
    else folded.push(first)
    i = end
  }
  return folded
}

function foldBatch(message: Message): Message {
  const [kind, ...fields] = message
  fields[batch.entries - 1] = fold(message[batch.entries] as readonly Entry[], inEntries)
  return [kind, ...fields]
}

function endOfRun(messages: readonly Message[], start: number, at: At): number {
  const first = messages[start] as Message
  let end = start + 1
  if (!joins(first, at)) return end
  const number = numberIn(first, at)
  const last = Math.min(messages.length, start + runMax)
  while (end < last && follows(first, messages[end] as Message, number + end - start, at)) end++
  return end
}

/** Whether a run can hold it. */
function joins(message: Message, at: At): boolean {
  switch (message[0]) {
    case 'acquire':
      return message[at.terms] === null && listIn(message, at.names).length === 1
    case 'release':
      return true
    case 'granted':
      return listIn(message, at.tokens).length === 1 && listIn(message, at.losses).length === 0
    case 'released':
      return message[at.held] === true
    default:
      return false
  }
}

function follows(first: Message, message: Message, number: number, at: At): boolean {
  if (message[0] !== first[0] || message[at.request] !== number) return false
  if (at === inEntries && message[entries.ordinal] !== first[entries.ordinal]) return false
  if (message[0] === 'acquire' && !claimsTheSame(first, message, at)) return false
  return joins(message, at)
}

function claimsTheSame(first: Message, message: Message, at: At): boolean {
  return message[at.mode] === first[at.mode] && message[at.manner] === first[at.manner]
}

function runOf(messages: readonly Message[], start: number, end: number, at: At): Message {
  const first = messages[start] as Message
  const number = first[at.request]
  const head = at === inEntries ? [first[entries.ordinal], number] : [number]
  switch (first[0]) {
    case 'acquire':
      return [
        'acquire-run',
        ...head,
        singles(messages, start, end, at.names),
        first[at.mode],
        first[at.manner],
      ]
    case 'granted':
      return ['granted-run', ...head, singles(messages, start, end, at.tokens)]
    case 'release':
      return ['release-run', ...head, messages.slice(start, end).map(message => message[at.token])]
    default:
      return ['released-run', ...head, end - start]
  }
}

/** The only name or token of each. */
function singles(messages: readonly Message[], start: number, end: number, place: number): unknown[] {
  const all: unknown[] = []
  for (let i = start; i < end; i++) all.push(listIn(messages[i] as Message, place)[0])
  return all
}

function numberIn(message: Message, at: At): number {
  return message[at.request] as number
}

function listIn(message: Message, place: number): readonly unknown[] {
  return message[place] as readonly unknown[]
}

/** The last number that a checked run stands for; too large a one is no whole number any more. */
export function lastOf(run: Message, at: At): number {
  return numberIn(run, at) + (lengthOf(run, at) - 1)
}

function lengthOf(run: Message, at: At): number {
  return run[0] === 'released-run' ? (run[at.count] as number) : listIn(run, itemsAt(run, at)).length
}

function itemsAt(run: Message, at: At): number {
  return run[0] === 'acquire-run' ? at.names : at.tokens
}

/** Of all that a run tells; never added to. */
const noLosses: readonly never[] = []

/** The messages that a checked run stands for, at the end of `into`. */
export function unfold(run: Message, at: At, into: Message[]): void {
  const length = lengthOf(run, at)
  const first = numberIn(run, at)
  const items = listIn(run, itemsAt(run, at))
  for (let i = 0; i < length; i++) into.push(single(run, first + i, items[i], at))
}

function single(run: Message, number: number, item: unknown, at: At): Message {
  const ofEntries = at === inEntries
  switch (run[0]) {
    case 'acquire-run':
      return ofEntries
        ? ['acquire', run[entries.ordinal], number, [item], run[at.mode], run[at.manner], null]
        : ['acquire', number, [item], run[at.mode], run[at.manner], null]
    case 'release-run':
      return ofEntries ? ['release', run[entries.ordinal], number, item] : ['release', number, item]
    case 'granted-run':
      return ['granted', number, [item], noLosses]
    default:
      return ['released', number, true]
  }
}
