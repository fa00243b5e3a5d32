// Sends requests only to the view server that this page came from. What a user shows to log in travels in a header of one
// request, and is kept nowhere.

/** It answered, but not with what was asked for. */
export class Refused extends Error {
  readonly status: number

  constructor(message: string, status: number) {
    super(message)
    this.status = status
  }
}

const answerWithinMs = 4_000
/** The answer to a wrong secret may wait. */
const logInWithinMs = 10_000

/** Without it a browser would ask for the secret in a window of its own. */
const byDashboard = { 'x-requested-with': 'dashboard' }

/** Rejects with `Refused` and the server's message, or with the browser's error when no server answers. */
export async function ask<T>(
  path: string,
  method: 'GET' | 'POST' = 'GET',
  withinMs = answerWithinMs,
): Promise<T> {
  return await answerOf<T>(path, { method, headers: byDashboard }, withinMs)
}

export async function logIn<T>(proof: string): Promise<T> {
  const bytes = new TextEncoder().encode(`:${proof}`)
  const authorization = `Basic ${btoa(String.fromCharCode(...bytes))}`
  return await answerOf<T>(
    '/log-in',
    { method: 'POST', headers: { ...byDashboard, authorization } },
    logInWithinMs,
  )
}

async function answerOf<T>(path: string, request: RequestInit, withinMs: number): Promise<T> {
  const answer = await fetch(path, { ...request, signal: AbortSignal.timeout(withinMs) })
  const body: unknown = await answer.json()
  if (!answer.ok)
    throw new Refused((body as { error?: string }).error ?? `HTTP ${answer.status}`, answer.status)
  return body as T
}
