// What a search is: where it begins, what may happen in it, and what must be found; and what its goals
// may ask of a state. The searches themselves are in searches/.

import type { Freedom, Model } from './model.ts'
import type { Prelude } from './prelude.ts'
import type { Setting } from './setting.ts'
import { viewText } from './story.ts'
import type { State } from './transition.ts'

/** What goals and prunes may ask of a state. */
export interface Look {
  /** `view (S1,S2)#2, acked` */
  readonly view: string
  readonly number: number
  readonly acked: boolean
  /** These clients have made all their calls, and all are answered. */
  readonly done: (...names: string[]) => boolean
  /** This client was granted this lock, and has it. */
  readonly has: (client: string, lock: string) => boolean
}

export interface Search {
  readonly name: string
  /** What it shows. */
  readonly about: string
  readonly setting: Pick<Setting, 'servers' | 'programs'> & Partial<Setting>
  /** A snapshot's chunk holds one record. */
  readonly smallChunks?: true
  readonly prelude?: (prelude: Prelude) => void
  readonly freedom: Freedom
  /** Something good that must be found. Without a goal, all states are visited. */
  readonly goal?: (look: Look) => boolean
  /** Something that must never be, beside what is checked in each state; and what is wrong with it. */
  readonly never?: { readonly is: (look: Look) => boolean; readonly problem: string }
  readonly prune?: (look: Look) => boolean
  /** Its part of the short form, in states; not in it if there is none. */
  readonly short?: number
  readonly statesMax?: number
  /** Random walks instead, so many. */
  readonly walks?: number
  readonly depthMax?: number
}

export function settingOf({ setting }: Search): Setting {
  return {
    ttlMs: 10_000,
    deadPings: 1,
    slowDisk: false,
    disks: 'none',
    patienceMs: 0,
    spared: false,
    openTurns: [],
    operator: 'none',
    access: 'none',
    ...setting,
  }
}

export function lookAt(model: Model, state: State): Look {
  const { view, acked, grants } = model.checks.histories.get(state.history)
  return {
    get view() {
      return viewText(model, state)
    },
    number: view?.number ?? 0,
    acked,
    done: (...names) => names.every(name => isDone(model, state, name)),
    has: (client, lock) =>
      grants.some(grant => grant.slot === model.parties.slotOf(client) && grant.name === lock),
  }
}

function isDone(model: Model, state: State, name: string): boolean {
  const slot = model.parties.slotOf(name)
  const local = model.parties.local(state.locals[slot] as number)
  return (
    local.place === 'client' && local.asked.size === 0 && local.next === model.parties.program(slot).length
  )
}
