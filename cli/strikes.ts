// How the dashboard of a local cluster kills and freezes its servers: its view server asks the process that
// started it, over the channel between the two, and that one signals a child of its own (B8), or says why not.

import type { ViewServerOptions } from '../viewservice/index.ts'
import { Failure, messageOf } from './failure.ts'

export type Strike = Exclude<ViewServerOptions['play'], boolean | undefined>
export type Deed = Parameters<Strike>[0]

export interface StrikeAsk {
  readonly strike: number
  readonly deed: Deed
  readonly address: string
  readonly pid: number
}

interface StrikeAnswer {
  readonly struck: number
  /** Null: it is done. */
  readonly problem: string | null
}

const answerWithinMs = 1_000

export function isStrikeAsk(message: unknown): message is StrikeAsk {
  return typeof message === 'object' && message !== null && 'strike' in message
}

/** Does it, and makes the answer. */
export function answerStrike({ strike, deed, address, pid }: StrikeAsk, act: SyncStrike): StrikeAnswer {
  try {
    act(deed, { address, pid })
    return { struck: strike, problem: null }
  } catch (error) {
    return { struck: strike, problem: messageOf(error) }
  }
}

/** Throws the reason if it can't be done. */
export type SyncStrike = (...args: Parameters<Strike>) => void

/** For the process that was started: asks its parent. */
export function strikeByParent(): Strike {
  let asked = 0
  return (deed, { address, pid }) =>
    new Promise<void>((resolve, reject) => {
      const strike = ++asked
      const over = (problem: string | null) => {
        clearTimeout(timer)
        process.off('message', hear)
        if (problem === null) resolve()
        else reject(new Failure(problem))
      }
      const hear = (message: StrikeAnswer) => message.struck === strike && over(message.problem)
      const timer = setTimeout(() => over('who started this view server does not answer'), answerWithinMs)
      process.on('message', hear)
      process.send?.({ strike, deed, address, pid } satisfies StrikeAsk)
    })
}
