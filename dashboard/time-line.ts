// The views that were made, newest first: what changed, why, and for how long no client was served.

import type { PastView, ViewChange } from './answers.ts'
import { byId, element, setChildren, setText } from './element.ts'
import { lengthOf, shortOf } from './words.ts'

const words: Record<ViewChange, string> = {
  first: 'First view',
  promotion: 'Primary lost, backup promoted',
  backup_added: 'Backup added',
  backup_dropped: 'Backup lost',
  backup_replaced: 'Backup lost and replaced',
  reset: 'Reset to an empty state',
  recovery: 'State recovered from disks',
  durability: 'Durability changed',
}

const causes: Record<NonNullable<PastView['cause']>, string> = {
  gone: 'its process had ended',
  silent: 'it was silent: frozen, overloaded or cut off',
  leaving: 'it left in order',
  full: 'its disk is nearly full',
  unreachable: 'the primary did not reach it',
}

/** Empty: it is not known. */
export function causeText(cause: PastView['cause']): string {
  return cause === null ? '' : causes[cause]
}

export function isLoss({ change }: PastView): boolean {
  return change === 'promotion' || change === 'backup_dropped' || change === 'backup_replaced'
}

export class TimeLine {
  readonly #list = byId('views')
  #items = new Map<string, Item>()

  /** `several`: there are several groups, so that each view says whose it is. */
  show(views: readonly PastView[], several: boolean): void {
    const items = views.toReversed().map(view => {
      const key = `${view.group}/${view.number}`
      const item = this.#items.get(key) ?? new Item(view, several)
      item.show(view)
      return [key, item] as const
    })
    this.#items = new Map(items)
    this.#list.classList.toggle('several', several)
    byId('no-views').hidden = items.length > 0
    setChildren(
      this.#list,
      items.map(([, { root }]) => root),
    )
  }
}

class Item {
  readonly root: HTMLLIElement
  readonly #age = element('span', { class: 'age' })
  readonly #gap = element('span', { class: 'gap' })
  readonly #synced = element('span', { class: 'synced' })

  constructor({ group, number, change, cause, primary, backup }: PastView, several: boolean) {
    const who = `primary ${shortOf(primary)}, ${backup === null ? 'no backup' : `backup ${shortOf(backup)}`}`
    const why = causeText(cause)
    this.root = element(
      'li',
      { class: change },
      element('span', { class: 'view' }, several ? `View ${number} of group ${group}` : `View ${number}`),
      element('span', { class: 'cause' }, why === '' ? words[change] : `${words[change]}: ${why}`),
      this.#gap,
      this.#synced,
      element('span', { class: 'who' }, who),
      this.#age,
    )
  }

  show(view: PastView): void {
    const { backup, ageMs, gapMs, ackedAfterMs } = view
    setText(this.#gap, gapMs === null ? (isLoss(view) ? 'gap not over' : 'no gap') : `gap ${lengthOf(gapMs)}`)
    const synced = ackedAfterMs === null ? 'not yet in sync' : `in sync after ${lengthOf(ackedAfterMs)}`
    setText(this.#synced, backup === null ? '' : synced)
    setText(this.#age, `${lengthOf(Math.floor(ageMs / 1_000) * 1_000)} ago`.replace(/^0 ms ago$/, 'now'))
  }
}
