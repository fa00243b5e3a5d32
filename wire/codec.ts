// Text to messages and back. Everything that arrives is checked here, once, at the edge; behind it
// messages are trusted to have their types.

import { claimProblem, keyProblem, noteProblem } from './claim.ts'
import { type ErrorCode, errors } from './errors.ts'
import { unfoldedMax } from './limits.ts'
import type { Channel, Message, MessageOf } from './messages.ts'
import { fitsBytes } from './name.ts'
import { fold, inEntries, inMessages, lengthOf, runProblem, runsOf, type SaidOn } from './runs.ts'
import { frameText } from './shared.ts'
import { wireVersion } from './version.ts'

/** What was wrong with a peer's input: the one line that is sent to it. */
export class WireError extends Error {
  readonly code: ErrorCode
  constructor(code: ErrorCode, text: string) {
    super(text)
    this.name = 'WireError'
    this.code = code
  }
  get close(): number {
    return errors[this.code].close ?? 4400
  }
}

export function encode(messages: readonly Message[]): string {
  return frameText(fold(messages))
}

/** What compile.ts makes of one kind of message. */
export interface Validator {
  (value: unknown): boolean
  errors?: { instancePath: string; message?: string }[] | null
}
/** By channel and kind. */
export type Validators = Readonly<Record<string, Readonly<Record<string, Validator>>>>

type Kinds = ReadonlyMap<string, Validator> | undefined
const tables = new Map<string, Kinds>()

/**
 * What may be said on these channels, beside what is known already. A client learns only what servers say to it: the rest
 * is ten times as much.
 */
export function learn(validators: Validators): void {
  for (const [channel, kinds] of Object.entries(validators))
    tables.set(channel, new Map([...(tables.get(channel) ?? []), ...Object.entries(kinds)]))
}

/** The messages of one frame, with runs as they came; throws a WireError that says which one is wrong and how. */
export function decode<C extends Channel>(text: string, channel: C): SaidOn<C>[] {
  let frame: unknown
  try {
    frame = JSON.parse(text)
  } catch {
    throw new WireError('BAD_MESSAGE', 'the frame is not JSON; it must be an array of messages')
  }
  if (!Array.isArray(frame)) throw new WireError('BAD_MESSAGE', 'the frame is not an array of messages')
  if (channel === 'opening') checkWire(frame[0])
  const size = checkAll(frame, channel, undefined)
  // B1: runs multiply what a frame's bytes allow.
  if (size > unfoldedMax && channel === 'clientToServer')
    throw new WireError('BAD_MESSAGE', `the frame stands for more than ${unfoldedMax} messages`)
  // Each has the form that its kind has on this channel.
  return frame
}

/** Each by the schema of its kind; returns how many messages they stand for. `inside`: of the message with this index. */
function checkAll(messages: readonly unknown[], channel: Channel, inside: number | undefined): number {
  const kinds = tables.get(channel)
  let size = 0
  for (let i = 0; i < messages.length; i++) size += check(messages[i], channel, kinds, inside ?? i)
  return size
}

/** Whatever else another version says in its hello, it gets to know which one this is. */
function checkWire(hello: unknown): void {
  if (!Array.isArray(hello) || hello[0] !== 'hello') return
  const version: unknown = hello[1]
  if (!Number.isSafeInteger(version) || version === wireVersion) return
  throw new WireError(
    'WRONG_WIRE_VERSION',
    `this server speaks wire version ${wireVersion}, not ${String(version)}`,
  )
}

/** Checks a message, or a run of them, and returns how many it stands for. */
function check(message: unknown, channel: Channel, kinds: Kinds, index: number): number {
  const kind: unknown = Array.isArray(message) ? message[0] : undefined
  if (typeof kind !== 'string') {
    throw new WireError(
      'BAD_MESSAGE',
      `message ${index} of the frame is not an array that starts with its kind`,
    )
  }
  const validator = kinds?.get(kind)
  if (validator === undefined) return checkRun(kind, message as Message, channel, index)
  if (!validator(message)) throw wrongFields(kind, validator, index)
  checkInside(message as MessageOf<Channel>, channel, index)
  return 1
}

function checkRun(kind: string, run: Message, channel: Channel, index: number): number {
  const runs = runsOf[channel]
  const validator = runs === undefined ? undefined : tables.get(runs)?.get(kind)
  if (validator === undefined) throw wrongKind(kind, channel, index)
  if (!validator(run)) throw wrongFields(kind, validator, index)
  const at = channel === 'entries' ? inEntries : inMessages
  const problem = runProblem(run, at)
  if (problem !== undefined) throw new WireError('BAD_MESSAGE', `message ${index}, "${kind}": ${problem}`)
  if (kind === 'acquire-run' && channel === 'clientToServer') {
    const [, , names] = run as MessageOf<'requestRuns', 'acquire-run'>
    for (const name of names) checkName(name, index)
  }
  return lengthOf(run, at)
}

function wrongKind(kind: string, channel: Channel, index: number): WireError {
  const shown = JSON.stringify(kind.slice(0, 40))
  const known = [...tables.values()].some(kinds => kinds?.has(kind))
  if (!known) return new WireError('BAD_MESSAGE', `message ${index}: there is no message ${shown}`)
  const allowed = [...(tables.get(channel)?.keys() ?? [])].join(', ')
  return new WireError('UNEXPECTED_MESSAGE', `message ${index}: ${shown} can't come here; ${allowed} can`)
}

function wrongFields(kind: string, validator: Validator, index: number): WireError {
  const first = validator.errors?.[0]
  const where = first?.instancePath ? `${kind}${first.instancePath.slice(0, 80)}` : `"${kind}"`
  return new WireError('BAD_MESSAGE', `message ${index}, ${where}: ${first?.message ?? 'is malformed'}`)
}

/** What a schema can't say: names in bytes, ranges in pairs, and the messages inside of a message. */
function checkInside(message: MessageOf<Channel>, channel: Channel, index: number): void {
  if (channel === 'clientToServer') checkRequest(message as MessageOf<'clientToServer'>, index)
  else if (message[0] === 'replicate') checkAll(message[5], 'entries', index)
  else if (message[0] === 'chunk') checkAll(message[3], 'records', index)
  else if (channel === 'journalled' && message[0] === 'batch') checkAll(message[4], 'entries', index)
}

function checkRequest(message: MessageOf<'clientToServer'>, index: number): void {
  switch (message[0]) {
    case 'acquire':
      checkNames(message[2], index)
      if (message[5] !== null || message[3] === 'permits') checkClaim(message, index)
      return
    case 'set-note':
      return message[3] === null ? undefined : found(noteProblem(message[3]), 'set-note.note', index)
    case 'force-release':
      return checkName(message[2], index)
    case 'forget-key':
      checkName(message[2], index)
      return found(keyProblem(message[3]), 'forget-key.key', index)
    case 'resume':
      return checkPairs(message[0], message[5], index)
    case 'acknowledge':
      return checkPairs(message[0], message[1], index)
  }
}

/** The schema says that they are unique, but ajv's code for it overlooks a second `__proto__`. */
function checkNames(names: readonly string[], index: number): void {
  for (const name of names) checkName(name, index)
  if (names.length > 1 && new Set(names).size !== names.length)
    throw new WireError('BAD_MESSAGE', `message ${index}, acquire.names: a lock name stands there twice`)
}

function checkClaim(
  [, , names, mode, manner, terms]: MessageOf<'clientToServer', 'acquire'>,
  index: number,
): void {
  found(claimProblem(names, mode, manner, terms), 'acquire.terms', index)
}

function found(problem: string | undefined, where: string, index: number): void {
  if (problem !== undefined) throw new WireError('BAD_MESSAGE', `message ${index}, ${where}: ${problem}`)
}

function checkPairs(kind: string, ranges: readonly number[], index: number): void {
  if (ranges.length % 2 === 0) return
  throw new WireError(
    'BAD_MESSAGE',
    `message ${index}, "${kind}": ranges must come in pairs of first and last`,
  )
}

function checkName(name: string, index: number): void {
  if (!fitsBytes(name))
    throw new WireError('BAD_MESSAGE', `message ${index}: a lock name has more than 1024 bytes of UTF-8`)
}

/** Numbers, ascending, as pairs of first and last. */
export function toRanges(numbers: Iterable<number>): number[] {
  const ranges: number[] = []
  for (const number of numbers) {
    const last = ranges.length - 1
    if (last > 0 && ranges[last] === number - 1) ranges[last] = number
    else ranges.push(number, number)
  }
  return ranges
}

/** Those of the numbers that are in one of the ranges, ascending; in good time, however many and in what order the ranges come. */
export function amongRanges(numbers: Iterable<number>, ranges: readonly number[]): number[] {
  const pairs: [number, number][] = []
  for (let i = 0; i + 1 < ranges.length; i += 2) pairs.push([ranges[i] as number, ranges[i + 1] as number])
  pairs.sort((a, b) => a[0] - b[0])
  let [next, last] = [0, -1]
  return [...numbers]
    .sort((a, b) => a - b)
    .filter(number => {
      for (; next < pairs.length && (pairs[next]?.[0] as number) <= number; next++)
        last = Math.max(last, pairs[next]?.[1] as number)
      return number <= last
    })
}

/** Whether a number is in one of the ranges. */
export function inRanges(ranges: readonly number[], number: number): boolean {
  for (let i = 0; i + 1 < ranges.length; i += 2) {
    if (number >= (ranges[i] as number) && number <= (ranges[i + 1] as number)) return true
  }
  return false
}
