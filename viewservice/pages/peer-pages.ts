// Fetches pages of primaries for the dashboard, so that a browser needs to reach only the view server. It shows what
// the browser's user showed, so no user sees more than at the primary itself (A2), and
// waits no longer than an operator would.

import type { Status } from '../../wire/messages.ts'
import type { Page } from '../../wire/serving/http.ts'
import { askPage, type PeerAsk } from '../../wire/serving/peer-page.ts'

const answerWithinMs = 3_000

/** What the caller showed, and how servers are dialled. */
export type Asking = Omit<PeerAsk, 'withinMs'>

/** The page at this path of the primary of this group; 503 with the reason if it isn't available. */
export async function pageOfPrimary(status: Status, how: Asking, path: string, group = 0): Promise<Page> {
  const address = status.groups[group]?.view?.primary.address
  const of = status.groups.length > 1 ? ` of group ${group}` : ''
  if (address === undefined) return unavailable(`there is no view${of} yet: no primary`)
  try {
    return await askPage(address, path, { ...how, withinMs: answerWithinMs })
  } catch (error) {
    return unavailable(`the primary${of} at ${address} does not answer: it ${(error as Error).message}`)
  }
}

function unavailable(error: string): Page {
  return { status: 503, body: { error } }
}

/** What the primaries of all groups answer, put together by `merge`; of a single group its answer goes through as it is. */
export async function pageOfAll<T>(
  status: Status,
  how: Asking,
  path: string,
  merge: (answers: readonly T[]) => object,
): Promise<Page> {
  const groups = status.groups.map(({ group }) => group)
  const pages = await Promise.all(groups.map(group => pageOfPrimary(status, how, path, group)))
  const [first] = pages
  if (first === undefined) return unavailable('there is no view yet: no primary')
  const good = pages.filter(page => page.status === 200)
  if (pages.length === 1 || good.length === 0) return first
  // A query that one of them finds wrong is wrong; a primary that does not answer is missing (G5).
  const wrong = pages.find(page => page.status >= 400 && page.status < 500)
  if (wrong !== undefined) return wrong
  const missing = groups.filter((_, i) => pages[i]?.status !== 200)
  return { status: 200, body: { ...merge(good.map(page => contentOf<T>(page))), missing } }
}

/** A page of a peer is JSON, as its bytes. */
export function contentOf<T>({ body }: Page): T {
  return JSON.parse(body.toString()) as T
}
