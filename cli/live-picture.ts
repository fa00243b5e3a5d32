// What the live picture of a local cluster looks like: a few lines, made again whenever something changes.
// It words and aligns; it asks no server and knows no terminal.

import type { ServerStatus, Status } from '../wire/messages.ts'
import { showDuration } from './duration.ts'
import { keyRows } from './live-keys.ts'
import { grouped, paint, rateText, table } from './output.ts'
import { copiedFor, headlines, stateOf } from './status.ts'

export interface Member {
  readonly name: string
  readonly url: string
  /** Undefined while it is not running. */
  readonly pid: number | undefined
}

export interface Load {
  readonly operationsPerSecond: number
  readonly held: number
  readonly waiting: number
}

export interface Picture {
  /** Null: the view server does not answer. */
  readonly status: Status | null
  /** The view server comes first. */
  readonly members: readonly Member[]
  readonly frozen: ReadonlySet<number>
  /** The last gap without a primary, as a client saw it. */
  readonly gap: { readonly ms: number; readonly agoMs: number } | null
  /** Null: the primary has not reported it. */
  readonly load: Load | null
  /** What the last key did, or its question. */
  readonly note: string
}

/** Short, so that a row fits into 80 columns. */
const barWidth = 6

export function pictureLines(picture: Picture): string[] {
  const { status, note } = picture
  const [head = '', ...rows] = table(['SERVER', 'ROLE', 'STATE', 'ADDRESS', 'PID', 'LAG'], rowsOf(picture))
  return [
    '',
    ...(status === null ? [paint('red', 'the view server does not answer')] : headlines(status)),
    factsOf(picture),
    '',
    paint('dim', head),
    ...rows,
    '',
    ...keyRows.map(keys => keys.map(({ key, does }) => `${paint('bold', key)} ${does}`).join(between())),
    note === '' ? '' : paint('yellow', note),
  ]
}

function factsOf({ load, gap }: Picture): string {
  const facts = [
    load === null ? 'operations: not known' : rateText(load.operationsPerSecond),
    ...(load === null ? [] : [`${grouped(load.held)} held`, `${grouped(load.waiting)} waiting`]),
    gap === null
      ? 'no gap yet'
      : `last gap ${gap.ms.toFixed(gap.ms < 100 ? 1 : 0)} ms, ${showDuration(gap.agoMs)} ago`,
  ]
  return facts.join(between())
}

function between(): string {
  return paint('dim', ' · ')
}

function rowsOf({ status, members, frozen }: Picture): string[][] {
  return members.map(({ name, url, pid }, i) => {
    const server = status?.servers.find(server => server.address === url && server.pid === pid)
    const copied = server === undefined ? 0 : copiedFor(server, status?.servers ?? [])
    return [
      name,
      i === 0 ? '' : roleOf(server, (status?.groups.length ?? 1) > 1),
      memberState(pid, server, i === 0 && status !== null, frozen, copied),
      url,
      pid === undefined ? '' : String(pid),
      server === undefined || server.role === 'idle' ? '' : String(server.lag),
    ]
  })
}

/** `several`: there are several groups, and it says of which it is. */
function roleOf(server: ServerStatus | undefined, several: boolean): string {
  if (server === undefined) return ''
  const role = server.role === 'primary' ? paint('bold', server.role) : server.role
  return several && server.group !== null ? `${role} ${server.group}` : role
}

/** What this process knows comes before what the view server believes. */
function memberState(
  pid: number | undefined,
  server: ServerStatus | undefined,
  answers: boolean,
  frozen: ReadonlySet<number>,
  copied: number,
): string {
  if (pid === undefined) return paint('red', 'dead')
  if (frozen.has(pid)) return paint('cyan', 'frozen')
  if (answers) return paint('green', 'alive')
  return server === undefined ? paint('dim', 'starting') : stateOf(server, copied, barWidth)
}
