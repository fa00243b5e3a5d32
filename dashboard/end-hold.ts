// Ends one hold of a lock, named by its token (C8), once an operator has seen who loses it. If another hold has the lock by then,
// nothing is done.

import type { TableRow } from './answers.ts'
import { ask } from './ask.ts'
import { sure } from './sure.ts'
import { countOf, lengthOf } from './words.ts'

type Hold = TableRow['held'][number]

/** Resolves with what came of it; null: it was not meant. */
export async function endHold(lock: TableRow, hold: Hold): Promise<string | null> {
  const { name } = lock
  const { token } = hold
  if (!(await sure({ title: 'End this hold?', lines: linesOf(lock, hold), act: `End token ${token}` })))
    return null
  try {
    await ask(`/release?name=${encodeURIComponent(name)}&token=${token}`, 'POST', 15_000)
    return `Ended: "${name}", token ${token}.`
  } catch (error) {
    return `"${name}", token ${token}: ${(error as Error).message}`
  }
}

/** What would be lost, by whom, and who is next. */
function linesOf({ name, holders, waiters, waiting }: TableRow, hold: Hold): string[] {
  const { client, clientId, mode, token, heldMs, terms } = hold
  const who = clientId === null ? 'no client any more' : `${client} (${clientId.slice(0, 8)})`
  const [next] = waiting
  return [
    `Lock "${name}", ${mode}, token ${token}, held for ${lengthOf(heldMs)} by ${who}.`,
    ...(terms?.note ? [`Its note: ${terms.note}`] : []),
    ...(clientId === null
      ? []
      : [
          'Its client learns of it as soon as the network allows, and may go on working until then. Only a resource that checks tokens is safe.',
        ]),
    ...(holders > 1 ? [`${countOf(holders - 1, 'other hold', 'other holds')} of this lock go on.`] : []),
    next === undefined
      ? 'No client waits for it.'
      : `${countOf(waiters, 'client waits', 'clients wait')} for it; the next is ${next.client} (${next.clientId.slice(0, 8)}).`,
    'If another hold has the lock by now, nothing is done.',
  ]
}
