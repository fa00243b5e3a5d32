// The connections of one session: which addresses to dial, which view is the newest, which connection
// leads to its primary, which one more is kept to watch for the next view, and which leads to the backup. How
// long each may be silent is in silence.ts. It knows nothing of requests or leases, and says what to do as effects.

import type { Instant } from '../../wire/clock.ts'
import type { Trouble } from '../../wire/effects.ts'
import type { ErrorCode } from '../../wire/errors.ts'
import type { View, Welcome } from '../../wire/messages.ts'
import { type Address, Addresses } from './addresses.ts'
import type { ClientEffect } from './effects.ts'
import { type Link, newLink, roleIn } from './link.ts'
import { Moments } from './moments.ts'
import { Silence, type Use } from './silence.ts'

export interface LinksOptions {
  readonly addresses: readonly string[]
  readonly name: string
  readonly cluster: string | null
  readonly ttlMs: number
  /** Its user hands it each new view: it keeps no connection to watch for one. */
  readonly told?: boolean
}

/** What the session of these connections is at, after each of its steps. */
export interface Expected {
  readonly owed: boolean
  readonly rests: boolean
  /** Monotonic ms. */
  readonly leaseEndsAt: number
}

/** A newer token is asked for after this part of what is left of a token, but not so near to its end: then the next connection shows it. */
const newerTokenPart = 0.8
const tokenNearMs = 500

/** A connection that ended within this time of its welcome counts as a failed dial. */
const steadyMs = 1_000

const never = Number.POSITIVE_INFINITY

export class Route {
  view: View | null = null
  cluster: string | null
  /** The connection to the primary of the newest view that open or resume was sent on. */
  session: Link | null = null
  /** The servers have opened the session. */
  opened = false
  /** Look for a newer view elsewhere although there is a session connection: it answers nothing. */
  doubtful = false
  readonly addresses: Addresses
  readonly #links = new Map<number, Link>()
  readonly #options: LinksOptions
  readonly #silence: Silence
  readonly #moments: Moments
  #expected: Expected = { owed: false, rests: false, leaseEndsAt: never }
  #staysAway = false
  #dialled = 0
  /** When something is due on any link but the session's. */
  #wakeAt = 0
  #stale = true

  constructor(options: LinksOptions) {
    this.addresses = new Addresses(options.addresses)
    this.cluster = options.cluster
    this.#options = options
    this.#silence = new Silence(options.ttlMs)
    this.#moments = new Moments(options.ttlMs)
  }

  /** Requests can go out. */
  get ready(): boolean {
    return this.opened && this.session !== null
  }

  get(number: number): Link | undefined {
    return this.#links.get(number)
  }

  get quietMs(): number {
    return this.#silence.quietMs
  }

  /** Whether the server that the session is on owes anything, whether the session rests, and when its lease ends (S4). */
  expect(expected: Expected, now: Instant): void {
    const changed = expected.rests !== this.#expected.rests
    this.#expected = expected
    this.#silence.owe(expected.owed, now)
    if (changed) this.#wakeAt = Math.min(this.#wakeAt, this.#backupDueAt)
  }

  /** Something is asked for: from here on the way to the primary is looked for at once. */
  wake(): void {
    if (this.session !== null) return
    this.#moments.comeBackNow()
    this.#staysAway = false
    this.#stale = true
  }

  heard(link: Link, now: Instant): void {
    link.heardAt = now.monotonic
    link.echoAt = null
    if (link !== this.session) this.#stale = true
  }

  welcomed(link: Link, welcome: Welcome, now: Instant): void {
    link.kind = welcome.kind
    link.id = welcome.id
    link.role = welcome.role
    link.viewNumber = welcome.view?.number ?? 0
    link.welcomedAt = now.monotonic
    link.address.serverId = welcome.id
    link.address.refusal = null
    link.address.trouble =
      welcome.view === null
        ? { code: 'NO_VIEW', text: 'knows no primary yet' }
        : { code: 'NOT_PRIMARY', text: `answers as ${welcome.role ?? 'view server'}` }
    this.cluster ??= welcome.cluster
    this.#stale = true
  }

  /** A3: for how much longer the token of this connection is good; null: it has no end. */
  tokenLasts(link: Link, ms: number | null, now: Instant): void {
    link.tokenEndsAt = ms === null ? never : now.monotonic + ms
    this.planToken(link, now)
  }

  /** A3: with some of its time left, for an answer that is lost or a program that takes long. */
  planToken(link: Link, now: Instant): void {
    const left = link.tokenEndsAt - now.monotonic
    link.tokenAt = left > tokenNearMs ? now.monotonic + left * newerTokenPart : never
  }

  /** A pushed view: a server that names itself primary is it from here on. */
  pushed(link: Link, view: View): void {
    if (view.number < link.viewNumber) return
    link.viewNumber = view.number
    if (link.kind === 'lockserver') link.role = roleIn(view, link.id)
  }

  /** A view that some server told; true if it is news. A larger number wins. */
  adopt(view: View, out: ClientEffect[]): boolean {
    if (this.view !== null && view.number <= this.view.number) return false
    this.view = view
    const backup = view.backup === null ? [] : [view.backup.address]
    this.addresses.renew([view.primary.address, ...backup])
    // In a crowd each dial costs the others time, so none goes on to a server that is out of the view.
    for (const link of [...this.#links.values()])
      if (link.kind === null && !this.addresses.knows(link.address))
        this.close(link, null, 'an older view', out)
    this.#moments.forgetBackup()
    this.#stale = true
    return true
  }

  /** The dial waits for its turn in this process, or it is its turn now: the server's silence counts from here. */
  dialWaits(link: Link, waits: boolean, now: Instant): void {
    link.waits = waits
    link.heardAt = now.monotonic
    this.#stale = true
  }

  /** Whether this server says by itself that it is the primary of the newest view. */
  leads(link: Link): boolean {
    return (
      this.view !== null &&
      link.role === 'primary' &&
      link.id === this.view.primary.id &&
      link.viewNumber === this.view.number
    )
  }

  /** A connection that leads to the primary of the newest view, if there is one already. */
  leader(): Link | undefined {
    for (const link of this.#links.values()) if (this.leads(link)) return link
    return undefined
  }

  /** Others at the primary's address: a restarted server, empty. The primary is out of reach for now. */
  strangers(): Link[] {
    const primary = this.view?.primary
    const isStranger = ({ kind, address, id }: Link) =>
      kind === 'lockserver' && address.url === primary?.address && id !== primary.id
    return [...this.#links.values()].filter(isStranger)
  }

  attach(link: Link): void {
    this.session = link
    this.doubtful = false
    this.#stale = true
  }

  doubt(doubtful: boolean): void {
    if (this.doubtful === doubtful) return
    this.doubtful = doubtful
    this.#stale = true
  }

  close(link: Link, code: ErrorCode | null, text: string, out: ClientEffect[]): void {
    out.push({ do: 'close', connection: link.number, code, text })
    this.#forget(link)
  }

  closeAll(text: string, out: ClientEffect[]): void {
    for (const link of [...this.#links.values()]) this.close(link, null, text, out)
  }

  /** The connection is gone, or we have just closed it for a fault of the other end. */
  failed(link: Link, trouble: Trouble, now: Instant, chance: number): void {
    const steady = link.kind !== null && now.monotonic - link.welcomedAt >= steadyMs
    if (steady) link.address.failures = 0
    this.addresses.failed(link.address, trouble, now.monotonic, chance)
    this.#forget(link)
  }

  /** Dials what is due, keeps one watcher, drops the others. Does nothing while nothing has changed. */
  arrange(now: Instant, chance: number, out: ClientEffect[]): void {
    if (!this.#stale && now.monotonic < this.#wakeAt) return
    if (this.session !== null && !this.doubtful) this.#keepOneWatcher(out)
    const away = this.session === null
    this.#moments.drawComeBack(away, !this.#expected.rests || this.#silence.owed, now, chance)
    this.#drawBackup(now, chance)
    this.#staysAway = away && now.monotonic < this.#moments.comeBackAt
    if (this.#searching() && !this.#staysAway) this.#dialDue(now, out)
    if (now.monotonic >= this.#backupDueAt) this.#dialBackup(now, out)
    this.#wakeAt = this.#nextWake()
    this.#stale = false
  }

  #drawBackup(now: Instant, chance: number): void {
    if (this.#backupToDial === null) this.#moments.forgetBackup()
    else this.#moments.drawBackup(now, chance)
  }

  /** Null: there is none, or a connection to it, or it does not take us, or the session is not on its primary. */
  get #backupToDial(): Address | null {
    const backup = this.view?.backup ?? null
    if (this.session === null || backup === null || this.#toBackup() !== undefined) return null
    const address = this.addresses.get(backup.address)
    return address.inUse || isFinal(address) ? null : address
  }

  get #backupDueAt(): number {
    return this.#expected.rests || this.#backupToDial === null ? never : this.#moments.backupAt
  }

  #dialBackup(now: Instant, out: ClientEffect[]): void {
    const address = this.#backupToDial
    if (address !== null) this.#dial(address, now, out)
    this.#moments.forgetBackup()
  }

  #toBackup(): Link | undefined {
    const id = this.view?.backup?.id
    for (const link of this.#links.values()) if (link.id !== null && link.id === id) return link
    return undefined
  }

  /** Asks the silent for a sign of life and returns those that gave none. */
  checkQuiet(now: Instant, out: ClientEffect[]): Link[] {
    const gone: Link[] = []
    for (const link of this.#links.values()) {
      if (now.monotonic < this.#quietAt(link)) continue
      this.#stale = true
      // Woken far too late, it is us who slept: what the other end said may be waiting to be read.
      const overslept = now.monotonic - this.#quietAt(link) > this.quietMs / 2
      const asked = link.kind === null || link.echoAt !== null
      if (asked && !overslept) gone.push(link)
      else this.#silence.ask(link, now, out)
    }
    return gone
  }

  get wakeAt(): number {
    return this.session === null ? this.#wakeAt : Math.min(this.#wakeAt, this.#quietAt(this.session))
  }

  #quietAt(link: Link): number {
    return this.#silence.endsAt(link, this.#useOf(link))
  }

  #useOf(link: Link): Use {
    if (link === this.session) return 'session'
    if (this.session === null && !this.#staysAway) return 'search'
    return this.#expected.rests || !this.#mustNotice(link) ? 'spare' : 'watch'
  }

  /** Of a connection that is not the session's: its silence would keep us from hearing of the next view. */
  #mustNotice(link: Link): boolean {
    return link !== this.#toBackup() || link === this.#watcher()
  }

  #searching(): boolean {
    return this.session === null || this.doubtful || !this.#isWatched
  }

  get #isWatched(): boolean {
    return this.#options.told === true || this.#watcher() !== undefined
  }

  /** The best connection for hearing of the next view: a view server's, else another lock server's. */
  #watcher(): Link | undefined {
    let best: Link | undefined
    for (const link of this.#links.values()) {
      if (!this.#canWatch(link)) continue
      if (link.kind === 'viewserver') return link
      best ??= link
    }
    return best
  }

  #canWatch(link: Link): boolean {
    return link.kind !== null && link !== this.session && link.id !== (this.session?.id ?? '')
  }

  #keepOneWatcher(out: ClientEffect[]): void {
    const watcher = this.#options.told ? undefined : this.#watcher()
    const toBackup = this.#toBackup()
    for (const link of [...this.#links.values()]) {
      if (link === this.session || link === watcher || link === toBackup) continue
      // A dial under way may turn out to be a better watcher; a second one to the primary never does.
      if (link.kind !== null) this.close(link, null, 'not needed any more', out)
    }
  }

  #dialDue(now: Instant, out: ClientEffect[]): void {
    for (const address of this.addresses.all()) {
      if (this.#dialable(address) && now.monotonic >= address.retryAt) this.#dial(address, now, out)
    }
  }

  #dialable(address: Address): boolean {
    if (address.inUse || isFinal(address)) return false
    // With a session connection, an address of the same server has no news.
    if (this.session !== null) return address.serverId === null || address.serverId !== this.session.id
    return !this.#onItsWay() || address.url === this.view?.primary.address
  }

  /** The newest view is being watched and its primary was not tried in vain: no other server need be asked. */
  #onItsWay(): boolean {
    if (this.view === null || !this.#isWatched) return false
    const { failures, refusal } = this.addresses.get(this.view.primary.address)
    return failures === 0 && refusal === null
  }

  #dial(address: Address, now: Instant, out: ClientEffect[]): void {
    const number = --this.#dialled
    address.inUse = true
    this.#links.set(number, newLink(number, address, now.monotonic))
    out.push({
      do: 'dial',
      connection: number,
      address: address.url,
      cluster: this.cluster,
      from: { kind: 'client', name: this.#options.name },
      hurryAt: this.#expected.rests ? never : this.#expected.leaseEndsAt,
    })
  }

  #forget(link: Link): void {
    this.#links.delete(link.number)
    link.address.inUse = false
    if (link.address.url === this.view?.backup?.address) this.#moments.forgetBackup()
    if (this.session === link) this.session = null
    this.#stale = true
  }

  #nextWake(): number {
    let next = never
    for (const link of this.#links.values())
      if (link !== this.session) next = Math.min(next, this.#quietAt(link))
    next = Math.min(next, this.#backupDueAt)
    if (!this.#searching()) return next
    for (const address of this.addresses.all()) {
      if (this.#dialable(address)) next = Math.min(next, Math.max(address.retryAt, this.#moments.comeBackAt))
    }
    return next
  }
}

/** A3: another token, or the same one, may be good a moment later; until all have refused it, it is shown again. */
function isFinal({ refusal }: Address): boolean {
  return refusal !== null && refusal.code !== 'WRONG_TOKEN'
}
