// Under a lock that is opened: whether its holders and waiters wait for one another in a circle, through all groups (G5).
// It asks only while a client waits for the lock. Names are shown as text, whatever they contain.

import type { Step, Why } from './answers.ts'
import { ask } from './ask.ts'
import { element, setText } from './element.ts'

export class CircleLine {
  readonly root = element('p', { class: 'circle', role: 'status', hidden: '' })
  readonly #name: string
  #isAsking = false

  constructor(name: string) {
    this.#name = name
  }

  async look(isWaitedFor: boolean): Promise<void> {
    if (!isWaitedFor) return this.#show(null)
    if (this.#isAsking) return
    this.#isAsking = true
    // What can't be asked says nothing; the list itself says that a group is missing.
    const why = await ask<Why>(`/why?${new URLSearchParams({ name: this.#name })}`).catch(() => null)
    this.#isAsking = false
    this.#show(why?.circle ?? null)
  }

  #show(circle: readonly Step[] | null): void {
    this.root.hidden = circle === null
    setText(this.root, circle === null ? '' : circleText(circle))
  }
}

function circleText(circle: readonly Step[]): string {
  const [only] = circle
  if (only !== undefined && circle.length === 1 && only.holds === only.waitsFor)
    return `Deadlock: ${only.clientName} waits for a lock that it holds itself; locks are not re-entrant.`
  const steps = circle.map(
    ({ clientName, holds, waitsFor }) => `${clientName} holds ${holds} and waits for ${waitsFor}`,
  )
  return `Deadlock, they wait for one another: ${steps.join('; ')}.`
}
