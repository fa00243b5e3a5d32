// `holdfast status`: what the view server knows of the view and of every lock server, and what an operator should do.

import { adviceFor } from '../viewservice/advice.ts'
import { movesText } from '../viewservice/moves-text.ts'
import type { ServerStatus, Status, ViewServerStatus } from '../wire/messages.ts'
import { groupsMax } from '../wire/slots.ts'
import { type Command, flag, json, proofOf, reaching, viewDefault } from './arguments.ts'
import { askStatus, isLocal, meetViewServer, NotReached, type Reach, TooLate } from './ask.ts'
import { blindStatus } from './blind-status.ts'
import { type Column, tableIn } from './columns.ts'
import { showDuration } from './duration.ts'
import { Failure, messageOf } from './failure.ts'
import { type Load, loadOf, loadText } from './load.ts'
import { bar, oneLine, paint, print, printJson, terminalWidth } from './output.ts'
import { diskLines, recoveryLines } from './status-disks.ts'

const options = {
  ...reaching,
  check: flag('for monitoring: only what is wrong, and exit code 0, 1 (warning) or 2 (critical)'),
  ...json,
}

export const command: Command<typeof options> = {
  usage: 'status [options]',
  does: 'show the view, the lock servers, how many more deaths the cluster survives, and what to do',
  more: `The exit code is 1 when there is no primary. While no view server answers, the lock servers among
the URLs are asked which one is primary. With --check the exit code is 0 when the cluster would survive
the next death, 1 when that would lose all locks (no backup in sync), and 2 when no lock can be granted
now, or the view server does not answer.

--json prints { cluster, durability, view: { number, primary, backup, acked }, servers: [server…],
survives, halted, recovery, pid, viewServers, load }; recovery is what a lost state on disk waits for,
or null; pid is that of the view server that answers; a view server is { id, address, active, pid,
host, version }; load is { held, waiting, longestWaitMs, sessions, operationsPerS }, the last of them
null until it was measured, or null if a primary does not tell it. A server is { id, address, pid, host,
role, inSync, view, opNumber, lag, copiedPart, pingAgeMs, alive, leaving, imprint, low, disk, version };
disk is { imprint, bytes, freeBytes, syncAgeMs, unsyncedMs, syncP50Us, syncP99Us, spoilt }, or null
without a journal.`,
  options,
  names: [],
  async run({ values }) {
    const asked = await ask(values).catch(error => {
      throw values.check ? new Failure(messageOf(error), critical) : error
    })
    const { status, load } = asked
    if (values.json) printJson({ ...asJson(status), load })
    else if (values.check) for (const line of checkLines(status)) print(line)
    else for (const line of lines(status, load, terminalWidth())) print(line)
    if (values.check) return graveness(status)
    return hasPrimary(status) ? 0 : 1
  },
}

/** Exit codes of --check, as monitoring programs read them. */
const [well, warning, critical] = [0, 1, 2]

interface Seen {
  readonly status: Status
  /** Of the view server; null if none answers. */
  readonly url: string | null
}

/** Without the address of a lock server no other server can be asked. */
function silentOnly(error: unknown, { view = [viewDefault] }: Reach): unknown {
  const more = 'locks may be granted all the same: with lock servers in --view, too, status asks those'
  const isAway = error instanceof TooLate || (error instanceof NotReached && !view.some(isLocal))
  return isAway ? new Failure(`${error.message}; ${more}`) : error
}

interface Asked {
  readonly status: Status
  readonly load: Load | null
}

/** While no view server answers, lock servers know something, too. */
async function seen(reach: Reach): Promise<Seen> {
  try {
    using peer = await meetViewServer(reach)
    return { status: await askStatus(peer), url: peer.url }
  } catch (error) {
    const status = await blindStatus(reach)
    if (status === null) throw silentOnly(error, reach)
    return { status, url: null }
  }
}

async function ask(reach: Reach): Promise<Asked> {
  const { status, url } = await seen(reach)
  return { status, load: url !== null && hasPrimary(status) ? await loadOf(url, proofOf(reach)) : null }
}

/** No lock can be granted; or the next death loses all of them. */
export function graveness(status: Status): number {
  if (!hasPrimary(status) || status.halted !== null) return critical
  return status.survives > 0 ? well : warning
}

function checkLines(status: Status): string[] {
  return [...headlines(status), ...(status.halted === null ? [] : [status.halted]), ...adviceFor(status)]
}

/** The server with this id; the status lists all servers of the view. */
export function serverOf(status: Status, id: string | undefined): ServerStatus | null {
  return status.servers.find(server => server.id === id) ?? null
}

/** Of each group that has slots. */
function hasPrimary(status: Status): boolean {
  const serving = status.groups.slice(1).filter(({ group }) => group < (status.map?.groups ?? groupsMax))
  const views = [status.view, ...serving.map(({ view }) => view)]
  return views.every(view => serverOf(status, view?.primary.id)?.alive === true)
}

function asJson(status: Status) {
  const { cluster, durability, groups, view, acked, servers } = status
  const { survives, halted, recovery, pid, viewServers } = status
  const primary = serverOf(status, view?.primary.id)
  const backup = serverOf(status, view?.backup?.id)
  return {
    cluster,
    durability,
    view: { number: view?.number ?? 0, primary, backup, acked },
    ...(groups.length > 1 ? { groups: groups.map(({ lost, ...group }) => group) } : {}),
    servers: sorted(servers),
    survives,
    halted,
    recovery,
    pid,
    viewServers,
  }
}

const columns: readonly Column[] = [
  { title: 'ROLE' },
  { title: 'STATE' },
  { title: 'ADDRESS', least: 20 },
  { title: 'HOST', least: 8, spare: 3 },
  { title: 'PID', spare: 1 },
  { title: 'VIEW', spare: 4 },
  { title: 'OPERATION', spare: 6 },
  { title: 'LAG', spare: 2 },
  { title: 'HEARD', spare: 5 },
  { title: 'VERSION', spare: 8 },
  { title: 'ID', spare: 7 },
]

/** E5 */
function viewServerLine({ address, active, pid, host, version }: ViewServerStatus): string {
  const process = pid === 0 ? 'not reached from here' : `pid ${pid} on ${host}, holdfast ${version}`
  return `view server ${address}, ${active ? 'active' : 'standby'}: ${process}`
}

/** `width`: of the terminal; null: as long as they are. */
export function lines(status: Status, load: Load | null = null, width: number | null = null): string[] {
  const { halted, viewServers } = status
  const [head = '', ...body] = tableOf(status, width)
  return [
    ...headlines(status),
    ...(halted === null ? [] : [paint('red', halted)]),
    ...recoveryLines(status),
    ...adviceFor(status).map(line => paint('yellow', line)),
    ...(load === null ? [] : [loadText(load)]),
    ...movesLines(status),
    '',
    paint('dim', head),
    ...body,
    ...diskLines(status, width),
    ...(viewServers.length === 0 ? [] : ['', ...viewServers.map(each => paint('dim', viewServerLine(each)))]),
  ]
}

/** One for each group (G1). */
export function headlines(status: Status): string[] {
  return status.groups.length > 1
    ? status.groups.map(group => headline({ ...status, ...group }, `group ${group.group}: `))
    : [headline(status)]
}

/** Of one group; `of`: which, if there are several. */
function headline(status: Status, of = ''): string {
  const { view, durability, acked, survives } = status
  if (view === null) return paint('red', `${of}there is no view yet: no primary`)
  const number = of + paint('bold', `view ${view.number}`) + (durability === 'disk' ? ', on disk' : '')
  if (serverOf(status, view.primary.id)?.alive !== true)
    return `${number}, ${paint('red', 'its primary is dead')}`
  const deaths = survives === 1 ? '1 more death' : `${survives} more deaths`
  return `${number}, ${acked ? 'acked' : 'not acked yet'}; ${paint(survives > 0 ? 'green' : 'yellow', `survives ${deaths} right now`)}`
}

/** G8 */
function movesLines(status: Status): string[] {
  const texts = movesText(status)
  return texts.length === 0 ? [] : [`${texts.join('; ')}; see 'holdfast groups'`]
}

/** G1: of several groups, each server says in which it is. */
function tableOf({ servers, groups }: Status, width: number | null): string[] {
  if (groups.length < 2) return tableIn(width, columns, rows(servers))
  const ofGroups = sorted(servers).map(({ group }) => (group === null ? '' : String(group)))
  const all = rows(servers).map((row, i) => [ofGroups[i] ?? '', ...row])
  return tableIn(width, [{ title: 'GROUP' }, ...columns], all)
}

function rows(servers: readonly ServerStatus[]): string[][] {
  return sorted(servers).map(server => [
    server.role === 'primary' ? paint('bold', server.role) : server.role,
    stateOf(server, copiedFor(server, servers)),
    server.address,
    oneLine(server.host),
    ...(server.pid === 0 ? ['', '', '', '', ''] : toldOf(server)),
    server.version,
    server.id.slice(0, 8),
  ])
}

/** What a server tells the view server; while that one is away it is not known. */
function toldOf({ pid, view, opNumber, lag, pingAgeMs }: ServerStatus): string[] {
  return [String(pid), String(view), String(opNumber), String(lag), `${showDuration(pingAgeMs)} ago`]
}

/** How much of its state the primary of this server's group has sent, in percent. */
export function copiedFor({ group }: ServerStatus, servers: readonly ServerStatus[]): number {
  return servers.find(server => server.role === 'primary' && server.group === group)?.copiedPart ?? 0
}

/** `copied`: how much of its state the primary has sent, in percent. */
export function stateOf(
  { alive, leaving, role, inSync }: ServerStatus,
  copied: number,
  barWidth?: number,
): string {
  if (!alive) return paint('red', 'dead')
  if (leaving) return paint('yellow', 'leaving')
  if (role !== 'backup') return paint('green', 'alive')
  if (inSync) return paint('green', 'in sync')
  return paint('yellow', copied < 100 ? `copying ${bar(copied, barWidth)}` : 'catching up')
}

const order = ['primary', 'backup', 'idle']

/** Group by group; those that are in none are the last. */
function sorted(servers: readonly ServerStatus[]): ServerStatus[] {
  const place = ({ group }: ServerStatus) => group ?? Number.MAX_SAFE_INTEGER
  return [...servers].sort(
    (a, b) =>
      place(a) - place(b) ||
      order.indexOf(a.role) - order.indexOf(b.role) ||
      a.address.localeCompare(b.address),
  )
}
