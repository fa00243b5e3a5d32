// Asks another server of the cluster for a page, as programs do: with a secret or token, and at its pages' own
// address, if they have one. It follows no other redirection.

import { request as askPlain } from 'node:http'
import { request as askSecure } from 'node:https'
import type { DialTls } from '../net/tls/dial.ts'
import { isRefused, troubleOf } from '../net/trouble.ts'
import { proofOf } from './proof.ts'

export interface PeerAnswer {
  readonly status: number
  readonly body: Buffer
}

export interface PeerAsk {
  /** A secret or a token; absent or null: none. */
  readonly secret?: string | null
  /** In its place: the header of the caller for whom it asks. */
  readonly authorization?: string | undefined
  readonly withinMs: number
  readonly method?: 'GET' | 'POST'
  /** A5: whom to believe, and what to show. Absent: what Node does by itself. */
  readonly tls?: DialTls | undefined
}

/** Why there is no answer; the message says it after an address. */
export class PageUnreached extends Error {
  /** No process listens there. */
  readonly refused: boolean

  constructor(text: string, refused: boolean) {
    super(text)
    this.name = 'PageUnreached'
    this.refused = refused
  }
}

interface Answer extends PeerAnswer {
  readonly location: string | undefined
}

/** `address` as the server advertises it, such as `ws://10.0.0.2:7401`. Rejects with a PageUnreached. */
export async function askPage(address: string, path: string, how: PeerAsk): Promise<PeerAnswer> {
  const signal = AbortSignal.timeout(how.withinMs)
  const first = await ask(new URL(path, address.replace(/^ws/, 'http')), how, signal)
  const { status, location } = first
  const { body, ...answer } =
    status === 307 && location !== undefined ? await ask(new URL(location), how, signal) : first
  return { status: answer.status, body }
}

function ask(
  url: URL,
  { method = 'GET', secret = null, authorization, tls, withinMs }: PeerAsk,
  signal: AbortSignal,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) =>
      reject(
        signal.aborted
          ? new PageUnreached(`does not answer within ${withinMs} ms`, false)
          : new PageUnreached(
              troubleOf(url.href.replace(/^http/, 'ws').replace(/\/$/, ''), error, '').text,
              isRefused(error),
            ),
      )
    const options = {
      method,
      signal,
      headers: authorization === undefined ? proofOf(secret) : { authorization },
      agent: false,
      ...(url.protocol === 'https:' && tls),
    }
    const request = (url.protocol === 'https:' ? askSecure : askPlain)(url, options, response => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('error', failed)
      response.on('end', () => {
        const { statusCode: status = 0, headers } = response
        resolve({ status, location: headers.location, body: Buffer.concat(parts) })
      })
    })
    request.on('error', failed).end()
  })
}

/** What a server says is wrong, in its own words if it gives any. */
export function problemIn({ status, body }: PeerAnswer): string {
  try {
    return (JSON.parse(body.toString()) as { error: string }).error
  } catch {
    return `it answers HTTP ${status}`
  }
}
