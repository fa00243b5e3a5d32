// `holdfast locks`: lists held locks and waiters, as the primary itself reports them. If the primary can't
// confirm that it still is the primary (R1), the command asks what it believes, and says so.

import type { HoldRecord, MessageOf, View, WaitRecord } from '../wire/messages.ts'
import { nameProblem } from '../wire/name.ts'
import { byDefault, type Command, choice, json, reaching } from './arguments.ts'
import { AskedServer, findView, type Reach, TooLate } from './ask.ts'
import { showDuration } from './duration.ts'
import { Failure, UsageError } from './failure.ts'
import { note, oneLine, paint, print, printJson, table } from './output.ts'
import { modeText, termsText } from './terms-text.ts'
import { type Held, type Sort, sortedLocks, sorts } from './waits.ts'

const options = {
  ...reaching,
  sort: byDefault(
    'token',
    choice('BY', 'token; or name; or wait or held: the longest first, each lock with its queue', sorts),
  ),
  ...json,
}

/** How long the primary may take to confirm. */
export const confirmedWithinMs = 1_000

export interface Listing {
  readonly confirmed: boolean
  /** There are more than one answer can hold. */
  readonly cut: boolean
  readonly held: readonly HoldRecord[]
  readonly pending: readonly WaitRecord[]
}

export const command: Command<typeof options> = {
  usage: 'locks [PREFIX] [options]',
  does: 'list the held and the waited-for locks whose names begin with PREFIX',
  more: `Held locks in the order of their tokens, or as --sort says; waiters in the order of each queue. The list is
unconfirmed when the primary could not make sure in time that it still is the primary.
--view may name any server of the cluster. --json prints
{ confirmed, held: [{ name, mode, token, clientId, clientName, heldMs, terms }…],
pending: [{ name, mode, clientId, clientName, waitedMs, terms }…] }; terms is null or
{ permits, note, keptMs, endsMs, once }. A kept lock has no client any more, and is free after keptMs.`,
  options,
  names: ['PREFIX?'],
  async run({ values, names: [prefix = ''] }) {
    const problem = prefix === '' ? undefined : nameProblem(prefix)
    if (problem !== undefined) throw new UsageError(`PREFIX ${problem}`)
    const { confirmed, cut, ...listing } = await listLocks(values, prefix)
    const { held, pending } = inOrder(listing, values.sort)
    if (cut) note('there are more; give a longer PREFIX to see the others')
    if (values.json) printJson({ confirmed, held, pending, ...(cut ? { cut } : {}) })
    else for (const line of lines(confirmed, { held, pending }, values.sort)) print(line)
    return 0
  },
}

export async function listLocks(reach: Reach, prefix: string): Promise<Listing> {
  using primary = await meetPrimary(reach)
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

export async function meetPrimary(reach: Reach): Promise<AskedServer> {
  const view = await findView(reach)
  if (view === null) throw new Failure("there is no primary yet to ask; see 'holdfast status'")
  return await meetPrimaryOf(view, reach.secret)
}

async function meetPrimaryOf({ primary, number }: View, secret: string | undefined): Promise<AskedServer> {
  const { id, address } = primary
  const what = `the primary ${id.slice(0, 8)} of view ${number} can't be asked`
  let peer: AskedServer
  try {
    peer = await AskedServer.meet(address, secret)
  } catch (error) {
    throw new Failure(`${what}: ${(error as Error).message}`)
  }
  if (peer.welcome.id === id) return peer
  peer[Symbol.dispose]()
  throw new Failure(`${what}: another server answers at ${address}, so it is gone; see 'holdfast status'`)
}

async function query(primary: AskedServer, prefix: string, confirmed: boolean): Promise<Listing> {
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

function lines(confirmed: boolean, listing: Held, sort: Sort | undefined): string[] {
  const { held, pending } = listing
  const doubt = confirmed ? [] : [paint('yellow', 'unconfirmed: the primary may have been replaced')]
  if (held.length + pending.length === 0) return [...doubt, 'no locks are held or waited for']
  const heldRows = held.map(({ name, mode, token, heldMs, clientName, clientId, terms }) => [
    oneLine(name),
    clientId === null ? 'kept' : 'held',
    modeText(mode, terms),
    String(token),
    showDuration(heldMs),
    clientName === null ? '' : oneLine(clientName),
    clientId?.slice(0, 8) ?? '',
    termsText(terms),
  ])
  const places = new Map<string, number>()
  const pendingRows = pending.map(({ name, mode, waitedMs, clientName, clientId, terms }) => {
    const place = (places.get(name) ?? 0) + 1
    places.set(name, place)
    const state = `waits, ${place}.`
    const client = [oneLine(clientName), clientId.slice(0, 8)]
    return [
      ...[oneLine(name), state, modeText(mode, terms), '', showDuration(waitedMs)],
      ...[...client, termsText(terms)],
    ]
  })
  const rows = [...heldRows, ...pendingRows]
  const isTold = rows.some(row => row.at(-1) !== '')
  const columns = ['NAME', 'STATE', 'MODE', 'TOKEN', 'SINCE', 'CLIENT', 'CLIENT ID']
  // Few locks have anything to say there.
  const header = isTold ? [...columns, 'NOTE'] : columns
  const all = isTold ? rows : rows.map(row => row.slice(0, -1))
  const [head = '', ...body] = table(header, sort === undefined || sort === 'token' ? all : together(all))
  return [...doubt, paint('dim', head), ...body]
}

/** Each lock's holders and queue together, in the order in which the names first occur. */
function together(rows: readonly string[][]): string[][] {
  const names = new Map<string, string[][]>()
  for (const row of rows) names.set(row[0] as string, [...(names.get(row[0] as string) ?? []), row])
  return [...names.values()].flat()
}
