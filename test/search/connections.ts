// One connection of the simulated network, as TCP gives it: order within it, loss only by cutting it, with
// everything in flight gone or delivered up to any point. Connections never change; equal ones have one number.

import type { Channel, HelloFrom } from '../../wire/messages.ts'
import { frozen } from './plain.ts'

/** What comes after the frames on their way: more; the close, in its place; or the close at any moment, with frames lost. */
export type Ending = 'open' | 'closes' | 'breaks'

export interface Direction {
  readonly frames: readonly number[]
  readonly ending: Ending
}

export interface End {
  readonly slot: number
  /** As the process there knows it; 0: not accepted yet. */
  readonly number: number
  /** Still hears what comes. */
  readonly open: boolean
}

export interface Connection {
  readonly dialler: End
  readonly acceptor: End
  readonly kind: HelloFrom['kind']
  readonly toAcceptor: Direction
  readonly toDialler: Direction
}

export type Side = 'dialler' | 'acceptor'
export const sides: readonly Side[] = ['dialler', 'acceptor']

export function other(side: Side): Side {
  return side === 'dialler' ? 'acceptor' : 'dialler'
}

/** What is on its way to this side. */
export function towards(connection: Connection, side: Side): Direction {
  return side === 'dialler' ? connection.toDialler : connection.toAcceptor
}

function dialled(
  from: number,
  number: number,
  to: number,
  kind: HelloFrom['kind'],
  hello: number,
): Connection {
  return {
    dialler: { slot: from, number, open: true },
    acceptor: { slot: to, number: 0, open: true },
    kind,
    toAcceptor: { frames: [hello], ending: 'open' },
    toDialler: { frames: [], ending: 'open' },
  }
}

function withFrame(connection: Connection, to: Side, frame: number): Connection {
  const direction = towards(connection, to)
  if (direction.ending !== 'open' || !connection[to].open) return connection
  return withDirection(connection, to, { ...direction, frames: [...direction.frames, frame] })
}

/** The first frame towards this side has arrived. */
function withoutFirst(connection: Connection, side: Side): Connection {
  const direction = towards(connection, side)
  return withDirection(connection, side, { ...direction, frames: direction.frames.slice(1) })
}

function accepted(connection: Connection, number: number): Connection {
  return { ...connection, acceptor: { ...connection.acceptor, number } }
}

/** This side hears nothing more; the other learns of it behind what was sent before, or perhaps instead of it. */
function hungUp(connection: Connection, side: Side, ending: Ending): Connection {
  const closed = { ...connection, [side]: { ...connection[side], open: false } }
  const away = towards(connection, other(side))
  const quiet = withDirection(closed, side, { frames: [], ending: 'closes' })
  return away.ending === 'open' ? withDirection(quiet, other(side), { ...away, ending }) : quiet
}

/** Both ends will hear that it is closed, each at any moment. */
function cut(connection: Connection): Connection {
  return {
    ...connection,
    toAcceptor: { ...connection.toAcceptor, ending: 'breaks' },
    toDialler: { ...connection.toDialler, ending: 'breaks' },
  }
}

export function isOver(connection: Connection): boolean {
  return !connection.dialler.open && !connection.acceptor.open
}

function withDirection(connection: Connection, to: Side, direction: Direction): Connection {
  return to === 'dialler' ? { ...connection, toDialler: direction } : { ...connection, toAcceptor: direction }
}

/** What may arrive at this side. */
export function channelOf(connection: Connection, side: Side): Channel {
  const toView = connection.acceptor.slot === 0
  switch (connection.kind) {
    case 'lockserver':
      return side === 'dialler' ? 'viewToServer' : 'serverToView'
    case 'primary':
      return side === 'dialler' ? 'backupToPrimary' : 'primaryToBackup'
    default:
      if (side === 'dialler') return toView ? 'viewToClient' : 'serverToClient'
      return toView ? 'clientToView' : 'clientToServer'
  }
}

/** A change that was made once is not made again. */
class Changes {
  readonly #made = new Map<number, number>()

  of(key: number, make: () => number): number {
    const known = this.#made.get(key)
    if (known !== undefined) return known
    const made = make()
    this.#made.set(key, made)
    return made
  }
}

const framesMax = 2 ** 20

/** Connections by number, and how one becomes another. */
export class SearchedConnections {
  readonly #all: Connection[] = []
  readonly #ranks: number[] = []
  readonly #numbers = new Map<string, number>()
  readonly #withFrame = new Changes()
  readonly #withoutFirst = new Changes()
  readonly #accepted = new Changes()
  readonly #closed = new Changes()
  readonly #broken = new Changes()

  /** Ascending: by the dialling party, and when it dialled. Which numbers connections have depends on the search's way so far. */
  inOrder(numbers: number[]): number[] {
    return numbers.sort((a, b) => (this.#ranks[a] as number) - (this.#ranks[b] as number) || a - b)
  }

  get(number: number): Connection {
    return this.#all[number] as Connection
  }

  dialled(from: number, number: number, to: number, kind: HelloFrom['kind'], hello: number): number {
    return this.#numberOf(dialled(from, number, to, kind, hello))
  }

  /** One more frame on its way to this side; lost if that side does not read any more. */
  withFrame(number: number, to: Side, frame: number): number {
    const key = keyOf(number, to) * framesMax + frame
    return this.#withFrame.of(key, () => this.#numberOf(withFrame(this.get(number), to, frame)))
  }

  /** The first frame has arrived at this side. */
  withoutFirst(number: number, side: Side): number {
    return this.#withoutFirst.of(keyOf(number, side), () =>
      this.#numberOf(withoutFirst(this.get(number), side)),
    )
  }

  /** The hello has arrived; the process there calls the connection so. */
  accepted(number: number, as: number): number {
    const made = () => this.#numberOf(withoutFirst(accepted(this.get(number), as), 'acceptor'))
    return this.#accepted.of(number * framesMax + as, made)
  }

  /** This side hears nothing more; the other learns of it behind what was sent before. */
  closed(number: number, side: Side): number {
    return this.#closed.of(keyOf(number, side), () =>
      this.#numberOf(hungUp(this.get(number), side, 'closes')),
    )
  }

  /** The process of this side died: the other end learns of it, perhaps instead of what was sent before. */
  broken(number: number, side: Side): number {
    return this.#broken.of(keyOf(number, side), () =>
      this.#numberOf(hungUp(this.get(number), side, 'breaks')),
    )
  }

  cut(number: number): number {
    return this.#numberOf(cut(this.get(number)))
  }

  #numberOf(connection: Connection): number {
    const { dialler, acceptor, toAcceptor, toDialler } = connection
    const end = ({ slot, number, open }: End) => `${slot}.${number}${open ? '' : '!'}`
    const way = ({ frames, ending }: Direction) => `${frames}${ending}`
    const key = `${end(dialler)} ${end(acceptor)} ${connection.kind} ${way(toAcceptor)} ${way(toDialler)}`
    const known = this.#numbers.get(key)
    if (known !== undefined) return known
    this.#numbers.set(key, this.#all.length)
    this.#ranks.push(((dialler.slot * 1_000 - dialler.number) * 10 + acceptor.slot) * 1_000 + acceptor.number)
    return this.#all.push(frozen(connection)) - 1
  }
}

function keyOf(number: number, side: Side): number {
  return number * 2 + (side === 'dialler' ? 0 : 1)
}
