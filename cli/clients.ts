// `holdfast clients`: who has a session, from where and since when, and how much it holds and waits for; of one client
// also what. As `holdfast locks`, it asks what the primary believes if that can't confirm that it still is the primary.

import { clientNameLengthMax } from '../wire/limits.ts'
import type { ClientRecord, MessageOf, ShownTerms, View } from '../wire/messages.ts'
import { type Command, json, reaching } from './arguments.ts'
import { type AskedServer, type Reach, TooLate } from './ask.ts'
import { type Column, tableIn } from './columns.ts'
import { showDuration } from './duration.ts'
import { UsageError } from './failure.ts'
import { confirmedWithinMs } from './locks.ts'
import { note, oneLine, paint, print, printJson, quoted, terminalWidth } from './output.ts'
import { fromGroups, meetPrimary, missingText } from './primary.ts'
import { modeText, termsText } from './terms-text.ts'

const options = { ...reaching, ...json }

interface Listed {
  readonly confirmed: boolean
  readonly clients: readonly ClientRecord[]
  /** Groups that could not be asked (G5); absent: none. */
  readonly missing?: readonly number[]
}

export const command: Command<typeof options> = {
  usage: 'clients [WHO] [options]',
  does: 'list the clients that have a session: who, from where, since when, and how much they hold',
  more: `WHO is the name of a client, or its id or at least the first eight digits of it; then what it
holds and waits for is listed, too. Ids are public: nothing can be done to a session with one. Name, host, process and
version are what clients say of themselves; the address is what the servers saw.
--view may name any server of the cluster. --json prints { confirmed, clients: [{ clientId, clientName, host, pid,
version, address, openMs, ttlMs, held, waiting, locks: null, or with WHO { held: [{ name, mode, token, heldMs, terms }…],
pending: [{ name, mode, waitedMs, terms }…], cut } }…] }, in the order in which the sessions were opened.`,
  options,
  names: ['WHO?'],
  async run({ values, names: [who = ''] }) {
    if (who.length > clientNameLengthMax)
      throw new UsageError(`WHO must have at most ${clientNameLengthMax} characters`)
    const listed = await listClients(values, who)
    if (listed.missing !== undefined) note(missingText(listed.missing))
    if (listed.clients.some(({ locks }) => locks?.cut))
      note("one answer can't list all that they hold and wait for")
    if (values.json) printJson(listed)
    else for (const line of clientLines(listed, who, terminalWidth())) print(line)
    return 0
  },
}

async function listClients(reach: Reach, who: string): Promise<Listed> {
  const { answers, missing } = await fromGroups(reach, (group, view) => listIn(reach, group, view, who))
  const clients = answers.flatMap(answer => answer.clients)
  return {
    confirmed: answers.every(({ confirmed }) => confirmed),
    clients,
    ...(missing.length > 0 ? { missing } : {}),
  }
}

async function listIn(reach: Reach, group: number, view: View | null, who: string): Promise<Listed> {
  using primary = await meetPrimary(reach, group, view)
  try {
    return await allPages(primary, who, true)
  } catch (error) {
    if (error instanceof TooLate) return await allPages(primary, who, false)
    throw error
  }
}

async function allPages(primary: AskedServer, who: string, confirmed: boolean): Promise<Listed> {
  const clients: ClientRecord[] = []
  let sure = true
  for (let after: number | null = 0; after !== null; ) {
    const [, , part, page]: Answer = await askPage(primary, who, confirmed, after)
    clients.push(...page)
    sure &&= part.confirmed
    after = part.next
  }
  return { confirmed: sure, clients }
}

type Answer = MessageOf<'serverToClient', 'clients'>

/** Numbers of pages; what comes late for an earlier one is not taken for a later one. */
let asked = 0

async function askPage(
  primary: AskedServer,
  who: string,
  confirmed: boolean,
  after: number,
): Promise<Answer> {
  const number = ++asked
  const found: Answer[] = []
  const hear = (message: MessageOf<'serverToClient'>) => {
    if (message[0] !== 'clients' || message[1] !== number) return false
    found.push(message)
    return true
  }
  await primary.ask(
    ['clients', number, who, confirmed, after],
    message => hear(message as MessageOf<'serverToClient'>),
    ...(confirmed ? [confirmedWithinMs] : []),
  )
  return found[0] as Answer
}

const columns: readonly Column[] = [
  { title: 'CLIENT', least: 16 },
  { title: 'CLIENT ID' },
  { title: 'HOST', least: 8 },
  { title: 'PID' },
  { title: 'ADDRESS', spare: 2 },
  { title: 'VERSION', spare: 3 },
  { title: 'SINCE', spare: 1 },
  { title: 'HOLDS' },
  { title: 'WAITS' },
]

/** `width`: of the terminal; null: as long as they are. */
export function clientLines(
  { confirmed, clients }: Listed,
  who: string,
  width: number | null = null,
): string[] {
  const doubt = confirmed ? [] : [paint('yellow', 'unconfirmed: the primary may have been replaced')]
  if (clients.length === 0)
    return [...doubt, who === '' ? 'no client has a session' : `no client is called ${quoted(who)}`]
  const [head = '', ...rows] = tableIn(width, columns, clients.map(rowOf))
  return [...doubt, paint('dim', head), ...rows.flatMap((row, i) => [row, ...lockLines(clients[i])])]
}

function rowOf(client: ClientRecord): string[] {
  const { clientName, clientId, host, pid, address, version, openMs, held, waiting } = client
  return [
    ...[oneLine(clientName), clientId.slice(0, 8), host === null ? '-' : oneLine(host), String(pid ?? '-')],
    ...[oneLine(address), oneLine(version), showDuration(openMs), String(held), String(waiting)],
  ]
}

/** What it holds and waits for, under its row. */
function lockLines(client: ClientRecord | undefined): string[] {
  const { held = [], pending = [] } = client?.locks ?? {}
  return [
    ...held.map(
      ({ name, mode, token, heldMs, terms }) =>
        `  has held ${paint('bold', quoted(name))} for ${showDuration(heldMs)}: ${modeText(mode, terms)}, token ${token}${more(terms)}`,
    ),
    ...pending.map(
      ({ name, mode, waitedMs, terms }) =>
        `  has waited for ${paint('bold', quoted(name))} for ${showDuration(waitedMs)}: ${modeText(mode, terms)}${more(terms)}`,
    ),
  ]
}

function more(terms: ShownTerms): string {
  const text = termsText(terms)
  return text === '' ? '' : `; ${text}`
}
