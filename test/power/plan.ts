// What a run does: how many locks are held, on what the folders lie, when the power goes, what does not come back, and in
// which order the machines start. All of it is drawn from the seed and the round's number; nothing is done here.

import { random, weighted } from '../fixtures/random.ts'

export const lockServers = 3

/** Rounds in one cluster. */
export interface Era {
  /** Held all the time by clients that do nothing else. */
  readonly locks: number
  readonly on: 'disk' | 'ext4'
  /** The lock servers' syncs do nothing: then the loss must be found. */
  readonly lying: boolean
  readonly rounds: readonly Round[]
}

export interface Round {
  readonly number: number
  readonly moment: Moment
  /** Of one of the two servers that have the state: what is not there when the others start. */
  readonly lacks: Lack | null
  /** On ext4: the disks stop before the processes, which may say what they like meanwhile; else the other way round. */
  readonly disksFirst: boolean
  /** From the loss of power to the start of the view server, and of each lock server. */
  readonly delaysMs: readonly number[]
}

/** When the power goes. */
export type Moment =
  | { readonly is: 'working'; readonly afterMs: number }
  /** While the primary writes a snapshot of its journal. */
  | { readonly is: 'snapshot' }
  /** So long after the last start, whatever the servers have come to by then. */
  | { readonly is: 'restarting'; readonly afterMs: number }
  /** When a server begins to write the state that it recovers, or has just made it count. */
  | { readonly is: 'recovering'; readonly until: 'begun' | 'counts' }

export interface Lack {
  /**
   * `machine`: it starts once locks are granted again, with its folder. `frozen`: its process did not die, and thaws then.
   */
  readonly what: 'folder' | 'machine' | 'frozen'
  readonly of: 'primary' | 'backup'
}

type Kind = Pick<Era, 'locks' | 'on'> & { readonly rounds: number }

const kinds: Readonly<Record<'full' | 'short', readonly Kind[]>> = {
  full: [
    { locks: 0, on: 'disk', rounds: 14 },
    { locks: 10_000, on: 'disk', rounds: 22 },
    { locks: 10_000, on: 'ext4', rounds: 10 },
    { locks: 1_000_000, on: 'disk', rounds: 4 },
  ],
  short: [
    { locks: 10_000, on: 'disk', rounds: 3 },
    { locks: 10_000, on: 'ext4', rounds: 2 },
  ],
}

export interface PlanOptions {
  readonly short: boolean
  readonly seed: number
  /** Only so many rounds, from this number on. */
  readonly from: number
  readonly rounds: number
}

/** A round is the same in whichever part of the plan it is run, but for the first of a part: it waits until a new cluster works. */
export function erasOf({ short, seed, from, rounds }: PlanOptions): Era[] {
  const eras: Era[] = []
  let first = 1
  for (const { locks, on, rounds: count } of kinds[short ? 'short' : 'full']) {
    const numbers = Array.from({ length: count }, (_, i) => first + i)
    first += count
    const wanted = numbers.filter(number => from <= number && number < from + rounds)
    const drawn = wanted.map((number, i) => draw(seed, number, { locks, on }, i === 0))
    if (drawn.length > 0) eras.push({ locks, on, lying: false, rounds: drawn })
  }
  return eras.some(({ on }) => on === 'ext4') ? [...eras, lyingEra(seed)] : eras
}

/** That the rounds on ext4 can fail. */
function lyingEra(seed: number): Era {
  const round: Round = {
    ...draw(seed, 0, { locks: 0, on: 'ext4' }, true),
    moment: { is: 'working', afterMs: 100 },
    lacks: null,
  }
  return { locks: 0, on: 'ext4', lying: true, rounds: [round] }
}

function draw(
  seed: number,
  number: number,
  { locks, on }: Pick<Era, 'locks' | 'on'>,
  isFirst: boolean,
): Round {
  const dice = random(seed * 1_009 + number)
  dice.next()
  const many = locks >= 1_000_000
  const kind = weighted(dice, { working: 2, restarting: 1, recovering: 1 })
  const until = dice.pick(['begun', 'counts'] as const)
  const afterMs = dice.below(400)
  const restartingMs = dice.below(many ? 8_000 : 3_000)
  // A frozen process would keep its ext4 from being mounted again.
  const lackOf = weighted(dice, { none: 4, folder: 2, machine: 1, frozen: on === 'disk' ? 1 : 0 })
  const of = dice.pick(['primary', 'backup'] as const)
  const longestMs = dice.pick([0, 300, 1_500])
  const [disksFirst, delaysMs] = [dice.chance(0.5), delays(longestMs, () => dice.below(longestMs + 1))]
  const moment = ((): Moment => {
    // The log of a million locks does not grow by as much as they take.
    if (number % 2 === 1 && !many) return { is: 'snapshot' }
    if (isFirst || kind === 'working') return { is: 'working', afterMs }
    return kind === 'recovering' ? { is: kind, until } : { is: kind, afterMs: restartingMs }
  })()
  const round = { number, moment, disksFirst, delaysMs }
  // What was not in sync yet has one copy.
  return { ...round, lacks: lackOf === 'none' || afterTheOther(round) ? null : { what: lackOf, of } }
}

/** Whether its power goes before the service has come back from the loss before. */
export function afterTheOther({ moment }: Pick<Round, 'moment'>): boolean {
  return moment.is === 'restarting' || moment.is === 'recovering'
}

function delays(longestMs: number, one: () => number): number[] {
  const all = Array.from({ length: 1 + lockServers }, one)
  return longestMs === 0 ? all.map(() => 0) : all
}

export function describe({ number, moment, lacks, delaysMs }: Round): string {
  const when = momentText(moment)
  const without = lacks === null ? '' : `, ${lackText(lacks)}`
  return `${number}: ${when}${without}, starts after ${delaysMs.join(', ')} ms`
}

function lackText({ what, of }: Lack): string {
  if (what === 'frozen') return `the ${of} only freezes`
  return `the ${of}'s ${what} is ${what === 'folder' ? 'gone' : 'away'}`
}

function momentText(moment: Moment): string {
  switch (moment.is) {
    case 'working':
      return `after ${moment.afterMs} ms of work`
    case 'snapshot':
      return 'during a snapshot'
    case 'restarting':
      return `${moment.afterMs} ms after the last start`
    case 'recovering':
      return moment.until === 'begun' ? 'while a recovered state is written' : 'when a recovered state counts'
  }
}
