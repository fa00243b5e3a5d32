// `holdfast why NAME`: why a lock isn't available. Its holders, since when, what they wait for themselves,
// its queue, and whether these clients wait for one another.

import { byLock, circleFrom, type LockRows, type Step } from '../viewservice/circles.ts'
import { type WhyAnswer, type WhyAsk, WhyWalk } from '../viewservice/why-walk.ts'
import type { HoldRecord, WaitRecord } from '../wire/messages.ts'
import { nameProblem } from '../wire/name.ts'
import { clientOf } from '../wire/public-id.ts'
import { groupOf } from '../wire/slots.ts'
import { type Command, json, proofOf, reaching } from './arguments.ts'
import { type AskedServer, findGroups, type KnownGroups, type Reach } from './ask.ts'
import { clientText } from './client-text.ts'
import { type Column, tableIn } from './columns.ts'
import { showDuration } from './duration.ts'
import { UsageError } from './failure.ts'
import { isStillPrimary } from './locks.ts'
import { note, oneLine, paint, print, printJson, quoted, terminalWidth } from './output.ts'
import { meetPrimary, missingText } from './primary.ts'
import { modeText, termsText } from './terms-text.ts'
import { whyAt } from './why-page.ts'

const options = { ...reaching, ...json }

export const command: Command<typeof options> = {
  usage: 'why NAME [options]',
  does: 'show who holds a lock, for how long, what they wait for themselves, and who is queued',
  more: `Also says when a client waits for a lock that it holds itself, or when holders wait for one another in a
circle: unless one of them works with several locks independently, that is a deadlock. --json prints { name, confirmed, cut,
holders: [{ mode, token, clientId, clientName, host, pid, heldMs, terms,
waitsFor: [{ name, mode, waitedMs, place, heldBy }…] }…],
queue: [{ mode, clientId, clientName, host, pid, waitedMs, terms }…], circle: [{ clientName, holds, waitsFor }…] | null };
cut: there are more holders and waiters than one answer holds (5,000), so the last are missing; of several groups also
missing: those that could not be asked.`,
  options,
  names: ['NAME'],
  async run({ values, names: [name = ''] }) {
    const problem = nameProblem(name)
    if (problem !== undefined) throw new UsageError(`NAME ${problem}`)
    const answer = await askWhy(values, name)
    const { missing = [] } = answer
    if (missing.length > 0) note(missingText(missing))
    if (answer.cut)
      note(
        `one answer can't list all holders and waiters: these are the first ${answer.held.length + answer.pending.length}`,
      )
    if (values.json) printJson(asJson(name, answer))
    else for (const line of whyLines(name, answer, terminalWidth())) print(line)
    return 0
  },
}

export interface Answer extends WhyAnswer {
  readonly confirmed: boolean
  /** Groups that could not be asked (G5); absent: all could. */
  readonly missing?: readonly number[]
}

async function askWhy(reach: Reach, name: string): Promise<Answer> {
  const known = await findGroups(reach)
  const own = known.map === null ? 0 : groupOf(known.map, name)
  const walk = new WhyWalk(name, own, known.map?.groups ?? 1)
  using primaries = new Primaries(reach, known)
  for (let asks = walk.next(); asks.length > 0; asks = walk.next())
    await Promise.all(asks.map(asked => askOne(walk, primaries, asked, proofOf(reach))))
  const { missing, ...answer } = walk.found()
  const confirmed = await primaries.areStill()
  return { ...answer, confirmed, ...(missing.length > 0 ? { missing } : {}) }
}

/** Without the primary of the lock itself there is no answer; without another's it goes less far. */
async function askOne(walk: WhyWalk, primaries: Primaries, asked: WhyAsk, secret: string | undefined) {
  try {
    const primary = await primaries.of(asked.group)
    walk.heard(asked, await whyAt(primary.url, asked, secret))
  } catch (error) {
    if (asked.name !== null) throw error
    walk.failed(asked)
  }
}

/** Those that are asked, each met once. */
class Primaries implements Disposable {
  readonly #reach: Reach
  readonly #known: KnownGroups
  readonly #met = new Map<number, AskedServer>()

  constructor(reach: Reach, known: KnownGroups) {
    this.#reach = reach
    this.#known = known
  }

  async of(group: number): Promise<AskedServer> {
    const met = this.#met.get(group)
    if (met !== undefined) return met
    const primary = await meetPrimary(this.#reach, group, this.#known.views.get(group) ?? null)
    this.#met.set(group, primary)
    return primary
  }

  /** A page counts only if the same server confirms afterwards that it still is the primary (R1). */
  async areStill(): Promise<boolean> {
    const all = await Promise.all([...this.#met.values()].map(isStillPrimary))
    return all.every(isStill => isStill)
  }

  [Symbol.dispose](): void {
    for (const primary of this.#met.values()) primary[Symbol.dispose]()
  }
}

interface Waiting extends WaitRecord {
  readonly place: number
  readonly heldBy: readonly string[]
}

/** What each client waits for, with any of its sessions, and its place in each queue. */
function waitsByClient(
  locks: ReadonlyMap<string, LockRows>,
): (clientId: string | null) => readonly Waiting[] {
  const waits = new Map<string, { wait: WaitRecord; place: number }[]>()
  for (const { queue } of locks.values()) {
    for (const [i, wait] of queue.entries()) {
      const client = clientOf(wait.clientId)
      const known = waits.get(client) ?? []
      if (known.length === 0) waits.set(client, known)
      known.push({ wait, place: i + 1 })
    }
  }
  const heldBy = (name: string) =>
    locks.get(name)?.holders.map(({ clientName }) => clientName ?? '(kept)') ?? []
  return clientId =>
    (waits.get(clientOf(clientId ?? '')) ?? []).map(({ wait, place }) => ({
      ...wait,
      place,
      heldBy: heldBy(wait.name),
    }))
}

function asJson(name: string, listing: Answer) {
  const locks = byLock(listing)
  const waitsOf = waitsByClient(locks)
  const { holders = [], queue = [] } = locks.get(name) ?? {}
  return {
    name,
    confirmed: listing.confirmed,
    cut: listing.cut,
    holders: holders.map(({ name: _, ...hold }) => ({
      ...hold,
      waitsFor: waitsOf(hold.clientId).map(({ clientId, clientName, ...wait }) => wait),
    })),
    queue: queue.map(({ name: _, ...wait }) => wait),
    circle: circleFrom(listing, name),
    ...(listing.missing === undefined ? {} : { missing: listing.missing }),
  }
}

export function whyLines(name: string, listing: Answer, width: number | null = null): string[] {
  const locks = byLock(listing)
  const doubt = listing.confirmed ? [] : [paint('yellow', 'unconfirmed: the primary may have been replaced')]
  const lock = locks.get(name)
  if (lock === undefined) return [...doubt, `no client holds ${quoted(name)} or waits for it`]
  const circle = circleFrom(listing, name)
  return [
    ...doubt,
    ...holderLines(lock, locks),
    ...queueLines(lock, listing.waiters, width),
    ...wayOut(lock),
    ...(circle === null ? [] : ['', paint('red', circleText(circle))]),
  ]
}

function holderLines({ name, holders }: LockRows, locks: ReadonlyMap<string, LockRows>): string[] {
  const shown = paint('bold', quoted(name))
  const waitsOf = waitsByClient(locks)
  if (holders.length === 0) return [`${shown} is held by no client`]
  return holders.flatMap(hold => [
    `${shown} is ${heldText(hold)}, token ${hold.token}`,
    ...(termsText(hold.terms) === '' ? [] : [`  ${termsText(hold.terms)}`]),
    ...waitsOf(hold.clientId).map(wait => `  which itself waits for ${waitText(wait)}`),
  ])
}

function waitText({ name, waitedMs, place, heldBy }: Waiting): string {
  const by = heldBy.length === 0 ? 'no client holds it' : `held by ${heldBy.map(oneLine).join(', ')}`
  return `${paint('bold', quoted(name))}, for ${showDuration(waitedMs)}, #${place} in its queue (${by})`
}

const queueColumns: readonly Column[] = [
  { title: '' },
  { title: 'CLIENT', least: 20 },
  { title: 'MODE', spare: 2 },
  { title: 'WAITS' },
  { title: 'CLIENT ID', spare: 1 },
  { title: 'NOTE', least: 12, spare: 3 },
]

function queueLines({ queue }: LockRows, waiters: number, width: number | null): string[] {
  if (queue.length === 0) return ['no client waits for it']
  const rows = queue.map((wait, i) => [
    `#${i + 1}`,
    clientText(wait),
    modeText(wait.mode, wait.terms),
    showDuration(wait.waitedMs),
    wait.clientId.slice(0, 8),
    termsText(wait.terms),
  ])
  const [head = '', ...lines] = tableIn(width, queueColumns, rows)
  return [waiters === 1 ? '1 client waits for it:' : `${waiters} wait for it:`, paint('dim', head), ...lines]
}

function heldText(hold: HoldRecord): string {
  const { clientId, heldMs, mode, terms } = hold
  const since = paint('green', showDuration(heldMs))
  const how = modeText(mode, terms)
  if (clientId === null) return `kept for no client, ${since} after its grant: ${how}`
  return `held by ${holderText(hold)} for ${since}: ${how}`
}

/** C8: what an operator may type. By then another token may hold the lock, and then it does nothing. */
function wayOut({ name, holders }: LockRows): string[] {
  const [first] = holders
  if (first === undefined) return []
  const what = holders.length === 1 ? 'to end this hold' : 'to end the oldest of these holds'
  return [`${what}: holdfast release ${shellWord(name)} --force --token ${first.token}`]
}

/** As a shell reads it; names may hold anything, and what a terminal or an option parser may misread is not printed. */
function shellWord(name: string): string {
  if (name.startsWith('-') || oneLine(name) !== name) return 'NAME'
  return /^[\w./:@%+=,-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`
}

function holderText(hold: HoldRecord): string {
  const { clientId } = hold
  if (clientId === null) return 'a client that is gone'
  return `${paint('bold', clientText(hold))} (${clientId.slice(0, 8)})`
}

function circleText(circle: readonly Step[]): string {
  const [only] = circle
  if (only !== undefined && circle.length === 1 && only.holds === only.waitsFor)
    return `deadlock: ${oneLine(only.clientName)} waits for a lock that it holds itself; locks are not re-entrant`
  const steps = circle.map(
    ({ clientName, holds, waitsFor }) =>
      `${oneLine(clientName)} holds ${quoted(holds)} and waits for ${quoted(waitsFor)}`,
  )
  return `deadlock, they wait for one another: ${steps.join('; ')}`
}
