// The views that were made, for display only: what changed, why, and how long no client was served. The history is bounded,
// and goes on from what an earlier process of this view server has kept of it.

import { viewsRememberedMax } from '../wire/limits.ts'
import type { View } from '../wire/messages.ts'
import type { LossCause } from './cause.ts'
import type { ViewChange } from './counts.ts'

/** Times are the view server's own, monotonic, in ms. */
export interface PastView {
  readonly group: number
  readonly number: number
  readonly change: ViewChange
  readonly primary: string
  readonly backup: string | null
  readonly madeAt: number
  /** When the server that this view leaves out was last heard; null if the view leaves out no server. */
  readonly silentSince: number | null
  /** Why it is left out, if one is and this view server knows. */
  readonly cause: LossCause | null
  /** When the primary first said that it operates in this view. */
  enteredAt: number | null
  ackedAt: number | null
}

/** How long no client was served, as far as this view server knows; null: no server was lost, or it is not over. */
export function gapMs({ silentSince, enteredAt }: PastView): number | null {
  return silentSince === null || enteredAt === null ? null : Math.max(0, enteredAt - silentSince)
}

/** What a view leaves out. */
export type Loss = Pick<PastView, 'silentSince' | 'cause'>

export class History {
  #views: PastView[] = []
  /** Grows with each change, so that it is kept again. */
  changes = 0

  get views(): readonly Readonly<PastView>[] {
    return this.#views
  }

  made(view: View, change: ViewChange, loss: Loss, now: number): void {
    this.#views.push({
      group: view.group,
      number: view.number,
      change,
      primary: view.primary.address,
      backup: view.backup?.address ?? null,
      madeAt: now,
      ...loss,
      enteredAt: null,
      ackedAt: null,
    })
    if (this.#views.length > viewsRememberedMax) this.#views.shift()
    this.changes++
  }

  /** What an earlier process has kept; what this one knows of a view counts. */
  restore(views: readonly PastView[]): void {
    const known = new Set(this.#views.map(keyOf))
    this.#views = [...views.filter(view => !known.has(keyOf(view))), ...this.#views]
      .sort((a, b) => a.madeAt - b.madeAt)
      .slice(-viewsRememberedMax)
  }

  /** The primary of the group's newest view was heard in it. */
  entered(group: number, number: number, now: number): void {
    const last = this.#last(group)
    if (last?.number !== number || last.enteredAt !== null) return
    last.enteredAt = now
    this.changes++
  }

  acked({ group, number }: View, now: number): void {
    const last = this.#last(group)
    if (last?.number !== number || last.ackedAt !== null) return
    last.ackedAt = now
    this.changes++
  }

  #last(group: number): PastView | undefined {
    return this.#views.findLast(view => view.group === group)
  }
}

function keyOf({ group, number }: PastView): string {
  return `${group}/${number}`
}
