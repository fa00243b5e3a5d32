// What operators may do from the dashboard (A9): end one hold, start an empty state, let a server leave. Whoever started this
// view server does the first two, since they need a session or a question of a client; the rules are kept where each arrives
// (A2), by what the user of the page has shown. Nothing is decided here.

import type { Status } from '../../wire/messages.ts'
import type { DialTls } from '../../wire/net/tls/dial.ts'
import { BadQuery, type Page, type Route } from '../../wire/serving/http.ts'
import { askPage, problemIn } from '../../wire/serving/peer-page.ts'
import { proofIn } from '../../wire/serving/proof.ts'

/** `proof`: what the user of the page has shown; null: nothing has to be shown. Each rejects with the reason. */
export interface Acts {
  /** C8: ends the hold with this token; resolves with how many holds ended, 0 or 1. */
  release(wish: {
    readonly name: string
    readonly token: number
    readonly proof: string | null
  }): Promise<number>
  /** F14: ends this view of the group, never by force; resolves with what the operator should know. */
  reset(wish: {
    readonly group: number
    readonly view: number
    readonly proof: string | null
  }): Promise<string>
}

const answerWithinMs = 3_000

export function actPages(
  acts: Acts | null,
  status: () => Status,
  tls: () => DialTls | undefined,
): Record<string, Route> {
  const relieve: Route = {
    guarded: true,
    needs: 'operate',
    changes: 'by page',
    read: (query, { authorization }) => relieved(status(), query.get('id'), { authorization, tls: tls() }),
  }
  if (acts === null) return { '/relieve': relieve }
  return {
    '/relieve': relieve,
    '/release': {
      guarded: true,
      changes: 'by page',
      read: (query, { authorization }) => released(acts, query, proofIn(authorization)),
    },
    '/reset': {
      guarded: true,
      needs: 'operate',
      changes: 'by page',
      read: (query, { authorization }) => reset(acts, query, proofIn(authorization)),
    },
  }
}

/** It hands its role over and ends, as by SIGTERM. */
async function relieved(
  status: Status,
  id: string | null,
  how: { readonly authorization: string | undefined; readonly tls: DialTls | undefined },
): Promise<Page> {
  const server = status.servers.find(each => each.id === id)
  if (server === undefined) throw new BadQuery(`there is no server ${id}; take an id from /cluster`)
  const { address, role, group } = server
  const survives = status.groups.find(each => each.group === group)?.survives ?? 0
  if (role === 'primary' && survives === 0)
    return refused(`the primary at ${address} has no backup in sync that could take over`)
  try {
    const asking = { ...how, method: 'POST', withinMs: answerWithinMs } as const
    const answer = await askPage(address, `/leave?id=${id}`, asking)
    if (answer.status !== 200) return refused(problemIn(answer))
    return { status: 200, body: { relieved: id } }
  } catch (error) {
    return refused(`the server at ${address} does not leave: it ${(error as Error).message}`)
  }
}

async function released(acts: Acts, query: URLSearchParams, proof: string | null): Promise<Page> {
  const name = query.get('name')
  const token = numberIn(query, 'token')
  if (name === null || name === '') throw new BadQuery('name must be the name of the lock')
  try {
    const count = await acts.release({ name, token, proof })
    if (count > 0) return { status: 200, body: { released: count } }
    return refused(`nothing was done: token ${token} does not hold ${JSON.stringify(name)} any more`)
  } catch (error) {
    return refused((error as Error).message)
  }
}

async function reset(acts: Acts, query: URLSearchParams, proof: string | null): Promise<Page> {
  const wish = { group: numberIn(query, 'group'), view: numberIn(query, 'view'), proof }
  try {
    return { status: 200, body: { said: await acts.reset(wish) } }
  } catch (error) {
    return refused((error as Error).message)
  }
}

function numberIn(query: URLSearchParams, name: string): number {
  const number = Number(query.get(name) ?? Number.NaN)
  if (Number.isSafeInteger(number) && number >= 0) return number
  throw new BadQuery(`${name} must be a whole number, not ${query.get(name)}`)
}

function refused(error: string): Page {
  return { status: 409, body: { error } }
}
