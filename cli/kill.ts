// `holdfast kill`: asks a lock server to end at once, to watch a failover happen. It signals no process: a pid in
// the status is what that server says of itself (B8).

import type { ServerStatus, Status, View } from '../wire/messages.ts'
import { askPage, PageUnreached, problemIn } from '../wire/serving/peer-page.ts'
import { groupsMax } from '../wire/slots.ts'
import { byDefault, type Command, flag, json, proofOf, reaching, show, whole } from './arguments.ts'
import { AskedServer, answerWithinMs, statusOf } from './ask.ts'
import { Failure, UsageError } from './failure.ts'
import { print, printJson } from './output.ts'
import { serverOf } from './status.ts'
import { dialTls } from './tls.ts'

const options = {
  group: byDefault(0, whole('NUMBER', 'of which group, with primary or backup', 0, groupsMax - 1)),
  force: flag('also the last server that holds the state: all locks are lost then, or wait for its disk'),
  ...reaching,
  ...json,
}

export const command: Command<typeof options> = {
  usage: 'kill primary|backup|ID [options]',
  does: 'make that lock server end at once, to watch a failover',
  more: `ID is a server id as status shows it, or its beginning. The server is asked to end as SIGKILL
would end it. It does so for callers that know the cluster's secret; in a cluster without one only
for callers on its machine. A frozen server can't be asked, and is left alone.
--json prints { killed: server }, the server as in status.`,
  options,
  names: ['primary|backup|ID'],
  async run({ values, names: [which = ''] }) {
    if (!/^(primary|backup|[0-9a-f]{1,32})$/.test(which))
      throw new UsageError(
        `kill takes primary, backup, or the id of a server (hex digits), not ${show(which)}`,
      )
    const status = await statusOf(values)
    const server = pick(status, which, values.group ?? 0)
    await checkThere(server, proofOf(values))
    if (!values.force) checkNotLast(status, server)
    await end(server, proofOf(values))
    if (values.json) printJson({ killed: server })
    else print(`killed ${describe(server)}`)
    return 0
  },
}

function pick(status: Status, which: string, group: number): ServerStatus {
  if (which === 'primary' || which === 'backup') {
    const server = serverOf(status, viewOf(status, group)?.[which]?.id)
    const of = group === 0 ? '' : ` of group ${group}`
    if (server === null) throw new Failure(`there is no ${which}${of} right now; see 'holdfast status'`)
    return server
  }
  const found = status.servers.filter(({ id }) => id.startsWith(which))
  if (found.length === 1) return found[0] as ServerStatus
  const known = status.servers.map(({ id }) => id.slice(0, 8)).join(', ')
  if (found.length === 0)
    throw new Failure(`there is no server whose id begins with ${which}; there are ${known || 'none'}`)
  throw new Failure(
    `${found.length} servers' ids begin with ${which}; give more of it: ${found.map(({ id }) => id).join(', ')}`,
  )
}

function viewOf({ view, groups }: Pick<Status, 'view' | 'groups'>, group: number): View | null {
  return group === 0 ? view : (groups.find(each => each.group === group)?.view ?? null)
}

/** Its death would lose the state of its group: no other living server holds the whole of it. */
export function isLastHolder(status: Pick<Status, 'servers' | 'view' | 'groups'>, id: string): boolean {
  const { servers } = status
  const group = servers.find(server => server.id === id)?.group ?? 0
  const primary = viewOf(status, group)?.primary.id
  const holders = servers.filter(
    server => server.id === primary || (server.inSync && (server.group ?? 0) === group),
  )
  return holders.some(server => server.id === id) && !holders.some(server => server.id !== id && server.alive)
}

function checkNotLast(status: Status, server: ServerStatus): void {
  if (!isLastHolder(status, server.id)) return
  const without =
    status.durability === 'disk'
      ? 'without it no lock can be granted until it is back with its disk'
      : 'without it all locks are lost'
  throw new Failure(
    `${describe(server)} is the last one that holds the state: ${without}. Wait until status shows a backup in sync, or say --force`,
  )
}

/** Another server may have taken its place, or none. */
async function checkThere(server: ServerStatus, secret: string | undefined): Promise<void> {
  const how = { secret: secret ?? null, withinMs: answerWithinMs, tls: dialTls() }
  await askPage(server.address, '/healthz', how).catch(error => {
    throw notAsked(server, error)
  })
  using peer = await AskedServer.meet(server.address, secret, 'told')
  if (peer.welcome.id !== server.id) throw replaced(server)
}

function replaced(server: ServerStatus): Failure {
  return new Failure(`${describe(server)} is dead already: another server is there now`)
}

/** B8: its pid is only what it says itself, so it is asked to end, by its id, at the address that it was found at. */
async function end(server: ServerStatus, secret: string | undefined): Promise<void> {
  const how = { method: 'POST', secret: secret ?? null, withinMs: answerWithinMs, tls: dialTls() } as const
  const answer = await askPage(server.address, `/end?id=${server.id}`, how).catch(error => {
    throw notAsked(server, error)
  })
  if (answer.status === 409) throw replaced(server)
  if (answer.status !== 200) throw new Failure(`${describe(server)} does not end: ${problemIn(answer)}`)
}

function notAsked(server: ServerStatus, error: unknown): Failure {
  if (error instanceof PageUnreached && error.refused)
    return new Failure(`${describe(server)} is dead already`)
  const where = server.host === '' ? 'its machine' : `its machine (${server.host}, by what it says)`
  const { port } = new URL(server.address)
  return new Failure(
    `${describe(server)} ${(error as Error).message}: frozen, or cut off, and not killed. On ${where} find the process that listens on port ${port} and end it there: 'ss -ltnp sport = :${port}' shows its pid, 'kill -9 PID' ends it`,
  )
}

function describe({ role, id, address, pid }: ServerStatus): string {
  const article = role === 'idle' ? 'the idle server' : `the ${role}`
  return `${article} ${id.slice(0, 8)} at ${address} (pid ${pid})`
}
