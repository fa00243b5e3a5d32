// Kills and freezes lock servers, for users who play failover in the dashboard. No process is signalled
// here, since a server may claim anything about its own process (B8). The program that started the processes
// knows them and is asked to signal them; elsewhere the server itself is asked to end, and a frozen server
// is left to operators on its machine.

import { frozenMs } from '../../wire/limits.ts'
import type { ServerStatus, Status } from '../../wire/messages.ts'
import type { DialTls } from '../../wire/net/tls/dial.ts'
import { BadQuery, type Page } from '../../wire/serving/http.ts'
import { askPage, type PeerAsk, problemIn } from '../../wire/serving/peer-page.ts'

export type Deed = 'kill' | 'freeze'

/** Signals the process of this server, if it is one of the caller's own; rejects with the reason if not. */
export type SignalServer = (
  deed: Deed,
  server: { readonly address: string; readonly pid: number },
) => Promise<void>

const answerWithinMs = 1_000

export interface PlayOptions {
  readonly play: boolean | SignalServer
  /** What the server dials with; absent: it has no TLS. */
  readonly dial?: () => DialTls | undefined
}

/** `id` names the server as the status does. */
export async function playPage(
  deed: Deed,
  status: Status,
  id: string | null,
  { play, dial }: PlayOptions,
  authorization: string | undefined,
): Promise<Page> {
  const server = status.servers.find(server => server.id === id)
  if (server === undefined) throw new BadQuery(`there is no server ${id}; take an id from /cluster`)
  if (!server.alive) return refused(`server ${id} is silent`)
  const { address, pid } = server
  try {
    if (typeof play === 'function') await play(deed, { address, pid })
    else if (deed === 'kill') await askToEnd(server, { authorization, tls: dial?.() })
    else return refused('only the cluster that started a process may freeze it: holdfast cluster')
  } catch (error) {
    return refused((error as Error).message)
  }
  return { status: 200, body: { did: deed, id, pid, ...(deed === 'freeze' && { frozenMs }) } }
}

async function askToEnd({ id, address }: ServerStatus, how: Omit<PeerAsk, 'withinMs'>): Promise<void> {
  const asking = { ...how, method: 'POST', withinMs: answerWithinMs } as const
  const answer = await askPage(address, `/end?id=${id}`, asking).catch((error: Error) => {
    throw new Error(`the server at ${address} does not end: it ${error.message}`)
  })
  if (answer.status !== 200) throw new Error(`the server at ${address} refuses: ${problemIn(answer)}`)
}

function refused(error: string): Page {
  return { status: 409, body: { error } }
}
