// What `holdfast locks` prints: one line a hold or waiter; on a terminal a sum before them, no more lines than a
// reader can take in, and no longer than the terminal is wide. It words, sorts and counts; it asks no server.

import type { Held } from '../viewservice/circles.ts'
import { clientText } from './client-text.ts'
import { type Column, tableIn } from './columns.ts'
import { showDuration } from './duration.ts'
import { grouped, oneLine, paint } from './output.ts'
import { modeText, termsText } from './terms-text.ts'
import type { Sort } from './waits.ts'

/** Lines on a terminal, unless all are asked for. */
export const linesMax = 50

export interface Print {
  /** Of the terminal; null in a pipe, which gets everything, and no sum. */
  readonly width: number | null
  readonly all: boolean
  readonly sort: Sort | undefined
  /** The servers know more than one answer holds. */
  readonly cut: boolean
}

const columns: readonly Column[] = [
  { title: 'NAME', least: 16 },
  { title: 'STATE' },
  { title: 'MODE', spare: 2 },
  { title: 'TOKEN', spare: 1 },
  { title: 'SINCE' },
  { title: 'CLIENT', least: 16 },
  { title: 'CLIENT ID', spare: 4 },
  { title: 'NOTE', least: 12, spare: 3 },
]

export function lockLines(listing: Held, print: Print): string[] {
  const rows = rowsOf(listing)
  if (rows.length === 0) return ['no locks are held or waited for']
  const sorted = print.sort === undefined || print.sort === 'token' ? rows : together(rows)
  const { width } = print
  const shown = width === null || print.all ? sorted : sorted.slice(0, linesMax)
  // Few locks have anything to say there.
  const used = rows.some(row => row.at(-1) !== '') ? columns : columns.slice(0, -1)
  const [head = '', ...body] = tableIn(width, used, shown)
  const left = rows.length - shown.length
  return [
    ...(width === null ? [] : [sumOf(listing, print.cut)]),
    paint('dim', head),
    ...body,
    ...(left === 0 ? [] : [`… ${grouped(left)} more; --all, --waiting, --group, or a PREFIX`]),
  ]
}

function rowsOf({ held, pending }: Held): string[][] {
  const places = new Map<string, number>()
  return [
    ...held.map(({ name, mode, token, heldMs, clientId, terms, ...client }) => [
      oneLine(name),
      clientId === null ? 'kept' : 'held',
      modeText(mode, terms),
      String(token),
      showDuration(heldMs),
      clientText(client),
      clientId?.slice(0, 8) ?? '',
      termsText(terms),
    ]),
    ...pending.map(({ name, mode, waitedMs, clientId, terms, ...client }) => {
      const place = (places.get(name) ?? 0) + 1
      places.set(name, place)
      const state = [oneLine(name), `waits, #${place}`, modeText(mode, terms), '', showDuration(waitedMs)]
      return [...state, clientText(client), clientId.slice(0, 8), termsText(terms)]
    }),
  ]
}

/** Each lock's holders and queue together, in the order in which the names first occur. */
function together(rows: readonly string[][]): string[][] {
  const names = new Map<string, string[][]>()
  for (const row of rows) {
    const [name = ''] = row
    const known = names.get(name)
    if (known === undefined) names.set(name, [row])
    else known.push(row)
  }
  return [...names.values()].flat()
}

/** `5,007 held by 23 clients, 305 wait, longest 4.5 s ("orders/29")`. */
function sumOf({ held, pending }: Held, cut: boolean): string {
  const clients = new Set(held.flatMap(({ clientId }) => clientId ?? [])).size
  const by = clients === 1 ? '1 client' : `${grouped(clients)} clients`
  const [waits] = [...pending].sort((a, b) => b.waitedMs - a.waitedMs)
  const [holds] = [...held].sort((a, b) => b.heldMs - a.heldMs)
  const longest =
    waits === undefined
      ? holds && `the longest for ${showDuration(holds.heldMs)} (${oneLine(holds.name)})`
      : `${grouped(pending.length)} wait, longest ${showDuration(waits.waitedMs)} (${oneLine(waits.name)})`
  return `${cut ? 'at least ' : ''}${paint('bold', grouped(held.length))} held by ${by}, ${longest}`
}

// ---- groups

export interface Group {
  /** As far as the next / or :, with it; the rest is null: names that have none. */
  readonly prefix: string | null
  held: number
  waiting: number
  readonly clients: Set<string>
  longestHeldMs: number
  longestWaitMs: number
}

/** By what follows `prefix` as far as the next separator; those with most holds and waiters come first. */
export function groupsOf({ held, pending }: Held, prefix: string, sort: Sort | undefined): Group[] {
  const groups = new Map<string | null, Group>()
  const of = (name: string): Group => {
    const key = groupOf(name, prefix)
    const known = groups.get(key)
    if (known !== undefined) return known
    const made = {
      prefix: key,
      held: 0,
      waiting: 0,
      clients: new Set<string>(),
      ...{ longestHeldMs: 0, longestWaitMs: 0 },
    }
    groups.set(key, made)
    return made
  }
  for (const { name, heldMs, clientId } of held) {
    const group = of(name)
    group.held++
    group.longestHeldMs = Math.max(group.longestHeldMs, heldMs)
    if (clientId !== null) group.clients.add(clientId)
  }
  for (const { name, waitedMs } of pending) {
    const group = of(name)
    group.waiting++
    group.longestWaitMs = Math.max(group.longestWaitMs, waitedMs)
  }
  return [...groups.values()].sort(orders[sort ?? 'token'])
}

function groupOf(name: string, prefix: string): string | null {
  const end = name.slice(prefix.length).search(/[/:]/)
  return end < 0 ? null : name.slice(0, prefix.length + end + 1)
}

const byName = (a: Group, b: Group) => ((a.prefix ?? '') < (b.prefix ?? '') ? -1 : 1)
const orders: Readonly<Record<Sort, (a: Group, b: Group) => number>> = {
  token: (a, b) => b.held + b.waiting - (a.held + a.waiting) || byName(a, b),
  name: byName,
  wait: (a, b) => b.longestWaitMs - a.longestWaitMs || byName(a, b),
  held: (a, b) => b.longestHeldMs - a.longestHeldMs || byName(a, b),
}

const groupColumns: readonly Column[] = [
  { title: 'PREFIX', least: 16 },
  { title: 'HELD' },
  { title: 'WAITING' },
  { title: 'CLIENTS', spare: 1 },
  { title: 'LONGEST HOLD' },
  { title: 'LONGEST WAIT' },
]

export function groupLines(groups: readonly Group[], listing: Held, print: Print): string[] {
  if (groups.length === 0) return ['no locks are held or waited for']
  const { width } = print
  const shown = width === null || print.all ? groups : groups.slice(0, linesMax)
  const rows = shown.map(({ prefix, held, waiting, clients, longestHeldMs, longestWaitMs }) => [
    prefix === null ? '(no / or : in it)' : oneLine(prefix),
    ...[grouped(held), grouped(waiting), grouped(clients.size)],
    ...[held, waiting].map((count, i) =>
      count === 0 ? '-' : showDuration(i === 0 ? longestHeldMs : longestWaitMs),
    ),
  ])
  const [head = '', ...body] = tableIn(width, groupColumns, rows)
  const left = groups.length - shown.length
  return [
    ...(width === null ? [] : [sumOf(listing, print.cut)]),
    paint('dim', head),
    ...body,
    ...(left === 0 ? [] : [`… ${grouped(left)} more; --all`]),
  ]
}

export function groupJson({ clients, ...group }: Group) {
  return { ...group, clients: clients.size }
}
