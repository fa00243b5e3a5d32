// Fetches pages of the primary for the dashboard, so that a browser needs to reach only the view server. It shows what
// the browser's user showed, so no user sees more than at the primary itself (A2), and
// waits no longer than an operator would.

import type { Status } from '../../wire/messages.ts'
import type { Page } from '../../wire/serving/http.ts'
import { askPage, type PeerAsk } from '../../wire/serving/peer-page.ts'

const answerWithinMs = 3_000

/** The primary's page at this path; 503 with the reason if it isn't available. */
export async function pageOfPrimary(
  status: Status,
  how: Omit<PeerAsk, 'withinMs'>,
  path: string,
): Promise<Page> {
  const address = status.view?.primary.address
  if (address === undefined) return unavailable('there is no view yet: no primary')
  try {
    return await askPage(address, path, { ...how, withinMs: answerWithinMs })
  } catch (error) {
    return unavailable(`the primary at ${address} does not answer: it ${(error as Error).message}`)
  }
}

function unavailable(error: string): Page {
  return { status: 503, body: { error } }
}
