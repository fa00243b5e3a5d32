// A step of the operator, who asks the view server for a reset once.

import type { HelloFrom, Message } from '../../../wire/messages.ts'
import { wireVersion } from '../../../wire/version.ts'
import type { Input, OperatorLocal } from './process.ts'
import type { Turn } from './turn.ts'

export class OperatorStep {
  readonly #turn: Turn

  constructor(turn: Turn) {
    this.#turn = turn
  }

  step(local: OperatorLocal, input: Input): void {
    if (input.is === 'call') {
      local.asked = true
      const from: HelloFrom = { kind: 'client', name: 'operator' }
      this.#turn.outputs.push({
        do: 'dial',
        connection: -1,
        to: 0,
        kind: 'client',
        frame: this.#turn.frames.numberOf([['hello', wireVersion, null, null, from]]),
      })
    } else if (input.is === 'messages') {
      for (const message of this.#turn.frames.messages(input.frame, input.channel))
        this.#hears(local, message)
    }
  }

  #hears(local: OperatorLocal, message: Message): void {
    if (message[0] === 'welcome') {
      const view = (message[1] as { view: { number: number } | null }).view?.number ?? 0
      const force = this.#turn.setting.operator === 'forcing'
      this.#turn.outputs.push({
        do: 'send',
        connection: -1,
        frame: this.#turn.frames.numberOf([['reset', 1, 0, view, force]]),
      })
    } else if (message[0] === 'reset-done' || message[0] === 'reset-refused') {
      local.done = true
      this.#turn.seen.push({ see: 'reset', answer: message })
    }
  }
}
