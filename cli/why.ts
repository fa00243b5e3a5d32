// `holdfast why NAME`: why a lock is not to be had. Who holds it, since when, what they wait for
// themselves, who is queued, and whether they wait for one another.

import type { HoldRecord, WaitRecord } from '../wire/messages.ts'
import { nameProblem } from '../wire/name.ts'
import { type Command, json, reaching } from './arguments.ts'
import { showDuration } from './duration.ts'
import { UsageError } from './failure.ts'
import { type Listing, listLocks } from './locks.ts'
import { note, oneLine, paint, print, printJson, table } from './output.ts'
import { byLock, circleFrom, type LockRows, type Step } from './waits.ts'

const options = { ...reaching, ...json }

export const command: Command<typeof options> = {
  usage: 'why NAME [options]',
  does: 'tell who holds a lock, since when, what they wait for themselves, and who is queued',
  more: `Says besides when holders wait for one another in a circle: unless one of them works with
several locks independently, that is a deadlock. --json prints { name, confirmed,
holders: [{ mode, token, clientId, clientName, heldMs, waitsFor: [{ name, mode, waitedMs, place, heldBy }…] }…],
queue: [{ mode, clientId, clientName, waitedMs }…], circle: [{ clientName, holds, waitsFor }…] | null }.`,
  options,
  names: ['NAME'],
  async run({ values, names: [name = ''] }) {
    const problem = nameProblem(name)
    if (problem !== undefined) throw new UsageError(`NAME ${problem}`)
    const listing = await listLocks(values, '')
    if (listing.cut) note('there are more locks than one answer holds: what holders wait for may be missing')
    if (values.json) printJson(asJson(name, listing))
    else for (const line of whyLines(name, listing)) print(line)
    return 0
  },
}

interface Waiting extends WaitRecord {
  readonly place: number
  readonly heldBy: readonly string[]
}

/** What this client waits for, with its place in each queue. */
function waitsOf(clientId: string, locks: ReadonlyMap<string, LockRows>): Waiting[] {
  return [...locks.values()].flatMap(({ queue, holders }) =>
    queue.flatMap((wait, i) =>
      wait.clientId === clientId
        ? [{ ...wait, place: i + 1, heldBy: holders.map(({ clientName }) => clientName) }]
        : [],
    ),
  )
}

function asJson(name: string, listing: Listing) {
  const locks = byLock(listing)
  const { holders = [], queue = [] } = locks.get(name) ?? {}
  return {
    name,
    confirmed: listing.confirmed,
    holders: holders.map(({ name: _, ...hold }) => ({
      ...hold,
      waitsFor: waitsOf(hold.clientId, locks).map(({ clientId, clientName, ...wait }) => wait),
    })),
    queue: queue.map(({ name: _, ...wait }) => wait),
    circle: circleFrom(listing, name),
  }
}

export function whyLines(name: string, listing: Listing): string[] {
  const locks = byLock(listing)
  const doubt = listing.confirmed ? [] : [paint('yellow', 'unconfirmed: the primary may have been replaced')]
  const lock = locks.get(name)
  if (lock === undefined) return [...doubt, `nobody holds ${oneLine(name)} or waits for it`]
  const circle = circleFrom(listing, name)
  return [
    ...doubt,
    ...holderLines(lock, locks),
    ...queueLines(lock),
    ...(circle === null ? [] : ['', paint('red', circleText(circle))]),
  ]
}

function holderLines({ name, holders }: LockRows, locks: ReadonlyMap<string, LockRows>): string[] {
  const shown = paint('bold', oneLine(name))
  if (holders.length === 0) return [`${shown} is held by nobody`]
  return holders.flatMap(hold => [
    `${shown} is held by ${clientOf(hold)} for ${paint('green', showDuration(hold.heldMs))}: ${hold.mode}, token ${hold.token}`,
    ...waitsOf(hold.clientId, locks).map(wait => `  which waits itself for ${waitText(wait)}`),
  ])
}

function waitText({ name, waitedMs, place, heldBy }: Waiting): string {
  const by = heldBy.length === 0 ? 'nobody holds it' : `held by ${heldBy.map(oneLine).join(', ')}`
  return `${paint('bold', oneLine(name))} since ${showDuration(waitedMs)} ago, ${place}. in its queue (${by})`
}

function queueLines({ queue }: LockRows): string[] {
  if (queue.length === 0) return ['nobody waits for it']
  const rows = queue.map((wait, i) => [
    `${i + 1}.`,
    oneLine(wait.clientName),
    wait.mode,
    showDuration(wait.waitedMs),
    wait.clientId.slice(0, 8),
  ])
  const [head = '', ...lines] = table(['', 'CLIENT', 'MODE', 'WAITS', 'CLIENT ID'], rows)
  return [
    queue.length === 1 ? 'one waits for it:' : `${queue.length} wait for it:`,
    paint('dim', head),
    ...lines,
  ]
}

function clientOf({ clientName, clientId }: HoldRecord): string {
  return `${paint('bold', oneLine(clientName))} (${clientId.slice(0, 8)})`
}

function circleText(circle: readonly Step[]): string {
  const steps = circle.map(
    ({ clientName, holds, waitsFor }) =>
      `${oneLine(clientName)} holds ${oneLine(holds)} and waits for ${oneLine(waitsFor)}`,
  )
  return `they wait for one another: ${steps.join('; ')}`
}
