// How the dashboard of a local cluster kills and freezes its servers: its view server asks the process that
// started it, over the channel between the two, and that one signals a child of its own (B8), or says why not.

import type { ViewServerOptions } from '../viewservice/index.ts'
import { Failure, messageOf } from './failure.ts'

export type SignalServer = Exclude<ViewServerOptions['play'], boolean | undefined>
export type Deed = Parameters<SignalServer>[0]

export interface SignalAsk {
  readonly signal: number
  readonly deed: Deed
  readonly address: string
  readonly pid: number
}

interface SignalAnswer {
  readonly signalled: number
  /** Null: it is done. */
  readonly problem: string | null
}

const answerWithinMs = 1_000

export function isSignalAsk(message: unknown): message is SignalAsk {
  return typeof message === 'object' && message !== null && 'signal' in message
}

/** Does it, and makes the answer. */
export function answerSignalAsk({ signal, deed, address, pid }: SignalAsk, act: SyncSignal): SignalAnswer {
  try {
    act(deed, { address, pid })
    return { signalled: signal, problem: null }
  } catch (error) {
    return { signalled: signal, problem: messageOf(error) }
  }
}

/** Throws the reason if it can't be done. */
export type SyncSignal = (...args: Parameters<SignalServer>) => void

/** For the process that was started: asks its parent. */
export function signalByParent(): SignalServer {
  let asked = 0
  return (deed, { address, pid }) =>
    new Promise<void>((resolve, reject) => {
      const signal = ++asked
      const over = (problem: string | null) => {
        clearTimeout(timer)
        process.off('message', hear)
        if (problem === null) resolve()
        else reject(new Failure(problem))
      }
      const hear = (message: SignalAnswer) => message.signalled === signal && over(message.problem)
      const timer = setTimeout(() => over('who started this view server does not answer'), answerWithinMs)
      process.on('message', hear)
      process.send?.({ signal, deed, address, pid } satisfies SignalAsk)
    })
}
