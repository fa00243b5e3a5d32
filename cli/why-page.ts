// Asks a primary who holds a lock, who waits for it, and what its holders wait for. It words nothing but what fails.

import type { HoldRecord, WaitRecord } from '../wire/messages.ts'
import { askPage, type PeerAnswer, problemIn } from '../wire/serving/peer-page.ts'
import { answerWithinMs } from './ask.ts'
import { Failure, messageOf } from './failure.ts'
import { dialTls } from './tls.ts'

/** The locks, holders and waiters connected with one lock, as its primary knows them. */
export interface WhyAnswer {
  readonly cut: boolean
  /** Of the lock itself: all of them, also those that the answer leaves out. */
  readonly holders: number
  readonly waiters: number
  readonly held: readonly HoldRecord[]
  readonly pending: readonly WaitRecord[]
}

export async function whyAt(url: string, name: string, secret: string | undefined): Promise<WhyAnswer> {
  const what = `the primary at ${new URL(url).host} can't be asked`
  const how = { secret: secret ?? null, withinMs: answerWithinMs, tls: dialTls() }
  let answer: PeerAnswer
  try {
    answer = await askPage(url, `/why?${new URLSearchParams({ name })}`, how)
  } catch (error) {
    throw new Failure(`${what}: it ${messageOf(error)}`)
  }
  if (answer.status !== 200) throw new Failure(`${what}: ${problemIn(answer)}`)
  return JSON.parse(answer.body.toString()) as WhyAnswer
}
