// `holdfast reset`: after the state is lost, starts an empty one (F14).

import type { GroupStatus, MessageOf, Status, View } from '../wire/messages.ts'
import { groupsMax } from '../wire/slots.ts'
import { byDefault, type Command, flag, json, reaching, whole } from './arguments.ts'
import { type AskedServer, askStatus, meetViewServer } from './ask.ts'
import { showDuration } from './duration.ts'
import { Failure, UsageError } from './failure.ts'
import { print, printJson } from './output.ts'

const options = {
  yes: flag('yes: give up all locks'),
  force: flag('also while a server may still answer clients from the old state'),
  group: byDefault(
    'the only one',
    whole('NUMBER', 'the group whose state it gives up; the others keep theirs', 0, groupsMax - 1),
  ),
  'view-number': byDefault(
    'the newest',
    whole('NUMBER', 'the view that it ends, so that a repeat does nothing', 1, 2 ** 53 - 1),
  ),
  ...reaching,
  ...json,
}

const nothingText = 'there is no view yet, so there is nothing to reset'

/** The view server may have to wait for servers that neither answer nor refuse. */
const withinMs = 15_000

export const command: Command<typeof options> = {
  usage: 'reset --yes [options]',
  does: 'after the state is lost: start an empty one',
  more: `Gives up the whole state: no lock is held afterwards. The new state grants nothing until every
lease that a client may still believe in has run out, and its tokens are larger than all
before. Refused while a server that has the old state may still be there, unless --force.
In a cluster of several groups it is the state of one of them, which --group names; 'holdfast status' says which is lost.
--json prints { done, view } with the view that is in force now.`,
  options,
  names: [],
  async run({ values }) {
    if (!values.yes)
      throw new UsageError(
        'reset gives up all locks, in a cluster of several groups all of one group: the view ends, an idle lock server starts with an empty state, and nothing is granted until all old leases have run out; say --yes if that is meant',
      )
    using peer = await meetViewServer(values)
    const status = await askStatus(peer)
    const { group, view: newest } = groupIn(status, values.group)
    const ends = values['view-number'] ?? newest?.number
    if (ends === undefined) throw new Failure(nothingText)
    const view = await askReset(peer, group, ends, values.force)
    const done = view.number === ends + 1 && view.start?.choice === null
    if (values.json) printJson({ done, view })
    else print(meaning(view, ends, done, status.groups.length))
    return 0
  },
}

/** Which one is meant must be said where there are several: each has a state of its own. */
function groupIn({ groups }: Status, number: number | undefined): GroupStatus {
  const [only] = groups
  if (only === undefined) throw new Failure(nothingText)
  const last = groups.length - 1
  if (number === undefined && last > 0)
    throw new UsageError(
      `the cluster has ${groups.length} groups, each with its own state: say which one gives up its state, --group 0 to ${last}`,
    )
  const found = number === undefined ? only : groups.find(({ group }) => group === number)
  if (found !== undefined) return found
  const known = last === 0 ? 'one group, 0' : `groups 0 to ${last}`
  throw new UsageError(`there is no group ${number}: the cluster has ${known}`)
}

/** Resolves with the view that is in force then. */
export async function askReset(
  peer: AskedServer,
  group: number,
  ends: number,
  force: boolean,
): Promise<View> {
  let answer: View | string | undefined
  await peer.ask(
    ['reset', 1, group, ends, force],
    message => {
      const [kind, , content] = message as MessageOf<'viewToClient'>
      if (kind === 'reset-done' || kind === 'reset-refused') answer = content
      return answer !== undefined
    },
    withinMs,
  )
  if (typeof answer === 'string') throw new Failure(`reset refused: ${answer}`)
  return answer as View
}

/** `done`: by this reset. `groups`: how many there are. */
export function meaning(
  { group, number, primary, start }: View,
  ends: number,
  done: boolean,
  groups: number,
): string {
  const [view, its] = groups === 1 ? [`view ${number}`, ''] : [`view ${number} of group ${group}`, ' its']
  if (!done)
    return `nothing was done: view ${ends} had ended already; ${view} is in force, its primary is at ${primary.address}`
  const pause = showDuration(start?.pauseMs ?? 0)
  return `${view} begins with an empty state at ${primary.address}: all${its} earlier locks are gone, and nothing is granted for ${pause}, until no client can believe in one of them any more`
}
