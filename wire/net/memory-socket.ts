// Two ends of a connection inside one process, without network and time: what one end sends, the other
// receives in order when its turn comes. For rehearsals and benchmarks; it loses nothing and never fails.

import type { Runtime } from './runtime.ts'
import type { Socket, SocketHandlers } from './socket.ts'

type Turns = Pick<Runtime, 'afterTurn'>

/** The dialled end, which says when it is open, and the accepted end. Each hears in its runtime's turns. */
export function memorySockets(dialling: Turns, accepting: Turns): [dialled: Socket, accepted: Socket] {
  const [dialled, accepted] = [new MemorySocket(dialling), new MemorySocket(accepting)]
  dialled.join(accepted)
  accepted.join(dialled)
  dialling.afterTurn(() => dialled.begin())
  return [dialled, accepted]
}

class MemorySocket implements Socket {
  readonly bufferedAmount = 0
  open = true
  readonly #turns: Turns
  #other: MemorySocket = this
  #handlers: SocketHandlers | undefined

  constructor(turns: Turns) {
    this.#turns = turns
  }

  join(other: MemorySocket): void {
    this.#other = other
  }

  begin(): void {
    if (this.open) this.#handlers?.opened()
  }

  hear(handlers: SocketHandlers): void {
    this.#handlers = handlers
  }

  send(text: string): void {
    const other = this.#other
    other.#turns.afterTurn(() => {
      if (other.open) other.#handlers?.received(text)
    })
  }

  close(code: number, reason: string): void {
    this.open = false
    const other = this.#other
    other.#turns.afterTurn(() => other.#end(code, reason))
  }

  cut(): void {
    this.close(1006, '')
  }

  #end(code: number, reason: string): void {
    if (!this.open) return
    this.open = false
    this.#handlers?.closed(code, reason, undefined)
  }
}
