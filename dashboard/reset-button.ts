// The button that starts an empty state once the state is lost (F14). It is there for operators alone, and only while there is
// nothing else to go on with; the view server decides whether it may be done.

import type { Cluster, Hour, Standing } from './answers.ts'
import { ask } from './ask.ts'
import { byId, setText } from './element.ts'
import { sure } from './sure.ts'
import { countOf } from './words.ts'

interface Seen {
  readonly cluster: Cluster | null
  readonly hour: Hour | null
  readonly standing: Standing
}

export class ResetButton {
  readonly #place = byId('reset-place')
  readonly #button = byId<HTMLButtonElement>('reset')
  readonly #said = byId('reset-said')
  readonly #seen: () => Seen
  readonly #onDone: () => void

  constructor(seen: () => Seen, onDone: () => void) {
    this.#seen = seen
    this.#onDone = onDone
    this.#button.addEventListener('click', () => void this.#press())
  }

  show(): void {
    const { cluster, standing } = this.#seen()
    const isLost = this.#lost(cluster) !== undefined
    this.#button.hidden = !(isLost && standing.operates && cluster?.acts)
    this.#place.hidden = this.#button.hidden && this.#said.textContent === ''
  }

  #lost(cluster: Cluster | null) {
    return cluster?.status.groups.find(({ lost, view }) => lost !== null && view !== null)
  }

  async #press(): Promise<void> {
    const { cluster, hour } = this.#seen()
    const group = this.#lost(cluster)
    if (!cluster || !group || group.view === null) return
    const { number, primary } = group.view
    const of = cluster.status.groups.length === 1 ? '' : ` of group ${group.group}`
    const lines = [
      `View ${number}${of} ends, and an idle lock server starts with an empty state.`,
      lossText(hour, group.group),
      ...(group.recovery === null ? [] : [`On disks: ${group.recovery.lost}.`]),
      'Nothing is granted until every lease that a client may still believe in has run out.',
      `If the process of the primary at ${primary.address} may still be alive, bring its machine back instead: then nothing is lost.`,
    ]
    if (!(await sure({ title: 'Start an empty state?', lines, act: 'Give up all locks' }))) return
    setText(this.#said, 'Asking …')
    try {
      const { said } = await ask<{ said: string }>(
        `/reset?group=${group.group}&view=${number}`,
        'POST',
        15_000,
      )
      setText(this.#said, said)
    } catch (error) {
      setText(this.#said, (error as Error).message)
    }
    this.#onDone()
  }
}

/** What was there when the primary was last asked. */
function lossText(hour: Hour | null, group: number): string {
  const own = hour?.groups.find(each => each.group === group)
  const last = own?.held.findLastIndex(held => held !== null) ?? -1
  if (own === undefined || last < 0) return 'All locks are given up.'
  const at = new Date(Date.now() - (own.ageMs[last] ?? 0)).toTimeString().slice(0, 8)
  const [held, waiting] = [own.held[last] ?? 0, own.waiting[last] ?? 0]
  return `All locks are given up: ${countOf(held, 'lock was held', 'locks were held')} and ${countOf(waiting, 'acquire waited', 'acquires waited')} at ${at}.`
}
