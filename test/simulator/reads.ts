// Judges when reads and renewals are answered: in an acked view only after its backup has applied a batch that
// its primary sent after the read had come (R1). The answer may go out later, but never earlier. It sees frames,
// and nothing inside of a server.

import type { Message } from '../../wire/messages.ts'
import type { LockServerParty } from '../fixtures/cluster.ts'
import type { Wire } from '../fixtures/network.ts'
import type { Blamed } from './checker.ts'

/** Of one view: the last batch that its primary sent, or that its backup has applied. */
interface Batch {
  readonly view: number
  readonly sequence: number
}

/** When a read came: after which batch, in which turn, and in which view the backup had said its last word. */
interface Came {
  readonly after: Batch
  readonly turn: number
  readonly heardIn: number
}

const none: Batch = { view: 0, sequence: 0 }
/** What asks, by what answers. */
const asks: Readonly<Record<string, string>> = { locks: 'query', clients: 'clients', renewed: 'renew' }
const asked: ReadonlySet<string> = new Set(Object.values(asks))

export class Reads {
  readonly #verdict: Blamed
  /** Both by the id of the primary. */
  readonly #sent = new Map<string, Batch>()
  readonly #applied = new Map<string, Batch>()
  /** By the client's connection: each read that has come on it. */
  readonly #came = new WeakMap<Wire, Map<string, Came>>()

  constructor(verdict: Blamed) {
    this.#verdict = verdict
  }

  /** A primary has sent this to another server. */
  replicated({ id }: LockServerParty, [kind, view, sequence]: Message): void {
    if (kind === 'replicate') this.#sent.set(id, { view: view as number, sequence: sequence as number })
  }

  /** This has come to a lock server. */
  arrived({ id, turns }: LockServerParty, [kind, what, sequence]: Message, wire: Wire): void {
    if (kind === 'applied') this.#applied.set(id, { view: what as number, sequence: sequence as number })
    if (!asked.has(kind)) return
    const came = this.#came.get(wire) ?? new Map<string, Came>()
    const heardIn = (this.#applied.get(id) ?? none).view
    const after = this.#sent.get(id) ?? none
    this.#came.set(wire, came.set(`${kind} ${what}`, { after, turn: turns, heardIn }))
  }

  /** A lock server answers a client. `acked`: the newest view, if it is acked and has a backup; else 0. */
  answered(server: LockServerParty, message: Message, wire: Wire, acked: number): void {
    const { id, name, core } = server
    const [kind, number] = message
    const came = this.#came.get(wire)?.get(`${asks[kind]} ${number}`)
    if (came === undefined || !isSure(message)) return
    // One that has just learnt of the next view says its last words as the primary of the view before (R5).
    if (core.role !== 'primary' || core.view?.number !== acked || core.view.primary.id !== id) return
    // B1: nothing was latched before the backup had the copy, and the turns have had no time to say it since.
    if (came.heardIn !== acked && came.turn >= server.unbrokenSince) return
    const applied = this.#applied.get(id) ?? none
    const least = came.after.view === acked ? came.after.sequence : 0
    if (applied.view !== acked || applied.sequence <= least)
      this.#verdict.blame('R1 shown', `${name} says "${kind}" before its backup has confirmed it`)
  }
}

/** An answer of a query says whether its server was the primary just then. */
function isSure([kind, , part]: Message): boolean {
  return (kind !== 'locks' && kind !== 'clients') || (part as { readonly confirmed: boolean }).confirmed
}
