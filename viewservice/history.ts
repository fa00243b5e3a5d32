// The views that were made, for people: what changed, and how long nobody was served. Nothing is decided
// by it; it is bounded and begins anew with each start.

import { viewsRememberedMax } from '../wire/limits.ts'
import type { View } from '../wire/messages.ts'
import type { ViewChange } from './counts.ts'

/** Times are the view server's own, monotonic, in ms. */
export interface PastView {
  readonly number: number
  readonly change: ViewChange
  readonly primary: string
  readonly backup: string | null
  readonly madeAt: number
  /** Since when the server that this view leaves out was not heard; null if it leaves out nobody. */
  readonly silentSince: number | null
  /** When its primary first said that it operates in this view. */
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

  /** The primary of the newest view was heard in it. */
  entered(number: number, now: number): void {
    const last = this.#views.at(-1)
    if (last?.number === number) last.enteredAt ??= now
  }

  acked(number: number, now: number): void {
    const last = this.#views.at(-1)
    if (last?.number === number) last.ackedAt ??= now
  }
}
