// Nearest reads (G7), decided: asks a server that has a copy of the locks, the backup before the primary, and the
// next one if that can't answer. It has a connection of its own for as long as it is used, and no session. Nothing that
// decides uses what it reads. Never awaits, reads a clock, draws a random number, or touches a socket.

import type { Instant } from '../../wire/clock.ts'
import type { ConnectionEffect, ConnectionInput } from '../../wire/effects.ts'
import { redialMs, redialMsMax } from '../../wire/limits.ts'
import type { HoldRecord, MessageOf, SlotMap, View, WaitRecord, Welcome } from '../../wire/messages.ts'
import type { SaidOn } from '../../wire/runs.ts'
import type { ClientHears, ClientSays } from './effects.ts'

export interface NearestOptions {
  /** URLs of servers of the cluster. */
  readonly addresses: readonly string[]
  /** Whose locks are read (G1). */
  readonly group: number
  readonly name: string
  /** How long a server that owes an answer may be silent before it is asked for a sign of life; twice that, and it is given up. */
  readonly quietMs: number
}

/** What is known of the cluster when a call comes. */
export interface NearestKnown {
  readonly view: View | null
  readonly cluster: string | null
}

export interface NearestAnswer {
  readonly held: readonly HoldRecord[]
  readonly pending: readonly WaitRecord[]
  readonly cut: boolean
  readonly asOfMs: number
  readonly onDisk: boolean | null
}

/** `chance`: for the jitter of redials. */
export type NearestInput =
  | (Extract<ConnectionInput<ClientHears>, { is: 'messages' | 'closed' }> & { readonly chance: number })
  | { readonly is: 'wake'; readonly chance: number }
  | ({ readonly is: 'look'; readonly call: number; readonly prefix: string } & NearestKnown)
  /** The limit of this call has passed. */
  | { readonly is: 'abort'; readonly call: number }
  | { readonly is: 'end' }

export type NearestEffect =
  | ConnectionEffect<ClientSays>
  | { readonly do: 'settle'; readonly call: number; readonly answer: NearestAnswer }
  /** G8: it comes in front of an answer that lacks what has moved by it. */
  | { readonly do: 'map'; readonly map: SlotMap }
  /** A read that failed changed nothing: it is definite. */
  | { readonly do: 'fail'; readonly call: number; readonly code: string; readonly text: string }

interface Look {
  readonly call: number
  readonly prefix: string
  /** Under which it was asked on this connection; 0: it was not. */
  number: number
  held: HoldRecord[]
  pending: WaitRecord[]
}

interface Link {
  readonly connection: number
  readonly url: string
  /** Its server, once that has said that it has a copy. */
  id: string | null
  heardAt: number
  /** When it was asked for a sign of life; null: it was not. */
  echoAt: number | null
}

/** For how long a connection that is not used is kept. */
const keptMs = 10_000

export class NearestCore {
  /** Monotonic ms at which to step with `wake`; null: never. */
  wakeAt: number | null = null
  readonly #options: NearestOptions
  readonly #looks = new Map<number, Look>()
  #view: View | null = null
  #cluster: string | null = null
  #link: Link | null = null
  /** Those to try next in this round; null: no round has begun. */
  #next: string[] | null = null
  /** Rounds in a row in which no server had a copy, and when the next one may begin. */
  #rounds = 0
  #roundAt = 0
  /** What was wrong with each address, for display only. */
  readonly #troubles = new Map<string, string>()
  #numbers = 0
  #dialled = 0
  #usedAt = 0
  #over = false
  #out: NearestEffect[] = []

  constructor(options: NearestOptions) {
    this.#options = options
  }

  step(input: NearestInput, now: Instant): NearestEffect[] {
    this.#out = []
    if (!this.#over) {
      this.#handle(input, now)
      this.#arrange(now, 'chance' in input ? input.chance : 0.5)
    }
    this.wakeAt = this.#nextWake()
    return this.#out
  }

  #handle(input: NearestInput, now: Instant): void {
    switch (input.is) {
      case 'messages':
        return this.#onMessages(input, now)
      case 'closed':
        if (input.connection !== this.#link?.connection) return
        return this.#failed(
          input.trouble?.text ?? (input.refused ? 'refuses connections' : 'closed the connection'),
        )
      case 'wake':
        return this.#onWake(now)
      case 'look':
        this.#cluster ??= input.cluster
        if (input.view !== null) this.#adopt(input.view)
        this.#looks.set(input.call, { ...input, number: 0, held: [], pending: [] })
        return
      case 'abort':
        if (this.#looks.delete(input.call)) this.#fail(input.call, 'TIMEOUT', this.#describe())
        return
      case 'end':
        return this.#end()
    }
  }

  #end(): void {
    this.#over = true
    for (const call of this.#looks.keys()) this.#fail(call, 'CLOSED', 'the client was closed')
    this.#looks.clear()
    this.#close('the client was closed')
  }

  // ---- what the server says

  #onMessages({ connection, messages }: Extract<NearestInput, { is: 'messages' }>, now: Instant): void {
    for (const message of messages) {
      const link = this.#link
      if (link?.connection !== connection) return
      link.heardAt = now.monotonic
      link.echoAt = null
      this.#onMessage(link, message, now)
    }
  }

  #onMessage(link: Link, message: SaidOn<ClientHears>, now: Instant): void {
    switch (message[0]) {
      case 'welcome':
        return this.#onWelcome(link, message[1])
      case 'error':
        return this.#giveUp(`says ${message[1]}: ${message[2]}`)
      case 'view':
        return this.#adopt(message[1])
      case 'map':
        return void this.#out.push({ do: 'map', map: message[1] })
      case 'looked':
        return this.#onLooked(message, now)
      case 'query-refused':
        return this.#onRefused(message)
    }
  }

  #onWelcome(link: Link, { cluster, kind, id, role, view, others, map }: Welcome): void {
    if (cluster !== null && this.#cluster !== null && cluster !== this.#cluster)
      return this.#giveUp(`belongs to cluster ${cluster}, not ${this.#cluster}`)
    this.#cluster ??= cluster
    if (map !== null) this.#out.push({ do: 'map', map })
    for (const known of view === null ? others : [view, ...others]) this.#adopt(known)
    const isOurs = view?.group === this.#options.group && role !== 'idle'
    if (kind === 'lockserver' && isOurs) link.id = id
    else this.#giveUp(kind === 'viewserver' ? 'is a view server' : 'has no copy')
  }

  #onLooked([, number, part, held, pending]: MessageOf<ClientHears, 'looked'>, now: Instant): void {
    const look = this.#lookOf(number)
    if (look === undefined) return
    for (const hold of held) look.held.push(hold)
    for (const wait of pending) look.pending.push(wait)
    if (part.more) return
    this.#looks.delete(look.call)
    this.#usedAt = now.monotonic
    this.#rounds = 0
    this.#next = null
    const { cut, asOfMs, onDisk } = part
    const answer = { held: look.held, pending: look.pending, cut, asOfMs, onDisk }
    this.#out.push({ do: 'settle', call: look.call, answer })
  }

  #onRefused([, number, code, text]: MessageOf<ClientHears, 'query-refused'>): void {
    const look = this.#lookOf(number)
    if (look === undefined) return
    if (code === 'NO_COPY') return this.#giveUp(text)
    this.#looks.delete(look.call)
    this.#fail(look.call, code, text)
  }

  #lookOf(number: number): Look | undefined {
    for (const look of this.#looks.values()) if (look.number === number) return look
    return undefined
  }

  #adopt(view: View): void {
    if (view.group !== this.#options.group) return
    if (this.#view !== null && view.number <= this.#view.number) return
    this.#view = view
    // What was found in the round so far was found in an older view.
    this.#next = null
    this.#roundAt = 0
    const id = this.#link?.id ?? null
    if (id !== null && id !== view.primary.id && id !== view.backup?.id)
      this.#giveUp('has no part in the newest view')
  }

  // ---- connections

  #arrange(now: Instant, chance: number): void {
    if (this.#over) return
    if (this.#looks.size === 0) {
      if (this.#link !== null && now.monotonic >= this.#usedAt + keptMs) this.#close('not needed any more')
      return
    }
    if (this.#link === null) this.#dialNext(now, chance)
    else if (this.#link.id !== null) this.#askAll(this.#link)
  }

  #dialNext(now: Instant, chance: number): void {
    if (now.monotonic < this.#roundAt) return
    this.#next ??= this.#inOrder()
    const url = this.#next.shift()
    if (url === undefined) return this.#endRound(now, chance)
    const connection = --this.#dialled
    this.#link = { connection, url, id: null, heardAt: now.monotonic, echoAt: null }
    const from = { kind: 'client' as const, name: this.#options.name }
    this.#out.push({ do: 'dial', connection, address: url, cluster: this.#cluster, from })
  }

  /** The backup takes nothing from the primary; a server that is no part of the view may still know a newer one. */
  #inOrder(): string[] {
    const { backup, primary } = this.#view ?? { backup: null, primary: null }
    const copies = [backup, primary].flatMap(server => (server === null ? [] : [server.address]))
    return [...new Set([...copies, ...this.#options.addresses])]
  }

  #endRound(now: Instant, chance: number): void {
    this.#next = null
    const pause = Math.min(redialMs * 2 ** Math.min(this.#rounds++, 16), redialMsMax)
    this.#roundAt = now.monotonic + pause * (0.5 + chance / 2)
  }

  #askAll(link: Link): void {
    for (const look of this.#looks.values()) {
      if (look.number !== 0) continue
      look.number = ++this.#numbers
      this.#out.push({
        do: 'send',
        connection: link.connection,
        message: ['look', look.number, look.prefix],
      })
    }
  }

  #onWake(now: Instant): void {
    const link = this.#link
    if (link === null || this.#looks.size === 0 || now.monotonic < this.#quietAt(link)) return
    if (link.id === null || link.echoAt !== null) return this.#giveUp('does not answer')
    link.echoAt = now.monotonic
    this.#out.push({ do: 'send', connection: link.connection, message: ['echo', 0] })
  }

  #quietAt({ id, heardAt, echoAt }: Link): number {
    const { quietMs } = this.#options
    return id !== null ? (echoAt ?? heardAt) + quietMs : heardAt + 2 * quietMs
  }

  /** This server can't answer: the next one is asked. */
  #giveUp(trouble: string): void {
    this.#close(trouble)
    this.#failed(trouble)
  }

  #failed(trouble: string): void {
    if (this.#link !== null) this.#troubles.set(this.#link.url, trouble)
    this.#forget()
  }

  #close(text: string): void {
    if (this.#link === null) return
    this.#troubles.set(this.#link.url, text)
    this.#out.push({ do: 'close', connection: this.#link.connection, code: null, text })
    this.#forget()
  }

  /** What was asked on it is asked on the next one, from its beginning. */
  #forget(): void {
    this.#link = null
    for (const look of this.#looks.values()) {
      look.number = 0
      look.held = []
      look.pending = []
    }
  }

  #fail(call: number, code: string, text: string): void {
    this.#out.push({ do: 'fail', call, code, text })
  }

  /** For display only. */
  #describe(): string {
    if (this.#link !== null && this.#link.id !== null) return `${this.#link.url} has not answered`
    const wrong = [...this.#troubles].map(([url, text]) => `${url} ${text}`)
    return `no server with a copy can be reached: ${wrong.join('; ') || 'none has answered yet'}`
  }

  #nextWake(): number | null {
    if (this.#over) return null
    if (this.#looks.size === 0) return this.#link === null ? null : this.#usedAt + keptMs
    return this.#link === null ? this.#roundAt : this.#quietAt(this.#link)
  }
}
