// The views that were made, newest first: what changed, and for how long no client was served.

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

export class TimeLine {
  readonly #list = byId('views')
  #items = new Map<string, Item>()

  /** `several`: there are several groups, so that each view says whose it is. */
  show(views: readonly PastView[], several: boolean): void {
    const items = views.toReversed().map(view => {
      const key = `${view.group} ${view.number}`
      const item = this.#items.get(key) ?? new Item(view, several)
      item.show(view)
      return [key, item] as const
    })
    this.#items = new Map(items)
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

  constructor({ group, number, change, primary, backup }: PastView, several: boolean) {
    const who = `primary ${shortOf(primary)}, ${backup === null ? 'no backup' : `backup ${shortOf(backup)}`}`
    this.root = element(
      'li',
      { class: change },
      element('span', { class: 'view' }, several ? `View ${number} of group ${group}` : `View ${number}`),
      element('span', { class: 'cause' }, words[change]),
      this.#gap,
      this.#synced,
      element('span', { class: 'who' }, who),
      this.#age,
    )
  }

  show({ change, backup, ageMs, gapMs, ackedAfterMs }: PastView): void {
    const isLoss = change === 'promotion' || change === 'backup_dropped' || change === 'backup_replaced'
    setText(this.#gap, gapMs === null ? (isLoss ? 'gap not over' : 'no gap') : `gap ${lengthOf(gapMs)}`)
    const synced = ackedAfterMs === null ? 'not yet in sync' : `in sync after ${lengthOf(ackedAfterMs)}`
    setText(this.#synced, backup === null ? '' : synced)
    setText(this.#age, `${lengthOf(Math.floor(ageMs / 1_000) * 1_000)} ago`.replace(/^0 ms ago$/, 'now'))
  }
}
