// One attack, in a process of its own, so that what it costs here is not measured there. Ends when its parent does.

import type { Target } from './scenario.ts'
import { scenarios } from './scenarios.ts'

/** What its parent hands over. */
export interface Order extends Omit<Target, 'ready'> {
  readonly name: string
}

process.on('disconnect', () => process.exit(0))
// A connection that is cut while it says something is what scenarios are about.
process.on('unhandledRejection', () => undefined)

const { name, ...target } = JSON.parse(process.argv[2] as string) as Order
const struck = new Promise<void>(resolve => process.once('message', () => resolve()))
const ready = (): Promise<void> => {
  process.send?.({ ready: true })
  return struck
}
const scenario = scenarios.find(one => one.name === name)
const outcome = await scenario
  ?.attack({ ...target, ready })
  .catch(error => ({ remark: `cut short: ${error.message.slice(0, 80)}` }))
process.send?.({ outcome }, () => process.exit(0))
