// Asks another server of the cluster for a page, as programs do: with the secret, and at its pages' own
// address, if they have one. It follows no other redirection.

import { proofOf } from './proof.ts'

export interface PeerAnswer {
  readonly status: number
  readonly body: Buffer
}

export interface PeerAsk {
  readonly secret: string | null
  readonly withinMs: number
  readonly method?: 'GET' | 'POST'
}

/** `address` as the server advertises it, such as `ws://10.0.0.2:7401`. Rejects as `fetch` does. */
export async function askPage(address: string, path: string, how: PeerAsk): Promise<PeerAnswer> {
  const { secret, withinMs, method = 'GET' } = how
  const signal = AbortSignal.timeout(withinMs)
  const ask = (url: URL) => fetch(url, { method, headers: proofOf(secret), redirect: 'manual', signal })
  const first = await ask(new URL(path, address.replace(/^ws/, 'http')))
  const location = first.status === 307 ? first.headers.get('location') : null
  const answer = location === null ? first : await ask(new URL(location))
  return { status: answer.status, body: Buffer.from(await answer.arrayBuffer()) }
}

/** What a server says is wrong, in its own words if it gives any. */
export function problemIn({ status, body }: PeerAnswer): string {
  try {
    return (JSON.parse(body.toString()) as { error: string }).error
  } catch {
    return `it answers HTTP ${status}`
  }
}
