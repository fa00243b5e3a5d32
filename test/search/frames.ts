// Frames by number: what is sent goes through the real codec once, and is shared from then on.

import '../../wire/client-channels.ts'
import '../../wire/server-channels.ts'
import { decode, encode } from '../../wire/codec.ts'
import type { Channel, Message } from '../../wire/messages.ts'
import { frozen } from './plain.ts'

export class Frames {
  readonly #numbers = new Map<string, number>()
  readonly #texts: string[] = []
  readonly #decoded = new Map<string, readonly Message[]>()

  numberOf(messages: readonly Message[]): number {
    const text = encode(messages)
    const known = this.#numbers.get(text)
    if (known !== undefined) return known
    this.#numbers.set(text, this.#texts.length)
    return this.#texts.push(text) - 1
  }

  /** As it arrives on this channel; throws if it may not come there. */
  messages(number: number, channel: Channel): readonly Message[] {
    const key = `${number} ${channel}`
    let messages = this.#decoded.get(key)
    if (messages === undefined) {
      messages = frozen(decode(this.#texts[number] as string, channel) as readonly Message[])
      this.#decoded.set(key, messages)
    }
    return messages
  }

  textOf(number: number): string {
    return this.#texts[number] as string
  }
}
