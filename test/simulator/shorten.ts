// Makes a schedule short: takes events out of a plan as long as the same check still fails, the larger
// parts first. What is left is what the violation needs.

import { drawPlan, type Plan, type Planned } from './plan.ts'

export interface Short {
  readonly plan: Plan
  readonly runs: number
}

const runsMax = 400

export async function shorten(
  plan: Plan,
  stillFails: (plan: Plan) => boolean | Promise<boolean>,
): Promise<Short> {
  let runs = 0
  const fails = (events: readonly Planned[]) => {
    runs++
    return stillFails({ ...plan, events })
  }
  let events = [...plan.events]
  for (let parts = 2; events.length > 0 && runs < runsMax; ) {
    const size = Math.ceil(events.length / parts)
    const smaller = await without(events, size, fails, () => runs < runsMax)
    if (smaller.length < events.length) parts = Math.max(2, parts - 1)
    else if (size === 1) break
    else parts = Math.min(events.length, parts * 2)
    events = smaller
  }
  return { plan: { ...plan, events }, runs }
}

/** Each part of this size is taken out, from the last to the first, unless it is needed. */
async function without(
  events: readonly Planned[],
  size: number,
  fails: (events: readonly Planned[]) => boolean | Promise<boolean>,
  more: () => boolean,
): Promise<Planned[]> {
  let left = [...events]
  for (let at = Math.floor((left.length - 1) / size) * size; at >= 0 && more(); at -= size) {
    const fewer = [...left.slice(0, at), ...left.slice(at + size)]
    if (await fails(fewer)) left = fewer
  }
  return left
}

/** For people, and the command that tells it again. */
export function scheduleOf(seed: number, plan: Plan): string[] {
  const moves = plan.shape.moves !== null
  const all = drawPlan(seed, moves).events
  const numbers = plan.events.map(event => all.findIndex(other => isSame(event, other)))
  const lines = plan.events.map(
    (event, i) =>
      `${String(numbers[i]).padStart(6)} ${event.at.toFixed(3).padStart(10)} ms  ${textOf(event)}`,
  )
  return [
    ...lines,
    '',
    `npm run simulate --${moves ? ' --theme moves' : ''} --seed ${seed} --keep ${numbers.join()} --trace`,
  ]
}

function isSame(one: Planned, other: Planned): boolean {
  return one.at === other.at && one.salt === other.salt && one.is === other.is
}

function textOf(event: Planned): string {
  return event.is === 'call' ? `user ${event.user + 1}: ${event.verb}` : `${event.is}: ${event.kind}`
}
