// `holdfast locks`: lists held locks and waiters, as the primary itself reports them. If the primary can't
// confirm that it still is the primary (R1), the command asks what it believes, and says so.

import type { Held } from '../viewservice/circles.ts'
import type { HoldRecord, MessageOf, View, WaitRecord } from '../wire/messages.ts'
import { nameProblem } from '../wire/name.ts'
import { byDefault, type Command, choice, flag, json, reaching } from './arguments.ts'
import { type AskedServer, type Reach, TooLate } from './ask.ts'
import { UsageError } from './failure.ts'
import { groupJson, groupLines, groupsOf, lockLines } from './locks-text.ts'
import { ageText, type NearestListing, nearestLocks } from './nearest.ts'
import { note, paint, print, printJson, terminalWidth } from './output.ts'
import { fromGroups, meetPrimary, missingText } from './primary.ts'
import { type Sort, sortedLocks, sorts } from './waits.ts'

const options = {
  ...reaching,
  sort: byDefault(
    'token',
    choice('BY', 'token; or name; or wait or held: the longest first, each lock with its queue', sorts),
  ),
  waiting: flag('only locks that a client waits for, with their holders'),
  group: flag('sum up by what follows PREFIX, up to the next / or :'),
  all: flag('on a terminal: all lines, not only the first 50'),
  nearest: flag(
    'ask any copy, the backup first, also while there is no primary; the list says how old it may be',
  ),
  ...json,
}

/** How long the primary may take to confirm. */
export const confirmedWithinMs = 1_000

export interface Listing {
  readonly confirmed: boolean
  /** There are more than one answer can hold. */
  readonly cut: boolean
  /** Groups that could not be asked (G5). */
  readonly missing: readonly number[]
  readonly held: readonly HoldRecord[]
  readonly pending: readonly WaitRecord[]
}

export const command: Command<typeof options> = {
  usage: 'locks [PREFIX] [options]',
  does: 'list the held and the waited-for locks whose names begin with PREFIX',
  more: `Held locks in the order of their tokens, or as --sort says; waiters in the order of each queue. The list is
unconfirmed when the primary could not make sure in time that it still is the primary.
--view may name any server of the cluster. On a terminal a line that sums up comes first, then no more than 50 lines, cut to its
width; in a pipe every line is there, and whole. --group shows how many are held and waited for under each prefix:
'holdfast locks --group', then 'holdfast locks tenant-29/ --group', and so on. --json prints
{ confirmed, held: [{ name, mode, token, clientId, clientName, host, pid, heldMs, terms }…],
pending: [{ name, mode, clientId, clientName, host, pid, waitedMs, terms }…] }; terms is null or
{ permits, note, keptMs, endsMs, once }; with --group { confirmed, groups: [{ prefix, held, waiting, clients, longestHeldMs,
longestWaitMs }…] }; with --nearest asOfMs, onDisk (null in a cluster in memory) and server, too. A kept lock has no client any more, and is free after keptMs.`,
  options,
  names: ['PREFIX?'],
  async run({ values, names: [prefix = ''] }) {
    const problem = prefix === '' ? undefined : nameProblem(prefix)
    if (problem !== undefined) throw new UsageError(`PREFIX ${problem}`)
    const { sort, waiting, group } = values
    const near = values.nearest ? await nearestLocks(values, prefix) : null
    const { confirmed, cut, missing, held, pending } =
      near === null ? await listLocks(values, prefix) : asListing(near)
    const all = { held, pending }
    const listing = inOrder(waiting ? waitedFor(all) : all, sort)
    if (missing.length > 0) note(missingText(missing))
    if (cut) note("one answer can't hold all locks; give a longer PREFIX to see the others")
    const groups = group ? groupsOf(listing, prefix, sort) : null
    if (values.json) {
      const content = groups === null ? listing : { groups: groups.map(groupJson) }
      const age = near === null ? {} : { asOfMs: near.asOfMs, onDisk: near.onDisk, server: near.server }
      printJson({
        confirmed,
        ...age,
        ...content,
        ...(cut ? { cut } : {}),
        ...(missing.length > 0 ? { missing } : {}),
      })
      return 0
    }
    const how = { width: terminalWidth(), all: values.all, sort, cut }
    if (near !== null) print(paint('yellow', ageText(near)))
    else if (!confirmed) print(paint('yellow', 'unconfirmed: the primary may have been replaced'))
    const lines = groups === null ? lockLines(listing, how) : groupLines(groups, listing, how)
    for (const line of lines) print(line)
    return 0
  },
}

function asListing({ cut, missing, held, pending }: NearestListing): Listing {
  return { confirmed: false, cut, missing, held, pending }
}

/** Of all groups (G5). */
export async function listLocks(reach: Reach, prefix: string): Promise<Listing> {
  const { answers, missing } = await fromGroups(reach, (group, view) => locksOf(reach, group, view, prefix))
  return {
    confirmed: answers.every(({ confirmed }) => confirmed),
    cut: answers.some(({ cut }) => cut),
    missing,
    held: answers.flatMap(({ held }) => held),
    pending: answers.flatMap(({ pending }) => pending),
  }
}

async function locksOf(
  reach: Reach,
  group: number,
  view: View | null,
  prefix: string,
): Promise<Omit<Listing, 'missing'>> {
  using primary = await meetPrimary(reach, group, view)
  try {
    return await query(primary, prefix, true)
  } catch (error) {
    if (error instanceof TooLate) return await query(primary, prefix, false)
    throw error
  }
}

/** R1: it still is the primary, so its earlier answer was right. Any confirmed query will do. */
export async function isStillPrimary(primary: AskedServer): Promise<boolean> {
  try {
    return (await query(primary, noName, true)).confirmed
  } catch (error) {
    if (error instanceof TooLate) return false
    throw error
  }
}

/** A prefix that no lock name is likely to begin with. */
const noName = '\u{10ffff}'.repeat(3)

async function query(
  primary: AskedServer,
  prefix: string,
  confirmed: boolean,
): Promise<Omit<Listing, 'missing'>> {
  const number = confirmed ? 1 : 2
  const held: HoldRecord[] = []
  const pending: WaitRecord[] = []
  const flags = { confirmed, cut: false }
  const hear = (message: MessageOf<'serverToClient'>) => {
    if (message[0] !== 'locks' || message[1] !== number) return false
    held.push(...message[3])
    pending.push(...message[4])
    flags.confirmed = message[2].confirmed
    flags.cut = message[2].cut
    return !message[2].more
  }
  await primary.ask(
    ['query', number, prefix, confirmed],
    message => hear(message as MessageOf<'serverToClient'>),
    ...(confirmed ? [confirmedWithinMs] : []),
  )
  return { ...flags, held, pending }
}

/** Sorted as asked for; the queue of each lock keeps its order. */
function inOrder(listing: Held, sort: Sort | undefined): Held {
  if (sort === undefined || sort === 'token') return listing
  const locks = sortedLocks(listing, sort)
  return { held: locks.flatMap(({ holders }) => holders), pending: locks.flatMap(({ queue }) => queue) }
}

/** Only locks with a queue. */
function waitedFor({ held, pending }: Held): Held {
  const names = new Set(pending.map(({ name }) => name))
  return { held: held.filter(({ name }) => names.has(name)), pending }
}
