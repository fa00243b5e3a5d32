// Dials that cost this process something, as those with TLS do (A5): of each address few are in their handshake at a time, so that
// many clients in one process do not all take longer than their patience, and an address that is silent holds up no other. Whoever
// has least time left goes first, and of two the one that came first; one that gives up while it waits costs nothing. It knows no TLS.

import type { Socket, SocketHandlers } from './socket.ts'

export class DialsInTurn {
  readonly #atOnce: number
  readonly #lanes = new Map<string, Lane>()

  constructor(atOnce: number) {
    this.#atOnce = atOnce
  }

  /** `dial` is called now or later. */
  open(address: string, hurryAt: number, dial: () => Socket): Socket {
    return new WaitingSocket(hurryAt, dial, {
      waits: socket => {
        const lane = this.#lanes.get(address) ?? { dialling: 0, waiting: [] }
        this.#lanes.set(address, lane)
        lane.waiting.push(socket)
        this.#goOn(address, lane)
        // Who dials is told once it knows of the socket.
        queueMicrotask(() => socket.tellWaits())
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
      const next = takeFirst(lane.waiting)
      if (next === undefined) break
      lane.dialling++
      next.dial()
    }
    if (lane.dialling === 0) this.#lanes.delete(address)
  }
}

interface Lane {
  dialling: number
  readonly waiting: WaitingSocket[]
}

function takeFirst(waiting: WaitingSocket[]): WaitingSocket | undefined {
  let first = 0
  for (const [at, { hurryAt }] of waiting.entries())
    if (hurryAt < (waiting[first] as WaitingSocket).hurryAt) first = at
  return waiting.splice(first, 1)[0]
}

interface Turn {
  waits(socket: WaitingSocket): void
  givenUp(socket: WaitingSocket): void
  /** The handshake is done, or has failed. */
  ended(): void
}

/** A socket that may not be dialled yet. */
class WaitingSocket implements Socket {
  readonly hurryAt: number
  readonly #dial: () => Socket
  readonly #turn: Turn
  #handlers: SocketHandlers | undefined
  #socket: Socket | undefined

  #waits = false
  #givenUp = false

  constructor(hurryAt: number, dial: () => Socket, turn: Turn) {
    this.hurryAt = hurryAt
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

  /** If it was not its turn at once. */
  tellWaits(): void {
    if (this.#socket !== undefined || this.#givenUp) return
    this.#waits = true
    this.#handlers?.waits?.(true)
  }

  /** It is its turn. */
  dial(): void {
    const handlers = this.#handlers
    if (handlers === undefined) return
    if (this.#waits) handlers.waits?.(false)
    if (this.#givenUp) return this.#turn.ended()
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
    this.#givenUp = true
    this.#turn.givenUp(this)
  }
}
