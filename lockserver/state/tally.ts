// About how many bytes the state takes, counted alike in every copy (R4, B4): by what there is, never by what
// a machine measures. It refuses nothing; state.ts does.

import type { Reply } from '../../wire/messages.ts'

export class Tally {
  bytes = 0
}

/** A UTF-16 unit. */
const unit = 2
const session = 512
const lock = 128
const reply = 128
const token = 16

export const holdBytes = 96
export const lossBytes = 96

export function sessionBytes(name: string): number {
  return session + unit * name.length
}

export function lockBytes(name: string): number {
  return lock + unit * name.length
}

export function waitBytes(names: readonly string[]): number {
  return names.reduce((sum, name) => sum + token + unit * name.length, reply)
}

/** What an acquire that gets all of these names adds at most. */
export function acquireBytes(names: readonly string[]): number {
  return names.reduce((sum, name) => sum + lockBytes(name) + holdBytes + token, reply)
}

export function replyBytes(message: Reply): number {
  if (message[0] === 'granted') return reply + token * message[2].length
  if (message[0] === 'refused') return reply + message[3].length
  return message[0] === 'cancel-done' && message[3] !== null ? reply + lockBytes(message[3].name) : reply
}
