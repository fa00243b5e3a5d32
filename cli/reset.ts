// `holdfast reset`: after the state is lost, starts an empty one (F14).

import type { MessageOf, View } from '../wire/messages.ts'
import { byDefault, type Command, flag, json, reaching, whole } from './arguments.ts'
import { type AskedServer, askStatus, meetViewServer } from './ask.ts'
import { showDuration } from './duration.ts'
import { Failure, UsageError } from './failure.ts'
import { print, printJson } from './output.ts'

const options = {
  yes: flag('yes: give up all locks'),
  force: flag('also while a server may still answer clients from the old state'),
  'view-number': byDefault(
    'the newest',
    whole('NUMBER', 'the view that it ends, so that a repeat does nothing', 1, 2 ** 53 - 1),
  ),
  ...reaching,
  ...json,
}

/** The view server may have to wait for servers that neither answer nor refuse. */
const withinMs = 15_000

export const command: Command<typeof options> = {
  usage: 'reset --yes [options]',
  does: 'after the state is lost: start an empty one',
  more: `Gives up the whole state: no lock is held afterwards. The new state grants nothing until every
lease that somebody may still believe in has run out, and its tokens are larger than all
before. Refused while a server that has the old state may still be there, unless --force.
--json prints { done, view } with the view that is in force now.`,
  options,
  names: [],
  async run({ values }) {
    if (!values.yes)
      throw new UsageError(
        'reset gives up all locks: the view ends, an idle lock server starts with an empty state, and nothing is granted until all old leases have run out; say --yes if that is meant',
      )
    using peer = await meetViewServer(values)
    const ends = values['view-number'] ?? (await askStatus(peer)).view?.number
    if (ends === undefined) throw new Failure('there is no view yet, so there is nothing to reset')
    const view = await reset(peer, ends, values.force)
    const done = view.number === ends + 1 && view.start?.choice === null
    if (values.json) printJson({ done, view })
    else print(meaning(view, ends, done))
    return 0
  },
}

async function reset(peer: AskedServer, ends: number, force: boolean): Promise<View> {
  let answer: View | string | undefined
  await peer.ask(
    ['reset', 1, 0, ends, force],
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

function meaning({ number, primary, start }: View, ends: number, done: boolean): string {
  if (!done)
    return `nothing was done: view ${ends} had ended already; view ${number} is in force, its primary is at ${primary.address}`
  const pause = showDuration(start?.pauseMs ?? 0)
  return `view ${number} begins with an empty state at ${primary.address}: all earlier locks are gone, and nothing is granted for ${pause}, until nobody can believe in one of them any more`
}
