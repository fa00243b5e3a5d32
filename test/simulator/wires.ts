// What no lock server may put on a wire, whether or not it harms anybody this time: the word of a
// connection that was replaced (S2), answers from a primary that has found its copies different (R4), a
// lease that ends just after a promotion (S3), a copy that goes on over another connection (R3). It sees
// frames and the clock, and nothing inside of a server.

import { promotionGraceMs } from '../../wire/limits.ts'
import type { Entry, Message, Welcome } from '../../wire/messages.ts'
import type { LockServerParty } from '../fixtures/cluster.ts'
import type { Party, Wire } from '../fixtures/network.ts'
import { Reads } from './reads.ts'
import type { Verdict } from './verdict.ts'

/** For which session a client's connection speaks. */
interface Speaker {
  readonly wire: Wire
  readonly server: string
  readonly session: string
  readonly count: number
  /** The server has said so. */
  told: boolean
}

/** What a connection of two servers carries: of which view the backup has the whole snapshot, or gets it here, and how much of it. */
interface Stream {
  readonly view: number
  chunks: number
}

/** What a primary says to a backup that has its snapshot, or gets it on this very connection. */
const streamed: ReadonlySet<string> = new Set(['chunk', 'whole', 'replicate', 'in-sync'])
/** What a primary says to a client of its operations, reads and renewals; each waits for the backup (R1). */
const shown: ReadonlySet<string> = new Set([
  ...['opened', 'resumed', 'unknown-session', 'renewed', 'lost', 'granted', 'unavailable', 'cancelled'],
  ...['cancel-done', 'released', 'force-released', 'key-forgotten', 'refused', 'ended'],
])

export class Wires {
  readonly #verdict: Verdict
  readonly #now: () => number
  readonly #graceMs: number
  /** In which of its turns this server has last told clients anything, and last heard its backup's word. */
  readonly #toldAt = new Map<string, number>()
  readonly #wordAt = new Map<string, number>()
  /** The newest view in which this server's backup has applied anything, and in which it has begun a copy. */
  readonly #appliedIn = new Map<string, number>()
  readonly #copiedIn = new Map<string, number>()
  readonly #speakers = new Map<Wire, Speaker>()
  readonly #streams = new WeakMap<Wire, Stream>()
  /** Connections on which the accepting side has said an error. */
  readonly #turnedAway = new WeakSet<Wire>()
  /** When the view that promotes this server was durable. */
  readonly #promoted = new Map<string, number>()
  /** In which acked view, and in which of its turns, this primary found that its backup's digest differs. */
  readonly #differs = new Map<string, { readonly view: number; readonly turn: number }>()

  readonly #reads: Reads

  constructor(verdict: Verdict, now: () => number, pingLimitMs: number) {
    this.#verdict = verdict
    this.#reads = new Reads(verdict)
    this.#now = now
    // Rates differ by at most 1 %.
    this.#graceMs = promotionGraceMs(pingLimitMs) * 0.98
  }

  arrived(to: LockServerParty, messages: readonly Message[], wire: Wire): void {
    for (const message of messages) this.#reads.arrived(to, message, wire)
    for (const [kind, view] of messages) {
      if (kind !== 'applied') continue
      this.#wordAt.set(to.id, to.turns)
      this.#appliedIn.set(to.id, view as number)
    }
  }

  /** R5: it drops what waits; in that turn it tells clients only what its backup has just confirmed. */
  gone(server: LockServerParty, id: string, how: string): void {
    if (this.#toldAt.get(id) === server.turns && this.#waits(server, id) && !this.#hasWord(server, id))
      this.#blame('R5 shown', `${server.name} ${how}, and says what waited for its backup`)
  }

  /** R1, D1: what it decides waits for its disk, or for a backup that has the copy; before that nothing is latched. */
  #waits({ core }: LockServerParty, id: string): boolean {
    if (core.view?.durability === 'disk') return true
    const applied = this.#appliedIn.get(id)
    return applied !== undefined && applied >= (this.#copiedIn.get(id) ?? 0)
  }

  /** B1, D1: its backup or its disk has said something in this turn, or in one before it that had no time for all that follows from it. */
  #hasWord(server: LockServerParty, id: string): boolean {
    const { unbrokenSince } = server
    const word = Math.max(this.#wordAt.get(id) ?? -1, server.syncedAt)
    return word >= unbrokenSince
  }

  /** F13: an accepting side that turns a peer away says why first. */
  closes(from: Party, code: number, wire: Wire): void {
    if (accepted(from, wire) && code >= 4400 && !this.#turnedAway.has(wire))
      this.#blame('F13 closed without a word', `${from.name} closes with ${code} and has not said why`)
  }

  /** F13: an error is the last that the accepting side says. */
  #saysLast(from: Party, messages: readonly Message[], wire: Wire): void {
    if (!accepted(from, wire)) return
    const error = messages.findIndex(([kind]) => kind === 'error')
    if (this.#turnedAway.has(wire) || (error >= 0 && error < messages.length - 1))
      this.#blame('F13 said after an error', `${from.name} goes on after its error`)
    if (error >= 0) this.#turnedAway.add(wire)
  }

  promotes(id: string): void {
    this.#promoted.set(id, this.#now())
  }

  /** `acked`: the number of the newest view, if it has a backup and was acked before the sender's turn began; else 0. */
  sent(from: Party, to: Party, messages: readonly Message[], wire: Wire, acked: number): void {
    this.#saysLast(from, messages, wire)
    if (from.kind === 'client' && to.kind === 'lockserver') this.#asked(to as LockServerParty, messages, wire)
    if (from.kind !== 'lockserver') return
    const server = from as LockServerParty
    if (to.kind === 'client') this.#answered(server, messages, wire, acked)
    else if (to.kind === 'lockserver')
      for (const message of messages) {
        this.#reads.replicated(server, message)
        this.#onStream(server, message, wire)
        this.#toBackup(server, message, acked)
      }
  }

  /** R3: a copy lives and dies with its connection, and begins with its first chunk. */
  #onStream(server: LockServerParty, message: Message, wire: Wire): void {
    const [kind, view, chunk] = message
    if (kind === 'copy') this.#copiedIn.set(server.id, view as number)
    if (kind === 'welcome') this.#streams.set(wire, { view: (view as Welcome).whole, chunks: 0 })
    else if (kind === 'copy' || kind === 'keep') this.#streams.set(wire, { view: view as number, chunks: 0 })
    else if (streamed.has(kind)) {
      const stream = this.#streams.get(wire)
      const begun = stream !== undefined && stream.view === view
      if (!begun || (kind === 'chunk' && chunk !== stream.chunks++))
        this.#blame('R3 copy', `${server.name} says "${kind}" where no copy of view ${view} has begun`)
    }
  }

  #toBackup(server: LockServerParty, message: Message, acked: number): void {
    if (message[0] === 'differs' && acked > 0)
      this.#differs.set(server.id, { view: message[1] as number, turn: server.turns })
    if (message[0] !== 'replicate') return
    const since = this.#now() - (this.#promoted.get(server.id) ?? Number.NEGATIVE_INFINITY)
    const expires = (message[5] as Entry[]).some(([kind]) => kind === 'expire')
    if (expires && since < this.#graceMs)
      this.#blame('S3 no grace', `${server.name} lets a lease end ${since.toFixed(1)} ms after its promotion`)
  }

  #asked(server: LockServerParty, messages: readonly Message[], wire: Wire): void {
    // C9: with another key it is another session, or none.
    for (const [kind, session, key, count] of messages)
      if (kind === 'open' || kind === 'resume')
        this.#speakers.set(wire, {
          wire,
          server: server.id,
          session: `${session} ${key}`,
          count: count as number,
          told: false,
        })
  }

  #answered(server: LockServerParty, messages: readonly Message[], wire: Wire, acked: number): void {
    const speaker = this.#speakers.get(wire)
    for (const message of messages) {
      const [kind, code] = message
      const isNow = shown.has(kind) && !wire.waited
      if (isNow && this.#foundDifferent(server))
        this.#blame('R4 shown', `${server.name} says "${kind}" after it found its copies different`)
      if (!wire.waited) this.#reads.answered(server, message, wire, acked)
      if (isNow && this.#saysAlone(server, acked))
        this.#blame('R1 shown', `${server.name} says "${kind}" without a word of its backup`)
      if (isNow) this.#toldAt.set(server.id, server.turns)
      if (speaker === undefined) continue
      if (kind === 'error' && code === 'REPLACED' && !this.#others(speaker).some(isNewerThan(speaker)))
        this.#blame('S2 replaced', `${server.name} gives up the newest connection of ${speaker.session}`)
      if (!shown.has(kind)) continue
      const newer = this.#others(speaker).find(
        other => other.told && isOpen(other) && other.count > speaker.count,
      )
      if (newer !== undefined)
        this.#blame('S2 replaced', `${server.name} says "${kind}" on a connection that was replaced`)
      if (kind === 'opened' || kind === 'resumed') speaker.told = true
      // A session that is over has no connection any more; a client that asks learns so.
      else if (kind === 'unknown-session') speaker.told = false
    }
  }

  /** R1, V4: the view is acked, so only what the backup says in this very turn lets clients see anything. */
  #saysAlone(server: LockServerParty, acked: number): boolean {
    const { id, core } = server
    return core.role === 'primary' && core.view?.number === acked && !this.#hasWord(server, id)
  }

  /** In an earlier turn: what the backup's words had allowed before goes out in the same one, or in its shares. */
  #foundDifferent({ id, core, unbrokenSince }: LockServerParty): boolean {
    const found = this.#differs.get(id)
    if (found === undefined || found.view !== core.view?.number) return false
    return found.turn < unbrokenSince
  }

  #others({ server, session, wire }: Speaker): Speaker[] {
    return [...this.#speakers.values()].filter(
      other => other.wire !== wire && other.server === server && other.session === session,
    )
  }

  #blame(check: string, text: string): void {
    this.#verdict.blame(check, text)
  }
}

function isNewerThan({ count }: Speaker): (other: Speaker) => boolean {
  return other => other.count > count
}

/** At the server's end: the one that accepted. */
function isOpen({ wire }: Speaker): boolean {
  return wire.ends[1]?.open ?? false
}

/** Not of one that has dialled itself, whose two ends look alike (E3). */
function accepted(from: Party, { ends: [dialled, accepts] }: Wire): boolean {
  return from === accepts?.party && from !== dialled?.party
}
