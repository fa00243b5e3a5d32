// One attack, in its own process, so that its costs don't count towards the measurements.
// It ends when its parent does.

import type { Target } from './scenario.ts'
import { scenarios } from './scenarios.ts'

/** What its parent passes to it. */
export interface Order extends Omit<Target, 'ready'> {
  readonly name: string
}

process.on('disconnect', () => process.exit(0))
// Scenarios cut connections in the middle of writes, so errors here are expected.
process.on('unhandledRejection', () => undefined)

const { name, ...target } = JSON.parse(process.argv[2] as string) as Order
const begun = new Promise<void>(resolve => process.once('message', () => resolve()))
const ready = (): Promise<void> => {
  process.send?.({ ready: true })
  return begun
}
const scenario = scenarios.find(one => one.name === name)
const outcome = await scenario
  ?.attack({ ...target, ready })
  .catch(error => ({ remark: `cut short: ${error.message.slice(0, 80)}` }))
process.send?.({ outcome }, () => process.exit(0))
