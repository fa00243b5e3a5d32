// Runs: neighbours of one kind whose numbers follow one another travel as one message, since most of
// the work of a frame is its text. A run means exactly the messages that it stands for; here they are folded
// into runs, and runs unfolded into them. It decides nothing.

import { runMax } from './limits.ts'
import type { Channel, Entry, Message, MessageOf, Places } from './messages.ts'

/** The runs that may stand among the messages of a channel. */
const runChannels = {
  clientToServer: 'requestRuns',
  serverToClient: 'replyRuns',
  entries: 'entryRuns',
} as const
export const runsOf: { readonly [C in Channel]?: Channel } = runChannels

type RunsOf<C extends Channel> = C extends keyof typeof runChannels ? (typeof runChannels)[C] : never
/** What may be said on a channel: its messages, and runs of them. */
export type SaidOn<C extends Channel> = C extends Channel ? MessageOf<C> | MessageOf<RunsOf<C>> : never

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
const replies: Replies = { request: 1, first: 1, tokens: 2, held: 2, count: 2, firstToken: 3, losses: 3 }
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
  const { held, count, firstToken, losses } = replies
  return { request, first, names, token, tokens, mode, manner, terms, held, count, firstToken, losses }
}

/** The messages of a frame as they travel; the entries of a batch likewise. */
export function fold(messages: readonly Message[], at = inMessages): readonly Message[] {
  const [only] = messages
  if (messages.length === 1 && only !== undefined) {
    const alone = only[0] === 'replicate' ? foldBatch(only) : only
    return alone === only ? messages : [alone]
  }
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
  const entries = message[batch.entries] as readonly Entry[]
  const folded = fold(entries, inEntries)
  if (folded === entries) return message
  const [kind, ...fields] = message
  fields[batch.entries - 1] = folded
  return [kind, ...fields]
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

/** `by`: how far behind the first one. */
function follows(first: Message, message: Message, by: number, at: At): boolean {
  if (message[0] !== first[0] || message[at.request] !== numberIn(first, at) + by) return false
  if (at === inEntries && message[entries.ordinal] !== first[entries.ordinal]) return false
  if (message[0] === 'acquire' && !claimsTheSame(first, message, at)) return false
  if (!joins(message, at)) return false
  return message[0] !== 'granted' || tokenIn(message, at) === tokenIn(first, at) + by
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
      return ['acquire-run', ...head, namesOf(messages, start, end, at), first[at.mode], first[at.manner]]
    case 'granted':
      return ['granted-run', ...head, end - start, tokenIn(first, at)]
    case 'release':
      return ['release-run', ...head, pairsOf(messages, start, end, at)]
    default:
      return ['released-run', ...head, end - start]
  }
}

function namesOf(messages: readonly Message[], start: number, end: number, at: At): unknown[] {
  const names: unknown[] = []
  for (let i = start; i < end; i++) names.push(listIn(messages[i] as Message, at.names)[0])
  return names
}

/** Tokens as pairs: a token, and how many follow one another from it. */
function pairsOf(messages: readonly Message[], start: number, end: number, at: At): number[] {
  const pairs: number[] = []
  for (let i = start; i < end; i++) addToken(pairs, (messages[i] as Message)[at.token] as number)
  return pairs
}

export function addToken(pairs: number[], token: number): void {
  const last = pairs.length - 2
  if (last >= 0 && token === (pairs[last] as number) + (pairs[last + 1] as number))
    pairs[last + 1] = (pairs[last + 1] as number) + 1
  else pairs.push(token, 1)
}

/** The token of a grant of one lock. */
function tokenIn(message: Message, at: At): number {
  return listIn(message, at.tokens)[0] as number
}

function numberIn(message: Message, at: At): number {
  return message[at.request] as number
}

function listIn(message: Message, place: number): readonly unknown[] {
  return message[place] as readonly unknown[]
}

// ---- what a run stands for

/** How many messages these stand for. */
export function sizeOf(messages: readonly Message[], at: At): number {
  let size = 0
  for (const message of messages) size += lengthOf(message, at)
  return size
}

/** How many messages this one stands for. */
export function lengthOf(message: Message, at: At): number {
  switch (message[0]) {
    case 'acquire-run':
      return listIn(message, at.names).length
    case 'release-run':
      return tokensIn(message[at.tokens] as readonly number[])
    case 'granted-run':
    case 'released-run':
      return message[at.count] as number
    default:
      return 1
  }
}

/** How many tokens these pairs stand for. */
function tokensIn(pairs: readonly number[]): number {
  let count = 0
  for (let i = 1; i < pairs.length; i += 2) count += pairs[i] as number
  return count
}

/** What no schema can say of a run, or undefined. */
export function runProblem(run: Message, at: At): string | undefined {
  if (run[0] === 'release-run' && !arePairs(run[at.tokens] as readonly number[]))
    return 'tokens must come in pairs of a token and how many follow one another from it'
  const length = lengthOf(run, at)
  if (length > runMax) return `it stands for more than ${runMax} messages`
  // Too large a one is no whole number any more.
  return Number.isSafeInteger(numberIn(run, at) + (length - 1)) && Number.isSafeInteger(largestToken(run, at))
    ? undefined
    : 'its last number is too large'
}

function arePairs(numbers: readonly number[]): boolean {
  for (let i = 1; i < numbers.length; i += 2) if (numbers[i] === 0) return false
  return numbers.length % 2 === 0
}

function largestToken(run: Message, at: At): number {
  if (run[0] === 'granted-run') return (run[at.firstToken] as number) + ((run[at.count] as number) - 1)
  if (run[0] !== 'release-run') return 0
  const pairs = run[at.tokens] as readonly number[]
  let largest = 0
  for (let i = 0; i < pairs.length; i += 2)
    largest = Math.max(largest, (pairs[i] as number) + ((pairs[i + 1] as number) - 1))
  return largest
}

/** Of all that a run tells; never added to. */
const noLosses: readonly never[] = []

/** The same without runs: each message by itself, those of a batch likewise. */
export function unfolded<C extends Channel>(messages: readonly SaidOn<C>[]): MessageOf<C>[] {
  return allUnfolded(messages, inMessages) as unknown as MessageOf<C>[]
}

function allUnfolded(messages: readonly Message[], at: At): Message[] {
  const all: Message[] = []
  for (const message of messages)
    if (isRun(message)) unfold(message, at, all)
    else if (message[0] === 'replicate') all.push(unfoldedBatch(message))
    else all.push(message)
  return all
}

export function isRun([kind]: Message): boolean {
  return kind === 'acquire-run' || kind === 'release-run' || kind === 'granted-run' || kind === 'released-run'
}

function unfoldedBatch(message: Message): Message {
  const [kind, ...fields] = message
  fields[batch.entries - 1] = entriesOf(message[batch.entries] as readonly Entry[])
  return [kind, ...fields]
}

/** Entries, each by itself. */
export function entriesOf(folded: readonly Entry[]): MessageOf<'entries'>[] {
  return allUnfolded(folded, inEntries) as unknown as MessageOf<'entries'>[]
}

function unfold(run: Message, at: At, into: Message[]): void {
  const first = numberIn(run, at)
  if (run[0] === 'release-run') return unfoldPairs(run, first, at, into)
  const length = lengthOf(run, at)
  for (let i = 0; i < length; i++) into.push(single(run, first, i, at))
}

function unfoldPairs(run: Message, first: number, at: At, into: Message[]): void {
  const pairs = run[at.tokens] as readonly number[]
  let number = first
  for (let i = 0; i < pairs.length; i += 2)
    for (let by = 0; by < (pairs[i + 1] as number); by++)
      into.push(release(run, number++, (pairs[i] as number) + by, at))
}

function release(run: Message, number: number, token: number, at: At): Message {
  return at === inEntries ? ['release', run[entries.ordinal], number, token] : ['release', number, token]
}

function single(run: Message, first: number, by: number, at: At): Message {
  const number = first + by
  switch (run[0]) {
    case 'acquire-run': {
      const rest = [number, [listIn(run, at.names)[by]], run[at.mode], run[at.manner], null]
      return at === inEntries ? ['acquire', run[entries.ordinal], ...rest] : ['acquire', ...rest]
    }
    case 'granted-run':
      return ['granted', number, [(run[at.firstToken] as number) + by], noLosses]
    default:
      return ['released', number, true]
  }
}
