// `holdfast journal DIR`: what a lock server's journal holds, and whether it is whole. It opens nothing for writing, so
// that it can be asked beside a living server.

import { type JournalLook, type Looked, lookAtJournal } from '../lockserver/journal/driver/look.ts'
import { type Command, flag, json } from './arguments.ts'
import { Failure } from './failure.ts'
import { paint, print, printJson, table } from './output.ts'

const options = {
  dump: flag('who held what, and who waited for it, when the last batch was written'),
  ...json,
}

export const command: Command<typeof options> = {
  usage: 'journal DIR [options]',
  does: 'say what the journal of a lock server holds, and whether it is whole',
  more: `DIR is what the lock server has as --data. Nothing is written; while the server runs, the last block may look torn.
The exit code is 1 if the journal is spoilt or of another format. --json prints { is, held, here, volume, files, bytes, imprint,
givenUp, problem: { file, at, problem }, torn, damage, log, state, aside }; is is empty, whole, spoilt or other format. With --dump the
locks that were held or waited for are listed in place of that: as { held, pending } of { name, mode, token, clientId, clientName,
host, pid, sinceMs }.`,
  options,
  names: ['DIR'],
  async run({ values, names: [folder = ''] }) {
    const { look, dump } = await lookAt(folder)
    if (!values.dump) {
      if (values.json) printJson(look)
      else for (const line of linesOf(look)) print(line)
      return look.is === 'spoilt' || look.is === 'other format' ? 1 : 0
    }
    if (dump === null) throw new Failure(`there is no state in ${folder} to list: ${stateOf(look)}`)
    if (values.json) printJson(dump)
    else for (const line of dumpLines(dump)) print(line)
    return 0
  },
}

async function lookAt(folder: string): Promise<Looked> {
  try {
    return await lookAtJournal(folder)
  } catch (error) {
    throw new Failure((error as Error).message)
  }
}

function stateOf({ is, problem }: JournalLook): string {
  const where = problem === null ? '' : `: ${problem.file} at byte ${problem.at}: ${problem.problem}`
  return `${is}${where}`
}

function linesOf(look: JournalLook): string[] {
  const rows: [string, string][] = [
    ['journal', painted(look)],
    ['held', look.held ? 'by a process' : 'by no process'],
  ]
  if (look.volume !== null) rows.push(['files', `${look.files} in ${look.volume}, ${megabytes(look.bytes)}`])
  rows.push(...imprintRows(look), ...stateRows(look))
  for (const { file, at, problem } of look.damage) rows.push(['damage', `${file} at byte ${at}: ${problem}`])
  if (look.torn !== null) rows.push(['torn end', `${look.torn.file} at byte ${look.torn.at}`])
  if (look.aside.length > 0) rows.push(['aside', look.aside.join(', ')])
  return table(['ABOUT', 'IS'], rows)
}

function painted(look: JournalLook): string {
  return paint(look.is === 'whole' ? 'green' : look.is === 'empty' ? 'dim' : 'red', stateOf(look))
}

function imprintRows({ imprint, givenUp, here }: JournalLook): [string, string][] {
  if (givenUp) return [['imprint', 'none: its state was given up']]
  if (imprint === null) return []
  const { view, as, told, differs, opNumber, id, address, cluster } = imprint
  const marks = `${as === 'backup' ? (told ? ', told in sync' : ', not told in sync') : ''}${differs ? ', a digest differed' : ''}`
  return [
    ['imprint', `view ${view}, as ${as}${marks}, operation ${opNumber}`],
    ['of', `server ${id} at ${address}, cluster ${cluster}`],
    [
      'written',
      here
        ? 'here, since this machine has started'
        : 'on another machine, in another boot, or in another folder',
    ],
  ]
}

function stateRows({ state, log }: JournalLook): [string, string][] {
  if (state === null || log === null) return []
  const { sessions, locks, waiters, lastToken, paused } = state
  const from = log.snapshot === null ? 'from its beginning' : `behind ${log.snapshot}`
  return [
    [
      'state',
      `${sessions} sessions, ${locks} locks, ${waiters} waiting, last token ${lastToken}${paused ? ', paused' : ''}`,
    ],
    ['log', `${log.blocks} blocks; ${log.batches} batches ${from}`],
  ]
}

function dumpLines({ held, pending }: NonNullable<Looked['dump']>): string[] {
  const rows = [...held, ...pending].map(
    ({ name, mode, token, clientName, clientId, host, pid, sinceMs }) => [
      name,
      mode,
      token === null ? 'waits' : String(token),
      clientName || '-',
      clientId ?? '-',
      host === null ? '-' : `${host}:${pid ?? '?'}`,
      new Date(sinceMs).toISOString(),
    ],
  )
  return table(['NAME', 'MODE', 'TOKEN', 'CLIENT', 'ID', 'WHERE', 'SINCE'], rows)
}

const megabytes = (bytes: number) => `${(bytes / 1_000_000).toFixed(1)} MB`
