// `holdfast kill`: kills a lock server on this machine with SIGKILL, to watch a failover happen.

import { hostname } from 'node:os'
import type { ServerStatus, Status } from '../wire/messages.ts'
import { type Command, flag, json, reaching, show } from './arguments.ts'
import { statusOf } from './ask.ts'
import { Failure, UsageError } from './failure.ts'
import { print, printJson } from './output.ts'
import { serverOf } from './status.ts'

const options = {
  force: flag(
    'also the last server that holds the state (all locks are lost then), or one that is not heard',
  ),
  ...reaching,
  ...json,
}

export const command: Command<typeof options> = {
  usage: 'kill primary|backup|ID [options]',
  does: 'SIGKILL that local lock server, to watch a failover',
  more: `ID is a server id as status shows it, or its beginning. Only servers of this machine can be
killed. --json prints { killed: server }, the server as in status.`,
  options,
  names: ['primary|backup|ID'],
  async run({ values, names: [which = ''] }) {
    if (!/^(primary|backup|[0-9a-f]{1,32})$/.test(which))
      throw new UsageError(
        `kill takes primary, backup, or the id of a server (hex digits), not ${show(which)}`,
      )
    const status = await statusOf(values)
    const server = pick(status, which)
    checkLocal(server)
    checkThere(server)
    if (!values.force) {
      checkHeard(server)
      checkNotLast(status, server)
    }
    signal(server, 'SIGKILL')
    if (values.json) printJson({ killed: server })
    else print(`killed ${describe(server)}`)
    return 0
  },
}

function pick(status: Status, which: string): ServerStatus {
  if (which === 'primary' || which === 'backup') {
    const server = serverOf(status, status.view?.[which]?.id)
    if (server === null) throw new Failure(`there is no ${which} right now; see 'holdfast status'`)
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

function checkLocal(server: ServerStatus): void {
  if (server.host === hostname()) return
  const where = server.host === '' ? 'a machine that is not known (it was never heard)' : server.host
  throw new Failure(`${describe(server)} runs on ${where}, this is ${hostname()}; kill it there`)
}

function checkThere(server: ServerStatus): void {
  signal(server, 0)
}

/** The system may give the pid to another process after a while. */
function checkHeard(server: ServerStatus): void {
  if (server.alive) return
  throw new Failure(
    `${describe(server)} is not heard any more: frozen, or dead and its pid another process's by now; say --force to kill that pid all the same`,
  )
}

/** Its death would lose the state: no other living server holds the whole of it. */
export function isLastHolder({ servers, view }: Pick<Status, 'servers' | 'view'>, id: string): boolean {
  const holders = servers.filter(server => server.id === view?.primary.id || server.inSync)
  return holders.some(server => server.id === id) && !holders.some(server => server.id !== id && server.alive)
}

function checkNotLast(status: Status, server: ServerStatus): void {
  if (!isLastHolder(status, server.id)) return
  throw new Failure(
    `${describe(server)} is the last one that holds the state: without it all locks are lost. Wait until status shows a backup in sync, or say --force`,
  )
}

function signal(server: ServerStatus, signal: 'SIGKILL' | 0): void {
  try {
    process.kill(server.pid, signal)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ESRCH') throw new Failure(`${describe(server)} is dead already`)
    if (code === 'EPERM')
      throw new Failure(`${describe(server)} belongs to another user; kill it as that user`)
    throw new Failure(`can't kill ${describe(server)}: ${message}`)
  }
}

function describe({ role, id, address, pid }: ServerStatus): string {
  const article = role === 'idle' ? 'the idle server' : `the ${role}`
  return `${article} ${id.slice(0, 8)} at ${address} (pid ${pid})`
}
