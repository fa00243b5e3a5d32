// `holdfast durability`: whether a cluster keeps its locks in memory or on disk; with --set it changes that, while it
// runs (D11).

import type { Durability, MessageOf, View } from '../wire/messages.ts'
import { type Command, choice, json, reaching } from './arguments.ts'
import { type AskedServer, askStatus, meetViewServer } from './ask.ts'
import { Failure } from './failure.ts'
import { print, printJson } from './output.ts'

const kinds = ['memory', 'disk'] as const

const options = {
  set: choice('KIND', 'where locks are kept from now on: memory or disk', kinds),
  ...reaching,
  ...json,
}

/** The primary of a large state takes some seconds to write it. */
const withinMs = 60_000

export const command: Command<typeof options> = {
  usage: 'durability [options]',
  does: 'say, or change, whether locks are kept in memory or on disk',
  more: `With --set disk every lock server must have a journal (lockserver --data DIR). Locks and waiters stay;
nothing is answered while the primary writes its whole state to its disk; after that the backup gets a new
copy. With --set memory nothing is kept on disks from then on. --json prints { durability, view }.`,
  options,
  names: [],
  async run({ values }) {
    using peer = await meetViewServer(values)
    const view = values.set === undefined ? await viewOf(peer) : await change(peer, values.set)
    if (values.json) printJson({ durability: view.durability, view })
    else print(`view ${view.number} keeps its locks ${places[view.durability]}`)
    return 0
  },
}

const places: Readonly<Record<Durability, string>> = { memory: 'in memory', disk: 'on disk' }

async function viewOf(peer: AskedServer): Promise<View> {
  const { view } = await askStatus(peer)
  if (view === null) throw new Failure('there is no view yet')
  return view
}

async function change(peer: AskedServer, to: Durability): Promise<View> {
  let answer: View | string | undefined
  await peer.ask(
    ['durability', 1, to],
    message => {
      const [kind, , content] = message as MessageOf<'viewToClient'>
      if (kind === 'durability-done' || kind === 'durability-refused') answer = content
      return answer !== undefined
    },
    withinMs,
  )
  if (answer === undefined || typeof answer === 'string')
    throw new Failure(`durability is not changed: ${answer ?? 'no answer'}`)
  return answer
}
