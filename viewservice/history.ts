// The views that were made, for display only: what changed, and how long no client was served. The history
// is bounded and begins again with each start.

import { viewsRememberedMax } from '../wire/limits.ts'
import type { View } from '../wire/messages.ts'
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
  /** When the primary first said that it operates in this view. */
  enteredAt: number | null
  ackedAt: number | null
}

export class History {
  readonly #views: PastView[] = []

  get views(): readonly Readonly<PastView>[] {
    return this.#views
  }

  made(view: View, change: ViewChange, silentSince: number | null, now: number): void {
    this.#views.push({
      group: view.group,
      number: view.number,
      change,
      primary: view.primary.address,
      backup: view.backup?.address ?? null,
      madeAt: now,
      silentSince,
      enteredAt: null,
      ackedAt: null,
    })
    if (this.#views.length > viewsRememberedMax) this.#views.shift()
  }

  /** The primary of the group's newest view was heard in it. */
  entered(group: number, number: number, now: number): void {
    const last = this.#last(group)
    if (last?.number === number) last.enteredAt ??= now
  }

  acked({ group, number }: View, now: number): void {
    const last = this.#last(group)
    if (last?.number === number) last.ackedAt ??= now
  }

  #last(group: number): PastView | undefined {
    return this.#views.findLast(view => view.group === group)
  }
}
