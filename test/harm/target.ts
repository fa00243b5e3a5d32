// A cluster that a peer means harm, at addresses, with no word of what runs there: how a peer speaks to it in either
// version of the wire, a program that works on it and would notice, and what has come of it.

import { until, within } from '../fixtures/deadline.ts'
import { type Heard, HostilePeer, newId } from '../fixtures/hostile-peer.ts'

export interface Target {
  /** Of the wire. */
  readonly wire: 1 | 2
  readonly view: string
  /** What the peer shows, which is a client's. */
  readonly proof: string
  /** What the program shows that would notice. */
  readonly worksBy: string
  /** The view record, as it is kept. */
  record(): string
  /** Ends each lock server's process but that of the primary. */
  killOthers(): Promise<void>
}

export interface Status {
  readonly view: ShownView
  readonly halted: string | null
}

export interface ShownView {
  readonly number: number
  readonly primary: { readonly id: string; readonly address: string }
  readonly backup: { readonly id: string; readonly address: string } | null
}

const withinMs = 4_000

export async function within4s<T>(what: string, work: Promise<T>): Promise<T> {
  return await within(withinMs, work, () => new Error(what))
}

/** Says this hello; resolves with the connection once it is answered, be it with an error. */
export async function greet(url: string, target: Target, from: object, proof = target.proof) {
  const peer = await HostilePeer.connect(url)
  peer.say(['hello', target.wire, null, proof, from])
  await peer.more()
  return peer
}

export function client(url: string, target: Target, name: string, proof = target.proof) {
  return greet(url, target, { kind: 'client', name }, proof)
}

/** The code of the error that it was answered with; null: it was let in. */
export function refusedAs(peer: HostilePeer): string | null {
  const [kind, code] = peer.heard[0] ?? []
  return kind === 'error' ? String(code) : null
}

export async function statusOf(target: Target): Promise<Status> {
  const peer = await client(target.view, target, 'looks', target.worksBy)
  peer.say(['status', 1])
  const [, , status] = await within4s('the view server answers', peer.next('status'))
  peer.leave()
  return status as Status
}

/** A session of its own, by hand. */
export class OwnSession {
  readonly peer: HostilePeer
  readonly id: string
  readonly key: string
  readonly target: Target
  #number = 0

  private constructor(peer: HostilePeer, target: Target, id: string, key: string) {
    this.peer = peer
    this.target = target
    this.id = id
    this.key = key
  }

  static async open(url: string, target: Target, name: string, proof: string, ttlMs = 10_000) {
    const peer = await client(url, target, name, proof)
    const session = new OwnSession(peer, target, newId(), newId())
    const { id, key } = session
    peer.say(
      target.wire === 1 ? ['open', id, 1, ttlMs, name] : ['open', id, key, 1, ttlMs, name, null, null, ''],
    )
    return session
  }

  async opened(): Promise<Heard> {
    return await within4s('the session is opened', this.peer.next('opened'))
  }

  acquire(name: string, manner = 'wait'): void {
    const terms = this.target.wire === 1 ? [] : [null]
    this.peer.say(['acquire', ++this.#number, [name], 'exclusive', manner, ...terms])
  }

  force(name: string): void {
    const token = this.target.wire === 1 ? [] : [null]
    this.peer.say(['force-release', ++this.#number, name, ...token])
  }

  /** Nothing of it is left. */
  async end(): Promise<void> {
    this.peer.say(['end', ++this.#number])
    await within4s('the session has ended', this.peer.next('ended'))
    this.peer.leave()
  }
}

/** A program that holds a lock and wants to keep it. */
export class Victim {
  static readonly lock = 'orders/42'
  readonly session: OwnSession
  readonly token: number
  readonly #view: number
  #renewals = 0

  private constructor(session: OwnSession, token: number, view: number) {
    this.session = session
    this.token = token
    this.#view = view
  }

  static async start(target: Target): Promise<Victim> {
    const { view } = await statusOf(target)
    const session = await OwnSession.open(view.primary.address, target, 'victim', target.worksBy)
    await session.opened()
    session.acquire(Victim.lock)
    const [, , [token = 0]] = (await within4s('it is granted', session.peer.next('granted'))) as [
      string,
      number,
      number[],
    ]
    return new Victim(session, token, view.number)
  }

  async end(): Promise<void> {
    await this.session.end()
  }

  /** What a program notices, or an operator; empty: there was no harm. */
  async harm(): Promise<string[]> {
    const { target } = this.session
    const found = await this.#ownHarm()
    const status = await statusOf(target).catch(error => error as Error)
    if (status instanceof Error) return [...found, `the view server: ${status.message}`]
    if (status.halted !== null) found.push(`no view is made any more: ${status.halted}`)
    if (status.view.number !== this.#view) found.push(`there is view ${status.view.number}`)
    if (target.record().includes(String(Number.MAX_SAFE_INTEGER))) found.push('a number stands in the record')
    return [...found, ...(await serves(status, target))]
  }

  async #ownHarm(): Promise<string[]> {
    const { peer } = this.session
    peer.say(['renew', ++this.#renewals], ['query', this.#renewals, Victim.lock, true])
    const answer = await within4s('the victim is answered', peer.next('locks')).catch(() => null)
    const told = peer.heard.filter(([kind]) => ['lost', 'unknown-session', 'error'].includes(kind))
    const found = told.map(message => `the victim is told ${JSON.stringify(message).slice(0, 80)}`)
    const held = (answer?.[3] ?? []) as { token: number }[]
    if (answer === null) found.push('the victim is answered nothing')
    else if (!held.some(({ token }) => token === this.token)) found.push('another has its lock, or none')
    return found
  }
}

/** Another program gets a lock. */
async function serves({ view }: Status, target: Target): Promise<string[]> {
  try {
    const session = await OwnSession.open(view.primary.address, target, 'prober', target.worksBy)
    await session.opened()
    session.acquire(`probe/${newId()}`)
    await within4s('the prober is granted', session.peer.next('granted'))
    session.peer.leave()
    return []
  } catch (error) {
    return [`no lock is granted: ${(error as Error).message}`]
  }
}

/** A view that names a backup, by now. */
export async function settled(target: Target): Promise<ShownView> {
  return await until('there is a backup', async () => {
    const { view } = await statusOf(target)
    return view?.backup ? view : undefined
  })
}
