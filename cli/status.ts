// `holdfast status`: what the view server knows of the view and of every lock server.

import type { ServerStatus, Status } from '../wire/messages.ts'
import { type Command, json, reaching } from './arguments.ts'
import { statusOf } from './ask.ts'
import { showDuration } from './duration.ts'
import { bar, oneLine, paint, print, printJson, table } from './output.ts'

const options = { ...reaching, ...json }

export const command: Command<typeof options> = {
  usage: 'status [options]',
  does: 'show the view, the lock servers, and how many more deaths are survived',
  more: `Exit code 1 when there is no primary. --json prints
{ cluster, view: { number, primary, backup, acked }, servers: [server…], survives, halted,
pid }, pid being the view server's; a server is { id, address, pid, host, role, inSync, view, opNumber, lag, copiedPart,
pingAgeMs, alive, leaving }.`,
  options,
  names: [],
  async run({ values }) {
    const status = await statusOf(values)
    if (values.json) printJson(asJson(status))
    else for (const line of lines(status)) print(line)
    return hasPrimary(status) ? 0 : 1
  },
}

/** The server with this id; the status lists all servers of the view. */
export function serverOf(status: Status, id: string | undefined): ServerStatus | null {
  return status.servers.find(server => server.id === id) ?? null
}

function hasPrimary(status: Status): boolean {
  return serverOf(status, status.view?.primary.id)?.alive === true
}

function asJson(status: Status) {
  const { cluster, view, acked, servers, survives, halted, pid } = status
  const primary = serverOf(status, view?.primary.id)
  const backup = serverOf(status, view?.backup?.id)
  return {
    cluster,
    view: { number: view?.number ?? 0, primary, backup, acked },
    servers: sorted(servers),
    survives,
    halted,
    pid,
  }
}

export function lines(status: Status): string[] {
  const { halted, pid } = status
  const header = ['ROLE', 'STATE', 'ADDRESS', 'HOST', 'PID', 'VIEW', 'OPERATION', 'LAG', 'HEARD', 'ID']
  const [head = '', ...body] = table(header, rows(status))
  return [
    headline(status),
    ...(halted === null ? [] : [paint('red', halted)]),
    '',
    paint('dim', head),
    ...body,
    '',
    paint('dim', `view server: pid ${pid}`),
  ]
}

export function headline(status: Status): string {
  const { view, acked, survives } = status
  if (view === null) return paint('red', 'there is no view yet: no primary')
  const number = paint('bold', `view ${view.number}`)
  if (!hasPrimary(status)) return `${number}, ${paint('red', 'its primary is dead')}`
  const deaths = survives === 1 ? '1 more death' : `${survives} more deaths`
  return `${number}, ${acked ? 'acked' : 'not acked yet'}; ${paint(survives > 0 ? 'green' : 'yellow', `survives ${deaths} right now`)}`
}

function rows({ servers }: Status): string[][] {
  const copied = servers.find(server => server.role === 'primary')?.copiedPart ?? 0
  return sorted(servers).map(server => [
    server.role === 'primary' ? paint('bold', server.role) : server.role,
    stateOf(server, copied),
    server.address,
    oneLine(server.host),
    String(server.pid),
    String(server.view),
    String(server.opNumber),
    String(server.lag),
    `${showDuration(server.pingAgeMs)} ago`,
    server.id.slice(0, 8),
  ])
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

function sorted(servers: readonly ServerStatus[]): ServerStatus[] {
  return [...servers].sort(
    (a, b) => order.indexOf(a.role) - order.indexOf(b.role) || a.address.localeCompare(b.address),
  )
}
