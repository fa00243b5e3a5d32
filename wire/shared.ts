// Parts of messages that go to many receivers: each of them becomes text once, however many frames it stands in
// (B7). Whoever shares a part never changes it again. Nothing is sent here.

import type { Message } from './messages.ts'

/** The text of each shared part, once a frame has needed it; gone with the part. */
const texts = new WeakMap<object, string | null>()
/** Kinds that may hold a shared part; all others are not looked into. */
const kinds: ReadonlySet<string> = new Set(['event', 'locks', 'looked'])

export function share<T extends object>(part: T): T {
  if (!texts.has(part)) texts.set(part, null)
  return part
}

/** The text of a frame: what JSON.stringify makes of it. */
export function frameText(messages: readonly Message[]): string {
  return messages.some(mayShare) ? composed(messages) : JSON.stringify(messages)
}

function mayShare(message: Message): boolean {
  return kinds.has(message[0])
}

function composed(messages: readonly Message[]): string {
  const pieces: string[] = []
  for (let i = 0; i < messages.length; ) {
    const message = messages[i] as Message
    if (mayShare(message)) {
      pieces.push(textOf(message))
      i++
      continue
    }
    const from = i
    while (i < messages.length && !mayShare(messages[i] as Message)) i++
    pieces.push(JSON.stringify(messages.slice(from, i)).slice(1, -1))
  }
  return `[${pieces.join(',')}]`
}

/** A whole message may be shared, too. */
function textOf(message: Message): string {
  const known = texts.get(message)
  if (typeof known === 'string') return known
  const text = `[${message.map(partText).join(',')}]`
  if (known === null) texts.set(message, text)
  return text
}

function partText(part: unknown): string {
  if (typeof part === 'number') return `${part}`
  if (typeof part !== 'object' || part === null) return JSON.stringify(part)
  const known = texts.get(part)
  if (typeof known === 'string') return known
  const text = JSON.stringify(part)
  if (known === null) texts.set(part, text)
  return text
}
