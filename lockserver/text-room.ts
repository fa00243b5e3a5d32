// How much one answer may hold (B1): names of locks and clients and notes may be long, and in JSON each of their characters
// may become six. What has no room any more is for the next page, or is cut. It knows no page.

import { answerCharsMax } from '../wire/limits.ts'

export class TextRoom {
  #left = answerCharsMax

  get isFull(): boolean {
    return this.#left <= 0
  }

  /** The record is in the answer; the last one may be larger than the room that is left. */
  take(record: object): void {
    this.#left -= charsOf(record)
  }
}

/** About how many a number takes. */
const numberChars = 8

function charsOf(value: unknown): number {
  if (typeof value === 'string') return value.length
  if (typeof value !== 'object' || value === null) return numberChars
  let sum = 0
  for (const part of Object.values(value)) sum += charsOf(part)
  return sum
}
