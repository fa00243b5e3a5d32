// Clients that wait for one another in a circle, in words. Text only; it is not there when there is none.

import type { Circle, Deadlocks } from './answers.ts'
import { byId, element, setChildren, setText } from './element.ts'

export class DeadlockList {
  readonly #section = byId('deadlocks-section')
  readonly #list = byId('deadlocks')

  /** Null: they are not known. */
  show(found: Deadlocks | null): void {
    const circles = found?.circles ?? []
    this.#section.hidden = circles.length === 0
    const lines = circles.map(textOf)
    if (circles.length > 0 && found?.cut) lines.push('There may be more.')
    const items = lines.map((line, i) => {
      const item = this.#list.children[i] ?? element('li')
      setText(item, line)
      return item
    })
    setChildren(this.#list, items)
  }
}

function textOf(circle: Circle): string {
  const [only] = circle
  if (only !== undefined && circle.length === 1)
    return `${only.client} waits for "${only.waitsFor}", which it holds itself; locks are not re-entrant`
  return circle
    .map(({ client, holds, waitsFor }) => `${client} holds "${holds}" and waits for "${waitsFor}"`)
    .join('; ')
}
