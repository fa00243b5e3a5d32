// Dials that cost this process something, as those with TLS do (A5): of each address few are in their handshake at a time, so that
// many clients in one process do not all take longer than their patience, and an address that is silent holds up no other. The
// newest goes first, since the oldest gives up soonest; one that gives up while it waits costs nothing. It knows no TLS.

import type { Socket, SocketHandlers } from './socket.ts'

export class DialsInTurn {
  readonly #atOnce: number
  readonly #lanes = new Map<string, Lane>()

  constructor(atOnce: number) {
    this.#atOnce = atOnce
  }

  /** `dial` is called now or later. */
  open(address: string, dial: () => Socket): Socket {
    return new WaitingSocket(dial, {
      waits: socket => {
        const lane = this.#lanes.get(address) ?? { dialling: 0, waiting: [] }
        this.#lanes.set(address, lane)
        lane.waiting.push(socket)
        this.#goOn(address, lane)
      },
      givenUp: socket => {
        const waiting = this.#lanes.get(address)?.waiting ?? []
        const at = waiting.indexOf(socket)
        if (at >= 0) waiting.splice(at, 1)
      },
      ended: () => {
        const lane = this.#lanes.get(address)
        if (lane === undefined) return
        lane.dialling--
        this.#goOn(address, lane)
      },
    })
  }

  #goOn(address: string, lane: Lane): void {
    while (lane.dialling < this.#atOnce) {
      const newest = lane.waiting.pop()
      if (newest === undefined) break
      lane.dialling++
      newest.dial()
    }
    if (lane.dialling === 0) this.#lanes.delete(address)
  }
}

interface Lane {
  dialling: number
  readonly waiting: WaitingSocket[]
}

interface Turn {
  waits(socket: WaitingSocket): void
  givenUp(socket: WaitingSocket): void
  /** The handshake is done, or has failed. */
  ended(): void
}

/** A socket that may not be dialled yet. */
class WaitingSocket implements Socket {
  readonly #dial: () => Socket
  readonly #turn: Turn
  #handlers: SocketHandlers | undefined
  #socket: Socket | undefined

  constructor(dial: () => Socket, turn: Turn) {
    this.#dial = dial
    this.#turn = turn
  }

  get open(): boolean {
    return this.#socket?.open ?? false
  }

  get bufferedAmount(): number {
    return this.#socket?.bufferedAmount ?? 0
  }

  hear(handlers: SocketHandlers): void {
    this.#handlers = handlers
    this.#turn.waits(this)
  }

  /** It is its turn. */
  dial(): void {
    const handlers = this.#handlers
    if (handlers === undefined) return
    let isInHandshake = true
    const ended = () => {
      if (isInHandshake) this.#turn.ended()
      isInHandshake = false
    }
    this.#socket = this.#dial()
    this.#socket.hear({
      ...handlers,
      opened: () => {
        ended()
        handlers.opened()
      },
      closed: (...why) => {
        ended()
        handlers.closed(...why)
      },
    })
  }

  send(text: string): void {
    this.#socket?.send(text)
  }

  pause(): void {
    this.#socket?.pause?.()
  }

  unpause(): void {
    this.#socket?.unpause?.()
  }

  whenDrained(run: () => void): void {
    this.#socket?.whenDrained?.(run)
  }

  close(code: number, reason: string): void {
    if (this.#socket === undefined) this.#giveUp()
    else this.#socket.close(code, reason)
  }

  cut(): void {
    if (this.#socket === undefined) this.#giveUp()
    else this.#socket.cut()
  }

  #giveUp(): void {
    this.#turn.givenUp(this)
  }
}
