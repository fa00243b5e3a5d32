// Judges whose a session is (C9), from the wires alone and the hashes that servers keep: a server speaks for a session
// only to the connection that has shown its key, and tells nobody the id of another's session. It never steps anything.

import { isKeyOf, publicIdOf } from '../../lockserver/session-key.ts'
import type { Message } from '../../wire/messages.ts'
import type { LockServerParty } from '../fixtures/cluster.ts'
import type { Party, Wire } from '../fixtures/network.ts'
import type { Blamed } from './checker.ts'

interface Shown {
  readonly id: string
  readonly key: string
}

/** What names others, and where: lists, events, and what was in the way. */
type Named = { readonly clientId: string | null } | null

export class Takeovers {
  readonly #verdict: Blamed
  /** What a connection has shown; the wires of peers whose frames nobody reads have shown nothing. */
  readonly #shown = new WeakMap<Wire, Shown>()
  /** Ids of all sessions that were ever asked for, and public ids: a thief may open one under the public id of another. */
  readonly #ids = new Set<string>()
  readonly #publicIds = new Set<string>()

  constructor(verdict: Blamed) {
    this.#verdict = verdict
  }

  sent(from: Party, to: Party, messages: readonly Message[], wire: Wire): void {
    if (from.kind === 'client') this.#asked(messages, wire)
    else if (from.kind === 'lockserver' && to.kind === 'client')
      for (const message of messages) this.#said(from as LockServerParty, to, message, wire)
  }

  #asked(messages: readonly Message[], wire: Wire): void {
    for (const [kind, id, key] of messages as readonly [string, string, string][]) {
      if (kind !== 'open' && kind !== 'resume') continue
      this.#shown.set(wire, { id, key })
      this.#ids.add(id)
      this.#publicIds.add(publicIdOf(id, key))
    }
  }

  #said(server: LockServerParty, to: Party, message: Message, wire: Wire): void {
    const [kind, first] = message
    if (kind === 'opened' || kind === 'resumed') this.#binds(server, to, first as string, wire)
    for (const named of namedIn(message))
      if (named?.clientId && this.#ids.has(named.clientId) && !this.#publicIds.has(named.clientId))
        this.#blame('C9 shown', `${server.name} shows ${to.name} the id of a session in "${kind}"`)
  }

  /** By the time that it is said the session may be over: then nobody has anything of it. */
  #binds(server: LockServerParty, to: Party, id: string, wire: Wire): void {
    const session = server.core.state?.sessionsById.get(id)
    if (session === undefined) return
    const shown = this.#shown.get(wire)
    if (shown?.id !== id || !isKeyOf(session.keyHash, shown.key))
      this.#blame('C9 takeover', `${server.name} gives ${to.name} a session whose key it has not shown`)
  }

  #blame(check: string, text: string): void {
    this.#verdict.blame(check, text)
  }
}

function namedIn(message: Message): readonly Named[] {
  switch (message[0]) {
    case 'locks':
      return [...(message[3] as Named[]), ...(message[4] as Named[])]
    case 'clients':
      return message[3] as Named[]
    case 'event':
    case 'done-before':
      return [message[2] as Named]
    case 'cancel-done':
      return [message[3] as Named]
    default:
      return []
  }
}
