// Sends requests only to the view server that this page came from.

/** It answered, but not with what was asked for. */
export class Refused extends Error {
  readonly status: number

  constructor(message: string, status: number) {
    super(message)
    this.status = status
  }
}

const answerWithinMs = 4_000

/** Rejects with `Refused` and the server's message, or with the browser's error when no server answers. */
export async function ask<T>(path: string, method: 'GET' | 'POST' = 'GET'): Promise<T> {
  const answer = await fetch(path, { method, signal: AbortSignal.timeout(answerWithinMs) })
  const body: unknown = await answer.json()
  if (!answer.ok)
    throw new Refused((body as { error?: string }).error ?? `HTTP ${answer.status}`, answer.status)
  return body as T
}
