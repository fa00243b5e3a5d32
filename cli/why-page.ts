// Asks a primary who holds a lock, who waits for it, and what its holders wait for. It words nothing but what fails.

import { type WhyAnswer, type WhyAsk, whyPath } from '../viewservice/why-walk.ts'
import { askPage, type PeerAnswer, problemIn } from '../wire/serving/peer-page.ts'
import { answerWithinMs } from './ask.ts'
import { Failure, messageOf } from './failure.ts'
import { dialTls } from './tls.ts'

export async function whyAt(url: string, asked: WhyAsk, secret: string | undefined): Promise<WhyAnswer> {
  const what = `the primary at ${new URL(url).host} can't be asked`
  const how = { secret: secret ?? null, withinMs: answerWithinMs, tls: dialTls() }
  let answer: PeerAnswer
  try {
    answer = await askPage(url, whyPath(asked), how)
  } catch (error) {
    throw new Failure(`${what}: it ${messageOf(error)}`)
  }
  if (answer.status !== 200) throw new Failure(`${what}: ${problemIn(answer)}`)
  return JSON.parse(answer.body.toString()) as WhyAnswer
}
