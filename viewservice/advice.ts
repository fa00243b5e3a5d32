// What an operator should do about a cluster that would not survive the next death, or has no primary: a sentence
// or two. It reads the status and asks no server.

import { showDuration } from '../wire/duration.ts'
import type { GroupStatus, ServerStatus, Status } from '../wire/messages.ts'

/** Empty: nothing. The reason of a halt stands in the status itself; while one group's state is lost, the others go on. */
export function adviceFor(status: Status): string[] {
  const { groups, halted } = status
  if (halted !== null && groups.every(({ lost }) => lost === null)) return []
  const [only] = groups
  if (groups.length < 2) return halted === null || only === undefined ? adviceOf(status) : afterLoss(only, '')
  return groups.flatMap(group => {
    const { lost, group: number } = group
    const advice = lost === null ? adviceOf({ ...status, ...group }) : afterLoss(group, ` --group ${number}`)
    return advice.map(text => `Group ${number}: ${text}`)
  })
}

/** F14: its state is lost, or waits for its recovery. `of`: the option that names the group. */
function afterLoss({ view, recovery }: GroupStatus, of: string): string[] {
  if (view === null) return []
  if (recovery !== null && recovery.waitedFor.length > 0)
    return [
      'Start the machines that are waited for: the locks are on their disks, and are recovered by themselves.',
    ]
  if (view.durability === 'disk') return []
  return [
    `If the process of the primary at ${view.primary.address} still runs, frozen or cut off, bring its machine back as it is: no lock is lost then.`,
    `If it has ended, start an empty state: holdfast reset --yes${of}. That gives up all locks, and nothing is granted until no client can believe in one of them any more.`,
  ]
}

/** Of one group. */
function adviceOf(status: Status): string[] {
  const { view, durability, survives, servers } = status
  if (survives > 0) return []
  if (view === null)
    return [
      'No lock server has been found yet. Start one with --view naming this view server; a log of a running one says why it is refused.',
    ]
  const primary = servers.find(({ id }) => id === view.primary.id)
  if (primary?.alive !== true) return [noPrimary(status)]
  const backup = servers.find(({ id }) => id === view.backup?.id)
  const ifNow =
    durability === 'disk'
      ? 'If the primary dies now, no lock can be granted until it is back with its disk.'
      : 'If the primary dies now, all locks are lost.'
  if (backup?.alive === true)
    return [`The backup at ${backup.address} is not in sync yet: the copy is under way. ${ifNow} Wait.`]
  if (servers.some(({ alive, role }) => alive && role === 'idle'))
    return [
      `No backup yet: an idle lock server is taken by itself. ${ifNow} Wait; if it lasts, the log of the primary says why.`,
    ]
  return [`${withoutBackup(backup, servers)} ${ifNow} Start a lock server; it is taken by itself.`]
}

function noPrimary({ view, durability, servers }: Status): string {
  const backup = servers.find(({ id }) => id === view?.backup?.id)
  if (backup?.alive) return 'The primary is silent. Its backup is asked now, and takes over if it is in sync.'
  const start = `No lock can be granted. Start the machine of ${view?.primary.address} again`
  return durability === 'disk'
    ? `${start}: the locks are on its disk.`
    : `${start}; its process must not have ended, since the locks are in its memory.`
}

function withoutBackup(backup: ServerStatus | undefined, servers: readonly ServerStatus[]): string {
  const silent = (server: ServerStatus) =>
    `${server.address} has been silent for ${showDuration(server.pingAgeMs)}`
  if (backup !== undefined) return `No backup: ${silent(backup)}.`
  const dead = servers.filter(({ alive, role }) => !alive && role === 'idle')
  if (dead.length === 0) return 'No backup: there is no other lock server.'
  return `No backup: ${dead.map(silent).join(', ')}.`
}
