// `holdfast locks --nearest`: asks any server that has a copy of the locks, the backup before the primary, so that it
// works without a primary and takes nothing from it (G7). What it prints is as old as it says, and decides nothing.

import type { HoldRecord, MessageOf, View, WaitRecord } from '../wire/messages.ts'
import { proofOf, viewDefault } from './arguments.ts'
import { AskedServer, type Reach } from './ask.ts'
import { showDuration } from './duration.ts'
import { Failure, messageOf } from './failure.ts'
import { fromGroups } from './primary.ts'

export interface NearestListing {
  readonly cut: boolean
  /** How old it may be at most. */
  readonly asOfMs: number
  /** Null: the cluster keeps nothing on disk. */
  readonly onDisk: boolean | null
  /** Who has said so; of several groups the first. */
  readonly server: string
  /** Groups of which no server has answered (G5). */
  readonly missing: readonly number[]
  readonly held: readonly HoldRecord[]
  readonly pending: readonly WaitRecord[]
}

/** Of all groups, as old as the oldest. */
export async function nearestLocks(reach: Reach, prefix: string): Promise<NearestListing> {
  const { answers, missing } = await fromGroups(reach, (group, view) => nearestIn(reach, group, view, prefix))
  const onDisk = answers.map(answer => answer.onDisk)
  return {
    cut: answers.some(({ cut }) => cut),
    asOfMs: Math.max(...answers.map(({ asOfMs }) => asOfMs)),
    onDisk: onDisk.includes(null) ? null : !onDisk.includes(false),
    server: answers[0]?.server ?? '',
    missing,
    held: answers.flatMap(({ held }) => held),
    pending: answers.flatMap(({ pending }) => pending),
  }
}

type OfGroup = Omit<NearestListing, 'missing'>

async function nearestIn(reach: Reach, group: number, view: View | null, prefix: string): Promise<OfGroup> {
  const troubles: string[] = []
  for (const url of copiesIn(view, reach)) {
    try {
      using server = await AskedServer.meet(url, proofOf(reach), 'told')
      if (server.welcome.kind === 'lockserver' && (server.welcome.view?.group ?? 0) === group)
        return await look(server, prefix)
    } catch (error) {
      troubles.push(messageOf(error))
    }
  }
  throw new Failure(`no server with a copy answers: ${troubles.join('; ') || 'there is no view yet'}`)
}

/** The backup first; then the other servers that were named. */
function copiesIn(view: View | null, { view: given }: Reach): string[] {
  const servers = view === null ? [] : [view.backup, view.primary]
  const copies = servers.flatMap(server => (server === null ? [] : [server.address]))
  return [...new Set([...copies, ...(given ?? [viewDefault])])]
}

async function look(server: AskedServer, prefix: string): Promise<OfGroup> {
  const held: HoldRecord[] = []
  const pending: WaitRecord[] = []
  let age: Pick<NearestListing, 'cut' | 'asOfMs' | 'onDisk'> = { cut: false, asOfMs: 0, onDisk: null }
  await server.ask(['look', 1, prefix], message => {
    const answer = message as MessageOf<'serverToClient'>
    if (answer[0] !== 'looked' || answer[1] !== 1) return false
    const { more, cut, asOfMs, onDisk } = answer[2]
    held.push(...answer[3])
    pending.push(...answer[4])
    age = { cut, asOfMs, onDisk }
    return !more
  })
  return { ...age, server: server.url, held, pending }
}

/** One line above the list. */
export function ageText({ asOfMs, onDisk, server }: NearestListing): string {
  const disk = onDisk === false ? ', and some of it may be on no disk yet' : ''
  return `unconfirmed: a copy at ${server}, up to ${showDuration(asOfMs)} old${disk}`
}
