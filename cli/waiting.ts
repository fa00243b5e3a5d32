// Tells a person at a terminal for whom a command waits: a line on stderr after a second, again when that
// changes, and seldom otherwise. It only looks; whatever it can't find out ends no wait.

import type { LockClient } from '../client/index.ts'
import { readClock } from '../wire/clock.ts'
import type { HoldRecord, WaitRecord } from '../wire/messages.ts'
import { clientOf } from '../wire/public-id.ts'
import { clientText } from './client-text.ts'
import { showDuration } from './duration.ts'
import { messageOf } from './failure.ts'
import { note, quoted } from './output.ts'
import { whyAt } from './why-page.ts'

/** When a command says for the first time that it waits, how often it looks, and when it says the same again. */
export const waitingTimes = { firstMs: 1_000, lookMs: 5_000, againMs: 60_000 }

export interface Queue {
  readonly held: readonly HoldRecord[]
  readonly pending: readonly WaitRecord[]
}

/** `held by billing-3 on app-2, pid 4711 for 12 s, 2 before you`; `clientId`: who asks. */
export function queueText(name: string, { held, pending }: Queue, clientId: string): string {
  const holders = held.filter(hold => hold.name === name)
  const queue = pending.filter(wait => wait.name === name)
  const place = queue.findIndex(isOf(clientId))
  const ahead = place < 0 ? queue.length : place
  return [holdersText(holders), ...(ahead === 0 ? [] : [`${ahead} before you`])].join(', ')
}

function holdersText(holders: readonly HoldRecord[]): string {
  const [first] = holders
  if (first === undefined) return 'no client holds it just now'
  const by =
    first.clientId === null
      ? `kept for no client, for ${showDuration(first.terms?.keptMs ?? 0)} more`
      : `held by ${clientText(first)} for ${showDuration(first.heldMs)}`
  return holders.length === 1 ? by : `${by} and ${holders.length - 1} more`
}

/** Who is in the way; times are no part of it. */
function keyOf(name: string, { held, pending }: Queue, clientId: string): string {
  const tokens = held.filter(hold => hold.name === name).map(({ token }) => token)
  const place = pending.filter(wait => wait.name === name).findIndex(isOf(clientId))
  return `${tokens.join()} ${place}`
}

/** A client waits with that one of its sessions which the lock's group has. */
function isOf(clientId: string): (wait: WaitRecord) => boolean {
  return wait => clientOf(wait.clientId) === clientOf(clientId)
}

/** Says each line once, until it has changed or a minute has passed. */
export class Teller {
  readonly #say: (line: string) => void
  #key: string | undefined
  #at = Number.NEGATIVE_INFINITY

  constructor(say: (line: string) => void) {
    this.#say = say
  }

  tell(key: string, line: string, now: number): void {
    if (key === this.#key && now - this.#at < waitingTimes.againMs) return
    this.#key = key
    this.#at = now
    this.#say(line)
  }
}

/** What tells of one wait. */
export interface Told {
  /** There is a session now. */
  meets(client: LockClient): void
  /** The wait has ended; nothing is said any more. */
  over(): void
}

/** `quiet`, or no terminal: says nothing. */
export function tellWaiting(name: string, quiet: boolean, secret: string | undefined): Told {
  if (quiet || !process.stderr.isTTY) return { meets: () => {}, over: () => {} }
  return new Waiting(name, secret)
}

class Waiting implements Told {
  readonly #name: string
  readonly #secret: string | undefined
  readonly #teller = new Teller(note)
  readonly #first: NodeJS.Timeout
  #looks: NodeJS.Timeout | undefined
  #client: LockClient | undefined
  #over = false

  constructor(name: string, secret: string | undefined) {
    this.#name = name
    this.#secret = secret
    this.#first = setTimeout(() => this.#begin(), waitingTimes.firstMs)
  }

  meets(client: LockClient): void {
    this.#client = client
    // It has said that there is no session yet.
    if (this.#looks !== undefined) void this.#look()
  }

  over(): void {
    this.#over = true
    clearTimeout(this.#first)
    clearInterval(this.#looks)
  }

  #begin(): void {
    this.#looks = setInterval(() => void this.#look(), waitingTimes.lookMs)
    void this.#look()
  }

  async #look(): Promise<void> {
    const [key, text] = await this.#found()
    if (!this.#over)
      this.#teller.tell(key, `waiting for ${quoted(this.#name)}: ${text}`, readClock().monotonic)
  }

  async #found(): Promise<readonly [key: string, text: string]> {
    const client = this.#client
    if (client === undefined || client.views.length === 0)
      return ['', "no session with the cluster yet; see 'holdfast status'"]
    try {
      const queue = await this.#queue(client)
      return [keyOf(this.#name, queue, client.clientId), queueText(this.#name, queue, client.clientId)]
    } catch (error) {
      return ['away', `${messageOf(error)}; see 'holdfast status'`]
    }
  }

  /** Of the group that has the lock: only there it is held and waited for. */
  async #queue({ views }: LockClient): Promise<Queue> {
    const asked = { name: this.#name, clients: [] }
    const settled = await Promise.allSettled(
      views.map(({ group, primary }) => whyAt(primary.address, { ...asked, group }, this.#secret)),
    )
    const answers = settled.flatMap(each => (each.status === 'fulfilled' ? [each.value] : []))
    const [failed] = settled.flatMap(each => (each.status === 'rejected' ? [each.reason] : []))
    const found = answers.find(({ holders, waiters }) => holders + waiters > 0)
    if (found === undefined && failed !== undefined) throw failed
    return found ?? { held: [], pending: [] }
  }
}
