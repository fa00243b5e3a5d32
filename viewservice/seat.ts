// A view server as a whole: active or a standby (E2 to E5). While it has the active mark and knows what the
// store holds, a view core decides; otherwise a standby answers. A new term is a new view core, to which all
// connected peers are introduced again. It decides no view, and reads no clock.

import type { Principal } from '../wire/access/principal.ts'
import type { ConnectionInput } from '../wire/effects.ts'
import type { HelloFrom, Status, ViewServerStatus } from '../wire/messages.ts'
import { packageVersion } from '../wire/version.ts'
import { ActiveLink, type FoundThere, type LinkTo } from './active-link.ts'
import { Candidacy, type MarkEffect, type MarkInput, type Standing } from './candidacy.ts'
import { ViewCore, type ViewCoreOptions } from './core.ts'
import { Keeping, type Kept, type StoreEffect, type StoreInput } from './keeping.ts'
import type { Founding, ViewEffect, ViewInput, ViewRecord } from './record.ts'
import type { Question } from './rights.ts'
import { StandbyCore, type StandbyOwner } from './standby.ts'
import type { MarkOwner, Stored } from './stores/store.ts'

type Instant = { readonly monotonic: number }
type Accepted = Extract<ConnectionInput, { is: 'accepted' }>

export type SeatInput =
  | Exclude<ViewInput, { is: 'saved' }>
  | StoreInput
  | MarkInput
  /** It listens, and its driver runs. */
  | { readonly is: 'begin' }
  /** It is about to end: another may become active at once. */
  | { readonly is: 'leave' }

export type SeatEffect = Exclude<ViewEffect, { do: 'save' | 'look' }> | StoreEffect | MarkEffect

export interface SeatOptions extends Omit<ViewCoreOptions, 'record' | 'standing'> {
  /** Random, new for each process. */
  readonly id: string
  /** Where others find it. */
  readonly address: string
  /** What was loaded before; undefined: nothing was. */
  readonly stored: Stored | null | undefined
  /** Of its marks: that it answers nobody shows that the active one is gone. */
  readonly silenceCounts: boolean
  /** E6: what it writes into a store that never held a record; null: it waits for one. */
  readonly founding: Founding | null
  /** What it says as long as there is none. */
  readonly noRecord: string
  /** It need not reach itself before it takes the mark: its address is good on this machine only. */
  readonly isLocal: boolean
}

/** How long the active one may be silent before its connection is dialled anew. */
const silentMs = 2_000
/** A mark stands for two seconds, and is confirmed well within them, however rarely lock servers ping. */
const tickMsMax = 500

/** How many ticks make a ping interval. */
export function ticksPerPing(pingIntervalMs: number): number {
  return Math.ceil(pingIntervalMs / tickMsMax)
}

/** How often the store is read by whoever makes no views. */
const rereadMs = 1_000

export class SeatCore implements StandbyOwner {
  readonly #options: SeatOptions
  readonly #owner: MarkOwner
  /** Where it would find itself. */
  readonly #self: LinkTo
  readonly #keeping: Keeping
  readonly #candidacy: Candidacy
  readonly #link: ActiveLink
  /** To itself, until it has found that others can reach it. */
  readonly #ownLink: ActiveLink
  /** Who is connected, as they said hello. */
  readonly #peers = new Map<number, Accepted>()
  /** Numbers of the connections that were dialled, over all terms. */
  readonly #dials = { last: 0 }
  /** Those of the present term that are open. */
  readonly #dialled = new Set<number>()
  #inner: ViewCore | StandbyCore
  #effects: SeatEffect[] = []
  #now: Instant = { monotonic: 0 }
  #ownReached: boolean
  #rereadAt = 0
  /** Since the last ping interval began. */
  #ticks = 0
  /** E6: the log says it once. */
  #saysEmpty = false

  constructor(options: SeatOptions) {
    this.#options = options
    this.#owner = { id: options.id, address: options.address }
    this.#self = { address: options.address, version: '' }
    this.#keeping = new Keeping(options.id, options.stored)
    this.#candidacy = new Candidacy(this.#owner, options.silenceCounts)
    const { id, address, pid, host } = options
    const self = { kind: 'viewserver', id, address, pid, host, version: packageVersion } as const
    this.#link = new ActiveLink(this.#dials, self)
    this.#ownLink = new ActiveLink(this.#dials, self)
    this.#ownReached = options.isLocal
    this.#inner = this.#newStandby()
  }

  // ---- what may be read from outside

  get record(): ViewRecord | null {
    return this.#inner.record
  }

  get unready(): string | null {
    return this.#keeping.halted ?? this.#inner.unready
  }

  get clients(): number {
    return this.#inner.clients
  }

  get isActive(): boolean {
    return this.#inner instanceof ViewCore
  }

  status(now: Instant): Status {
    return this.#complete(this.#inner instanceof ViewCore ? this.#inner.status(now) : this.#inner.status())
  }

  /** F18: with what the core that answers does not know: the store, and the other view servers. */
  #complete(of: Status): Status {
    const status = { ...of, viewServers: this.#viewServers() }
    const { halted } = this.#keeping
    const away = this.#away
    if (halted !== null) return { ...status, survives: 0, halted }
    if (away === null || status.halted !== null) return status
    return { ...status, halted: `no view can be made now: ${away}` }
  }

  /** E5 */
  #viewServers(): ViewServerStatus[] {
    const { id, address, pid, host } = this.#options
    const { isActive } = this
    const self = { id, address, active: isActive, pid, host, version: packageVersion }
    const other = isActive ? null : this.#candidacy.other
    const marked = other && {
      id: other.id,
      address: other.address,
      active: true,
      pid: 0,
      host: '',
      version: '',
    }
    const others = [...this.#peers.values()].flatMap(({ from }) =>
      from.kind === 'viewserver' && from.id !== id && from.id !== other?.id
        ? [{ ...shown(from), active: false }]
        : [],
    )
    return [self, ...(marked === null ? [] : [marked]), ...others]
  }

  step(input: SeatInput, now: Instant): SeatEffect[] {
    this.#now = now
    this.#take(input)
    this.#effects.push(
      ...this.#keeping.take(),
      ...this.#candidacy.takeEffects(),
      ...this.#link.take(),
      ...this.#ownLink.take(),
    )
    return this.#effects.splice(0)
  }

  // ---- inputs

  #take(input: SeatInput): void {
    const { monotonic } = this.#now
    switch (input.is) {
      case 'begin':
        this.#allow()
        if (!this.#keeping.isRead) this.#keeping.look()
        return this.#candidacy.ask(monotonic)
      case 'leave':
        return this.#candidacy.giveUp()
      case 'loaded':
      case 'not loaded':
      case 'written':
      case 'not written':
        this.#onKept(this.#keeping.heard(input))
        this.#found()
        return this.#beginTerm()
      case 'changed':
        this.#candidacy.ask(monotonic)
        return this.#onKept(this.#keeping.heard(input))
      case 'mark read':
        this.#onStanding(this.#candidacy.heard(input, monotonic))
        // A standby that has just started is of use once it reaches the active one. E3: what is found at the
        // address of a mark that stands no more says nothing of the one that does.
        if (!this.#link.connected || !this.#link.isTo(this.#candidacy.other)) this.#keepLink(monotonic)
        return
      case 'mark taken':
      case 'mark confirmed':
      case 'mark failed':
        return this.#onStanding(this.#candidacy.heard(input, monotonic))
      case 'tick':
        this.#onTick(monotonic)
        if (this.#isPing()) this.#pass(input)
        return
      default:
        return this.#onPeer(input)
    }
  }

  #onPeer(input: Extract<SeatInput, ViewInput>): void {
    if (input.is === 'accepted') this.#peers.set(input.connection, input)
    if (input.is === 'rights changed') this.#rightsChanged(input.connection, input.principal)
    if (input.is === 'messages' && this.#link.owns(input.connection))
      return this.#onFound(this.#link.messages(input.messages, this.#now.monotonic))
    if (input.is === 'messages' && this.#ownLink.owns(input.connection))
      return this.#onOwn(this.#ownLink.messages(input.messages, this.#now.monotonic))
    if (input.is === 'closed') {
      if (this.#link.owns(input.connection))
        return this.#onFound(this.#link.closed(input.refused, this.#cluster))
      if (this.#ownLink.owns(input.connection)) return void this.#ownLink.closed(false, this.#cluster)
      this.#peers.delete(input.connection)
      this.#dialled.delete(input.connection)
    }
    this.#pass(input)
  }

  /** A3: a later term hears of the rules of now. */
  #rightsChanged(connection: number, principal: Principal | null): void {
    const peer = this.#peers.get(connection)
    if (peer !== undefined) this.#peers.set(connection, { ...peer, principal })
  }

  /** E3: a mark that has lapsed is found before a save is tried again. */
  #onTick(now: number): void {
    this.#allow()
    this.#onStanding(this.#candidacy.tick(now))
    this.#keeping.tick()
    this.#ownLink.keep(this.#ownReached ? null : this.#self, this.#cluster, now)
    const silentFor = this.#keepLink(now)
    this.#judgeFound(now)
    if (silentFor >= silentMs) {
      this.#link.giveUp(now)
      this.#candidacy.silent(now)
    }
    this.#reread(now)
  }

  /** A ping interval has passed since the last one: the core that answers counts in these. */
  #isPing(): boolean {
    this.#ticks = (this.#ticks + 1) % ticksPerPing(this.#options.pingIntervalMs)
    return this.#ticks === 0
  }

  #keepLink(now: number): number {
    return this.#link.keep(this.#candidacy.other, this.#cluster, now)
  }

  /**
   * V6, F19: what halts it ends when the store catches up. E5: a standby reads the record though its watch may have
   * missed the news. E6: a record that appears is taken.
   */
  #reread(now: number): void {
    const decides = this.#inner instanceof ViewCore && this.#inner.halted === null
    if (decides || now < this.#rereadAt) return
    this.#rereadAt = now + rereadMs
    this.#keeping.look()
  }

  #allow(): void {
    this.#candidacy.allow(this.#ownReached && this.#keeping.halted === null)
  }

  /** E3: no mark is set before its owner has reached itself there. */
  #onOwn(found: FoundThere | undefined): void {
    if (found?.is !== 'welcome' || found.id !== this.#owner.id) return
    this.#ownReached = true
    this.#allow()
    this.#judgeFound(this.#now.monotonic)
  }

  /** E3: who answers at the address of the mark counts also when this one reaches itself, or may ask, only later. */
  #judgeFound(now: number): void {
    if (this.#link.id !== null) this.#candidacy.welcomed(this.#link.id, this.#ownReached, now)
  }

  #onFound(found: FoundThere | undefined): void {
    const { monotonic } = this.#now
    if (found?.is === 'welcome') this.#judgeFound(monotonic)
    if (found?.is === 'refused') this.#candidacy.refused(monotonic)
    else if (found !== undefined) this.#keeping.look()
  }

  // ---- what became of a save, and of the mark

  #onKept(kept: Kept | undefined): void {
    if (kept === undefined) return
    if (kept.is === 'saved') return this.#give(this.#saved(this.#inner))
    if (kept.is === 'halted') {
      this.#note('error', 'view changes halted', { reason: kept.reason })
      this.#allow()
      return this.#becomeStandby()
    }
    // E2: whoever finds a record of another decides nothing more with what it knew.
    if (this.#inner instanceof ViewCore) return this.#becomeStandby()
    if (kept.is === 'found') this.#give(this.#inner.follow(kept.record))
  }

  #saved(inner: ViewCore | StandbyCore): readonly ViewEffect[] {
    if (inner instanceof ViewCore) return inner.step({ is: 'saved' }, this.#now)
    return inner.follow(this.#keeping.record)
  }

  /** E6: unattended, and only where no record was ever seen. */
  #found(): void {
    const { founding } = this.#options
    if (!this.#isEmpty || this.#keeping.isSaving) return
    if (founding !== null) this.#keeping.save(founding)
    else if (!this.#saysEmpty) this.#note('error', 'no view record', { reason: this.#options.noRecord })
    this.#saysEmpty = true
  }

  /** E6: its store holds no record, and never did as far as it knows. */
  get #isEmpty(): boolean {
    const { isRead, halted, record } = this.#keeping
    return isRead && halted === null && record === null
  }

  #onStanding(standing: Standing | undefined): void {
    if (standing === undefined) return
    if (standing === 'active') return this.#beginActive()
    this.#note('warn', 'not active any more', { because: standing })
    if (this.isActive) this.#becomeStandby()
    // E5: they can't know that this one has no say any more, unless it says so or goes.
    if (standing === 'lapsed') this.#sendServersAway()
  }

  /** E2: what the store holds now is read first; the record that is known may be an old one. */
  #beginActive(): void {
    this.#note('info', 'has the active mark', { mark: this.#candidacy.number })
    this.#keeping.look()
  }

  #beginTerm(): void {
    const mark = this.#candidacy.number
    const { record, isCurrent, halted } = this.#keeping
    if (mark === 0 || this.isActive || record === null || !isCurrent || halted !== null) return
    const { id } = this.#options
    const standing = { id, mark, dials: this.#dials }
    this.#inner = new ViewCore({ ...this.#options, record, standing })
    this.#introduceAll()
    this.#pass({ is: 'begin' })
    this.#note('info', 'active', { mark })
  }

  /** E2: it gives the mark up, and what its core knew. */
  #becomeStandby(): void {
    this.#candidacy.giveUp()
    this.#keeping.drop()
    if (!this.isActive) return
    for (const connection of this.#dialled)
      this.#effects.push({ do: 'close', connection, code: null, text: 'not asked any more' })
    this.#dialled.clear()
    this.#inner = this.#newStandby()
    this.#introduceAll()
    this.#note('warn', 'a standby now', {})
  }

  #newStandby(): StandbyCore {
    const { id, pid, pingIntervalMs, deadPings } = this.#options
    return new StandbyCore({ id, pid, pingLimitMs: pingIntervalMs * deadPings }, this.#keeping.record, this)
  }

  #introduceAll(): void {
    for (const accepted of [...this.#peers.values()]) this.#pass(accepted)
  }

  #sendServersAway(): void {
    for (const [connection, { from }] of [...this.#peers]) {
      if (from.kind !== 'lockserver') continue
      this.#peers.delete(connection)
      this.#effects.push({ do: 'close', connection, code: 'GONE_QUIET', text: 'the active mark has lapsed' })
      this.#pass({ is: 'closed', connection, refused: false })
    }
  }

  // ---- the core that answers now

  #pass(input: ViewInput): void {
    this.#give(this.#inner.step(input, this.#now))
  }

  #give(effects: readonly ViewEffect[]): void {
    for (const effect of effects) {
      if (effect.do === 'save') this.#keeping.save(effect.record)
      else if (effect.do === 'look') this.#keeping.look()
      else this.#say(effect)
    }
  }

  #say(effect: Exclude<ViewEffect, { do: 'save' | 'look' }>): void {
    if (effect.do === 'dial') this.#dialled.add(effect.connection)
    if (effect.do === 'close') {
      this.#dialled.delete(effect.connection)
      this.#peers.delete(effect.connection)
    }
    this.#effects.push(effect.do === 'send' ? this.#completed(effect) : effect)
  }

  #completed(effect: Extract<ViewEffect, { do: 'send' }>): Extract<ViewEffect, { do: 'send' }> {
    const { message } = effect
    if (message[0] !== 'status' || message.length !== 3) return effect
    return { ...effect, message: ['status', message[1], this.#complete(message[2])] }
  }

  // ---- for a standby

  passOn(connection: number, question: Question): boolean {
    return this.#link.passOn(connection, question)
  }

  look(): void {
    this.#keeping.look()
  }

  get reason(): string {
    const { halted } = this.#keeping
    const away = this.#away
    if (halted !== null) return halted
    if (away !== null) return `no view can be made now: ${away}`
    if (this.#isEmpty) return this.#options.noRecord
    const other = this.#candidacy.other
    if (other !== null)
      return `this view server is a standby, and does not reach the active one, ${other.id} at ${other.address}`
    return 'no view server is active yet'
  }

  /** F18 */
  get #away(): string | null {
    return this.#keeping.away ?? this.#candidacy.away
  }

  get #cluster(): string | null {
    return this.#keeping.record?.cluster ?? null
  }

  #note(level: 'info' | 'warn' | 'error', text: string, fields: object): void {
    this.#effects.push({ do: 'note', level, text, fields })
  }
}

function shown({ id, address, pid, host, version }: Extract<HelloFrom, { kind: 'viewserver' }>) {
  return { id, address, pid, host, version }
}
